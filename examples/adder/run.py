"""Compares models on sums; ``--help`` has the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from adder.recipe import COMPARISONS
from common import comparison

if __name__ == "__main__":
    sys.exit(comparison.main(COMPARISONS))
