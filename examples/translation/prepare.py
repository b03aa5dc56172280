"""German to English out of LibreOffice's help and user interface, from Debian's packages (MPL-2.0).

The help of two languages has the same pages and the same number for a paragraph; strings of the interface and their
English are in one file. Whole help pages are held out: a test line is in no other page and not in the interface.
--source-lang takes other languages that Debian has the help in, such as fr or zh-cn.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import sys
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, debian, pairs
from common.catalogues import messages
from common.pairs import Pair
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.text.tokens import SPACE

Pages = Dict[str, List[Pair]]  # a page of the help, or INTERFACE -> its pairs

HELD_OUT = {"valid": 1000, "test": 2000}
INTERFACE = "user interface"
HELP = r"usr/share/libreoffice/help/[^/]+/text/(.+\.html)"
MESSAGES = r"usr/lib/libreoffice/program/resource/[^/]+/LC_MESSAGES/[^/]+\.mo"
PARAGRAPH = re.compile(r'<(p|h[1-6]?)\b([^>]*\bid="((?:par|hd)_id[^"]*)"[^>]*)>(.*?)</\1>', re.DOTALL)
CODE = re.compile(r'class="[^"]*code')
# what a program fills in, or marks up: %1 $(ARG1) ${x} $1 <b>
PLACEHOLDER = re.compile(r"%[\w(]|\$[\w({]|</?\w[^>]*>")
LONGEST = 400  # letters; a batch is as wide as its longest line
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+")
LONG_SENTENCE = 30  # letters; shorter ones, as "Click OK.", may stand in a test line too
LOPSIDED = 3  # times as long, against the other side, as the lines are on average


class Text(HTMLParser):
    """What a reader on Linux sees of a paragraph.

    Args:
        html: of the paragraph.

    Attributes:
        text: that.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self._hidden: List[bool] = []  # for each open span
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        given = dict(attrs)
        if tag == "span":
            # a key or a menu that has another name on a Mac or in another program; the default is hidden too
            self._hidden.append("hidden" in given and not (given.get("id") or "").startswith("default"))
        elif tag == "br":
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self._hidden:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._hidden):
            self.text += data


def clean(text: str) -> str:
    """One line in composed characters, without invisible ones as the soft hyphen."""
    text = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc")
    )
    return unicodedata.normalize("NFC", corpora.one_line(text.replace(SPACE, " ")))


def paragraphs(html: str) -> Dict[str, str]:
    """The numbered paragraphs of a help page by their number, without program code."""
    found: Dict[str, str] = {}
    for _, attributes, number, inner in PARAGRAPH.findall(html):
        if not CODE.search(attributes):
            found.setdefault(number, clean(Text(inner).text))
    return found


def help_pages(deb: Path) -> Dict[str, Dict[str, str]]:
    """Page -> number -> paragraph."""
    return {
        re.sub(HELP, r"\1", path): paragraphs(content.decode("utf-8", "replace"))
        for path, content in debian.files(deb, HELP)
    }


def label(text: str) -> str:
    """A string of the interface without the mark of its shortcut, as in ``~Save`` or ``Fo_rm``."""
    text = text.replace("%PRODUCTNAME", "LibreOffice")
    marks = re.findall(r"[~_](?=\w)", text)
    return clean(text.replace(marks[0], "", 1) if len(marks) == 1 else text)


def interface(deb: Path) -> List[Pair]:
    """The strings of the user interface, without those that a program completes.

    Raises:
        WorkError: the package is damaged.
    """
    found = []
    for path, content in debian.files(deb, MESSAGES):
        try:
            found += [(label(translation), label(english)) for english, translation in messages(content) if english]
        except struct.error as error:
            raise WorkError(f"{path} in {deb} cannot be read ({error}): remove the package") from None
    return [pair for pair in found if not any(PLACEHOLDER.search(side) for side in pair)]


def aligned(source: Path, english: Path, strings: Path) -> Pages:
    """All pairs, page by page.

    Args:
        source: the package with the help in the source language.
        english: that with the English help.
        strings: that with the interface in the source language.

    Raises:
        WorkError: a package is damaged, or these do not belong together.
    """
    left, right = help_pages(source), help_pages(english)
    pages = {
        page: [(left[page][number], text) for number, text in right[page].items() if number in left[page]]
        for page in sorted(left.keys() & right.keys())
    }
    if not any(pages.values()):
        raise WorkError(f"{source} and {english} share no page of the help: remove them, or take others")
    return {**pages, INTERFACE: interface(strings)}


def sound(pages: Pages) -> Pages:
    """The pairs that look like a translation of each other."""
    letters = [sum(map(len, side)) for side in zip(*(pair for lines in pages.values() for pair in lines))]
    usual = letters[0] / max(1, letters[1])

    def good(source: str, target: str) -> bool:
        if not all(re.search(r"[^\W\d_]", side) for side in (source, target)):
            return False
        # a word or two may well be three times as long in one language
        ratio = (len(source) + 10 * usual) / (len(target) + 10) / usual
        untranslated = source.casefold() == target.casefold()
        return not untranslated and max(len(source), len(target)) <= LONGEST and 1 / LOPSIDED < ratio < LOPSIDED

    return {page: [pair for pair in lines if good(*pair)] for page, lines in pages.items()}


def keys(line: str) -> Set[str]:
    """What two copies of a line share, and two lines with a long sentence in common: letters and digits alone."""
    line, *sentences = (re.sub(r"[\W_]", "", text.casefold()) for text in (line, *SENTENCE_END.split(line)))
    return {line, *(sentence for sentence in sentences if len(sentence) >= LONG_SENTENCE)}


def split(pages: Pages, train: Optional[int], held: Dict[str, int], seed: int) -> Dict[str, List[Pair]]:
    """Training, validation and test lines; those held out are of other pages, and not one stands in a second page.

    Args:
        pages: all pairs.
        train: how many to train on at most.
        held: how many to hold out, by split.
        seed: of the order of the pages.

    Raises:
        UsageError: so many cannot be held out.
    """
    found = {page: [keys(source) for source, _ in lines] for page, lines in pages.items()}
    counts = Counter(key for lines in found.values() for key in set().union(*lines))
    alone = {
        page: list(dict.fromkeys(pair for pair, own in zip(lines, found[page]) if all(counts[key] == 1 for key in own)))
        for page, lines in pages.items()
        if page != INTERFACE
    }
    if 2 * sum(held.values()) > sum(map(len, alone.values())):
        wanted = ", ".join(f"--{name} {count}" for name, count in held.items())
        raise UsageError(
            f"{wanted} are more than half of the {sum(map(len, alone.values()))} lines that stand in one page alone: "
            "ask for fewer"
        )
    order = corpora.shuffled(sorted(alone), seed, "pages")
    splits: Dict[str, List[Pair]] = {}
    for name, count in held.items():
        lines: List[Pair] = []
        while len(lines) < count:
            lines += alone[order.pop()]
        splits[name] = lines[:count]
    rest = list(dict.fromkeys(pair for page in [*sorted(order), INTERFACE] for pair in pages[page]))
    return {"train": corpora.shuffled(rest, seed, "train")[:train], **splits}


def train_pieces(lines: Sequence[str], count: int, seed: int) -> bytes:
    """A sentencepiece model (Kudo and Richardson 2018, arXiv:1808.06226).

    Args:
        lines: to train on.
        count: of pieces.
        seed: of its random numbers.

    Raises:
        UsageError: the text has more characters than ``count``, or too few pieces.
    """
    model = io.BytesIO()
    try:
        sentencepiece.set_random_generator_seed(seed)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=count,
            character_coverage=1.0,
            normalization_rule_name="identity",  # or no reference would come out of its pieces as it went in
            num_threads=1,  # more threads, other rounding
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).split("] ")[-1].strip().rstrip(".")
        raise UsageError(f"--pieces {count} do not fit {len(lines)} training lines: {reason}") from None
    return model.getvalue()


def write(out: Path, splits: pairs.Splits, languages: Tuple[str, str], count: int, seed: int) -> None:
    """``out/plain``: text and the sentencepiece models; ``out/text`` and ``out/bin``: pieces, binarised.

    A model for each language: pieces of the other one would be ``<unk>`` to fairseq, references with them too.

    Raises:
        UsageError: see :func:`train_pieces`.
        WorkError: fairseq-preprocess fails.
    """
    plain, partial = out / "plain", out / "plain.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    sides = []
    for side, lang in enumerate(languages):
        texts = {name: [pair[side] for pair in lines] for name, lines in splits.items()}
        model = train_pieces(texts["train"], count, seed)
        (partial / f"sentencepiece.{lang}.model").write_bytes(model)
        encode = sentencepiece.SentencePieceProcessor(model_proto=model).encode
        for name, lines in texts.items():
            corpora.write_lines(partial / f"{name}.{lang}", lines)
        sides.append({name: map(" ".join, encode(lines, out_type=str)) for name, lines in texts.items()})
    source, target = sides
    pieces = {name: list(zip(source[name], target[name])) for name in splits}
    pairs.write(out, pieces, *languages)
    shutil.rmtree(plain, ignore_errors=True)
    os.replace(partial, plain)


def main() -> None:
    parser = pairs.parser(__doc__, HELD_OUT)
    parser.add_argument("--train", type=int, metavar="N", help="number of training pairs at most (default: all)")
    parser.add_argument("--pieces", type=int, default=8000, metavar="N", help="pieces of each language (default: 8000)")
    parser.add_argument("--source-lang", default="de", metavar="L", help="as in Debian's package names (default: de)")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/download)")
    args = parser.parse_args()
    pairs.checked(args, [*HELD_OUT, *(["train"] if args.train is not None else [])])
    if args.pieces < 1:
        raise UsageError(f"--pieces {args.pieces} is too few: use 1 or more")
    # fairseq parts the languages of a pair at a dash: zh-cn is zh
    source_lang = args.source_lang.split("-")[0]
    if not re.fullmatch(r"[a-z]+(-[a-z]+)?", args.source_lang) or source_lang == "en":
        raise UsageError(f"--source-lang {args.source_lang} is no language to translate from: use de, fr, zh-cn")
    cache = Path(args.cache) if args.cache else Path(args.out) / "download"
    names = (f"libreoffice-help-{args.source_lang}", "libreoffice-help-en-us", f"libreoffice-l10n-{args.source_lang}")
    pages = sound(aligned(*(debian.fetch(name, cache) for name in names)))
    splits = split(pages, args.train, {name: getattr(args, name) for name in HELD_OUT}, args.seed)
    write(Path(args.out), splits, (source_lang, "en"), args.pieces, args.seed)


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
