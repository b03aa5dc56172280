"""Whether a table holds pairs to translate, or texts of classes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator as AnIterator
from collections.abc import Mapping
from typing import Any, List, NamedTuple, Optional, Set

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.pair import Columns, Pairs
from s2s_plugins.text.pairs.sources import ALL, is_frame, is_path, read_pairs
from s2s_plugins.text.pairs.tables import heading_of

LOOKED_AT = 5000  # pairs
CLASSES = 50  # distinct targets at most
OFTEN = 5  # occurrences of each of them in the mean
NAME = 3  # words of a class's name at most
TEXT = 5.0  # words of a text in the mean


class Kind(NamedTuple):
    """What a table is for.

    Attributes:
        name: ``"pairs"`` or ``"classes"``.
        reason: in words.
        text: name of the column of texts, where classes have named columns.
        label: name of the column of classes, likewise.
    """

    name: str
    reason: str
    text: Optional[str] = None
    label: Optional[str] = None


def kind_of(data: Any, columns: Columns = ALL) -> Kind:
    """Recognise what ``data`` is for.

    Classes are columns called ``text`` and ``label``, a folder with a folder of files for each class, or few distinct
    short targets beside texts of several words.

    Args:
        data: what :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes; not an iterator, which can be read once:
            ``read_pairs`` keeps what it gives.
        columns: the two columns, if they were named.

    Raises:
        UsageError: it cannot be read.
    """
    if isinstance(data, AnIterator):
        raise UsageError("an iterator can be read only once: give what read_pairs makes of it")
    if is_path(data) and os.path.isdir(data):
        return Kind("classes", f"{data} is a folder, with a folder of files for each class")
    names = [name for name in columns if name] or names_in(data)
    found = {name.strip().lower(): name for name in names}
    if "text" in found and "label" in found:
        text, label = found["text"], found["label"]
        return Kind("classes", f"the columns are called {text!r} and {label!r}", text, label)
    pairs = read_pairs(data, columns)
    head = [(pair.source, pair.target.strip()) for pair in itertools.islice(pairs, LOOKED_AT)]
    targets = {target for _, target in head}
    words = sum(len(source.split()) for source, _ in head) / max(1, len(head))
    named = pairs.names or Columns()
    if _are_classes(targets, len(head), words):
        reason = f"{len(targets)} distinct targets beside texts of {words:.0f} words in the mean"
        return Kind("classes", reason, named.source, named.target)
    return Kind("pairs", f"{len(targets):,} distinct targets of {len(head):,}")


def _are_classes(targets: Set[str], count: int, words: float) -> bool:
    if not 0 < len(targets) <= CLASSES or count < OFTEN * len(targets) or words < TEXT:
        return False
    return all(0 < len(target.split()) <= NAME for target in targets)


def names_in(data: Any) -> List[str]:
    """The names of the columns or keys, as far as they can be told without reading ``data`` to its end."""
    if isinstance(data, Pairs):
        return [name for name in data.names or () if name]
    if is_path(data):
        return heading_of(data)
    if is_frame(data):
        return [str(name) for name in data.columns]
    if isinstance(data, (Mapping, str, bytes)) or not hasattr(data, "__iter__"):
        return []
    first = next(iter(data), None)
    return [str(name) for name in first] if isinstance(first, Mapping) else []
