"""A folder of attention maps: a picture of each sentence, and a page of all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Sequence

from s2s_plugins.files import write_whole
from s2s_plugins.reports import heatmap
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.steps import held_signals

PAGE, PICTURE = "attention.html", r"\d{4,}\.png"


def write(alignments: List[Alignment], folder: Path, title: str) -> None:
    """Write pictures and page into ``folder``, each whole or not at all.

    Raises:
        UsageError: a library that draws is not installed.
    """
    page = heatmap.page(alignments, title)
    folder.mkdir(parents=True, exist_ok=True)
    shown = {f"{number:04d}.png" for number in range(1, len(alignments) + 1)}
    if (folder / PAGE).is_file() and heatmap.GENERATOR in (folder / PAGE).read_text(encoding="utf-8", errors="replace"):
        # pictures of an earlier run would pass for those of this one
        for file in folder.iterdir():
            if re.fullmatch(PICTURE, file.name) and file.name not in shown:
                file.unlink()
    write_whole(folder / PAGE, page)
    for number, alignment in enumerate(alignments, start=1):
        with held_signals():  # libraries have callbacks in which Ctrl-C would be lost
            heatmap.draw(alignment, folder / f"{number:04d}.png", title=f"sentence {number}")


def summary(alignments: Sequence[Alignment]) -> str:
    """``13 sentences, 9 of 13 outputs are the reference``; without references, the number of sentences alone."""
    known = [alignment.is_right for alignment in alignments if alignment.is_right is not None]
    right = f", {sum(known)} of {len(known)} outputs are the reference" if known else ""
    return ("1 sentence" if len(alignments) == 1 else f"{len(alignments)} sentences") + right
