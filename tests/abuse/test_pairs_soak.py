"""Long: a million pairs take as much memory as their hashes, whatever their length."""

import random
import subprocess
import sys

import pytest

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PREPARE = """
import resource, sys
from pathlib import Path
from s2s_plugins.text.pairs import prepare_pairs
prepared = prepare_pairs(sys.argv[1], Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, sum(part.pairs for part in
      (prepared.train, prepared.valid, prepared.test)))
"""
BYTES = 80  # for each pair


@pytest.mark.soak
def test_a_million_pairs_are_prepared_in_little_memory(tmp_path):
    peaks, kept = [], []
    for count in (100_000, 1_000_000):
        draw = random.Random(1)
        path = tmp_path / f"{count}.tsv"
        with path.open("w") as file:
            for number in range(count):
                word = "".join(draw.choices(LETTERS, k=20)) + str(number)
                file.write(f"{word}\t{' '.join(word.upper())}\n")
        argv = [sys.executable, "-c", PREPARE, str(path), str(tmp_path / f"out-{count}")]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        peak, pairs = map(int, done.stdout.split())
        peaks.append(peak)
        kept.append(pairs)
        path.unlink()
    assert kept == [100_000, 1_000_000]
    assert peaks[1] - peaks[0] < BYTES * 900_000  # a pair itself takes some 80 in the file, and 300 in Python
