"""The first weights of a training: those of another model, where the two have something in common."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import TranslatorFacts
from s2s_plugins.text.symbols import SPECIAL
from s2s_plugins.training.pretrained import read_start


class Taken(NamedTuple):
    """What a model took from another.

    Attributes:
        source: number of its source symbols that the other model knows.
        sources: number of its source symbols.
        target: likewise of the target.
        targets: likewise.
    """

    source: int
    sources: int
    target: int
    targets: int

    def __str__(self) -> str:
        return (
            f"knows {self.source} of {self.sources} source symbols and {self.target} of {self.targets} target symbols"
        )


def start_from(model: Any, task: Any, path: str) -> Taken:
    """Copy the weights of a model file into a model in training.

    Rows of embeddings and of the output layer belong to symbols: those of symbols that the file knows are copied, the
    others stay as they are, drawn at random.

    Args:
        model: fairseq's, on any device.
        task: fairseq's, with the dictionaries of the model.
        path: of the model file; of an ensemble the first member is taken.

    Raises:
        UsageError: the models are of different shapes.
    """
    file = read_start(path)
    facts = file.facts
    assert isinstance(facts, TranslatorFacts)
    source = _places(task.source_dictionary.symbols, facts.source.symbols)
    target = _places(task.target_dictionary.symbols, facts.target.symbols)
    own: Dict[str, Tensor] = model.state_dict()
    given = {name: torch.as_tensor(value) for name, value in file.members[0].weights.items()}
    of_target = ("decoder.embed_tokens", f"decoder.{model.decoder.core.vocabulary}")
    for name, value in own.items():
        if name.endswith(".symbols"):
            continue
        there = name.replace("coder.core.", "coder.", 1)
        if there not in given:
            raise UsageError(f"--from {path} has no weight {there}: its architecture is another one")
        rows = source if there.startswith("encoder.embed_tokens") else target if there.startswith(of_target) else None
        _copy(value, given[there], rows, f"--from {path}: {there}")
    model.load_state_dict(own, strict=True)
    special = len(SPECIAL)
    return Taken(
        len(source) - special,
        len(task.source_dictionary) - special,
        len(target) - special,
        len(task.target_dictionary) - special,
    )


def _places(symbols: Sequence[str], known: Sequence[str]) -> List[Tuple[int, int]]:
    """The rows of the symbols that both have: here, and there."""
    there = {symbol: place for place, symbol in enumerate([*SPECIAL, *known])}
    return [(place, there[symbol]) for place, symbol in enumerate(symbols) if symbol in there]


def _copy(value: Tensor, given: Tensor, rows: Any, what: str) -> None:
    """Copy a weight, or the rows of it that both have."""
    if value.shape[1:] != given.shape[1:] or (rows is None and value.shape != given.shape):
        raise UsageError(f"{what} has the shape {tuple(given.shape)}, and this model {tuple(value.shape)}")
    if rows is None:
        value.copy_(given)
        return
    here, there = map(list, zip(*rows))
    value[here] = given[there].to(value)
