"""Shows how far a training is: reads fairseq-train's JSON log from stdin, prints updates, loss and the time left.

fairseq-train ... --log-format json | tee train.log | python scripts/progress.py --updates 6000
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import List, Optional

from s2s_plugins.steps import SECONDS_BETWEEN_LINES, clock, statistics


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, required=True, metavar="N", help="updates of the whole training")
    args = parser.parse_args(argv)
    terminal = sys.stdout.isatty()
    began, first, shown = time.monotonic(), None, -SECONDS_BETWEEN_LINES
    for stats in statistics(sys.stdin):
        updates, elapsed = int(float(stats["num_updates"])), time.monotonic() - began
        if first is None:
            first, began, elapsed = updates, time.monotonic(), 0.0
        if not terminal and elapsed - shown < SECONDS_BETWEEN_LINES and updates < args.updates:
            continue
        shown = elapsed
        left = "" if updates == first else f", {clock(elapsed / (updates - first) * (args.updates - updates))} left"
        text = f"    update {updates} of {args.updates}, loss {stats['loss']}, {stats['wps']} target tokens/s{left}"
        print(f"\r{text:<78}" if terminal else text, end="" if terminal else "\n", flush=True)
    if terminal and first is not None:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
