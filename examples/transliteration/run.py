"""Writes names of places in other scripts, by s2s train; ``--help`` has the options."""

import argparse
import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.trainings import run
from transliteration.recipe import TASK


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    return run.parse(TASK, argv)


def main(argv: Optional[List[str]] = None) -> int:
    return run.main(TASK, argv)


if __name__ == "__main__":
    sys.exit(main())
