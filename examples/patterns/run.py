"""Compares models on patterns of digits; ``--help`` has the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import comparison
from patterns.recipe import COMPARISONS

if __name__ == "__main__":
    sys.exit(comparison.main(COMPARISONS))
