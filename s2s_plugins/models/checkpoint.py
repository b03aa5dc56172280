"""A checkpoint of fairseq-train, read and made into a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional

import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary
from omegaconf import DictConfig
from torch import Tensor, nn

from s2s_plugins.compat.checkpoints import check_file
from s2s_plugins.compat.reading import check_numbers
from s2s_plugins.errors import UsageError
from s2s_plugins.models.loading import numbers_as_symbols
from s2s_plugins.text.symbols import SPECIAL, SymbolTable


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        path: of the file.
        state: all of it; its ``cfg`` is a configuration, nothing in it has been run.
    """

    path: str
    state: Dict[str, Any]

    @property
    def cfg(self) -> DictConfig:
        return self.state["cfg"]

    @property
    def weights(self) -> Dict[str, Tensor]:
        return self.state["model"]

    @property
    def task(self) -> Optional[str]:
        """The name of the task that the model was trained for."""
        return self.cfg.task._name if self.cfg.get("task") is not None else None

    def check_task(self, task: str) -> None:
        """See that the model was trained for ``task``.

        Raises:
            UsageError: it was not.
        """
        if self.task != task:
            raise UsageError(f"{self.path} is a checkpoint of --task {self.task}: name one of --task {task}")

    def symbols(self, side: str) -> Optional[SymbolTable]:
        """The dictionary that a model of this plugin carries.

        Args:
            side: ``"encoder"`` or ``"decoder"``.
        """
        numbers = self.weights.get(f"{side}.symbols")
        if numbers is None:
            return None
        table = SymbolTable()
        for symbol in numbers_as_symbols(numbers)[len(SPECIAL) :]:
            table.add(symbol)
        return table

    def build(self, task: Any) -> nn.Module:
        """The model in inference mode, on a GPU if there is one.

        Args:
            task: fairseq's, set up with the dictionaries of the model.

        Raises:
            UsageError: the weights do not fit the settings or the dictionaries.
        """
        model = task.build_model(self.cfg.model, from_checkpoint=True)
        model.load_state_dict(self.weights, strict=True, model_cfg=self.cfg.model)
        check_numbers(model.named_parameters(), f"checkpoint {self.path}")
        model.eval()
        return model.cuda() if torch.cuda.is_available() else model


def read_checkpoint(path: str, overrides: Optional[Dict[str, Any]] = None) -> Checkpoint:
    """Read the checkpoint ``path``, on the CPU.

    Args:
        path: of the file.
        overrides: of its configuration, as fairseq's ``--model-overrides``.

    Raises:
        UsageError: it is missing, not a checkpoint, or refused.
    """
    check_file(path)
    return Checkpoint(path, checkpoint_utils.load_checkpoint_to_cpu(path, overrides))


def as_dictionary(symbols: SymbolTable) -> Any:
    """``symbols`` as fairseq's Dictionary."""
    dictionary = Dictionary()
    for symbol in symbols.symbols[len(SPECIAL) :]:
        dictionary.add_symbol(symbol)
    return dictionary


def as_symbols(dictionary: Any) -> SymbolTable:
    """The symbols of fairseq's ``dictionary``."""
    table = SymbolTable()
    for symbol in dictionary.symbols[len(SPECIAL) :]:
        table.add(symbol)
    return table
