#!/usr/bin/env bash
# The examples that compare models: scripts/gallery.sh [NAME ...] [--out DIR] [--demo] [--help]
set -euo pipefail

fail() { echo "run.sh: error: $1" >&2; exit "${2:-2}"; }

root=$(cd "$(dirname "$0")/.." && pwd)
python=$(command -v python || command -v python3) || fail "no python on PATH"
command -v s2s-compare >/dev/null || fail "s2s-compare is not on PATH: make env, then PATH=.venv/bin:\$PATH"
PYTHONPATH=$root/scripts${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m gallery "$@"
