"""Whether sizes that a model file names in several places are the same: a symbol too few is a wrong answer."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.settings import ClassifierSettings, Seq2SeqSettings
from s2s_plugins.series.description import Description
from s2s_plugins.text.symbols import SPECIAL

Sizes = Dict[str, Tuple[int, Optional[int]]]  # by what it is: as the file's facts have it, and as its settings do
LAST = {"logits": "target symbols", "probabilities": "labels"}  # of an output's shape


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
    return {
        "values of a source step": (data.source_size, vectors.source_size if vectors else None),
        "targets": (data.target_size, vectors.target_size if vectors else None),
        "covariates": (data.covariate_size, vectors.covariate_size if vectors else None),
    }


def check(sizes: Sizes, graphs: Mapping[str, Graph], where: str) -> None:
    """See that sizes are the same.

    Raises:
        UsageError: they are not; ``where`` names the file.
    """
    for what, (said, made) in sizes.items():
        if said != made:
            raise UsageError(
                f"{where} is damaged, it has {said} {what}, its settings {made}: use one that s2s save wrote"
            )
    for graph in graphs.values():
        for port in graph.outputs:
            what = LAST.get(port.name, "")
            if what in sizes and port.shape[-1:] != sizes[what][:1]:
                raise UsageError(f"{where} is damaged, its graphs have other {what}: use one that s2s save wrote")
