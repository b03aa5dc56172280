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
from s2s_plugins.text.pairs.tables import OFTEN, WORDS, heading_of

LOOKED_AT = 5000  # pairs
CLASSES = 50  # distinct targets at most
NAME = 3  # words of a class's name at most


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
    short labels beside texts of several words, in either order.

    Args:
        data: what :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes; not an iterator, which can be read once:
            ``read_pairs`` keeps what it gives.
        columns: the two columns, if they were named.

    Raises:
        UsageError: it cannot be read, or has labels before texts, and no columns that could be named.
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
    head = [(pair.source.strip(), pair.target.strip()) for pair in itertools.islice(pairs, LOOKED_AT)]
    sources, targets = [source for source, _ in head], [target for _, target in head]
    labels, named = set(targets), pairs.names or Columns()
    if _are_classes(labels, sources):
        reason = f"{len(labels)} distinct targets beside {_texts(sources)}"
        return Kind("classes", reason, named.source, named.target)
    if _are_classes(set(sources), targets) and len(labels) >= OFTEN * len(set(sources)):
        reason = f"{len(set(sources))} distinct sources beside {_texts(targets)}"
        return Kind("classes", f"{reason}, labels first", *_swapped(pairs, data, reason)[:2])
    return Kind("pairs", f"{len(labels):,} distinct targets of {len(head):,}")


def _are_classes(labels: Set[str], texts: List[str]) -> bool:
    if not 0 < len(labels) <= CLASSES or len(texts) < OFTEN * len(labels) or _words(texts) < WORDS:
        return False
    return all(0 < len(label.split()) <= NAME for label in labels)


def _words(texts: List[str]) -> float:
    return sum(len(text.split()) for text in texts) / max(1, len(texts))


def _texts(texts: List[str]) -> str:
    return f"texts of {_words(texts):.0f} words in the mean"


def _swapped(pairs: Pairs, data: Any, reason: str) -> Columns:
    """The columns of texts and labels, where the labels come first.

    Raises:
        UsageError: there are no columns.
    """
    if pairs.names is not None:
        return Columns(pairs.names.target, pairs.names.source)
    if is_path(data):
        return Columns("2", "1")
    raise UsageError(
        f"{pairs.name} has {reason}: give texts first and then their labels, or --task pairs if texts are the outputs"
    )


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
