"""Word and phone error rates of predicted pronunciations.

A word is right if its prediction equals any of its pronunciations (WER); phone errors are counted against the closest
one (PER = edits / phones of the closest ones).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Dict, List, Tuple

from rapidfuzz.distance import Levenshtein

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.files import write_whole

Phones = List[str]
References = Dict[str, List[Phones]]  # word -> its pronunciations, in file order


def read_references(path: Path) -> References:
    """``WORD<TAB>PH PH`` lines.

    Raises:
        UsageError: the file cannot be read, or has a line of another form.
    """
    references: References = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, tab, phones = line.partition("\t")
        if not tab or not phones.split():
            raise UsageError(f"{path}, line {number}: {line[:60]!r} is not WORD<TAB>PH PH PH")
        references.setdefault(word, []).append(phones.split())
    if not references:
        raise UsageError(f"{path}: no line of the form WORD<TAB>PH PH PH")
    return references


def read_predictions(path: Path, references: References) -> Dict[str, Phones]:
    """Word -> its prediction, for every word of ``references``, in their order.

    Args:
        path: what fairseq-generate printed, or, where it ends in ``.tsv``, ``WORD<TAB>PH PH`` lines with the best of a
            word first; either in the order of ``references``.
        references: of these words.

    Raises:
        UsageError: the file cannot be read, or has a line of another form.
        WorkError: it has predictions for other words.
    """
    found = _of_lines(path) if path.suffix == ".tsv" else _of_generate(path)
    if list(found) != list(range(len(references))):
        raise WorkError(f"{path} has {len(found)} predictions for {len(references)} words: they are of other words")
    return {word: found[number] for number, word in enumerate(references)}


def _of_generate(path: Path) -> Dict[int, Phones]:
    """The best hypothesis of each sentence by its number: the first ``H-`` line."""
    best: Dict[int, Phones] = {}
    for line in read_text(path).splitlines():
        found = re.match(r"H-(\d+)\t\S+\t?(.*)$", line)
        if found:
            best.setdefault(int(found.group(1)), found.group(2).split())
    if not best:
        raise UsageError(f"{path}: no H- line, it is not the output of fairseq-generate")
    return dict(sorted(best.items()))


def _of_lines(path: Path) -> Dict[int, Phones]:
    best: Dict[str, Phones] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, tab, phones = line.partition("\t")
        if not tab:
            raise UsageError(f"{path}, line {number}: {line[:60]!r} is not WORD<TAB>PH PH PH")
        best.setdefault(word, phones.split())
    return dict(enumerate(best.values()))


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None


def closest(prediction: Phones, pronunciations: List[Phones]) -> Tuple[int, Phones]:
    """Edit distance to the closest pronunciation, and that one; of equally close ones the longest."""
    distances = [(Levenshtein.distance(prediction, phones), -len(phones), phones) for phones in pronunciations]
    edits, _, phones = min(distances)
    return edits, phones


def score(predictions: Dict[str, Phones], references: References) -> Dict[str, float]:
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


def write(out: Path, predictions: Dict[str, Phones], references: References) -> Dict[str, float]:
    """Write ``predictions.tsv``, ``errors.tsv`` and ``score.json`` to ``out``; the scores."""
    result = score(predictions, references)
    every = "".join(f"{word}\t{' '.join(phones)}\n" for word, phones in predictions.items())
    errors = "".join(
        f"{word}\t{' '.join(phones)}\t{' | '.join(map(' '.join, references[word]))}\n"
        for word, phones in predictions.items()
        if phones not in references[word]
    )
    write_whole(out / "predictions.tsv", every)
    write_whole(out / "errors.tsv", errors)
    write_whole(out / "score.json", json.dumps(result, indent=2) + "\n")
    return result


def samples(predictions: Dict[str, Phones], references: References, count: int) -> List[str]:
    """``count`` predictions spread over the test set, each beside its pronunciations, as lines of a table."""
    words = list(predictions)
    chosen = [words[index * len(words) // count] for index in range(min(count, len(words)))]
    rows = [("word", "prediction", "", "reference")]
    for word in chosen:
        right = "=" if predictions[word] in references[word] else "x"
        rows.append((word, " ".join(predictions[word]), right, " | ".join(map(" ".join, references[word]))))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[3] for row in rows]
