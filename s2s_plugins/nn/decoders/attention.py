"""The attention decoder, in its two published timings.

Shape letters: B sentences, T target tokens, S source tokens, M memory size, H hidden size, O readout size.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from s2s_plugins.nn import bridge
from s2s_plugins.nn.attention import Attention, AttentionKeys, build_attention
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder
from s2s_plugins.nn.settings import AttentionSettings, DecoderSettings, Sees

TIMINGS = ("before", "after")


class AttentionState(NamedTuple):
    """State of a decoder with attention.

    Attributes:
        recurrent: of the stack.
        keys: the source, prepared once.
        feed: (B, O), the last attentional vector; (B, 0) without input feeding.
        coverage: (B, S), the attention each source token has had; (B, 0) without coverage.
        copied: (B, S), the target symbol that each source token is copied to; (B, 0) without copying.
        constant: (B, F), the source's features; (B, 0) without.
    """

    recurrent: RecurrentState
    keys: AttentionKeys
    feed: Tensor
    coverage: Tensor
    copied: Tensor
    constant: Tensor

    def reorder(self, new_order: Tensor) -> "AttentionState":
        return reorder(self, new_order)


class AttentionDecoder(Decoder[AttentionState]):
    """A decoder that attends to the whole source at every step.

    *Before the step* (Bahdanau, Cho, Bengio 2014, arXiv:1409.0473, appendix A.2.2): the query is ``s_{t-1}``, the
    step's input ``[E y_{t-1} ; context_t]``, and the output sees ``[s_t ; E y_{t-1} ; context_t]``.

    *After the step* (Luong, Pham, Manning 2015, arXiv:1508.04025, section 3): the query is ``s_t``, the step's input
    ``E y_{t-1}``, joined by the last attentional vector with input feeding (section 3.3), and the output sees
    ``[context_t ; s_t]``. Without input feeding and coverage no step waits for another's attention, so a whole
    target is one fused recurrent call and one batched attention.

    Args:
        attention: the score function.
        timing: ``"before"`` or ``"after"``.
        input_feeding: feed the attentional vector to the next step; with ``"after"`` only.
        coverage: whether ``attention`` has a coverage term (See et al. 2017, arXiv:1704.04368, section 2.3).
        **shared: what :class:`~s2s_plugins.nn.decoder.Decoder` takes.

    Raises:
        ValueError: an unknown timing, or input feeding with ``"before"``.
    """

    kind = "attention"
    sees = Sees(step=("token", "context"), output=("hidden", "token", "context"))  # before the step

    def __init__(
        self, *, attention: Attention, timing: str, input_feeding: bool = False, coverage: bool = False, **shared: Any
    ) -> None:
        super().__init__(**shared)
        if timing not in TIMINGS:
            raise ValueError(f"attention timing {timing!r} is unknown: use one of {', '.join(TIMINGS)}")
        if input_feeding and timing == "before":
            raise ValueError("input feeding goes with attention after the step: before it, the context feeds the step")
        self.attention = attention
        self.timing = timing
        self.see(self._sees(timing, input_feeding))
        self.input_feeding = input_feeding
        self.coverage = coverage

    @classmethod
    def _sees(cls, timing: str, input_feeding: bool) -> Sees:
        if timing == "before":
            return cls.sees
        return Sees(step=("token", "feed") if input_feeding else ("token",), output=("context", "hidden"))

    @classmethod
    def own_sees(cls, settings: DecoderSettings) -> Sees:
        attention = settings.attention
        return cls.sees if attention is None else cls._sees(attention.timing, attention.input_feeding)

    @classmethod
    def auto_bridge(cls, attention: Optional[AttentionSettings]) -> str:
        # Luong et al. hand the state over as it is, Bahdanau et al. start from a tanh layer
        return "copy" if attention is not None and attention.timing == "after" else "dense"

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        return bridge.first_backward_or_context(encoder_stack)

    @classmethod
    def build(cls, settings: DecoderSettings, memory_size: int, **shared: Any) -> AttentionDecoder:
        assert settings.attention is not None
        return cls(
            attention=build_attention(settings.attention, settings.stack.hidden_size, memory_size),
            timing=settings.attention.timing,
            input_feeding=settings.attention.input_feeding,
            coverage=settings.attention.coverage,
            **shared,
        )

    def start(self, encoder_output: EncoderOutput) -> AttentionState:
        memory, padding_mask = encoder_output.memory, encoder_output.padding_mask
        batch, source_length, _ = memory.shape
        return AttentionState(
            self.bridge(encoder_output),
            self.attention.prepare(memory, padding_mask),
            memory.new_zeros(batch, self.readout.output_size if self.input_feeding else 0),
            memory.new_zeros(batch, source_length if self.coverage else 0, dtype=torch.float32),
            encoder_output.tokens[:, :0],
            self.constant(encoder_output),
        )

    def run(self, prev_output_tokens: Tensor, state: AttentionState) -> Tuple[Tensor, Tensor, AttentionState]:
        embedded = self.embed(prev_output_tokens)
        if self.timing == "before":
            return self._run_before(embedded, state)
        if self.input_feeding or self.coverage:
            return self._run_after_with_feedback(embedded, state)
        hidden, recurrent = self.stack(self.joined(embedded, state.constant), state.recurrent)
        context, weights = self.attention(hidden, state.keys)
        return self.read_out(state, context, hidden), weights, state._replace(recurrent=recurrent)

    def read_out(self, state: AttentionState, *seen: Tensor) -> Tensor:
        """The features (B, T, O) from what the output sees, (B, T, ...) each, and the source's features."""
        return self.readout(*seen, constant=state.constant if self.features_size else None)

    def _run_before(self, embedded: Tensor, state: AttentionState) -> Tuple[Tensor, Tensor, AttentionState]:
        """For each token: attend with ``s_{t-1}``, then step. The readout waits for all of them."""
        hiddens, contexts, weights = [], [], []
        step = self.stack.loop(self.joined(embedded, state.constant))
        for t in range(embedded.size(1)):
            context, weight, state = self._attend(state.recurrent.hidden[:, -1:], state)
            hidden, recurrent = step(t, context, state.recurrent)
            state = state._replace(recurrent=recurrent)
            hiddens.append(hidden)
            contexts.append(context)
            weights.append(weight)
        features = self.read_out(state, torch.cat(hiddens, 1), embedded, torch.cat(contexts, 1))
        return features, torch.cat(weights, 1), state

    def _run_after_with_feedback(
        self, embedded: Tensor, state: AttentionState
    ) -> Tuple[Tensor, Tensor, AttentionState]:
        """For each token: step, attend with ``s_t``, read out; the next step gets the attentional vector."""
        features, weights = [], []
        step = self.stack.loop(self.joined(embedded, state.constant))
        for t in range(embedded.size(1)):
            hidden, recurrent = step(t, state.feed.unsqueeze(1), state.recurrent)
            context, weight, state = self._attend(hidden, state._replace(recurrent=recurrent))
            feature = self.read_out(state, context, hidden)
            if self.input_feeding:
                state = state._replace(feed=feature.squeeze(1))
            features.append(feature)
            weights.append(weight)
        return torch.cat(features, 1), torch.cat(weights, 1), state

    def _attend(self, query: Tensor, state: AttentionState) -> Tuple[Tensor, Tensor, AttentionState]:
        """One query (B, 1, H): context (B, 1, M), weights (B, 1, S), and the state with its coverage moved on."""
        coverage: Optional[Tensor] = state.coverage.unsqueeze(1) if self.coverage else None
        context, weights = self.attention(query, state.keys, coverage)
        if self.coverage:
            state = state._replace(coverage=state.coverage + weights.squeeze(1))
        return context, weights, state
