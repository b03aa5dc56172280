"""Translations of a program's messages, as gettext compiles them."""

from __future__ import annotations

import struct
from typing import Iterator, Tuple


def messages(content: bytes) -> Iterator[Tuple[str, str]]:
    """English and translation of each entry of a .mo file of gettext, of plural forms the first.

    Raises:
        struct.error: it is none, or is cut off.
    """
    magic, _, count, originals, translations = struct.unpack_from("<5I", content)
    if magic != 0x950412DE:
        raise struct.error("no .mo file")
    for number in range(count):
        texts = []
        for table in (originals, translations):
            length, place = struct.unpack_from("<2I", content, table + 8 * number)
            if place + length > len(content):
                raise struct.error("cut off")
            texts.append(content[place : place + length].decode("utf-8", "replace"))
        english, translation = (text.split("\0")[0] for text in texts)
        yield english.rpartition("\x04")[2], translation  # a context stands before that byte
