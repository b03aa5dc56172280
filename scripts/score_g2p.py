"""Word and phone error rates of pronunciations, from fairseq-generate's output or of WORD<TAB>PH PH lines.

A word is right if its prediction equals any pronunciation in the reference file (WER); phone errors are counted against
the closest pronunciation (PER = edits / phones of the closest ones).

    python scripts/score_g2p.py --generated generate-test.txt --references test.tsv --out DIR
    python scripts/score_g2p.py --predictions predicted.tsv --references test.tsv --out DIR

writes DIR/predictions.tsv (WORD<TAB>PH PH, in the order of the references), DIR/errors.tsv (WORD<TAB>prediction<TAB>
pronunciations, for the wrong ones) and DIR/score.json, and prints the score and, with --show N, N predictions.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from endings import DataError, run
from rapidfuzz.distance import Levenshtein


def read_references(path: str) -> Dict[str, List[List[str]]]:
    """``WORD<TAB>PH PH`` lines: word -> its pronunciations, in file order."""
    references: Dict[str, List[List[str]]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, tab, phones = line.partition("\t")
        if not tab or not phones.split():
            raise DataError(f"{path}, line {number}: {line[:60]!r} is not WORD<TAB>PH PH PH")
        references.setdefault(word, []).append(phones.split())
    if not references:
        raise DataError(f"{path}: no line of the form WORD<TAB>PH PH PH")
    return references


def read_generated(path: str) -> Dict[int, List[str]]:
    """The best hypothesis of each sentence: the first ``H-`` line of each number."""
    best: Dict[int, List[str]] = {}
    for line in read_text(path).splitlines():
        found = re.match(r"H-(\d+)\t\S+\t?(.*)$", line)
        if found:
            best.setdefault(int(found.group(1)), found.group(2).split())
    if not best:
        raise DataError(f"{path}: no H- line, it is not the output of fairseq-generate")
    return best


def read_predictions(path: str) -> Dict[str, List[str]]:
    """``WORD<TAB>PH PH`` lines, the best of a word first; a word may have none."""
    best: Dict[str, List[str]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, tab, phones = line.partition("\t")
        if not tab:
            raise DataError(f"{path}, line {number}: {line[:60]!r} is not WORD<TAB>PH PH PH")
        best.setdefault(word, phones.split())
    return best


def read_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text") from None


def closest(prediction: List[str], pronunciations: List[List[str]]) -> Tuple[int, List[str]]:
    """Edit distance to the closest pronunciation, and that one; of equally close ones the longest."""
    distances = [(Levenshtein.distance(prediction, phones), -len(phones), phones) for phones in pronunciations]
    edits, _, phones = min(distances)
    return edits, phones


def score(predictions: Dict[str, List[str]], references: Dict[str, List[List[str]]]) -> Dict[str, float]:
    """WER and PER in percent, and the counts behind them."""
    wrong = edits = phones = 0
    for word, prediction in predictions.items():
        distance, reference = closest(prediction, references[word])
        wrong += prediction not in references[word]
        edits += distance
        phones += len(reference)
    return {
        "wer": round(100 * wrong / len(predictions), 3),
        "per": round(100 * edits / phones, 3),
        "words": len(predictions),
        "wrong_words": wrong,
        "phones": phones,
        "phone_edits": edits,
    }


def write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def show(predictions, references, count: int) -> None:
    """Print ``count`` predictions spread over the test set, each beside its pronunciations."""
    words = list(predictions)
    chosen = [words[index * len(words) // count] for index in range(min(count, len(words)))]
    rows = [("word", "prediction", "", "reference")]
    for word in chosen:
        right = "=" if predictions[word] in references[word] else "x"
        rows.append((word, " ".join(predictions[word]), right, " | ".join(map(" ".join, references[word]))))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[3])


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    predicted = parser.add_mutually_exclusive_group(required=True)
    predicted.add_argument("--generated", metavar="FILE", help="what fairseq-generate printed")
    predicted.add_argument("--predictions", metavar="FILE", help="WORD<TAB>PH PH lines, the best of a word first")
    parser.add_argument("--references", required=True, metavar="FILE", help="WORD<TAB>PH PH lines")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N predictions beside their references")
    args = parser.parse_args(argv)

    def score_and_write() -> None:
        references = read_references(args.references)
        if args.generated:
            numbered = read_generated(args.generated)
            words = dict(enumerate(references))
            best = {words.get(number, str(number)): phones for number, phones in numbered.items()}
        else:
            best = read_predictions(args.predictions)
        missing = [word for word in references if word not in best]
        if missing or len(best) != len(references):
            raise DataError(
                f"{args.generated or args.predictions} has predictions for {len(best)} words, {args.references} has "
                f"{len(references)}{', without one: ' + missing[0] if missing else ''}: they are of other words"
            )
        predictions = {word: best[word] for word in references}
        result = score(predictions, references)
        out = Path(args.out)
        out.mkdir(parents=True, exist_ok=True)
        write(out / "predictions.tsv", "".join(f"{word}\t{' '.join(phones)}\n" for word, phones in predictions.items()))
        write(
            out / "errors.tsv",
            "".join(
                f"{word}\t{' '.join(phones)}\t{' | '.join(map(' '.join, references[word]))}\n"
                for word, phones in predictions.items()
                if phones not in references[word]
            ),
        )
        write(out / "score.json", json.dumps(result, indent=2) + "\n")
        print(f"{'words':>8} {'WER %':>8} {'PER %':>8}")
        print(f"{result['words']:>8} {result['wer']:>8.2f} {result['per']:>8.2f}")
        if args.show:
            print()
            show(predictions, references, args.show)

    return run(score_and_write, "score_g2p.py")


if __name__ == "__main__":
    sys.exit(main())
