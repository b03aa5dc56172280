"""A model file as a package of Python: a wheel."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Optional, Union

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import require
from s2s_plugins.files import replacing
from s2s_plugins.inference.files.contents import model_file_of
from s2s_plugins.inference.files.facts import TranslatorFacts
from s2s_plugins.inference.files.info import as_text, line
from s2s_plugins.inference.files.model_file import ModelFile, read_model_file
from s2s_plugins.inference.files.packages import MODEL, NAME, installed_model
from s2s_plugins.inference.trained import USES
from s2s_plugins.version import __version__

VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?")  # PEP 440's normal form
LONGEST = 100  # characters of a name: a file system takes 255 of a wheel's whole name
BUILD = "import sys; from flit_core.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"
EPOCH = 946684800  # 2000-01-01: a wheel of the same model has the same bytes


def write_wheel(path: str, name: str, version: str, licence: Optional[str], out: Union[str, Path]) -> Path:
    """Write a wheel that holds the model file ``path``; the same model gives the same bytes.

    Args:
        path: of the model file, or the name of an installed package of one.
        name: of the package, which :func:`s2s_plugins.load` finds.
        version: of the model, as ``1.0``.
        licence: under which the model may be used; None: what the model file says.
        out: folder of the wheel.

    Returns:
        The path of the wheel.

    Raises:
        UsageError: the file, the name or the version cannot be used, or nothing says the licence.
        WorkError: the wheel cannot be built.
    """
    _check_name(name)
    if not VERSION.fullmatch(version):
        raise UsageError(f"--version {version} is no version of a package: use numbers and points, as 1.0")
    if os.path.exists(out) and not os.path.isdir(out):
        raise UsageError(f"--out {out} is a file: name a folder")
    require("flit_core", what="s2s package")
    model = read_model_file(model_file_of(path))
    licence = line(licence or model.about.licence)
    if not licence.strip():
        raise UsageError(f"{path} does not say under which licence it may be used: give --licence")
    model = replace(model, about=replace(model.about, licence=licence))
    with tempfile.TemporaryDirectory() as folder:
        _write_source(Path(folder, "source"), model, name, version)
        wheel = _build(Path(folder))
        target = Path(out, wheel.name)
        with replacing(target) as partial:
            shutil.copyfile(wheel, partial)
    return target


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"--name {name} is no name of a package: use at most {LONGEST} letters a-z, digits and single _, as "
            "s2s_g2p_en"
        )
    if keyword.iskeyword(name):
        raise UsageError(f"--name {name} is a word of Python's own, which no module can have: choose another")
    if installed_model(name) is None and _is_module(name):
        raise UsageError(f"--name {name} is that of another package, which it would hide: choose another")


def _is_module(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # one that is broken
        return True
    return spec is not None and spec.origin is not None  # None: a folder, which Python takes for a namespace


def _write_source(folder: Path, model: ModelFile, name: str, version: str) -> None:
    """The folder that the wheel is built from."""
    package = folder / name
    package.mkdir(parents=True)
    shutil.copyfile(model.path, package / MODEL)
    summary = f"A {model.kind} for s2s_plugins"
    (package / "__init__.py").write_text(f'"""{summary}: s2s_plugins.load("{name}")."""\n', encoding="utf-8")
    (folder / "README.md").write_text(_readme(model, name, version), encoding="utf-8")
    (folder / "LICENCE").write_text(f"{model.about.licence}\n", encoding="utf-8")
    expression = _expression(model.about.licence)
    (folder / "pyproject.toml").write_text(
        f"""[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
description = "{summary}"
readme = "README.md"
{f'license = "{expression}"' if expression else ""}
license-files = ["LICENCE"]
requires-python = ">=3.9"
dependencies = ["s2s-plugins>={__version__}"]
""",
        encoding="utf-8",
    )


def _expression(licence: str) -> Optional[str]:
    """The SPDX expression that metadata takes; None if ``licence`` is none, but other words."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        return None


def _readme(model: ModelFile, name: str, version: str) -> str:
    facts = as_text(model, os.stat(model.path).st_size).replace("```", "'''")
    argument = "array" if model.kind == "forecaster" else '"..."'
    if isinstance(model.facts, TranslatorFacts) and model.facts.source.features is not None:
        argument = f'"...\\tA{model.facts.source.features}B"'  # a text and its features
    return f"""# {name}

A {model.kind}, trained with s2s_plugins. Licence of the model: {model.about.licence}.

```sh
pip install {name}-{version}-py3-none-any.whl
```

```python
import s2s_plugins

model = s2s_plugins.load("{name}")
print(model.{USES[model.kind]}({argument}))
```

```text
{facts}
```
"""


def _build(folder: Path) -> Path:
    """The wheel of ``folder/source``, in ``folder``."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", BUILD, str(folder)]
    done = subprocess.run(command, cwd=folder / "source", env=environment, capture_output=True, encoding="utf-8")
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise WorkError(f"flit_core builds no wheel: {reason[0]}")
    return folder / done.stdout.split()[-1]
