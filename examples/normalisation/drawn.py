"""Expressions of the rare kinds, drawn: other dates, times and amounts in the places of those that real text has."""

from __future__ import annotations

import random
from typing import Callable, Dict

from normalisation.spoken import MONTHS

SUFFIX = {1: "st", 2: "nd", 3: "rd"}


def ordinal(number: int) -> str:
    """``21`` -> 21st."""
    return f"{number}{'th' if number % 100 in (11, 12, 13) else SUFFIX.get(number % 10, 'th')}"


def size(draw: random.Random, most: int = 6) -> int:
    """A number of one to ``most`` digits, all lengths alike."""
    digits = draw.randint(1, most)
    return draw.randrange(10 ** (digits - 1), 10**digits)


def date(draw: random.Random) -> str:
    month, day, year = draw.choice(MONTHS), draw.randint(1, 28), draw.randint(1900, 2029)
    said = draw.choice([str(day), ordinal(day)])
    return draw.choice(
        [f"{month} {said}, {year}", f"{month} {said}", f"{day} {month} {year}", f"{ordinal(day)} of {month}"]
    )


def clock(draw: random.Random) -> str:
    half = draw.choice(["", "am", "pm", " am", " pm", " AM", " PM"])
    return f"{draw.randint(1, 12 if half else 23)}:{draw.choice([0, draw.randrange(60)]):02d}{half}"


def money(draw: random.Random) -> str:
    sign, amount = draw.choice("$$£€"), size(draw, 5)
    return draw.choice(
        [f"{sign}{amount:,}", f"{sign}{amount % 1000}.{draw.randint(1, 99):02d}", f"{sign}{amount % 1000 + 1} million"]
    )


DRAWN: Dict[str, Callable[[random.Random], str]] = {
    "date": date,
    "time": clock,
    "money": money,
    "percent": lambda draw: f"{draw.choice([draw.randint(1, 100), round(draw.uniform(0.1, 99), 1)])}%",
    "decimal": lambda draw: f"{size(draw, 3)}.{draw.randint(1, 99)}",
    "ordinal": lambda draw: ordinal(size(draw, 3)),
    "year": lambda draw: str(draw.randint(1600, 2029)),
    "cardinal": lambda draw: f"{size(draw):,}",
}
