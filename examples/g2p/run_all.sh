#!/usr/bin/env bash
# Several languages, the same systems for each, one table. Started again, it goes on where it stopped; --help says what
# it takes.
exec "$(dirname "$0")/../../scripts/start.sh" pronunciation "$@"
