"""What is said for numbers, dates, times and money in English text, by rule, with num2words (LGPL-2.1).

A number in a form that has no rule, as ``08/10/06``, has no spoken form here: text with one is not used.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, NamedTuple, Optional

from num2words import num2words

FULL = {"Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September", "Oct": "October"}
FULL.update({"Nov": "November", "Dec": "December"})
MONTHS = "January February March April May June July August September October November December".split()
MONTH = f"(?:{'|'.join([*MONTHS, *FULL])})"
ORDINAL = "(?:st|nd|rd|th)"
NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
CURRENCIES = {"$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros")}
TENS = ("", "", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
# before a number: no letter, digit, or mark that makes it a part of something else; behind it, likewise
BEFORE, BEHIND = r"(?<![\w.,:/$£€#+'=*_-])", r"(?![\w/:%$£€=*_]|[.,'-]\d|-[\w]*\d)"


class Span(NamedTuple):
    """A piece of a text.

    Attributes:
        written: as it stands.
        spoken: as it is said.
        kind: of expression; empty: plain text, which is copied.
    """

    written: str
    spoken: str
    kind: str = ""


def cardinal(digits: str) -> str:
    """``1,250`` -> one thousand two hundred and fifty."""
    return num2words(int(digits.replace(",", ""))).replace(",", "")


def ordinal(digits: str) -> str:
    """``21`` -> twenty-first."""
    return num2words(int(digits), to="ordinal").replace(",", "")


def year(digits: str) -> str:
    """``1986`` -> nineteen eighty-six."""
    return num2words(int(digits), to="year").replace(",", "")


def decimal(digits: str) -> str:
    """``3.25`` -> three point two five; a whole number as it is."""
    whole, _, rest = digits.partition(".")
    return " ".join([cardinal(whole), *(["point", *(num2words(int(digit)) for digit in rest)] if rest else [])])


def decade(digits: str) -> str:
    """``1970`` and ``70`` -> (nineteen) seventies."""
    if digits == "2000":
        return "two thousands"
    century, tens = digits[:-2], int(digits[-2])
    if tens == 1:
        return f"{cardinal(century)} tens" if century else "tens"
    last = TENS[tens] if tens else "hundreds"
    return f"{cardinal(century)} {last}" if century else last


def date(match: "re.Match[str]") -> str:
    """The month and the day in their order, and the year: April fourteenth, nineteen sixty-five."""
    found = match.groupdict()
    month, day = (found["month"] or found["month2"]), ordinal(found["day"] or found["day2"])
    month = FULL.get(month.rstrip("."), month)
    first = f"{month} {day}" if found["month"] else f"the {day} of {month}"
    which = found["year"] or found["year2"]
    return f"{first}{found['comma'] or ''}{' ' + year(which) if which else ''}"


def money(match: "re.Match[str]") -> str:
    """``$4.50`` -> four dollars fifty, ``$20 million`` -> twenty million dollars."""
    one, many = CURRENCIES[match["currency"]]
    whole, cents, size = match["whole"], match["cents"], match["size"]
    if size:
        return f"{decimal(whole.replace(',', '') + ('.' + cents if cents else ''))} {size} {many}"
    unit = one if whole == "1" else many
    rest = f" {cardinal(cents)}" if cents and int(cents) else ""
    return f"{cardinal(whole)} {unit}{rest}"


def clock(match: "re.Match[str]") -> Optional[str]:
    """``9:05`` -> nine oh five, ``7:00`` -> seven o'clock; None where it is no time."""
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 23 or minute > 59:
        return None
    half = match["half"]
    end = f" {' '.join(half.replace('.', '').upper())}" if half else ""
    if minute == 0:
        return num2words(hour) + (end or " o'clock")
    return f"{num2words(hour)} {'oh ' if minute < 10 else ''}{num2words(minute)}{end}"


def rating(match: "re.Match[str]") -> str:
    """``7.5/10`` -> seven point five out of ten."""
    return f"{decimal(match['points'])} out of {cardinal(match['most'])}"


PATTERNS = {
    "date": rf"(?P<month>{MONTH})\.? (?P<day>[12]?\d|3[01]){ORDINAL}?(?P<comma>,?)(?: (?P<year>1[5-9]\d\d|20[0-2]\d))?"
    rf"|(?P<day2>[12]?\d|3[01]){ORDINAL}?(?: of)? (?P<month2>{MONTH})(?: (?P<year2>1[5-9]\d\d|20[0-2]\d))?",
    "money": rf"(?P<currency>[$£€])(?P<whole>{NUMBER})(?:\.(?P<cents>\d\d?))?(?: (?P<size>thousand|million|billion))?",
    "time": r"(?P<hour>\d\d?):(?P<minute>\d\d)(?: ?(?P<half>[ap]m|[AP]M|[ap]\.m\.))?",
    "rating": r"(?P<points>\d\d?(?:\.\d)?)/(?P<most>10|5|4|100)",
    "decade": r"'?(?P<decade>(?:1[5-9]|20)?\d0)'?s",
    "ordinal": rf"(?P<ordinal>\d+){ORDINAL}",
    "percent": r"(?P<percent>\d+(?:\.\d+)?) ?%",
    "decimal": r"(?P<decimal>\d+\.\d+)",
    "year": r"(?P<year3>1[6-9]\d\d|20[0-2]\d)",
    "cardinal": rf"(?P<cardinal>{NUMBER})",
}
SAID: Dict[str, Callable[["re.Match[str]"], Optional[str]]] = {
    "date": date,
    "money": money,
    "time": clock,
    "rating": rating,
    "decade": lambda match: decade(match["decade"]),
    "ordinal": lambda match: ordinal(match["ordinal"]),
    "percent": lambda match: f"{decimal(match['percent'])} per cent",
    "decimal": lambda match: decimal(match["decimal"]),
    "year": lambda match: year(match["year3"]),
    "cardinal": lambda match: cardinal(match["cardinal"]),
}
EXPRESSIONS = re.compile("|".join(f"(?P<is_{kind}>{BEFORE}(?:{form}){BEHIND})" for kind, form in PATTERNS.items()))
LONGEST = 7  # digits of a number: longer ones are telephone numbers and the like


def spans(text: str) -> Optional[List[Span]]:
    """The text in pieces, copied ones and those that are said; None if there is a number without a rule."""
    found: List[Span] = []
    end = 0
    for match in EXPRESSIONS.finditer(text):
        kind = next(kind for kind in PATTERNS if match[f"is_{kind}"] is not None)
        if any(len(digits.replace(",", "")) > LONGEST or digits[:1] == "0" for digits in numbers(match.group())):
            return None
        spoken = SAID[kind](match)
        if spoken is None:
            return None
        plain = text[end : match.start()]
        found += [Span(plain, plain), Span(match.group(), spoken, kind)]
        end = match.end()
    found.append(Span(text[end:], text[end:]))
    if any(letter.isdigit() for span in found if not span.kind for letter in span.written):
        return None
    return [span for span in found if span.written]


def numbers(text: str) -> List[str]:
    """The numbers in an expression whose first digit counts: not what follows a point or a colon."""
    return re.findall(rf"(?<![\d.:])(?:{NUMBER})", text)
