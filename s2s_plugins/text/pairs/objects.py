"""Mappings as pairs: lines of JSON, rows with named columns."""

from __future__ import annotations

import itertools
import json
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.features import Features, column_of, separator_of, without
from s2s_plugins.text.pairs.lines import AnyPath, numbered_lines
from s2s_plugins.text.pairs.pair import Columns, counted

HEAD = 1000  # objects that features are recognised by
SHOWN = 12  # keys that a message lists


def is_object(line: str) -> bool:
    """Whether a line is an object of JSON."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


class Keys(NamedTuple):
    """The keys of mappings that hold the source, the target, and features if there are any.

    Attributes:
        source: of the source.
        target: of the target.
        features: of features; None: there are none.
        separator: between two features.
    """

    source: str
    target: str
    features: Optional[str] = None
    separator: Optional[str] = None


def keys_of_file(path: AnyPath, columns: Columns) -> Keys:
    """The keys of the objects, by the first of them.

    Raises:
        UsageError: there are others than two and none is named, or one is missing.
    """
    head = [values for _, values in itertools.islice(objects_of(path), HEAD)]
    if not head:
        raise UsageError(f"{path}: no line with anything in it: put a pair in each line")
    return keys_of(head, columns, str(path))


def keys_of(head: Sequence[Mapping[str, object]], columns: Columns, name: str) -> Keys:
    """The keys of mappings.

    Args:
        head: the first of them, one or more; what counts is the first one, the others show what features are.
        columns: which keys.
        name: what messages call them.

    Raises:
        UsageError: they have others than two and none is named, or one is missing.
    """
    there = list(head[0])
    found = _features(head, there, columns, name)
    rest = without(there, None if found is None else str(found.column))
    if not columns and len(rest) != 2:
        listed = ", ".join(repr(key) for key in there[:SHOWN])
        raise UsageError(
            f"{name} has {counted(len(there), 'key')} ({listed}): choose two with --source and --target, and features "
            "with --features"
        )
    chosen = []
    for wanted, default, flag in ((columns.source, 0, "--source"), (columns.target, 1, "--target")):
        key = wanted if wanted is not None else rest[default] if default < len(rest) else ""
        chosen.append(_checked(key, there, name, flag))
    if chosen[0] == chosen[1]:
        raise UsageError(f"{name}: source and target are the same key, {chosen[0]!r}: name two")
    if found is None:
        return Keys(*chosen)
    if found.column in chosen:
        raise UsageError(f"{name}: features and source or target are the same key, {found.column!r}: name three")
    return Keys(chosen[0], chosen[1], str(found.column), found.separator)


def _features(
    head: Sequence[Mapping[str, object]], there: List[str], columns: Columns, name: str
) -> Optional[Features]:
    """The key of features: the one that is named, or of three the one that looks like them."""
    if columns.features is not None:
        key = _checked(columns.features, there, name, "--features")
        cells = [features_of(values[key], name, key, ";") for values in head if key in values]
        return Features(key, columns.separator or separator_of(cells))
    if columns or len(there) != 3:
        return None
    rows = [[_cell(values.get(key)) for key in there] for values in head]
    found = column_of(rows)
    return None if found is None else Features(there[int(found.column)], columns.separator or found.separator)


def _checked(key: str, there: Sequence[str], name: str, flag: str) -> str:
    """The key.

    Raises:
        UsageError: there is none.
    """
    if key in there:
        return key
    listed = ", ".join(repr(other) for other in there[:SHOWN])
    raise UsageError(f"{name}: no key {key!r} for {flag}: it has {listed}: name one of those")


def _cell(value: object) -> str:
    """A value for recognising what it is, whatever it is."""
    return ";".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def objects_of(path: AnyPath) -> Iterator[Tuple[int, Dict[str, object]]]:
    """Line number and object of each line of JSON that is not empty.

    Raises:
        UsageError: a line is no JSON object.
    """
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}, line {number}: not a line of JSON: {error}: write one object a line") from None
        if not isinstance(values, dict):
            raise UsageError(f"{path}, line {number}: not an object of JSON: write {{KEY: SOURCE, KEY: TARGET}}")
        yield number, unfolded(values)


def unfolded(values: Dict[str, object]) -> Dict[str, object]:
    """``{"translation": {"de": .., "en": ..}}`` is what is inside it."""
    if len(values) == 1:
        inner = next(iter(values.values()))
        if isinstance(inner, dict):
            return inner
    return values


def text_of(value: object, where: str, key: object) -> str:
    """A cell as text: numbers and truth values as in JSON, nothing and not-a-number as no text.

    Raises:
        UsageError: it is something else, like a list.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value or type(value).__name__ == "NAType":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) or hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return str(value)
    kind = type(value).__name__
    raise UsageError(
        f"{where}: {key!r} is a {kind}: write a text, tokens separated by spaces, one pair for each target"
    )


def features_of(value: object, where: str, key: object, separator: str) -> str:
    """The features in a cell: a text, or a list of texts.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return separator.join(value)
    return text_of(value, where, key)
