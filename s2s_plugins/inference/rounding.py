"""What rounding its weights changes in a model's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import ModelFile
from s2s_plugins.inference.load import opened


def difference(model: ModelFile, rounded: ModelFile, lines: Sequence[str]) -> str:
    """A line on how the answers of two models to ``lines`` differ.

    Args:
        model: with its own weights.
        rounded: the same with others.
        lines: texts.

    Raises:
        UsageError: the model is one of series.
    """
    if model.kind == "forecaster":
        raise UsageError("--lines are texts, and this is a model of series: leave it out")
    found, others = _answers(model, lines), _answers(rounded, lines)
    same = sum(text == other for (text, _), (other, _) in zip(found, others))
    differences = [abs(score - other) for (_, score), (_, other) in zip(found, others)]
    what = "score" if model.kind == "translator" else "probability"
    return (
        f"{rounded.precision}: {same} of {len(lines)} answers are the same; the {what} differs by "
        f"{sum(differences) / len(differences):.4f} in the mean, {max(differences):.4f} at most"
    )


def _answers(model: ModelFile, lines: Sequence[str]) -> List[Tuple[str, float]]:
    ready: Any = opened(model)
    if model.kind == "translator":
        return [(one.text, one.score) for one in ready.predict(lines)]
    return [(one.label, one.probability) for one in ready.classify(lines)]


def read_lines(path: Path) -> List[str]:
    """The texts of a file, one a line.

    Raises:
        UsageError: it is not UTF-8, or empty.
        OSError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"--lines {path} is not UTF-8 text: convert it") from None
    if not lines:
        raise UsageError(f"--lines {path} is empty: name a file with a source per line")
    return lines
