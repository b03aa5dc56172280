"""scripts/make_env.sh: which Python it takes, and what it says where there is none."""

import os
import subprocess

import pytest
from conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "make_env.sh"


def fake_python(folder, name, serves):
    """An interpreter that answers the version question and makes an empty environment."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *version_info*) exit {0 if serves else 1};; --version) echo "Python of {name}";;\n'
        '"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo made by $(basename "$0");; esac\n'
    )
    path.chmod(0o755)
    return path


def run(venv, *python, path):
    environment = {**os.environ, "PATH": f"{path}:/usr/bin:/bin"}
    # /usr/bin may have interpreters of its own: hide them behind ones that do not serve
    for name in ("python3", "python3.11", "python3.12"):
        if not (path / name).exists():
            fake_python(path, name, serves=False)
    return subprocess.run(
        [str(SCRIPT), str(venv), *map(str, python)], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.mark.parametrize(
    "names, chosen",
    [
        (["python3", "python3.12"], "python3"),
        (["python3.12", "python3.11"], "python3.12"),
        (["python3.11"], "python3.11"),
    ],
)
def test_the_first_python_that_serves_is_taken(tmp_path, names, chosen):
    for name in names:
        fake_python(tmp_path / "bin", name, serves=True)
    done = run(tmp_path / "venv", path=tmp_path / "bin")
    assert done.returncode == 0 and f"made by {chosen}\n" in done.stdout
    again = run(tmp_path / "venv", path=tmp_path / "bin")
    assert again.returncode == 0 and again.stdout == ""  # what is made is reused


def test_where_none_serves_it_says_which_do_and_why(tmp_path):
    (tmp_path / "bin").mkdir()
    done = run(tmp_path / "venv", path=tmp_path / "bin")
    assert done.returncode == 2 and not (tmp_path / "venv").exists()
    assert "no Python 3.11 or 3.12 found" in done.stderr and "ve-fairseq" in done.stderr
    assert "make env PYTHON=" in done.stderr


def test_a_python_asked_for_that_does_not_serve_is_named(tmp_path):
    other = fake_python(tmp_path / "bin", "python3.13", serves=False)
    done = run(tmp_path / "venv", other, path=tmp_path / "bin")
    assert done.returncode == 2 and f"PYTHON={other} is not a Python 3.11 or 3.12 that runs" in done.stderr
