"""What the bare install lacks, and the extra that brings it: ``pip install 's2s-plugins[EXTRA]'``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Dict, Iterator, Sequence

from s2s_plugins.errors import UsageError

# modules by extra; setup.py has the packages. Each stands under the smallest extra that has it.
MODULES = {
    "torch": ("torch",),
    "train": ("fairseq", "fairseq_cli", "sacrebleu", "sklearn", "gensim", "tensorboardX"),
    "export": ("onnx", "flit_core"),
    "forecast": ("pandas", "pyarrow"),
    "report": ("matplotlib", "jinja2", "markupsafe", "rapidfuzz", "torchmetrics", "fontTools"),
    "serve": ("starlette", "pydantic", "uvicorn", "prometheus_client", "h11"),
    "tune": ("optuna",),
    "ray": ("ray", "fsspec"),
    "ngrams": ("phonetisaurus",),
    "examples": ("num2words", "rjieba", "statsmodels"),
}
EXTRA_OF: Dict[str, str] = {module: extra for extra, modules in MODULES.items() for module in modules}
WHERE = {
    "fairseq": " on Linux x86-64 with Python 3.11 or 3.12; a model file, which s2s save writes there, needs none",
    "phonetisaurus": " on Linux x86-64",
}


class MissingExtra(UsageError, ImportError):
    """Something that an extra brings is not installed; the message names the extra."""


def remedy(*extras: str) -> str:
    """The command that installs ``extras``."""
    return f"pip install 's2s-plugins[{','.join(extras)}]'"


def require(*modules: str, what: str = "this") -> None:
    """See that all of ``modules`` are installed: before long work, and before one is reported after the other.

    Args:
        modules: top-level modules of :data:`MODULES`.
        what: needs them, for the message.

    Raises:
        MissingExtra: some are not.
    """
    left = [module for module in modules if not _installed(module)]
    if left:
        raise _missing(left, what)


def _missing(modules: Sequence[str], what: str) -> MissingExtra:
    extras = dict.fromkeys(EXTRA_OF[module] for module in modules)  # in order, once each
    are, them = ("is", "it") if len(modules) == 1 else ("are", "them")
    where = next((WHERE[module] for module in modules if module in WHERE), "")
    return MissingExtra(f"{', '.join(modules)} {are} not installed, and {what} needs {them}: {remedy(*extras)}{where}")


def _installed(module: str) -> bool:
    return sys.modules.get(module) is not None or importlib.util.find_spec(module) is not None


@contextlib.contextmanager
def naming_extras(what: str = "this") -> Iterator[None]:
    """Inside, the import of a module of :data:`MODULES` that is not installed raises an error that names the extra.

    Args:
        what: needs it, for the message.

    Raises:
        MissingExtra: see above.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA_OF or _installed(module):  # installed: what it needs itself is missing
            raise
        raise _missing([module], what) from None


def library(name: str, what: str = "this") -> ModuleType:
    """The module ``name`` of an optional package.

    Args:
        name: of the module, as ``"matplotlib.figure"``.
        what: needs it, for the message.

    Raises:
        MissingExtra: it is not installed.
    """
    with naming_extras(what):
        module = importlib.import_module(name)
    return module
