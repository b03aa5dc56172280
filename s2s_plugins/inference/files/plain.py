"""Frozen dataclasses as plain data for JSON, and back from a file that nobody trusts."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
from collections.abc import Mapping as AnyMapping
from typing import Any, Dict, Mapping, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from s2s_plugins.errors import UsageError

T = TypeVar("T")

MOST = 2**31 - 1  # of any number that counts something
MOST_LAYERS = 1_000  # each is a module, made before a weight is looked at


def to_plain(value: Any) -> Any:
    """A dataclass, and all that is in it, as JSON holds it: bytes in base64, tuples as lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, AnyMapping):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Type[T], values: object, where: str) -> T:
    """The dataclass that :func:`to_plain` turned into ``values``, every field checked against its type.

    Args:
        kind: a dataclass.
        values: what was read.
        where: the file and the place in it, for messages.

    Raises:
        UsageError: a field is missing, unknown, or of another type; a number is below 0, not finite, or too large.
    """
    if not isinstance(values, dict):
        raise _wrong(where, values)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            raise UsageError(f"{where} has the unknown field {_short(name)}: it is damaged")
    hints, found = get_type_hints(kind), {}
    for name, field in fields.items():
        if name in values:
            found[name] = _checked(hints[name], values[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{where} lacks the field {name}: it is damaged")
    if found.get("layers", 0) > MOST_LAYERS:
        raise _wrong(f"{where}.layers", found["layers"])
    return kind(**found)


def _checked(hint: Any, value: Any, where: str) -> Any:
    """``value`` as the type ``hint`` has it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Union:
        if value is None and type(None) in parts:
            return None
        kinds = [part for part in parts if part is not type(None)]
        if len(kinds) == 1:
            return _checked(kinds[0], value, where)
        kind = float if type(value) is int else type(value)  # JSON has one kind of number
        if kind not in kinds:
            raise _wrong(where, value)
        return _checked(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, value)
        return tuple(_checked(parts[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if origin in (dict, AnyMapping):
        return _mapping(parts[1], value, where)
    if dataclasses.is_dataclass(hint):
        return from_plain(hint, value, where)  # type: ignore[arg-type]
    return _single(hint, value, where)


def _mapping(hint: Any, value: Any, where: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, value)
    return {name: _checked(hint, item, f"{where}.{_short(name)}") for name, item in value.items()}


def _single(hint: Any, value: Any, where: str) -> Any:
    """A value that is no collection."""
    if hint is Any:
        return value
    if hint is bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise _wrong(where, value) from None
    if hint is float and type(value) in (int, float) and -MOST <= value <= MOST:
        return float(value)
    if type(value) is not hint:
        raise _wrong(where, value)
    sound = {
        int: lambda: 0 <= value <= MOST,
        float: lambda: math.isfinite(value),
        str: lambda: value == value.encode("utf-8", "replace").decode("utf-8"),  # half a surrogate pair is no UTF-8
    }
    if hint in sound and not sound[hint]():
        raise _wrong(where, value)
    return value


def _wrong(where: str, value: object) -> UsageError:
    return UsageError(f"{where} cannot be {_short(value)}: it is damaged")


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, (Mapping, list)) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."
