#!/usr/bin/env bash
# Several languages, the same systems for each, one table. Re-run the command to resume; --help says what
# it takes.
exec "$(dirname "$0")/../../scripts/start.sh" pronunciation "$@"
