"""What the flags of ``s2s compare`` say, as values."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

from s2s_plugins.errors import UsageError


def listed(text: str) -> List[str]:
    """``a,b`` -> a and b; of an empty text, nothing."""
    return [part for part in text.split(",") if part]


def words(text: str, flag: str) -> List[str]:
    """``text`` as a shell would split it.

    Raises:
        UsageError: a quote is not closed; the message starts with ``flag``.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r}: {error}") from None


def own_flags(pairs: Iterable[Tuple[str, str]]) -> Dict[str, Sequence[str]]:
    """Pairs of a system's name and its flags -> all flags of each system.

    Raises:
        UsageError: as :func:`words`.
    """
    found: Dict[str, Sequence[str]] = {}
    for name, text in pairs:
        found[name] = [*found.get(name, []), *words(text, f"--flags {name}")]
    return found


def seeds_of(text: str) -> List[int]:
    """``3`` -> 1, 2, 3; ``4,7`` -> 4, 7.

    Raises:
        UsageError: it is neither.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if numbers and "," not in text:
        numbers = list(range(1, numbers[0] + 1))
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise UsageError(f"--seeds {text} is neither a number of seeds nor a list of different ones: use 3, or 4,7")
    return numbers


def leads_of(text: str) -> List[int]:
    """``8,15`` -> 8 and 15; of an empty text, nothing.

    Raises:
        UsageError: it is no list of different numbers from 1 on.
    """
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise UsageError(f"--lead {text} is no number of tokens, nor a list of some: use 8, or 8,15")
    numbers = [int(part) for part in parts]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--lead {text} names a number twice: leave one out")
    return numbers


# the flags about how predictions are made, scored and shown, each with what reads its text
CHOICE: Dict[str, Callable[[str], Any]] = {
    "metrics": listed,
    "bleu_tokenize": str,
    "lead": leads_of,
    "beam": int,
    "decode_flags": lambda text: words(text, "--decode-flags"),
    "references": Path,
    "samples": int,
    "attention_maps": int,
}


def choice_of(given: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of :data:`CHOICE` that the user gave, as values.

    Args:
        given: the text of each flag; None: it was not given.

    Raises:
        UsageError: a flag makes no sense.
    """
    return {name: read(given[name]) for name, read in CHOICE.items() if given[name] is not None}
