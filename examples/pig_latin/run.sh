#!/usr/bin/env bash
# Prepares the data of this example, trains the models side by side, and writes a report. Started again, it goes on
# where it stopped; --help says what it takes.
exec "$(dirname "$0")/../../scripts/start.sh" gallery pig_latin "$@"
