"""The decoder with hard attention: each output token is read off one source token, and which one is summed over.

Shape letters: B sentences, T target tokens, S source tokens, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any, Callable, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn import bridge
from s2s_plugins.nn.attention import Attention, AttentionKeys, build_attention
from s2s_plugins.nn.copying import Copying
from s2s_plugins.nn.decoder import Decoder, DecoderOutput
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.fast.emissions import emissions
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.fast.folded_hard import FoldedHardDecoder
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder
from s2s_plugins.nn.settings import DecoderSettings, Sees

ALIGNMENTS = ("soft", "hard", "monotonic")  # soft is another decoder's

# As a log-probability it is 0 in float32; finite, so that differences of two of them are numbers.
_NEVER = -1e4


class HardAttentionState(NamedTuple):
    """State of a decoder with hard attention.

    Attributes:
        recurrent: of the stack.
        keys: the source, prepared once; its memory is what each source token adds to the readout, (B, S, O).
        aligned: (B, S), log-probability that the last token was read off each source token, before it was known;
            (B, 0) where a step does not depend on the last one's place.
        emitted: (B, S, V), log-probabilities of the last token, read off each source token; or (B, 0, V).
        copied: (B, S), the target symbol that each source token is copied to; (B, 0) without copying.
        constant: (B, F), the source's features; (B, 0) without.
    """

    recurrent: RecurrentState
    keys: AttentionKeys
    aligned: Tensor
    emitted: Tensor
    copied: Tensor
    constant: Tensor

    def reorder(self, new_order: Tensor) -> "HardAttentionState":
        return reorder(self, new_order)


class HardAttentionDecoder(Decoder[HardAttentionState]):
    """A decoder whose output sees one source token, the sum over all of them being exact.

    ``p(y_t) = sum_j p(a_t = j) softmax(V tanh(W [memory_j ; s_t]))``, where ``p(a_t = j)`` is the softmax of the
    attention's scores against the query ``s_t``: Wu, Shapiro, Cotterell 2018, arXiv:1808.10024, section 3. Soft
    attention averages the memory before the output layer, here the averaging comes after it. *Monotonic*, the
    alignment never moves back: ``p(a_t = j | a_{t-1} = i)`` is that softmax over ``j >= i``, and the place of the last
    token is summed out by the forward algorithm: Wu and Cotterell 2019, arXiv:1905.06319, section 3.

    The step's input is ``E y_{t-1}``. Time and memory grow with T x S x V: for small vocabularies. With copying, the
    softmax of a source token is over the vocabulary and one thing more, to write what that token is.

    Args:
        attention: the score function.
        monotonic: whether the alignment never moves back.
        copying: what source tokens are copied to; None: nothing is copied.
        output_layer: features (..., O) -> logits (..., V). What :meth:`run` calls features are log-probabilities
            (B, T, V), and the attribute ``output_layer`` leaves them as they are.
        **shared: what :class:`~s2s_plugins.nn.decoder.Decoder` takes.
    """

    kind = "hard_attention"
    sees = Sees(step=("token",), output=("context", "hidden"))
    paper_bridge = "copy"
    takes_vectors = False
    vocabulary = "emission"

    def __init__(
        self,
        *,
        attention: Attention,
        monotonic: bool,
        output_layer: nn.Linear,
        copying: Optional[Copying] = None,
        **shared: Any,
    ) -> None:
        super().__init__(output_layer=nn.Identity(), **shared)
        self.attention = attention
        self.monotonic = monotonic
        self.copying = copying
        self.emission = output_layer
        if copying is not None:  # copying begins as probable as all of the vocabulary
            nn.init.constant_(copying.gate.bias, math.log(output_layer.out_features))

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        return bridge.first_backward_or_context(encoder_stack)

    @classmethod
    def build(cls, settings: DecoderSettings, memory_size: int, **shared: Any) -> HardAttentionDecoder:
        assert settings.attention is not None
        attention = build_attention(settings.attention, settings.stack.hidden_size, memory_size)
        copying = None if settings.copies is None else Copying(settings.output_size, settings.copies)
        monotonic = settings.attention.alignment == "monotonic"
        return cls(attention=attention, monotonic=monotonic, copying=copying, **shared)

    def fold(self, weights: str = "full") -> FoldedDecoder:
        return FoldedHardDecoder(self, weights)

    def start(self, encoder_output: EncoderOutput) -> HardAttentionState:
        memory, padding_mask, tokens = encoder_output.memory, encoder_output.padding_mask, encoder_output.tokens
        batch, source_length, _ = memory.shape
        keys = self.attention.prepare(memory, padding_mask)
        from_memory, _ = self._readout_weights(memory.size(-1))
        precise = torch.promote_types(memory.dtype, torch.float32)
        places = source_length if self.monotonic else 0
        # before the first token: at the leftmost place, from where all can be reached; it emits whatever is read
        aligned = memory.new_full((batch, places), _NEVER, dtype=precise)
        aligned[:, :1] = 0
        emitted = memory.new_zeros(batch, places, self.emission.weight.size(0), dtype=precise)
        copied = tokens[:, :0] if self.copying is None else self.copying.targets(tokens)
        keys = keys._replace(memory=F.linear(memory, from_memory))
        constant = self.constant(encoder_output)
        return HardAttentionState(self.bridge(encoder_output), keys, aligned, emitted, copied, constant)

    def _readout_weights(self, memory_size: int) -> Tuple[Tensor, Tensor]:
        """The readout's weights for a source token (O, M) and for the hidden state and the features (O, H + F)."""
        weight = self._linear().weight
        from_memory, from_hidden = weight.split([memory_size, weight.size(1) - memory_size], dim=1)
        return from_memory, from_hidden

    def _linear(self) -> nn.Linear:
        linear = self.readout.linear
        assert linear is not None, "a source token and the hidden state are wider than the hidden state"
        return linear

    def run(self, prev_output_tokens: Tensor, state: HardAttentionState) -> Tuple[Tensor, Tensor, HardAttentionState]:
        embedded = self.joined(self.embed(prev_output_tokens), state.constant)
        hidden, recurrent = self.stack(embedded, state.recurrent)
        seen, linear = self.joined(hidden, state.constant), self._linear()
        _, from_seen = self._readout_weights(linear.in_features - seen.size(-1))
        to_readout = F.linear(seen, from_seen, linear.bias)
        scores, emitted = self.emit(hidden, to_readout, state.keys, state.copied)
        log_probabilities, aligned = self.sum_out(scores, emitted, prev_output_tokens, (state.aligned, state.emitted))
        if self.monotonic:
            state = state._replace(aligned=aligned[:, -1], emitted=emitted[:, -1])
        return log_probabilities, aligned.exp(), state._replace(recurrent=recurrent)

    @property
    def copies_tokens(self) -> bool:
        return self.copying is not None

    def copying_step(
        self, tokens: Tensor, wanted: Tensor, state: HardAttentionState
    ) -> Tuple[Tensor, DecoderOutput, HardAttentionState]:
        return Copying.step(self, tokens, wanted, state)

    def emit(self, query: Tensor, to_readout: Tensor, keys: AttentionKeys, copied: Tensor) -> Tuple[Tensor, Tensor]:
        """What each source token is worth, and what would be read off it.

        Args:
            query: (B, T, H).
            to_readout: (B, T, O), what the hidden states add to the readout.
            keys: with the memory as in :class:`HardAttentionState`.
            copied: as there.

        Returns:
            Scores (B, T, S), and log-probabilities of the next token (B, T, S, V), in float32 or more.
        """
        scores = self.attention.score(query, keys.keys, None)
        precise = torch.promote_types(scores.dtype, torch.float32)
        scores = scores.to(precise).masked_fill(keys.padding_mask.unsqueeze(1), _NEVER)
        # of a token the same values are dropped for all source tokens
        dropped = self.readout.dropout(torch.ones_like(to_readout)).unsqueeze(2)
        emitted = emissions(to_readout, keys.memory, dropped, *self._emission_weights())
        emitted = F.log_softmax(emitted.to(precise), dim=-1)
        return scores, emitted if self.copying is None else self.copying.into_emissions(emitted, copied)

    def _emission_weights(self) -> Tuple[Tensor, Optional[Tensor]]:
        """Of the output layer and, last, of copying: (V or V + 1, O) and (V or V + 1,)."""
        weight, bias = self.emission.weight, self.emission.bias
        if self.copying is None:
            return weight, bias
        gate = self.copying.gate
        bias = weight.new_zeros(weight.size(0)) if bias is None else bias
        return torch.cat([weight, gate.weight]), torch.cat([bias, gate.bias])

    def sum_out(
        self, scores: Tensor, emitted: Tensor, tokens: Tensor, before: Tuple[Tensor, Tensor]
    ) -> Tuple[Tensor, Tensor]:
        """Sum over where the next token is read off.

        Args:
            scores: (B, T, S).
            emitted: (B, T, S, V).
            tokens: (B, T), the ones before.
            before: ``aligned`` and ``emitted`` of the step before the first, as in :class:`HardAttentionState`.

        Returns:
            Log-probabilities of the next token (B, T, V), and of the place it is read off (B, T, S).
        """
        aligned = self._aligned(scores, emitted, tokens, before) if self.monotonic else F.log_softmax(scores, dim=-1)
        return torch.logsumexp(aligned.unsqueeze(-1) + emitted, dim=2), aligned

    def _aligned(self, scores: Tensor, emitted: Tensor, tokens: Tensor, before: Tuple[Tensor, Tensor]) -> Tensor:
        """``log p(a_t = j | y_1 .. y_{t-1})`` (B, T, S), from the scores (B, T, S) and what each token says of the
        place it was read off."""
        aligned, emitted_before = before
        first = emitted_before.gather(-1, tokens[:, :1, None].expand(-1, scores.size(2), -1)).squeeze(-1)
        rest = tokens[:, 1:, None, None].expand(-1, -1, scores.size(2), -1)
        read = torch.cat([first.unsqueeze(1), emitted[:, :-1].gather(-1, rest).squeeze(-1)], dim=1)  # B T S
        reachable = scores.flip(-1).logcumsumexp(-1).flip(-1)  # of each place, the sum over itself and all behind it
        steps = []
        for said, score, total in zip(read.unbind(1), scores.unbind(1), reachable.unbind(1)):
            place = F.log_softmax(aligned + said, dim=-1)
            aligned = score + torch.logcumsumexp(place - total, dim=-1)
            steps.append(aligned)
        return torch.stack(steps, 1)
