"""Mappings as pairs: lines of JSON, rows with named columns."""

from __future__ import annotations

import json
from typing import Dict, Iterator, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.lines import AnyPath, numbered_lines
from s2s_plugins.text.pairs.pair import Columns, counted

SHOWN = 12  # keys that a message lists


def is_object(line: str) -> bool:
    """Whether a line is an object of JSON."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def keys_of_file(path: AnyPath, columns: Columns) -> Tuple[str, str]:
    """The two keys of the objects, by the first of them.

    Raises:
        UsageError: there are others than two and none is named, or one is missing.
    """
    for _, values in objects_of(path):
        return keys_of(values, columns, str(path))
    raise UsageError(f"{path}: no line with anything in it: put a pair in each line")


def keys_of(values: Dict[str, object], columns: Columns, name: str) -> Tuple[str, str]:
    """The keys of source and target in a mapping.

    Raises:
        UsageError: it has others than two and none is named, or one is missing.
    """
    there = list(values)
    if not columns and len(there) != 2:
        listed = ", ".join(repr(key) for key in there[:SHOWN])
        raise UsageError(f"{name} has {counted(len(there), 'key')} ({listed}): choose two with --source and --target")
    chosen = []
    for wanted, default, flag in ((columns.source, 0, "--source"), (columns.target, 1, "--target")):
        key = wanted if wanted is not None else there[default] if default < len(there) else ""
        if key not in values:
            listed = ", ".join(repr(key) for key in there[:SHOWN])
            raise UsageError(f"{name}: no key {key!r} for {flag}: it has {listed}: name one of those")
        chosen.append(key)
    if chosen[0] == chosen[1]:
        raise UsageError(f"{name}: source and target are the same key, {chosen[0]!r}: name two")
    return chosen[0], chosen[1]


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
