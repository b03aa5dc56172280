#!/usr/bin/env bash
# 20 Newsgroups: prepares the data, pretrains, fine-tunes and tests a table of experiments.
# Re-run the command to resume.
#
#   examples/newsgroups/run.sh [--out DIR] [--seeds 1,2,3] [--demo | --full] [--only NAME,...] [--list]
#
# The rows: from scratch, LM, SA, SA with linear gain, joint.
# --help says what each option does. Results: DIR/table.md, DIR/results.json, DIR/error.png; logs: DIR/logs.
exec "$(dirname "$0")/../../scripts/start.sh" semi_supervised newsgroups "$@"
