"""Files of headlines that users have: LCSTS (Hu et al. 2015, arXiv:1506.05865) and Sogou's news, read as a stream.

LCSTS   <doc id=0> <summary>...</summary> <short_text>...</short_text> </doc>
Sogou   <doc> <url>...</url> <contenttitle>...</contenttitle> <content>...</content> </doc>
"""

from __future__ import annotations

import codecs
import html
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from headlines.texts import Item, Tokenizer, counted
from s2s_plugins.errors import UsageError

FORMS = {"lcsts": ("summary", "short_text"), "sogou": ("contenttitle", "content")}
DOC = re.compile(r"(</?doc(?:\s[^<>]*)?>)", re.IGNORECASE)
SAMPLE = 1 << 20  # bytes that the encoding is guessed from


def encoding_of(path: Path) -> str:
    """UTF-8 or GB18030, whichever more lines of the file's beginning are good for."""
    with path.open("rb") as file:
        lines = file.read(SAMPLE).split(b"\n")
    if lines[0].startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    lines = [line for line in (lines[:-1] or lines) if not line.isascii()]
    good = sum(_decodes(line, "utf-8") for line in lines)
    return "utf-8" if 2 * good >= len(lines) else "gb18030"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def documents(path: Path, encoding: Optional[str], skip: Dict[str, int]) -> Iterator[Tuple[int, str]]:
    """Each document's text between ``<doc>`` and ``</doc>``, and the line that it begins in.

    Args:
        path: of the file.
        encoding: of the file; None: UTF-8 or GB18030.
        skip: with a ``damaged``, documents with bytes that are no text are counted there; without, they are an error.

    Raises:
        UsageError: a line that cannot be read, text outside of documents, or a document without an end.
    """
    encoding = encoding or encoding_of(path)
    begun = 0  # line of the open document
    parts: List[str] = []
    damaged = False
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode(encoding)
            except UnicodeDecodeError as error:
                if "damaged" not in skip:
                    raise UsageError(
                        f"{path}, line {number}: byte {error.start + 1} is no {encoding}: name the right --encoding, "
                        "or leave such documents out with --skip-damaged"
                    ) from None
                line, damaged = raw.decode(encoding, "replace"), True
            for part in DOC.split(line):
                if part[:4].lower() == "<doc" and DOC.fullmatch(part):
                    if begun:
                        raise UsageError(f"{path}, line {number}: <doc> before the </doc> of line {begun}")
                    begun, parts = number, []
                elif DOC.fullmatch(part):
                    if not begun:
                        raise UsageError(f"{path}, line {number}: </doc> without a <doc>")
                    if damaged:
                        skip["damaged"] += 1
                    else:
                        yield begun, "".join(parts)
                    begun, damaged = 0, False
                elif begun:
                    parts.append(part)
                elif part.strip("\ufeff \t\r\n"):
                    raise UsageError(f"{path}, line {number}: text outside of <doc> and </doc>")
    if begun:
        raise UsageError(f"{path}, line {begun}: <doc> without a </doc>")


def field(text: str, name: str) -> Optional[str]:
    """What stands between ``<name>`` and ``</name>``, on one line; None if they are not there, or twice."""
    found = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL | re.IGNORECASE)
    return " ".join(html.unescape(found[0]).split()) if len(found) == 1 else None


def items(path: Path, form: str, encoding: Optional[str], skip_damaged: bool, tokenize: Tokenizer) -> Iterator[Item]:
    """The pairs of a file; those with an empty side are left out and counted on the screen.

    Raises:
        UsageError: the file is not of this form, or has no pair.
    """
    skip = {"damaged": 0} if skip_damaged else {}
    empty = found = 0
    headline_field, text_field = FORMS[form]
    for number, document in documents(path, encoding, skip):
        sides = []
        for name in (text_field, headline_field):
            value = field(document, name)
            if value is None:
                raise UsageError(f"{path}, line {number}: this <doc> has not one <{name}>...</{name}>: is it {form}?")
            sides.append(tokenize(value))
        if all(sides):
            found += 1
            yield Item(sides[0], sides[1])
        else:
            empty += 1
    left_out = counted({"damaged": skip.get("damaged", 0), "with an empty side": empty})
    if left_out:
        print(f"{path}: left out {left_out}", file=sys.stderr)
    if not found:
        raise UsageError(f"{path} has no <doc> with both sides: it is no {form} file")
