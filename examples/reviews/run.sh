#!/usr/bin/env bash
# Film reviews: prepares the data, pretrains, fine-tunes and tests a table of experiments.
# Re-run the command to resume.
#
#   examples/reviews/run.sh [--out DIR] [--seeds 1,2,3] [--demo | --full] [--only NAME,...] [--list]
#
# The rows: from scratch, LM, SA, and with IMDB's text; IMDB with 500, 2,000 and 20,000 labels.
# --help says what each option does. Results: DIR/table.md, DIR/results.json, DIR/error.png; logs: DIR/logs.
exec "$(dirname "$0")/../../scripts/start.sh" semi_supervised reviews "$@"
