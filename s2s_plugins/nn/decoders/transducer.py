"""The transducer: a target is written by edits of the source, and which edits is summed over.

Shape letters: B sentences, T target tokens, S source tokens, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn import bridge
from s2s_plugins.nn.attention import AttentionKeys
from s2s_plugins.nn.copying import Copies
from s2s_plugins.nn.decoder import Decoder, DecoderOutput
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.fast.emissions import emissions
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.fast.folded_transducer import FoldedTransducer
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder
from s2s_plugins.nn.settings import DecoderSettings, Sees

INSERT, SUBSTITUTE, COPY, DELETE = range(4)
# As a log-probability it is 0 in float32; finite, so that differences of two of them are numbers.
_NEVER = -1e4


class TransducerState(NamedTuple):
    """State of a transducer.

    Attributes:
        recurrent: of the stack.
        keys: the source; its memory is what each source token adds to the readout, (B, S, O).
        copied: (B, S), the target symbol that each source token is copied to.
        reached: (B, S, 3), log-probability of writing the last token at each source token by each of the edits that
            write, before it was known.
        emitted: (B, S, V), log-probabilities of the last token where it is inserted or takes a source token's place.
        constant: (B, F), the source's features; (B, 0) without.
    """

    recurrent: RecurrentState
    keys: AttentionKeys
    copied: Tensor
    reached: Tensor
    emitted: Tensor
    constant: Tensor

    def reorder(self, new_order: Tensor) -> "TransducerState":
        return reorder(self, new_order)


class TransducerDecoder(Decoder[TransducerState]):
    """A decoder that stands at a source token and edits it: it inserts a symbol and stays, or substitutes a symbol for
    the token, copies it or deletes it and goes to the next.

    The edits are those of Makarov and Clematide 2018, aclanthology C18-1008, section 2.2, and substitution. They are
    not learnt by imitation but summed over by a dynamic program, as the alignments of Graves 2012, arXiv:1211.3711,
    section 2.4: the probability of a target is exact, and so is that of each next token. An edit's probability depends
    on the source token's memory and on what is written so far, ``softmax(V tanh(W [memory_j ; s_t]))``, not on earlier
    edits. At the last source token, ``</s>``, nothing but insertions is possible.

    The step's input is ``E y_{t-1}``. Time and memory grow with T x S x V: for small vocabularies.

    Args:
        copies: what source tokens are copied to.
        output_layer: features (..., O) -> logits (..., V). What :meth:`run` calls features are log-probabilities
            (B, T, V), and the attribute ``output_layer`` leaves them as they are.
        **shared: what :class:`~s2s_plugins.nn.decoder.Decoder` takes.
    """

    kind = "transducer"
    sees = Sees(step=("token",), output=("context", "hidden"))
    paper_bridge = "copy"
    takes_vectors = False
    vocabulary = "emission"

    def __init__(self, *, copies: Copies, output_layer: nn.Linear, **shared: Any) -> None:
        super().__init__(output_layer=nn.Identity(), **shared)
        self.emission = output_layer
        self.copies = copies
        self.edits = nn.Linear(output_layer.in_features, 4)

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        return bridge.first_backward_or_context(encoder_stack)

    @classmethod
    def build(cls, settings: DecoderSettings, memory_size: int, **shared: Any) -> TransducerDecoder:
        assert settings.copies is not None
        return cls(copies=Copies(settings.copies), **shared)

    def fold(self, weights: str = "full") -> FoldedDecoder:
        return FoldedTransducer(self, weights)

    def start(self, encoder_output: EncoderOutput) -> TransducerState:
        memory = encoder_output.memory
        batch, source_length, memory_size = memory.shape
        precise = torch.promote_types(memory.dtype, torch.float32)
        from_memory = self._linear().weight[:, :memory_size]
        # before the first token: at the leftmost place, wherever a token is read off
        reached = memory.new_full((batch, source_length, 3), _NEVER, dtype=precise)
        reached[:, 0, INSERT] = 0
        emitted = memory.new_zeros(batch, source_length, self.emission.weight.size(0), dtype=precise)
        keys = AttentionKeys(F.linear(memory, from_memory), memory[..., :0], encoder_output.padding_mask)
        copied = self.copies.targets(encoder_output.tokens)
        constant = self.constant(encoder_output)
        return TransducerState(self.bridge(encoder_output), keys, copied, reached, emitted, constant)

    def _linear(self) -> nn.Linear:
        linear = self.readout.linear
        assert linear is not None, "a source token and the hidden state are wider than the hidden state"
        return linear

    def run(self, prev_output_tokens: Tensor, state: TransducerState) -> Tuple[Tensor, Tensor, TransducerState]:
        embedded = self.joined(self.embed(prev_output_tokens), state.constant)
        hidden, recurrent = self.stack(embedded, state.recurrent)
        seen, linear = self.joined(hidden, state.constant), self._linear()
        from_seen = linear.weight[:, linear.in_features - seen.size(-1) :]
        edits, emitted = self.emit(F.linear(seen, from_seen, linear.bias), state.keys)
        log_probabilities, reached = self.sum_out(
            edits, emitted, prev_output_tokens, state.copied, (state.reached, state.emitted)
        )
        state = state._replace(recurrent=recurrent, reached=reached[:, -1], emitted=emitted[:, -1])
        return log_probabilities, reached.logsumexp(-1).exp(), state

    @property
    def copies_tokens(self) -> bool:
        return True

    def copying_step(
        self, tokens: Tensor, wanted: Tensor, state: TransducerState
    ) -> Tuple[Tensor, DecoderOutput, TransducerState]:
        output, state = self.step(tokens, state)
        there = state.copied == wanted.unsqueeze(1)
        return (state.reached[..., COPY].exp() * there).sum(-1), output, state

    def emit(self, to_readout: Tensor, keys: AttentionKeys) -> Tuple[Tensor, Tensor]:
        """What is done at each source token, and what is written there.

        Args:
            to_readout: (B, T, O), what the hidden states add to the readout.
            keys: as in :class:`TransducerState`.

        Returns:
            Log-probabilities of the edits (B, T, S, 4), and of the token that is written by insertion or substitution,
            (B, T, S, V), in float32 or more.
        """
        # the same values are dropped for all source tokens
        dropped = self.readout.dropout(torch.ones_like(to_readout)).unsqueeze(2)
        emission, edits = self.emission, self.edits
        bias = edits.bias.new_zeros(emission.out_features) if emission.bias is None else emission.bias
        weights = torch.cat([emission.weight, edits.weight]), torch.cat([bias, edits.bias])
        logits = emissions(to_readout, keys.memory, dropped, *weights)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        emitted, edits = logits.split([emission.out_features, 4], dim=-1)
        return self._possible(edits, keys.padding_mask).log_softmax(-1), emitted.log_softmax(-1)

    def _possible(self, edits: Tensor, padding_mask: Tensor) -> Tensor:
        """Logits of edits, without those that cannot be: padding is passed over, the last source token is not."""
        real = ~padding_mask
        last = real & (real.flip(1).cumsum(1).flip(1) == 1)
        never = torch.stack([padding_mask, padding_mask | last, padding_mask | last, last], -1).unsqueeze(1)  # B 1 S 4
        return edits.masked_fill(never, _NEVER)

    def sum_out(
        self, edits: Tensor, emitted: Tensor, tokens: Tensor, copied: Tensor, before: Tuple[Tensor, Tensor]
    ) -> Tuple[Tensor, Tensor]:
        """Sum over the edits that write the next token.

        Args:
            edits: (B, T, S, 4).
            emitted: (B, T, S, V).
            tokens: (B, T), the ones before.
            copied: (B, S).
            before: ``reached`` and ``emitted`` of the step before the first, as in :class:`TransducerState`.

        Returns:
            Log-probabilities of the next token (B, T, V), and of where and by which edit it is written (B, T, S, 3).
        """
        reached = self._reached(edits, emitted, tokens, copied, before)
        written = torch.logaddexp(reached[..., INSERT], reached[..., SUBSTITUTE])
        written = torch.logsumexp(written.unsqueeze(-1) + emitted, dim=2)  # B T V
        return torch.logaddexp(written, Copies.log_sum(reached[..., COPY].exp(), copied, written.size(-1))), reached

    def _reached(
        self, edits: Tensor, emitted: Tensor, tokens: Tensor, copied: Tensor, before: Tuple[Tensor, Tensor]
    ) -> Tensor:
        """``reached`` of each step, (B, T, S, 3). For the last token ``y``, edits ``e`` and source tokens ``x_j``:

        - ``place_t(j) ~ r_{t-1}(j, insert) p(y | j) + r_{t-1}(j-1, substitute) p(y | j-1)
          + r_{t-1}(j-1, copy) [x_{j-1} = y]``: where it stands after ``y``, given all that is written, so that the
          places add up to 1;
        - ``stands_t(j) = sum_{i <= j} place_t(i) prod_{i <= k < j} p_t(delete | k)``;
        - ``r_t(j, e) = stands_t(j) p_t(e | j)``.

        In float64: sums of many deletions cancel.
        """
        reached, emitted_before = before
        dtype, edits, reached = edits.dtype, edits.double(), reached.double()
        first = emitted_before.gather(-1, tokens[:, :1, None].expand(-1, emitted.size(2), -1)).squeeze(-1)
        rest = tokens[:, 1:, None, None].expand(-1, -1, emitted.size(2), -1)
        said = torch.cat([first.unsqueeze(1), emitted[:, :-1].gather(-1, rest).squeeze(-1)], dim=1).double()  # B T S
        same = tokens.unsqueeze(-1) == copied.unsqueeze(1)  # B T S
        copies = said.new_zeros(same.shape).masked_fill(~same, 2 * _NEVER)
        deletes = edits[..., DELETE]
        passed = deletes.cumsum(-1) - deletes  # of each place, the deletion of all before it
        steps = []
        for t in range(tokens.size(1)):
            stays = reached[..., INSERT] + said[:, t]
            goes = torch.logaddexp(reached[..., SUBSTITUTE] + said[:, t], reached[..., COPY] + copies[:, t])
            place = torch.logaddexp(stays, F.pad(goes[:, :-1], (1, 0), value=2 * _NEVER)).log_softmax(-1)
            stands = torch.logcumsumexp(place - passed[:, t], dim=-1) + passed[:, t]
            reached = stands.unsqueeze(-1) + edits[:, t, :, :DELETE]
            steps.append(reached)
        return torch.stack(steps, 1).to(dtype)
