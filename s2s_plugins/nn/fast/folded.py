"""A decoder's weights, folded for decoding one token at a time with several beams a sentence.

What depends on the token alone is a row of a table, what depends on the source alone is a vector per sentence or per
source token, and what the beams of a sentence share is held once: they are the queries of one attention.

Shape letters: N sentences, R rows (N times beams), S source tokens, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Protocol, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn.attention import AttentionKeys
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.fast.unrolled import lstm_cell_, tanh_
from s2s_plugins.nn.fast.weights import KINDS
from s2s_plugins.nn.readout import Readout
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState
from s2s_plugins.nn.settings import Sees

_TABLE_LIMIT = 2**24  # values: a table of 64 MB
_PROJECT_UP_TO = 8  # source tokens a beam


class Foldable(Protocol):
    """A decoder, as :class:`s2s_plugins.nn.decoder.Decoder` has it."""

    sees: Sees
    embed_tokens: Optional[Union[nn.Embedding, nn.Linear]]
    stack: RecurrentStack
    readout: Readout
    output_layer: nn.Module
    coverage: bool

    def start(self, encoder_output: EncoderOutput) -> Any: ...


class FoldedState(NamedTuple):
    """State between two steps. Rows are beams, those of a sentence next to each other.

    Attributes:
        hidden: (R, H) of each layer.
        cell: (R, H) of each layer.
        feed: (R, O), the last attentional vector; None without input feeding.
        coverage: (R, S), the attention each source token has had; None without coverage.
        constant: (N, 4H + O), what is the same at all steps adds to gates and readout; None where no step sees it.
        keys: of N sentences; None without attention.
        projected: whether their memory is no more the encoder's, but what each source token adds to gates and readout.
        weights: (R, S), the attention of the step before; None without attention, and before the first step.
        more: (R, ...) each, what a subclass carries beside.
    """

    hidden: Tuple[Tensor, ...]
    cell: Tuple[Tensor, ...]
    feed: Optional[Tensor]
    coverage: Optional[Tensor]
    constant: Optional[Tensor]
    keys: Optional[AttentionKeys]
    projected: bool
    weights: Optional[Tensor] = None
    more: Tuple[Tensor, ...] = ()

    def reorder(self, rows: Tensor, sentences: Optional[Tensor]) -> "FoldedState":
        """Select rows; and sentences, None for all of them in their order. Drops the weights."""

        def pick(part: Optional[Tensor], order: Optional[Tensor]) -> Optional[Tensor]:
            return part if part is None or order is None else part.index_select(0, order)

        keys = self.keys
        if keys is not None and sentences is not None:
            keys = keys.reorder(sentences)
        return FoldedState(
            tuple(part.index_select(0, rows) for part in self.hidden),
            tuple(part.index_select(0, rows) for part in self.cell),
            pick(self.feed, rows),
            pick(self.coverage, rows),
            pick(self.constant, sentences),
            keys,
            self.projected,
            None,
            tuple(part.index_select(0, rows) for part in self.more),
        )


class _Part:
    """One part of what a step and the output see: its weights for the gates and for the readout, as one matrix.

    Args:
        gates: (4H, size) or None, where a step does not see it.
        readout: (O, size) or None, where the output does not see it.
    """

    def __init__(self, gates: Optional[Tensor], readout: Optional[Tensor]) -> None:
        self.matrix = torch.cat([matrix for matrix in (gates, readout) if matrix is not None])
        self.gates = 0 if gates is None else gates.size(0)

    def split(self, added: Tensor) -> Tuple[Tensor, Tensor]:
        """What is added to the gates (..., 4H or 0) and to the readout (..., O or 0)."""
        return added[..., : self.gates], added[..., self.gates :]


def _add(total: Optional[Tensor], rows: int, added: Tensor) -> Optional[Tensor]:
    """``total`` (R, X) plus what is ``added`` to all rows of a sentence (N, 1, X), or to each (N, beams, X)."""
    if added.size(-1) == 0:
        return total
    if total is None:
        total = added.new_zeros(rows, added.size(-1))
    total.view(added.size(0), -1, added.size(-1)).add_(added)
    return total


class FoldedDecoder:
    """Steps of a decoder whose cells are LSTMs. It holds copies: fold again when the weights have changed.

    Args:
        decoder: the decoder.
        kind: of the weights in a step's products, one of :data:`s2s_plugins.nn.fast.weights.KINDS`.

    Raises:
        ValueError: the cells are no LSTMs.
    """

    def __init__(self, decoder: Foldable, kind: str = "full") -> None:
        if decoder.stack.cell != "lstm":
            raise ValueError(f"a decoder of {decoder.stack.cell} cells cannot be folded: run its own steps")
        make = KINDS[kind]
        from_input, from_hidden, *biases = (
            [layer.rnn.get_parameter(f"{name}_l0") for layer in decoder.stack.recurrent_layers]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        self.decoder: Any = decoder  # whose attention is that of some decoders
        self.hidden_size = from_hidden[0].size(1)
        linear = decoder.readout.linear
        step = self._columns(from_input[0], decoder.sees.step)
        output = {} if linear is None else self._columns(linear.weight, decoder.sees.output)
        self.parts: Dict[str, _Part] = {
            name: _Part(step.get(name), output.get(name))
            for name in ("token", "constant", "context")
            if name in step or name in output
        }
        self.biases = [one + other for one, other in zip(*biases)]
        self.table = None
        embedding = decoder.embed_tokens
        if "token" in self.parts and isinstance(embedding, nn.Embedding):
            matrix = self.parts["token"].matrix
            if embedding.num_embeddings * matrix.size(0) <= _TABLE_LIMIT:
                self.table = F.linear(embedding.weight, matrix)
        self.context = make(self.parts["context"].matrix) if "context" in self.parts else None
        self.feeds, self.attends_before = "feed" in step, "context" in step
        fed = [step["feed"]] if self.feeds else []
        joined = [torch.cat([*fed, from_hidden[0]], 1)]
        joined += [torch.cat(weights, 1) for weights in zip(from_input[1:], from_hidden[1:])]
        self.products = [make(matrix) for matrix in joined]
        self.readout = None if linear is None else make(output["hidden"])
        self.readout_bias = linear.bias if linear is not None else torch.zeros(0)

    def _columns(self, matrix: Tensor, parts: Tuple[str, ...]) -> Dict[str, Tensor]:
        """The columns of ``matrix`` for each of the parts that it is multiplied with."""
        sizes = {"hidden": self.hidden_size, "feed": self.decoder.readout.output_size}
        if not self.decoder.sees_source_summary():
            sizes["constant"] = self.decoder.features_size
        if self.decoder.embed_tokens is not None:
            sizes["token"] = self.decoder.embed_tokens.embedding_dim
        known = sum(sizes.get(part, 0) for part in parts)
        widths = [sizes.get(part, matrix.size(1) - known) for part in parts]  # the memory's is what remains
        return dict(zip(parts, matrix.split(widths, dim=1)))

    def start(self, encoder_output: EncoderOutput, beams: int) -> FoldedState:
        """The state before the first token, one row per sentence; ``beams`` is how many there will be."""
        # under autocast the encoder leaves bfloat16, the weights here are the decoder's own
        kind = self.biases[0].dtype
        memory, state = (
            encoder_output.memory.to(kind),
            RecurrentState(*(part.to(kind) for part in encoder_output.state)),
        )
        return self._fold(self.decoder.start(encoder_output._replace(memory=memory, state=state)), beams)

    def _fold(self, state: Any, beams: int) -> FoldedState:
        """The decoder's first state as a folded one."""
        kind = self.biases[0].dtype
        constant, keys, projected = None, None, False
        if "constant" in self.parts:
            constant = F.linear(state.constant.to(kind), self.parts["constant"].matrix)
        if self.context is not None:
            keys = AttentionKeys(*(part if part.dtype == torch.bool else part.to(kind) for part in state.keys))
            projected = self._projects(keys, beams)
            if projected:
                keys = keys._replace(memory=self.context(keys.memory))
        return FoldedState(
            tuple(state.recurrent.hidden.to(kind).unbind(1)),
            tuple(state.recurrent.cell.to(kind).unbind(1)),
            state.feed.to(kind) if self.feeds else None,
            state.coverage if self.decoder.coverage else None,
            constant,
            keys,
            projected,
        )

    def _projects(self, keys: AttentionKeys, beams: int) -> bool:
        """Whether the memory is projected once for all steps, or each context at its step."""
        return 1 < beams and keys.memory.size(1) <= _PROJECT_UP_TO * beams

    def step(self, tokens: Tensor, state: FoldedState) -> Tuple[Tensor, FoldedState]:
        """One token (R) per row: logits (R, V), and the next state."""
        rows = tokens.size(0)
        gates: Optional[Tensor] = None
        seen: Optional[Tensor] = None
        if "token" in self.parts:
            if self.table is None:
                added = F.linear(self.decoder.embed_tokens(tokens), self.parts["token"].matrix)
            else:
                added = self.table.index_select(0, tokens)
            gates, seen = self.parts["token"].split(added)
            seen = seen if seen.size(1) else None
        if state.constant is not None:
            to_gates, to_readout = self.parts["constant"].split(state.constant.unsqueeze(1))
            gates, seen = _add(gates, rows, to_gates), _add(seen, rows, to_readout)
        weights: Optional[Tensor] = None
        coverage = state.coverage
        if self.attends_before:
            to_gates, to_readout, coverage, weights = self._attend(state.hidden[-1], state)
            gates, seen = _add(gates, rows, to_gates), _add(seen, rows, to_readout)
        assert gates is not None, "nothing feeds a step"
        x, state = self._run_layers(gates, state._replace(coverage=coverage, weights=weights))
        return self._read_out(x, seen, tokens, state)

    def _run_layers(self, gates: Tensor, state: FoldedState) -> Tuple[Tensor, FoldedState]:
        """From what is known of the first layer's gates (R, 4H) to the top hidden state (R, H), and the next state."""
        fed, hiddens, cells = state.feed, [], []
        for index, (product, bias, hidden, cell) in enumerate(
            zip(self.products, self.biases, state.hidden, state.cell)
        ):
            gates = gates.add_(bias) if index == 0 else bias.repeat(len(gates), 1)
            product.add_to(gates, hidden if fed is None else torch.cat([fed, hidden], dim=1))
            hidden = torch.empty_like(cell)
            out, cell = lstm_cell_(gates, cell, hidden)
            hidden.mul_(out)
            hiddens.append(hidden)
            cells.append(cell)
            fed = hidden + fed if self.decoder.stack.residual and index > 0 and fed is not None else hidden
        assert fed is not None
        return fed, state._replace(hidden=tuple(hiddens), cell=tuple(cells))

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        """From the top hidden state ``x`` (R, H), and what other parts have ``seen`` adds to the readout (R, O), to
        logits (R, V)."""
        if self.context is not None and not self.attends_before:
            _, to_readout, coverage, weights = self._attend(x, state)
            seen = _add(seen, x.size(0), to_readout)
            state = state._replace(coverage=coverage, weights=weights)
        features = x
        if self.readout is not None:
            if seen is None:
                features = self.readout(x).add_(self.readout_bias)
            else:
                features = seen.add_(self.readout_bias)
                self.readout.add_to(features, x)
            tanh_(features)
        return self.decoder.output_layer(features), state._replace(feed=features if self.feeds else None)

    def _attend(self, query: Tensor, state: FoldedState) -> Tuple[Tensor, Tensor, Optional[Tensor], Tensor]:
        """What attention with ``query`` (R, H) adds to gates and readout, (N, beams, ...), the next coverage, and the
        weights (R, S)."""
        assert self.context is not None and state.keys is not None
        sentences = state.keys.memory.size(0)
        coverage = None if state.coverage is None else state.coverage.view(sentences, -1, state.coverage.size(1))
        context, weights = self.decoder.attention(query.view(sentences, -1, query.size(1)), state.keys, coverage)
        to_gates, to_readout = self.parts["context"].split(context if state.projected else self.context(context))
        if coverage is not None:
            coverage = (coverage + weights).flatten(0, 1)
        return to_gates, to_readout, coverage, weights.flatten(0, 1)
