"""Fonts inside a page: the glyphs that its text needs, from the fonts of the extra ``report``.

Browsers have fonts for Latin, Greek and Cyrillic. A page with Chinese or Devanagari is boxes on a machine that has no
font for it; with some 300 bytes a character it reads the same everywhere, and still is one file.
"""

from __future__ import annotations

import base64
import html
import io
import logging
from typing import Iterable, Set

from s2s_plugins.extras import library
from s2s_plugins.reports import fonts

MARK = "/* fonts of this page's own */"
FAMILY = "s2s page"  # as in the templates' font-family, after the system's fonts
COMMON_BELOW, SYMBOLS = 0x0590, range(0x1E00, 0x2C00)  # in every browser: European letters; accents, symbols


# Chromium loads a font when it meets the first text in it, and leaves boxes in that text
LOAD = "<script>document.fonts.forEach(function (font) { font.load(); });</script>"


def with_fonts(page: str) -> str:
    """``page`` with ``@font-face`` rules instead of :data:`MARK`; none if browsers have all of its characters."""
    needed = list(rules(html.unescape(page)))
    if needed:
        page = page.replace("</body>", LOAD + "\n</body>", 1)
    return page.replace(MARK, "\n".join(needed), 1)


def rules(text: str) -> Iterable[str]:
    """A rule for each font that has characters of ``text`` which browsers may lack."""
    left = {character for character in text if _rare(character)}
    for path in fonts.files("".join(sorted(left))):
        has = left & fonts.characters_of(path)
        if has:
            left -= has
            data = base64.b64encode(_cut(path, has)).decode()
            ranges = ", ".join(f"U+{ord(character):04X}" for character in sorted(has))
            yield (
                f'@font-face {{ font-family: "{FAMILY}"; src: url(data:font/woff;base64,{data}) format("woff"); '
                f"unicode-range: {ranges}; }}"
            )


def _rare(character: str) -> bool:
    return character.isprintable() and ord(character) >= COMMON_BELOW and ord(character) not in SYMBOLS


def _cut(path: str, characters: Set[str]) -> bytes:
    """The part of a font file that ``characters`` need, as WOFF, with its rules for joining letters."""
    subset = library("fontTools.subset")
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it reports each table that it leaves out
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    with subset.load_font(path, options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[ord(character) for character in characters])
        cutter.subset(font)
        file = io.BytesIO()
        subset.save_font(font, file, options)
    return file.getvalue()
