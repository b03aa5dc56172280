"""Loading a checkpoint's weights: what does not fit is named."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from s2s_plugins.compat.reading import check_numbers
from s2s_plugins.errors import UsageError


def symbols_as_numbers(dictionary: Any) -> Tensor:
    """The symbols of ``dictionary`` as UTF-8 bytes, a line each: a float vector that a checkpoint keeps by its weights.

    A dictionary of the same size with other symbols fits every weight, and the model's answers make no sense. Floats,
    since whatever averages checkpoints averages this too: the mean of equal bytes is that byte, in any float type.
    """
    return text_as_numbers("\n".join(dictionary.symbols))


def numbers_as_symbols(numbers: Tensor) -> List[str]:
    """The reverse of :func:`symbols_as_numbers`."""
    return numbers_as_text(numbers).split("\n")


def text_as_numbers(text: str) -> Tensor:
    """The UTF-8 bytes of a text as floats, for a checkpoint's weights."""
    return torch.tensor(list(text.encode("utf-8")), dtype=torch.float32)


def numbers_as_text(numbers: Tensor) -> str:
    """The reverse of :func:`text_as_numbers`.

    Raises:
        ValueError: the numbers are no bytes of UTF-8.
    """
    return bytes(numbers.float().round().int().tolist()).decode("utf-8")


class CheckedLoading(BaseFairseqModel):
    """For fairseq models: ``load_state_dict`` with an error that names the first symbol or weight that does not fit.

    Attributes:
        symbol_buffers: the buffers that hold dictionaries, by what a message calls them.
    """

    symbol_buffers: Dict[str, str] = {"source": "encoder.symbols", "target": "decoder.symbols"}

    @staticmethod
    def check_flags(args: Any) -> None:
        """Flags of a training that do not fit its model.

        Raises:
            UsageError: ``--criterion adaptive_loss`` without an adaptive softmax, a bare assertion in fairseq.
        """
        adaptive = getattr(args, "adaptive_softmax_cutoff", None)
        if getattr(args, "criterion", None) == "adaptive_loss" and not adaptive:
            raise UsageError(
                f"--criterion adaptive_loss needs --adaptive-softmax-cutoff with --arch {args.arch}: "
                "give it, as in 1000,5000"
            )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, model_cfg: Any = None, args: Any = None
    ) -> Any:
        """As fairseq's.

        Raises:
            UsageError: the dictionaries differ, or a weight is missing, unknown or of another shape.
        """
        if strict:
            own = self.state_dict()
            for side, name in self.symbol_buffers.items():
                if name in state_dict:
                    self._check_dictionary(side, numbers_as_symbols(own[name]), numbers_as_symbols(state_dict[name]))
            for name in [*own, *state_dict]:
                self._check_weight(name, own.get(name), state_dict.get(name))
            check_numbers(state_dict.items(), "the checkpoint")
        return super().load_state_dict(state_dict, strict, model_cfg=model_cfg, args=args)

    @staticmethod
    def _check_dictionary(side: str, own: List[str], loaded: List[str]) -> None:
        """Whether the data's symbols ``own`` are those that the checkpoint was trained with, ``loaded``."""
        if own == loaded:
            return
        differences = [number for number, (one, other) in enumerate(zip(own, loaded)) if one != other]
        found = (
            f"symbol {differences[0]} is {loaded[differences[0]]!r} in it and {own[differences[0]]!r} in the data's"
            if differences
            else f"it has {len(loaded)} symbols, the data's {len(own)}"
        )
        raise UsageError(
            f"the checkpoint was trained with another {side} dictionary: {found}; use the data folder of its training, "
            "or one made with that folder's dictionaries (fairseq-preprocess --srcdict, --tgtdict)"
        )

    @staticmethod
    def _check_weight(name: str, own: Optional[Tensor], loaded: Optional[Tensor]) -> None:
        """Whether the checkpoint's weight ``loaded`` fits this model's ``own``; None where there is none."""
        if loaded is None:
            raise UsageError(f"the checkpoint is of another architecture: it has no weight {name}")
        if own is None:
            raise UsageError(f"the checkpoint is of another architecture: this model has no weight {name}")
        if own.is_floating_point() != loaded.is_floating_point():
            raise UsageError(f"the checkpoint is damaged: its weight {name} is of {loaded.dtype}, not {own.dtype}")
        if own.shape != loaded.shape:
            raise UsageError(
                f"the checkpoint is of another architecture: {name} is {tuple(loaded.shape)} in it and "
                f"{tuple(own.shape)} in this model"
            )
