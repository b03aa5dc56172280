#!/usr/bin/env bash
# Makes .venv and installs the package with all that the demo, the tests and the documentation need; as root on Debian
# also the programs that tests use. Does nothing when that is done already.
#
#   scripts/make_env.sh VENV [PYTHON]      PYTHON: an interpreter, 3.11 or 3.12 (default: the first one found)
set -euo pipefail
venv=${1:?usage: scripts/make_env.sh VENV [PYTHON]}
wanted=${2:-}
here=$(cd "$(dirname "$0")/.." && pwd)

serves() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1; }

why="3.11 and 3.12 serve: ve-fairseq, the fairseq that runs on today's PyTorch, has compiled packages for these two"
if [ -n "$wanted" ]; then
    if ! serves "$wanted"; then
        echo "make env: error: PYTHON=$wanted is not a Python 3.11 or 3.12 that runs; $why" >&2
        exit 2
    fi
    python=$wanted
else
    python=
    for candidate in python3 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && serves "$candidate"; then python=$candidate && break; fi
    done
    if [ -z "$python" ]; then
        found=$(python3 --version 2>&1 || true)
        echo "make env: error: no Python 3.11 or 3.12 found (python3 is: ${found:-missing}); $why; install one, or name it: make env PYTHON=/path/to/python3.12" >&2
        exit 2
    fi
fi

# what the environment was made of: a change in any of these files rebuilds it
stamp=$(cd "$here" && cat setup.py constraints.txt scripts/make_env.sh s2s_plugins/version.py | cksum)
interpreter() { "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null | head -n 1; }
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.made" 2>/dev/null)" = "$stamp" ]; then
    if [ -z "$wanted" ] || [ "$(interpreter "$venv/bin/python")" = "$(interpreter "$wanted")" ]; then exit 0; fi
fi
started=$(date +%s)
echo "make env: installing into $venv with $("$python" --version); the first time this takes a minute or two"
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$here/constraints.txt" --editable "$here[dev]"

# a browser, JavaScript and a client that sends many requests at once, for tests of the page and the server
programs="chromium node npm hey"
missing() { for program in $programs; do command -v "$program" >/dev/null || echo "$program"; done; }
packages=$(missing | sed s/^node$/nodejs/ | paste -s -d " " -)
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "make env: installing $packages"
    # shellcheck disable=SC2086 # a word a package
    { apt-get update && apt-get install --yes --no-install-recommends $packages; } >"$venv/apt.log" 2>&1 || true
    packages=$(missing | sed s/^node$/nodejs/ | paste -s -d " " -)
fi
if [ -n "$packages" ]; then
    echo "make env: without $packages, tests of the page and the server are skipped: apt-get install $packages" >&2
fi
echo "$stamp" >"$venv/.made"
echo "make env: done in $(($(date +%s) - started)) s"
