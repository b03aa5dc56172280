"""The data folders of a run: CMUdict as examples/g2p prepares it, or small made-up words."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Optional

from benchmarks.client import ROOT, Worker
from benchmarks.systems import Scale
from s2s_plugins.errors import WorkError


def made_up_words(folder: Path, seed: int = 1) -> None:
    """Words of two-way letters, each spelt out as the same sounds: ``train``, ``valid`` and ``test`` pairs."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", 400), ("valid", 20), ("test", 40)):
        words = ["".join(draw.choices("abcdefghij", k=draw.randint(3, 9))) for _ in range(count)]
        (folder / f"{split}.graphemes").write_text("".join(" ".join(word) + "\n" for word in words))
        (folder / f"{split}.phonemes").write_text("".join(" ".join(word.upper()) + "\n" for word in words))


def g2p_folder(out: Path, given: Optional[Path], quick: bool, worker: Worker) -> Path:
    """A binarised folder of words and pronunciations, made once.

    Raises:
        WorkError: the data cannot be fetched.
    """
    if given is not None:
        return given
    folder = out / "data" / "bin"
    if (folder / ".made").exists():
        return folder
    text = out / "data" / "text"
    if quick:
        made_up_words(text)
    else:
        prepare = [sys.executable, str(ROOT / "examples" / "g2p" / "prepare.py"), "--out", str(text)]
        done = subprocess.run(prepare, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise WorkError(f"{reason}; or name a folder of fairseq-preprocess: --g2p-bin DIR")
    prefixes = [word for name in ("train", "valid", "test") for word in (f"--{name}pref", str(text / name))]
    languages = ["--source-lang", "graphemes", "--target-lang", "phonemes"]
    worker.ask("preprocess", arguments=[*languages, *prefixes, "--destdir", str(folder)])
    (folder / ".made").touch()
    return folder


def first_test_words(out: Path, g2p: Path, scale: Scale, worker: Worker) -> Path:
    """The first test words as a data folder of its own, made once."""
    folder = out / "data" / f"test-{scale.test_words}"
    if not (folder / ".made").exists():
        worker.ask("subset", source=str(g2p), target=str(folder), split="test", count=scale.test_words)
        (folder / ".made").touch()
    return folder
