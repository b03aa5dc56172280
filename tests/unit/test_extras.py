"""What is not installed is named together with the extra that brings it, by every verb."""

import json
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import distribution, packages_distributions

import numpy as np
import pytest
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_package import needed_by

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import EXTRA_OF, MODULES, library, naming_extras, require
from s2s_plugins.models.saving import model_of
from s2s_plugins.text.spelling import Spelled


@lru_cache
def brought_by(extra):
    """The distributions that an extra, or the bare install, brings, and what these need."""
    found = {}
    for requirement in map(Requirement, distribution("s2s-plugins").requires):
        marker = requirement.marker
        if marker.evaluate({"extra": extra}) if marker and extra else not (marker or extra):
            needed_by(requirement.name, [], found)
    return {canonicalize_name(name) for name, *_ in found}


@pytest.mark.parametrize("extra", MODULES)
def test_the_extra_that_an_error_names_brings_the_module_and_the_bare_install_does_not(extra):
    packages, bare, brought = packages_distributions(), brought_by(""), brought_by(extra)
    for module in MODULES[extra]:
        names = set(map(canonicalize_name, packages[module]))
        assert names & brought and not names & bare, module


BARE = """
import io, json, sys
sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))  # to import None raises ModuleNotFoundError
from s2s_plugins.cli.main import main
said = []
for argv in json.loads(sys.argv[2]):
    sys.stderr, code = io.StringIO(), 0
    try:
        main(argv)
    except SystemExit as end:
        code = end.code
    except Exception as error:
        code = repr(error)
    said.append((code, sys.stderr.getvalue()))
sys.__stdout__.write("\\n" + json.dumps(said))
"""

VERBS = [
    ("predict best.pt", "fairseq", "train"),
    ("classify best.pt", "fairseq", "train"),
    ("forecast best.pt", "fairseq", "train"),
    ("average 1.pt 2.pt --output average.pt", "fairseq", "train"),
    ("save best.pt --out best.safetensors", "fairseq", "train"),
    ("compare DATA --archs peek_lstm --updates 2 --out report", "fairseq, jinja2, matplotlib", "train,report"),
    ("vectors text/pretrain --out vectors.txt", "gensim", "train"),
    (
        "prepare --series s.csv --dest d --target x --input-length 5 --output-length 2 --valid-from 5",
        "pandas",
        "forecast",
    ),
    ("check words.tsv", "fairseq", "train"),
    ("tune words.tsv --out tuned", "fairseq, optuna, sklearn, matplotlib, jinja2", "train,tune,report"),
    ("predict model.safetensors --backend torch", "torch", "torch"),
    ("predict model.safetensors --input pairs.tsv --output small --column 1 --engine ray", "ray", "ray"),
    ("predict model.safetensors --input pairs.tsv --output small --format parquet", "pyarrow", "forecast"),
    ("predict model.safetensors --input s3://bucket --output small", "fsspec", "ray"),
    ("export model.safetensors --onnx small --int8", "onnx", "export"),
    ("package model.safetensors --name s2s_letters_xx", "flit_core", "export"),
    ("serve model.safetensors", "uvicorn", "serve"),
    ("attention model.safetensors --out maps --backend onnx", "jinja2, matplotlib", "report"),
]


def test_every_verb_in_a_bare_environment_names_the_extra_in_one_line(tmp_path):
    checkpoint = REPOSITORY / "tests" / "checkpoints" / "attention_lstm.pt"
    model_of([checkpoint], Spelled("char"), Spelled("char"), "", "", {}).write(tmp_path / "model.safetensors")
    (tmp_path / "s.csv").write_text("time,x\n" + "".join(f"{row},{row}.5\n" for row in range(40)))
    (tmp_path / "words.tsv").write_text("ab\tA B\nba\tB A\n" * 3)
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "a good film\tgood\na bad film\tbad\n" * 20)
    (tmp_path / "pairs.tsv").write_text("".join(f"{word}\t{word}\n" for word in "abcdefghij"))
    (tmp_path / "best.pt").write_bytes(checkpoint.read_bytes())
    np.save(tmp_path / "x.npy", np.arange(60.0))
    works = [
        ["prepare", "--train", "train.tsv", "--level", "word", "--dest", "text"],
        "prepare --series x.npy --dest windows --input-length 5 --output-length 2".split(),
        ["info", "model.safetensors"],
        ["calibrate", "model.safetensors", "pairs.tsv"],
        "predict model.safetensors --input pairs.tsv --output predicted --column 1".split(),
        ["export", "model.safetensors", "--onnx", "onnx"],
        ["user-dir"],
    ]
    argv = [*works, *(words.split() for words, _, _ in VERBS)]
    command = [sys.executable, "-c", BARE, json.dumps(list(EXTRA_OF)), json.dumps(argv)]
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for words, (code, line) in zip(works, said):
        assert code == 0, (words, line)
    for (words, modules, extras), (code, line) in zip(VERBS, said[len(works) :]):
        assert code == 2 and line.count("\n") == 1, (words, line)
        assert line.startswith(f"s2s {words.split()[0]}: error: {modules} "), line
        assert f"pip install 's2s-plugins[{extras}]'" in line, line


def test_a_module_that_an_extra_has_but_that_is_broken_is_not_called_missing():
    with pytest.raises(ModuleNotFoundError, match="jinja2.nothing"):
        library("jinja2.nothing")
    with pytest.raises(ModuleNotFoundError, match="nothing_like_it"), naming_extras():
        import nothing_like_it  # noqa: F401


def test_what_is_missing_is_an_error_of_usage_and_an_import_error(monkeypatch):
    for name in ("jinja2", "fairseq"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in (UsageError, ImportError):
        with pytest.raises(
            kind, match=r"^jinja2 is not installed, and a page needs it: pip install 's2s-plugins\[report\]'$"
        ):
            library("jinja2", "a page")
    with pytest.raises(UsageError, match=r"fairseq, jinja2 are not installed.*\[train,report\]' on Linux x86-64"):
        require("torch", "fairseq", "jinja2")
