"""The wheel in an empty environment of each Python that is here: installed from PyPI, it predicts without torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from s2s_plugins.inference.files.wheel import write_wheel
from s2s_plugins.models.saving import model_of

pytestmark = pytest.mark.soak
VERSIONS = [f"3.{number}" for number in range(9, 15)]
MOST = 220  # MB on disk for Python 3.11, pip included
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_14_0_arm64", "win_amd64", "win_arm64"]
LINES = ["a b c", "j i h g f e", "", "a z a"]
PREDICT = """
import json, sys
import s2s_plugins
model = s2s_plugins.load(sys.argv[1])
found = model.predict(json.loads(sys.argv[2]), nbest=2, beam=3)
print(json.dumps([[(one.text, one.score) for one in best] for best in found]))
assert "torch" not in sys.modules
"""


def interpreter(version: str) -> str:
    """A Python of that version: on PATH, or of pyenv; skips the test without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [f"python{version}", *map(str, sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True))]
    for candidate in filter(None, map(shutil.which, candidates)):
        check = "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", check], capture_output=True, text=True)
        if done.stdout.strip() == version:  # pyenv's shims are there for versions that are not chosen
            return candidate
    pytest.skip(f"there is no Python {version} here")


def clean_environment() -> dict:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(*command: object, cwd: Path, code: int = 0, **streams) -> subprocess.CompletedProcess:
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=clean_environment(), **streams)
    assert done.returncode == code, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(REPOSITORY / "s2s_plugins", clone / "s2s_plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, clone)
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(*build, "--wheel-dir", out, clone, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model file, its wheel, and what it predicts here, with PyTorch."""
    import s2s_plugins

    folder = tmp_path_factory.mktemp("model")
    path = folder / "letters.safetensors"
    model_of([str(REPOSITORY / "tests" / "checkpoints" / "attention_lstm.pt")], licence="CC0-1.0").write(path)
    found = s2s_plugins.load(path, "torch").predict(LINES, nbest=2, beam=3)
    expected = [[(one.text, one.score) for one in best] for best in found]
    return path, write_wheel(str(path), "s2s_letters_xx", "1.0", None, folder), expected


def size_of(folder: Path) -> float:
    """MB on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_alone_predicts_what_pytorch_predicts(version, wheel, model, tmp_path, capfd):
    path, package, expected = model
    run(interpreter(version), "-m", "venv", tmp_path / "env", cwd=tmp_path)
    commands = tmp_path / "env" / "bin"
    pip = (commands / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--only-binary", ":all:", wheel, cwd=tmp_path)
    size = size_of(tmp_path / "env")
    installed = {
        row["name"]: row["version"] for row in json.loads(run(*pip, "list", "--format=json", cwd=tmp_path).stdout)
    }
    assert "torch" not in installed and "fairseq" not in " ".join(installed)

    assert "predict" in run(commands / "s2s", "--help", cwd=tmp_path).stdout
    found = json.loads(run(commands / "python", "-c", PREDICT, path, json.dumps(LINES), cwd=tmp_path).stdout)
    for ours, theirs in zip(found, expected):
        assert [text for text, _ in ours] == [text for text, _ in theirs]
        assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=1e-4)
    words = (commands / "s2s", "predict", "--nbest", 1, "--beam", 3)
    said = run(*words, path, cwd=tmp_path, input="".join(f"{line}\n" for line in LINES)).stdout
    assert said == "".join(f"{line}\t{best[0][0]}\n" for line, best in zip(LINES, expected))
    assert "attention_lstm" in run(commands / "s2s", "info", path, cwd=tmp_path).stdout
    checkpoint = REPOSITORY / "tests" / "checkpoints" / "peek_lstm.pt"
    for verb, extra in ((f"predict {checkpoint}", "train"), (f"predict {path} --backend torch", "torch")):
        error = run(commands / "s2s", *verb.split(), cwd=tmp_path, code=2, input="").stderr
        assert error.count("\n") == 1 and f"pip install 's2s-plugins[{extra}]'" in error, error

    run(*pip, "install", "--quiet", "--no-index", package, cwd=tmp_path)
    again = run(*words, "s2s_letters_xx", cwd=tmp_path, input="".join(f"{line}\n" for line in LINES)).stdout
    assert again == said
    with capfd.disabled():
        print(f"\nPython {version}: {size:.0f} MB, onnxruntime {installed['onnxruntime']}, numpy {installed['numpy']}")
    assert version != "3.11" or size <= MOST


@pytest.mark.parametrize("platform", PLATFORMS)
def test_python_3_14_has_wheels_of_all_that_predicting_needs(platform, wheel, tmp_path):
    also = [platform.replace("2_28", older) for older in ("2_27", "2_17")] if "manylinux" in platform else []
    flags = [word for name in (platform, *also) for word in ("--platform", name)]
    run(
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--target", tmp_path / "none"),
        *("--only-binary", ":all:", "--python-version", "3.14", *flags, wheel),
        cwd=tmp_path,
    )
