"""Replacing a function of fairseq by a repair."""

from __future__ import annotations

import functools
from typing import Any, Callable


def wrap(owner: Any, name: str) -> Callable:
    """Decorator: replace ``owner.name`` by a function that gets the original as its first argument."""

    def install(replacement: Callable) -> Callable:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*args, **kwargs):
            return replacement(original, *args, **kwargs)

        setattr(owner, name, wrapped)
        return wrapped

    return install
