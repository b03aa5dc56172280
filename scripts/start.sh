#!/usr/bin/env bash
# Runs a module of this folder with the Python on PATH: scripts/start.sh MODULE [ARGUMENT ...]
set -euo pipefail

fail() { echo "run.sh: error: $1" >&2; exit "${2:-2}"; }

root=$(cd "$(dirname "$0")/.." && pwd)
python=$(command -v python || command -v python3) || fail "no python on PATH"
command -v s2s >/dev/null || fail "s2s is not on PATH: make env, then PATH=.venv/bin:\$PATH"
PYTHONPATH=$root/scripts${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m "$@"
