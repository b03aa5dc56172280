"""The values that a checkpoint may contain: plain ones of these types alone, numpy's numbers among them.

The safe unpickling of torch lets a file call any function on a list of names. The functions of numpy do not belong on
it: ``numpy.ndarray`` would make an array of objects out of any bytes, taken as addresses. Here their names stand for
functions that make arrays of numbers.
"""

from __future__ import annotations

import argparse
from collections import OrderedDict
from typing import Any, List, Set, Tuple

import numpy as np
import torch
from torch import Tensor, nn

SCALARS = (str, int, float, bool, type(None))
OTHERS = (*SCALARS, bytes, complex, torch.Size, torch.dtype, torch.device)
NUMBERS = "biufc"  # kinds of numpy's types: booleans, integers, floats, complex numbers
MOST = 5_000_000  # values of a whole checkpoint


class NotPlain(ValueError):
    """A value of a type that is not allowed; the message names type and place."""


class NumberType:
    """Stands in for a numpy type while a file is read, until its byte order is known."""

    def __init__(self, code: str, *flags: object) -> None:
        self.type = np.dtype(str(code))
        if self.type.kind not in NUMBERS or self.type.names is not None or self.type.subdtype is not None:
            raise NotPlain(f"numpy's type {code}")

    def __setstate__(self, state: Tuple) -> None:
        order = state[1]
        if order not in ("<", ">", "=", "|"):
            raise NotPlain(f"a numpy type of the byte order {order!r}")
        self.type = self.type.newbyteorder(order)


class NumberArray:
    """Stands in for a numpy array while a file is read; :func:`plain` puts the array in its place."""

    array = np.zeros(0)

    def __setstate__(self, state: Tuple) -> None:
        _, shape, kind, fortran, content = state
        if not isinstance(kind, NumberType) or not isinstance(content, bytes):
            raise NotPlain("a numpy array of other things than numbers")
        flat = np.frombuffer(content, dtype=kind.type).copy()
        self.array = flat.reshape(shape, order="F" if fortran else "C")


class _Name:
    """The class ``numpy.ndarray`` as an argument; it cannot be called."""

    def __init__(self, *args: object) -> None:
        raise NotPlain("numpy.ndarray")


def _new_array(kind: object, shape: object, code: object) -> NumberArray:
    if kind is not _Name:
        raise NotPlain("a numpy array of another class")
    return NumberArray()


def _number(kind: NumberType, content: bytes) -> np.generic:
    if not isinstance(kind, NumberType):
        raise NotPlain("a numpy number of another class")
    return np.frombuffer(content, dtype=kind.type, count=1)[0]


def _no_bytes() -> bytes:
    """``bytes()`` without arguments, the content of an empty array; an argument could ask for any size."""
    return b""


# what numpy 1 and numpy 2 call them in a file; compat/reading.py allows fairseq's argparse.Namespace everywhere
ALLOWED: List[Any] = [
    (_Name, "numpy.ndarray"),
    (NumberType, "numpy.dtype"),
    *((_new_array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_no_bytes, f"{module}.bytes") for module in ("__builtin__", "builtins")),
    *((_number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    NumberArray,
]


def plain(value: Any) -> Any:
    """``value`` with arrays of numpy in place of their stand-ins.

    Raises:
        NotPlain: it contains a value of a type that is not allowed.
    """
    return _plain(value, "", set())


def _plain(value: Any, where: str, seen: Set[int]) -> Any:
    kind = type(value)
    if kind in OTHERS or isinstance(value, np.generic):
        return value
    if kind is NumberArray:
        return value.array
    if kind in (Tensor, nn.Parameter):
        if vars(value):
            raise NotPlain(f"{where}: a tensor with attributes")
        return value
    if kind is tuple:
        return tuple(_plain(one, where, seen) for one in value)
    if id(value) in seen:
        return value
    seen.add(id(value))
    if len(seen) > MOST:
        raise NotPlain(f"more than {MOST:,} values")
    if kind is argparse.Namespace:
        _fill(vars(value), where, seen)
    elif kind is dict or kind is OrderedDict and set(vars(value)) <= {"_metadata"}:
        _fill(value, where, seen)
    elif kind is list:
        value[:] = [_plain(one, where, seen) for one in value]
    elif kind is set:
        for one in value:
            _plain(one, where, seen)
    else:
        raise NotPlain(f"{where}: a {kind.__module__}.{kind.__qualname__}".lstrip(": "))
    return value


def _fill(values: dict, where: str, seen: Set[int]) -> None:
    for key, one in values.items():
        if type(key) not in (str, int, float, bool, tuple):
            raise NotPlain(f"{where}: a key that is a {type(key).__name__}")
        values[key] = _plain(one, f"{where}.{key}"[-80:].lstrip("."), seen)
