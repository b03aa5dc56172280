"""Fonts for tokens of any script: the font families that draw a text in matplotlib.

matplotlib takes a list of families and picks for each character the first that has it. Its own font, DejaVu Sans, has
no Chinese, Japanese, Korean and few of the scripts of India; the Noto fonts of the extra ``report`` have them.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, FrozenSet, Iterable, List, Optional, Set

from s2s_plugins.extras import library, remedy

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

logger = logging.getLogger(__name__)

NOTO, NOTO_CJK = "manimgx_fonts", "manimgx_fonts_cjk"
BASE, LAST_RESORT = "Noto Sans", "DejaVu Sans"
BOXES = "Last Resort High-Efficiency"  # comes with matplotlib, has every character, and draws a box for it
REGULAR = 400
# the faces of the CJK collection, which draw some Han characters each as its own readers expect them
JAPANESE, KOREAN, CHINESE = 0, 1, 2
LAYOUT_TABLES = ("GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG")


def families(text: str) -> List[str]:
    """The fewest names for ``font.family`` that together draw every character of ``text``.

    A character that no font here has is warned of, once.
    """
    return _fonts().families(text)


def files(text: str) -> List[str]:
    """Files of fonts of the extra ``report`` that together draw most of ``text``."""
    return _fonts().files(text)


class Fonts:
    """The fonts of this process: those of the extra ``report``, registered with matplotlib, and the system's."""

    def __init__(self) -> None:
        self.manager = library("matplotlib.font_manager")
        self.registered: List[str] = [self._register(path) for path in _files(NOTO)]
        # the base first, so that letters and digits look alike beside any script; the last resort has most symbols
        self.registered.sort(key=lambda name: (name != BASE, "Emoji" in name))
        self.registered.append(LAST_RESORT)
        self.cjk: Optional[Path] = next(iter(_files(NOTO_CJK)), None)
        self.cut: List[str] = []  # the families cut out of the CJK collection, so far
        self.missing: Set[str] = set()
        self.folder = tempfile.TemporaryDirectory(prefix="s2s-fonts-")  # removed at the interpreter's exit

    def families(self, text: str) -> List[str]:
        """As :func:`families`."""
        left = {character for character in text if character.isprintable() and not character.isspace()}
        chosen: List[str] = []
        for name in [*self.registered, *self.cut]:
            self._choose(name, left, chosen)
        if left and self.cjk is not None and left & characters_of(str(self.cjk)):
            self.cut.append(self._cut(left & characters_of(str(self.cjk)), text))
            self._choose(self.cut[-1], left, chosen)
        if left:
            self._search_the_system(left, chosen)
        self._warn(left)
        return chosen or [LAST_RESORT]

    def files(self, text: str) -> List[str]:
        """As :func:`files`."""
        chosen = self.families(text)
        return [self._path(name) for name in chosen if name in {*self.registered, *self.cut}]

    def _path(self, name: str) -> str:
        return self.manager.findfont(self.manager.FontProperties(family=name))

    def _choose(self, name: str, left: Set[str], chosen: List[str]) -> None:
        """Add the family ``name`` to ``chosen`` if it draws any of ``left``, and remove these from ``left``."""
        has = left & characters_of(self._path(name)) if left else left
        if has:
            chosen.append(name)
            left -= has

    def _register(self, path: Path) -> str:
        """Register the font file with matplotlib, and return the name of its family."""
        self.manager.fontManager.addfont(str(path))
        return self.manager.fontManager.ttflist[-1].name

    def _cut(self, characters: Set[str], text: str) -> str:
        """Register the part of the CJK collection that ``characters`` need, in its regular weight.

        matplotlib draws a variable font at its default, and that of this one is its thinnest: hairlines, illegible at
        the size of a label. Cutting first is what makes it quick: the collection has 65,000 glyphs.
        """
        subset, instancer = library("fontTools.subset"), library("fontTools.varLib.instancer")
        logging.getLogger("fontTools").setLevel(logging.ERROR)  # it reports each table that it leaves out
        name = f"s2s CJK {len(self.cut) + 1}"  # a new name: matplotlib would prefer an installed font of the same name
        path = Path(self.folder.name) / f"{len(self.cut) + 1}.otf"
        with library("fontTools.ttLib").TTFont(self.cjk, fontNumber=_face(text), lazy=True) as font:
            for table in LAYOUT_TABLES:
                if table in font:
                    del font[table]
            cutter = subset.Subsetter(subset.Options(layout_features=[], name_IDs=["*"], notdef_outline=True))
            cutter.populate(unicodes=[ord(character) for character in characters])
            cutter.subset(font)
            instancer.instantiateVariableFont(font, {"wght": REGULAR}, inplace=True)
            for record in list(font["name"].names):
                if record.nameID in (1, 16):
                    font["name"].setName(name, record.nameID, record.platformID, record.platEncID, record.langID)
            font.save(path)
        return self._register(path)

    def _search_the_system(self, left: Set[str], chosen: List[str]) -> None:
        """Fonts of the system, for characters that the known ones lack."""
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns of other weights than regular
        tried: Set[str] = {BOXES}
        for entry in sorted(self.manager.fontManager.ttflist, key=self._distance_from_regular):
            if not left - self.missing:
                return
            if entry.style == "normal" and entry.name not in tried and entry.name not in chosen:
                tried.add(entry.name)
                self._choose(entry.name, left, chosen)

    def _distance_from_regular(self, entry: "FontEntry") -> float:
        """The distance of a font's weight, a number or a word, from that of plain text."""
        weight = self.manager.weight_dict.get(entry.weight, entry.weight)
        return abs(weight - REGULAR) if isinstance(weight, (int, float)) else REGULAR

    def _warn(self, left: Set[str]) -> None:
        """Report the characters that will be boxes, once each."""
        new = sorted(left - self.missing)
        self.missing |= left
        if not new:
            return
        shown = " ".join(f"{character} (U+{ord(character):04X})" for character in new[:3])
        more = f" and {len(new) - 3} more" if len(new) > 3 else ""
        complete = bool(_files(NOTO)) and self.cjk is not None
        what = "install one that has it" if complete else f"{remedy('report')} brings fonts for most scripts"
        logger.warning(f"no font here has {shown}{more}, the picture shows a box in its place: {what}")


@functools.lru_cache(maxsize=1)
def _fonts() -> Fonts:
    return Fonts()


def _files(package: str) -> List[Path]:
    """The upright font files that ``package`` holds; none where it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return []
    files = sorted(Path(os.path.dirname(found.origin)).glob("*.tt[cf]"))
    return [path for path in files if "Italic" not in path.name]


def _face(text: Iterable[str]) -> int:
    """The face of the collection that readers of ``text`` expect."""
    if any("\u3040" <= character <= "\u30ff" for character in text):  # kana
        return JAPANESE
    if any("\u1100" <= character <= "\u11ff" or "\uac00" <= character <= "\ud7a3" for character in text):  # hangul
        return KOREAN
    return CHINESE


@functools.lru_cache(maxsize=None)
def characters_of(path: str) -> FrozenSet[str]:
    """The characters that a font file draws."""
    return frozenset(map(chr, library("matplotlib.ft2font").FT2Font(path).get_charmap()))
