"""Semi-supervised experiments on 20 Newsgroups; ``--help`` has the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.semi_supervised import run
from newsgroups.recipe import TABLE

if __name__ == "__main__":
    sys.exit(run.main(TABLE))
