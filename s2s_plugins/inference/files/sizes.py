"""Whether sizes that a model file names in several places are the same: a symbol too few is a wrong answer."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.settings import ClassifierSettings, LossSettings, Seq2SeqSettings
from s2s_plugins.series.description import Description
from s2s_plugins.text.symbols import SPECIAL

Sizes = Dict[str, Tuple[int, Optional[int]]]  # by what it is: as the file's facts have it, and as its settings do
PLACES = (  # an input or output, one of its sizes, and what that is
    ("logits", 1, "target symbols"),
    ("probabilities", 1, "labels"),
    ("source", 2, "values of a source step"),
    ("outputs", 1, "targets"),
    ("outputs", 2, "numbers of a prediction"),
)


def of_translator(source: int, target: int, settings: Seq2SeqSettings) -> Sizes:
    """Args: the number of symbols of both sides, the special ones left out."""
    tokens = settings.tokens
    return {
        "source symbols": (source + len(SPECIAL), tokens.source_size if tokens else None),
        "target symbols": (target + len(SPECIAL), tokens.target_size if tokens else None),
    }


def of_classifier(symbols: int, labels: int, settings: ClassifierSettings) -> Sizes:
    """Args: the number of symbols, the special ones left out, and of labels."""
    return {"symbols": (symbols + len(SPECIAL), settings.vocabulary), "labels": (labels, settings.classes)}


def of_forecaster(series: Mapping[str, Any], settings: Seq2SeqSettings, where: str) -> Sizes:
    """Args: a description of series as JSON.

    Raises:
        UsageError: it is damaged.
    """
    vectors, data = settings.vectors, Description.from_json(dict(series), where)
    sizes: Sizes = {
        "values of a source step": (data.source_size, vectors.source_size if vectors else None),
        "targets": (data.target_size, vectors.target_size if vectors else None),
        "covariates": (data.covariate_size, vectors.covariate_size if vectors else None),
    }
    numbers = _numbers(vectors.loss, where) if vectors else None
    return sizes if numbers is None else {**sizes, "numbers of a prediction": (numbers, numbers)}


def _numbers(loss: LossSettings, where: str) -> Optional[int]:
    """How many numbers describe a predicted value; None for a loss that is free to have any number.

    Raises:
        UsageError: it has quantiles, and is another loss than that of quantiles, or the other way round.
    """
    if bool(loss.quantiles) != (loss.kind == "quantile"):
        raise UsageError(
            f"{where} is damaged, the loss {loss.kind:.40} has {len(loss.quantiles)} quantiles: use one that s2s save "
            "wrote"
        )
    return {"quantile": len(loss.quantiles), "gaussian": 2}.get(loss.kind)


def check(sizes: Sizes, graphs: Mapping[str, Graph], where: str) -> None:
    """See that sizes are the same.

    Args:
        sizes: those that stand in several places.
        graphs: checked by :mod:`s2s_plugins.inference.onnx.contract`.
        where: names the file.

    Raises:
        UsageError: they are not.
    """
    for what, (said, made) in sizes.items():
        if said != made:
            raise UsageError(
                f"{where} is damaged, it has {said} {what}, its settings {made}: use one that s2s save wrote"
            )
    ports = {port.name: port.shape for graph in graphs.values() for port in (*graph.inputs, *graph.outputs)}
    for name, place, what in PLACES:
        if name in ports and what in sizes and ports[name][place] != sizes[what][0]:
            raise UsageError(f"{where} is damaged, its graphs have other {what}: use one that s2s save wrote")
