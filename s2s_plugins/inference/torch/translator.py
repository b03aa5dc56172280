"""A :class:`~s2s_plugins.inference.translator.Translator`'s model, computed by PyTorch.

Shape letters: B sentences, T target tokens, S source tokens.
"""

from __future__ import annotations

from typing import List, Optional, Protocol, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.steps import Steps
from s2s_plugins.search import Found, SearchSettings, beam_search, score_outputs
from s2s_plugins.text.symbols import EOS, PAD

_LEAST = 1e-30  # a probability


class Member(Protocol):
    """One encoder and decoder; several of them are an ensemble."""

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on the right."""

    def steps(self) -> Steps:
        """The decoder's steps."""

    def weights(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> Optional[Tensor]:
        """The attention weights (B, T, S) of a forward pass; None without attention."""

    def copied(
        self, src_tokens: Tensor, prev_output_tokens: Tensor, targets: Tensor
    ) -> Optional[Tuple[Tensor, Tensor]]:
        """How probable it is that each token of ``targets`` (B, T) is copied, and how probable it is in all, (B, T)
        each; None if it does not copy."""


class TorchModel:
    """One or several encoders and decoders, the mean of whose probabilities is searched.

    Args:
        members: in inference mode, on one device.
        device: theirs.
        longest_source: most tokens of a source, ``</s>`` included.
        longest_target: most tokens of a target, ``</s>`` included.
        has_attention: whether the first member has attention.
    """

    def __init__(
        self,
        members: Sequence[Member],
        device: torch.device,
        longest_source: int,
        longest_target: int,
        has_attention: bool,
    ) -> None:
        self.members, self.device = list(members), device
        self.longest_source, self.longest_target = longest_source, longest_target
        self.has_attention = has_attention

    @torch.no_grad()
    def search(
        self, sources: Sequence[Sequence[int]], settings: SearchSettings, attends: bool = False
    ) -> List[List[Found]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        src_tokens = padded(sources, self.device)
        steps = [member.steps() for member in self.members]
        outputs = [member.encode(src_tokens) for member in self.members]
        states = [one.start(output, settings.beam) for one, output in zip(steps, outputs)]
        first_tokens = src_tokens.new_full((len(sources),), settings.end)
        found = beam_search(steps, states, first_tokens, settings, attends and self.has_attention)
        return [[one._replace(attention=_on_cpu(one.attention)) for one in hypotheses] for hypotheses in found]

    @torch.no_grad()
    def attend(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it.

        Raises:
            ValueError: the model has no attention, or there are several members, which look at different tokens.
        """
        if len(self.members) > 1:
            raise ValueError("each member of an ensemble has attention weights of its own: use one")
        shifted = padded([[EOS, *target[:-1]] for target in targets], self.device)
        weights = self.members[0].weights(padded(sources, self.device), shifted)
        if weights is None:
            raise ValueError("this model has no attention")
        rows = weights.float().cpu().numpy()
        return [row[: len(target), : len(source)] for row, target, source in zip(rows, targets, sources)]

    @torch.no_grad()
    def copied(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Optional[List[np.ndarray]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        shifted = padded([[EOS, *target[:-1]] for target in targets], self.device)
        inputs = padded(sources, self.device), shifted, padded(targets, self.device)
        parts = [part for part in (member.copied(*inputs) for member in self.members) if part is not None]
        if not parts:
            return None
        copied, whole = (torch.stack(part).sum(0).float().cpu().numpy() for part in zip(*parts))
        shares = (copied / np.maximum(whole, _LEAST)).clip(0, 1)
        return [row[: len(target)] for row, target in zip(shares, targets)]

    @torch.no_grad()
    def score(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        src_tokens = padded(sources, self.device)
        steps = [member.steps() for member in self.members]
        states = [one.start(member.encode(src_tokens), 1) for one, member in zip(steps, self.members)]
        first_tokens = src_tokens.new_full((len(sources),), EOS)
        scores = score_outputs(steps, states, first_tokens, padded(targets, self.device).t().contiguous())
        return [row[: len(target)] for row, target in zip(scores.cpu().numpy(), targets)]


def _on_cpu(attention: Optional[Tensor]) -> Optional[np.ndarray]:
    return None if attention is None else attention.float().cpu().numpy()


def padded(sentences: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """(B, longest), padded on the right."""
    longest = max(map(len, sentences))
    rows = [[*sentence, *[PAD] * (longest - len(sentence))] for sentence in sentences]
    return torch.tensor(rows, device=device)
