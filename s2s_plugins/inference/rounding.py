"""What rounding its weights changes in a model's answers."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.files.model_file import ModelFile
from s2s_plugins.inference.load import Model, opened
from s2s_plugins.inference.sentences import Sentence, Unknown
from s2s_plugins.inference.translator import Translator

BEAM = 5


def difference(model: ModelFile, rounded: ModelFile, lines: Sequence[str]) -> str:
    """A line on how the answers of two models to ``lines`` differ.

    Args:
        model: with its own weights.
        rounded: the same with others.
        lines: of a file, a text each.

    Raises:
        UsageError: the model is one of series, or a line is longer than it takes.
    """
    if model.kind == "forecaster":
        raise UsageError("--lines are texts, and this is a model of series: leave it out")
    own, other = opened(model), opened(rounded)
    if isinstance(own, Translator):
        unknown = Unknown()
        unknown.look(_spelled(own, lines), 1)
        unknown.summarize(len(lines))
    found, others = _answers(own, lines), _answers(other, lines)
    same = sum(text == other for (text, _), (other, _) in zip(found, others))
    differences = [abs(score - other) for (_, score), (_, other) in zip(found, others)]
    what = "score" if model.kind == "translator" else "probability"
    return (
        f"{rounded.precision}: {same} of {len(lines)} answers are the same; the {what} differs by "
        f"{sum(differences) / len(differences):.4f} in the mean, {max(differences):.4f} at most"
    )


def _answers(model: Model, lines: Sequence[str]) -> List[Tuple[str, float]]:
    if not isinstance(model, Translator):
        return [(one.label, one.probability) for one in model.classify(lines)]
    found = (model.prediction(best) for best, *_ in model.best(_spelled(model, lines), BEAM, 1, BATCH_SIZE))
    return [(one.text, one.score) for one in found]


def _spelled(model: Translator, lines: Sequence[str]) -> List[Sentence]:
    return [model.spell(line, f"--lines: line {number}") for number, line in enumerate(lines, 1)]


def read_lines(path: Path) -> List[str]:
    """The texts of a file, one a line.

    Raises:
        UsageError: it is not UTF-8, or empty.
        OSError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise UsageError(f"--lines {path} is not UTF-8 text: convert it") from None
    if lines == [""]:
        raise UsageError(f"--lines {path} is empty: name a file with a source per line")
    return lines
