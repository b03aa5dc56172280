#!/usr/bin/env bash
# Film dialogue: prepares the data, trains word vectors and a model, and lets it answer. Started again, it goes on where
# it stopped; --help says what it takes.
set -euo pipefail

fail() { echo "run.sh: error: $1" >&2; exit "${2:-2}"; }

root=$(cd "$(dirname "$0")/../.." && pwd)
python=$(command -v python || command -v python3) || fail "no python on PATH"
command -v fairseq-train >/dev/null || fail "fairseq-train is not on PATH: make env, then PATH=.venv/bin:\$PATH"
PYTHONPATH=$root/scripts${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m dialogue "$@"
