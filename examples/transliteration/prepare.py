"""Names of places in Latin letters and in another script: DIR/LANGUAGE/{train,dev,test}.tsv, Chicago<TAB>시카고.

The names are those of GNOME's weather, cities, states and countries, which its translators wrote: Debian's
libgweather-4-common (GPL, version 2 or later), fetched with apt-get; nothing is installed. The development and the test
part have a tenth of the names each; no name is in two parts. A name that is translated in several ways has several
right answers.
"""

from __future__ import annotations

import argparse
import struct
import sys
import unicodedata
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import debian
from common.catalogues import messages
from common.held_out import TRAIN, check_least, parted, write_parts
from s2s_plugins.errors import WorkError, one_line_errors

PACKAGE = "libgweather-4-common"
INVISIBLE = (
    "\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e"  # marks of direction, and the break between Persian letters
)
HELD = 10  # one name of so many is to develop on, one to test


class Script(NamedTuple):
    """A language and its script.

    Attributes:
        locale: of its translations.
        names: how the Unicode names of its letters begin.
    """

    locale: str
    names: Tuple[str, ...]


LANGUAGES = {
    "russian": Script("ru", ("CYRILLIC",)),
    "japanese": Script("ja", ("KATAKANA",)),
    "korean": Script("ko", ("HANGUL",)),
    "hindi": Script("hi", ("DEVANAGARI",)),
    "arabic": Script("ar", ("ARABIC",)),
    "georgian": Script("ka", ("GEORGIAN",)),
    "thai": Script("th", ("THAI",)),
}


def cleaned(text: str) -> str:
    """Composed, without marks that nobody sees, and without what stands in brackets behind it."""
    visible = "".join(letter for letter in unicodedata.normalize("NFC", text) if letter not in INVISIBLE)
    return " ".join(visible.partition("(")[0].replace("\N{NO-BREAK SPACE}", " ").split())


def is_in(text: str, script: Script) -> bool:
    """Whether there are letters, all of the script: names that nobody translated are in Latin letters."""
    letters = [unicodedata.name(letter, "") for letter in text if letter.isalpha()]
    return bool(letters) and all(name.startswith(script.names) for name in letters)


def pairs_of(entries: Iterable[Tuple[str, str]], script: Script) -> Dict[str, List[str]]:
    """Latin names with what they are called in a script; time zones and names of several places are left out."""
    latin = Script("en", ("LATIN",))
    found: Dict[str, Dict[str, None]] = {}
    for message, translation in entries:
        source, target = cleaned(message), cleaned(translation)
        if is_in(source, latin) and is_in(target, script) and " Time" not in source and "/" not in source:
            found.setdefault(source, {})[target] = None
    return {source: list(targets) for source, targets in found.items()}


def read(cache: Path) -> Mapping[str, List[Tuple[str, str]]]:
    """English names and their translations by locale.

    Raises:
        WorkError: the package could not be fetched, is damaged, or lacks one.
    """
    deb = debian.fetch(PACKAGE, cache)
    locales = "|".join(script.locale for script in LANGUAGES.values())
    pattern = rf"usr/share/locale/(?:{locales})/LC_MESSAGES/libgweather-[\d.]+-locations\.mo"
    found = {}
    for path, data in debian.files(deb, pattern):
        try:
            found[path.split("/")[3]] = list(messages(data))
        except struct.error as error:
            raise WorkError(f"{path} in {deb} cannot be read: {error}") from None
    lacking = [script.locale for script in LANGUAGES.values() if script.locale not in found]
    if lacking:
        raise WorkError(f"{deb} has no names of places in {', '.join(lacking)}: this is another package, remove it")
    return found


def splits(pairs: Mapping[str, List[str]], train: int, seed: int, language: str) -> Dict[str, List[str]]:
    """Lines by part, of ``train`` names to train on at most."""
    found: Dict[str, List[str]] = {}
    for part, names in parted(sorted(pairs), len(pairs) // HELD, seed, f"{language} names").items():
        used = names[:train] if part == TRAIN else names
        found[part] = [f"{name}\t{target}" for name in used for target in pairs[name]]
    return found


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="where the folders of the languages go")
    add("--cache", type=Path, metavar="DIR", help="where the download is kept (default: OUT/download)")
    add("--train", type=int, default=10_000, metavar="N", help="names to train on at most (default: 10000)")
    add("--seed", type=int, default=1, metavar="N", help="random seed of the splits (default: 1)")
    args = parser.parse_args(argv)
    with one_line_errors("prepare.py", str(args.out)):
        check_least("--train", args.train)
        found = read(args.cache or args.out / "download")
        for language, script in LANGUAGES.items():
            pairs = pairs_of(found[script.locale], script)
            write_parts(args.out / language, splits(pairs, args.train, args.seed, language), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
