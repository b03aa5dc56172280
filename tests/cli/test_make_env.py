"""scripts/make_env.sh: which Python it takes, what it says where there is none, and the programs that tests use."""

import os
import shutil
import subprocess

import pytest
from conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "make_env.sh"
PROGRAMS = ("chromium", "node", "npm", "hey")
TOOLS = "bash basename cat cksum cp date dirname head mkdir paste rm sed".split()


def fake(folder, name, script):
    """A shell script in place of a program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_python(folder, name, serves):
    """An interpreter that answers the version question and makes an empty environment."""
    return fake(
        folder,
        name,
        f'case "$*" in *version_info*) exit {0 if serves else 1};; --version) echo "Python of {name}";;\n'
        '"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo made by $(basename "$0");; esac',
    )


def run(venv, *python, path):
    environment = {**os.environ, "PATH": f"{path}:/usr/bin:/bin"}
    for name in PROGRAMS:
        fake(path, name, "exit 0")
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


def run_without(folder, programs, apt_get, user):
    """Make an environment on a machine that lacks ``programs``."""
    path = folder / "bin"
    fake_python(path, "python3", serves=True)
    fake(path, "id", f"echo {user}")
    fake(path, "apt-get", apt_get)
    for name in set(PROGRAMS) - set(programs):
        fake(path, name, "exit 0")
    for name in TOOLS:
        (path / name).symlink_to(shutil.which(name))
    command = [str(SCRIPT), str(folder / "venv")]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": str(path)}, timeout=60)


def test_root_gets_the_programs_that_tests_use(tmp_path):
    asked = tmp_path / "asked"
    install = f'echo "$@" >>{asked}; for name; do case $name in hey) cp "$0" {tmp_path}/bin/hey;; nodejs) cp "$0" '
    install += f"{tmp_path}/bin/node;; esac; done"
    done = run_without(tmp_path, ["node", "hey"], install, user=0)
    assert done.returncode == 0 and done.stderr == ""
    assert asked.read_text() == "update\ninstall --yes --no-install-recommends nodejs hey\n"


def test_whoever_is_not_root_or_offline_reads_which_programs_are_missing(tmp_path):
    asked = tmp_path / "asked"
    for folder, user in (("user", 1000), ("offline", 0)):
        (tmp_path / folder).mkdir()
        done = run_without(tmp_path / folder, ["chromium", "hey"], f"echo {folder} >>{asked}; exit 100", user)
        assert done.returncode == 0 and (tmp_path / folder / "venv" / ".made").exists()
        assert "without chromium hey, tests of the page and the server are skipped" in done.stderr
    assert set(asked.read_text().split()) == {"offline"}
