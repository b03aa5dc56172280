"""Shows how far a training is: reads fairseq-train's JSON log from stdin, prints updates, loss and the time left.

fairseq-train ... --log-format json | tee train.log | python scripts/progress.py --updates 6000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Iterable, Iterator, List, Optional

SECONDS_BETWEEN_LINES = 15


def statistics(lines: Iterable[str]) -> Iterator[dict]:
    """The JSON objects that stand at the end of fairseq's log lines."""
    for line in lines:
        start = line.find("{")
        if "| train_inner |" in line and start >= 0:
            try:
                yield json.loads(line[start:])
            except ValueError:
                continue


def clock(seconds: float) -> str:
    """``75`` -> ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


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
