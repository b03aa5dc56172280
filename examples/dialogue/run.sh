#!/usr/bin/env bash
# Film dialogue: prepares the data, trains word vectors and a model, and lets it answer. Started again, it goes on where
# it stopped; --help says what it takes.
exec "$(dirname "$0")/../../scripts/start.sh" dialogue "$@"
