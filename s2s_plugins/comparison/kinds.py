"""Which kind of data a folder holds, and what of the command line is about it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Mapping, Sequence

from s2s_plugins.comparison.data import Data
from s2s_plugins.errors import UsageError


def open_data(path: Path, subsets: Sequence[str], given: Mapping[str, Any]) -> Data:
    """The data of a comparison.

    Args:
        path: folder of fairseq-preprocess, or of ``s2s prepare --series``, which has a series.json.
        subsets: the splits to predict, the main one first.
        given: those fields of :class:`~s2s_plugins.comparison.text.TextChoice` or
            :class:`~s2s_plugins.comparison.series.SeriesChoice` that the user gave; others have their defaults.

    Raises:
        UsageError: one of them is about the other kind, or makes no sense; the folder does not hold such data.
    """
    from s2s_plugins.comparison.series import SeriesChoice, SeriesData
    from s2s_plugins.comparison.text import TextChoice, TextData
    from s2s_plugins.series.store import INDEX

    if not (path / INDEX).is_file():
        return TextData(path, subsets, TextChoice(**given))
    known = {one.name for one in fields(SeriesChoice)}
    for name in given:
        if name not in known:
            raise UsageError(f"--{name.replace('_', '-')} is about text, {path} holds series of numbers: leave it out")
    return SeriesData(path, subsets, SeriesChoice(**given))
