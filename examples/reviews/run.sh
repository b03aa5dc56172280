#!/usr/bin/env bash
# Film reviews: prepares the data, pretrains, fine-tunes and tests a table of experiments.
# Started again, it goes on where it stopped.
#
#   examples/reviews/run.sh [--out DIR] [--seeds 1,2,3] [--demo | --full] [--only NAME,...] [--list]
#
# The rows: from scratch, LM, SA, and with IMDB's text; IMDB with 500, 2,000 and 20,000 labels.
# --help says what each option does. Results: DIR/table.md, DIR/results.json, DIR/error.png; logs: DIR/logs.
set -euo pipefail

fail() { echo "run.sh: error: $1" >&2; exit "${2:-2}"; }

root=$(cd "$(dirname "$0")/../.." && pwd)
python=$(command -v python || command -v python3) || fail "no python on PATH"
command -v fairseq-train >/dev/null || fail "fairseq-train is not on PATH: make env, then PATH=.venv/bin:\$PATH"
PYTHONPATH=$root/scripts${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m semi_supervised reviews "$@"
