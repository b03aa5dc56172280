"""What holds for the package as a whole."""

import ast
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

MODULES = sorted((REPOSITORY / "s2s_plugins").rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", [path for path in MODULES if "nn" in path.parts], ids=lambda path: path.name)
def test_models_of_the_papers_import_torch_alone(path):
    for name in imports_of(path):
        root = name.split(".")[0]
        assert root == "torch" or name.startswith("s2s_plugins.nn") or root in sys.stdlib_module_names, name


def test_nobody_imports_the_commands():
    for path in MODULES:
        if path.parent.name != "commands":
            assert not any(name.startswith("s2s_plugins.commands") for name in imports_of(path)), path


def test_the_installed_package_works_from_another_folder(tmp_path):
    clone = tmp_path / "clone"  # building writes beside setup.py
    shutil.copytree(
        REPOSITORY, clone, ignore=shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "demo", "__pycache__")
    )
    build = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*build, str(tmp_path / "site"), str(clone)], check=True, cwd=tmp_path)
    script = (
        "import s2s_plugins, fairseq.models as m; print(s2s_plugins.__file__, 'peek_lstm' in m.ARCH_MODEL_REGISTRY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
    )
    path, registered = done.stdout.split()
    assert path.startswith(str(tmp_path / "site")) and registered == "True"
