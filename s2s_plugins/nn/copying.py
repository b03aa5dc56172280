"""Copying source tokens into the output.

Shape letters: B sentences, T target tokens, S source tokens, O readout size, V target vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn.encoder import EncoderOutput

_NOTHING = 1  # padding, which no target has


class Copies(nn.Module):
    """What source tokens are copied to. What the target vocabulary lacks counts as unknown, so all outputs are in it.

    Args:
        table: of each source symbol, the number of the target symbol that it is copied to.

    Attributes:
        table: (V of the source,).
    """

    table: Tensor

    def __init__(self, table: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("table", torch.tensor(table, dtype=torch.long), persistent=False)

    def targets(self, tokens: Tensor) -> Tensor:
        """The target symbols (B, S) that source tokens (B, S) are copied to."""
        return self.table[tokens]

    @staticmethod
    def step(decoder: Any, tokens: Tensor, wanted: Tensor, state: Any) -> Tuple[Tensor, Any, Any]:
        """As :meth:`~s2s_plugins.nn.decoder.Decoder.copying_step` has it: what a step gives less what it gives where
        nothing is copied to what is wanted."""
        elsewhere = state.copied.masked_fill(state.copied == wanted.unsqueeze(1), _NOTHING)
        written, _ = decoder.step(tokens, state._replace(copied=elsewhere))
        output, state = decoder.step(tokens, state)
        whole, rest = (one.logits[:, 0].gather(1, wanted.unsqueeze(1)).squeeze(1).exp() for one in (output, written))
        return whole - rest, output, state

    @staticmethod
    def log_sum(probabilities: Tensor, targets: Tensor, vocabulary: int) -> Tensor:
        """The logarithm of what is copied to each symbol.

        Args:
            probabilities: of copying each source token, (B, T, S).
            targets: of :meth:`targets`.
            vocabulary: V.

        Returns:
            (B, T, V); where nothing is copied, a number that has no gradient.
        """
        total = probabilities.new_zeros(*probabilities.shape[:2], vocabulary)
        total = total.scatter_add(2, targets.unsqueeze(1).expand_as(probabilities), probabilities)
        return total.clamp_min(torch.finfo(total.dtype).tiny).log()


@torch.no_grad()
def copied_parts(
    decoder: Any, encoder_output: EncoderOutput, prev_output_tokens: Tensor, targets: Tensor
) -> Optional[Tuple[Tensor, Tensor]]:
    """How probable it is that each token of given targets is copied, and how probable it is in all.

    Args:
        decoder: the decoder.
        encoder_output: of the sources.
        prev_output_tokens: (B, T).
        targets: (B, T).

    Returns:
        (B, T) each; None of a decoder that does not copy.
    """
    if not decoder.copies_tokens:
        return None
    state, parts = decoder.start(encoder_output), []
    for tokens, wanted in zip(prev_output_tokens.unbind(1), targets.unbind(1)):
        copied, output, state = decoder.copying_step(tokens, wanted, state)
        parts.append((copied, output.logits[:, 0].gather(1, wanted.unsqueeze(1)).squeeze(1).exp()))
    copied, whole = (torch.stack(part, 1) for part in zip(*parts))
    return copied.clamp(min=0), whole


class Copying(Copies):
    """The choice between writing a token of the vocabulary and copying one of the source.

    A pointer-generator: See, Liu, Manning 2017, arXiv:1704.04368, section 2.2.

    Args:
        features: size of what the output layer reads, O.
        table: as :class:`Copies` has it.

    Attributes:
        gate: the score of copying, (..., O) -> (..., 1).
    """

    def __init__(self, features: int, table: Sequence[int]) -> None:
        super().__init__(table)
        self.gate = nn.Linear(features, 1)
        nn.init.uniform_(self.gate.weight, -0.1, 0.1)
        nn.init.zeros_(self.gate.bias)

    def forward(self, features: Tensor, logits: Tensor, weights: Tensor, targets: Tensor) -> Tensor:
        """``p(y) = (1 - c) softmax(logits)_y + c sum_{j: x_j = y} a_j``, where ``c = sigmoid(gate(features))``:
        equation 9, with ``c`` for 1 - p_gen.

        Args:
            features: (B, T, O).
            logits: (B, T, V).
            weights: attention, (B, T, S).
            targets: of :meth:`targets`.

        Returns:
            Log-probabilities (B, T, V), in float32 or more.
        """
        precise = torch.promote_types(logits.dtype, torch.float32)
        score = self.gate(features).to(precise)
        copied = self.log_sum(weights.to(precise), targets, logits.size(-1))
        written = F.log_softmax(logits.to(precise), dim=-1)
        return torch.logaddexp(F.logsigmoid(-score) + written, F.logsigmoid(score) + copied)

    def into_emissions(self, log_probabilities: Tensor, targets: Tensor) -> Tensor:
        """The same where a token is read off one source token, and copying is one more thing to write.

        Args:
            log_probabilities: of the symbols and, last, of copying: (B, T, S, V + 1).
            targets: of :meth:`targets`.

        Returns:
            Log-probabilities (B, T, S, V).
        """
        written, copied = log_probabilities[..., :-1], log_probabilities[..., -1:]
        places = targets[:, None, :, None].expand_as(copied)
        return written.scatter(-1, places, torch.logaddexp(written.gather(-1, places), copied))
