"""A :class:`~s2s_plugins.inference.translator.Translator`'s model, computed by ONNX Runtime, with numpy alone.

Shape letters: N sentences, R rows (N times beams), S source tokens, T target tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.inference.onnx.session import OnnxFile, OnnxSession
from s2s_plugins.search import Found, SearchSettings, beam_search, score_outputs
from s2s_plugins.text.symbols import EOS, PAD

Array = NDArray[Any]
_LEAST = 1e-30  # a probability
REACHED, COPY = "row.reached", 2  # of a transducer: the probability of writing at each place by each edit
COPIED = "source.copied"  # of a state: the target symbols that the source tokens are copied to


class OnnxState(NamedTuple):
    """What goes from one step to the next.

    Attributes:
        values: inputs of the step's graph: "row.*" with a row for each of the last step's, "source.*" one a sentence.
        rows: (R,), which of the last step's rows go on.
        weights: (R, S), the attention of the last step; None without attention, and before the first step.
    """

    values: Dict[str, Array]
    rows: Array
    weights: Optional[Array] = None

    def reorder(self, rows: Array, sentences: Optional[Array]) -> OnnxState:
        """Select rows, which the graph does at the next step; and sentences, None for all of them in their order."""
        values = self.values
        if sentences is not None:
            values = {name: one[sentences] if name.startswith("source.") else one for name, one in values.items()}
        return OnnxState(values, rows)


class OnnxMember:
    """One encoder and decoder; several of them are an ensemble.

    Args:
        graphs: "encoder" and "step", or ONNX models with weights in them.
        weights: by name, float32; not copied.
        name: of the model, for messages.

    Raises:
        UsageError: ONNX Runtime cannot open them.
    """

    def __init__(self, graphs: Mapping[str, Union[Graph, OnnxFile]], weights: Mapping[str, Array], name: str) -> None:
        self._encoder = OnnxSession.of(graphs, "encoder", weights, name)
        self._step = OnnxSession.of(graphs, "step", weights, name)
        self.has_attention = "attention" in self._step.outputs
        self.copies = COPIED in self._step.shapes

    def encode(self, src_tokens: Array) -> OnnxState:
        """The state before the first step, of ``src_tokens`` (N, S), padded on the right."""
        return OnnxState(self._encoder.run({"src_tokens": src_tokens}), np.arange(len(src_tokens)))

    def step(self, tokens: Array, state: OnnxState) -> Tuple[Array, OnnxState]:
        """One token (R,) per row: logits (R, V), and the next state."""
        found = self._step.run({"tokens": tokens, "rows": state.rows, **state.values})
        logits, weights = found.pop("logits"), found.pop("attention", None)
        values = {name: one for name, one in state.values.items() if name.startswith("source.")}
        values.update((name[len("next.") :], one) for name, one in found.items())
        return logits, OnnxState(values, np.arange(len(tokens)), weights)

    def copied(self, src_tokens: Array, targets: Sequence[Sequence[int]]) -> Tuple[Array, Array]:
        """How probable it is that each token of targets is copied, and how probable it is in all, (N, T) each."""
        state, copied, whole = self.encode(src_tokens), [], []
        shifted = padded([[EOS, *target[:-1]] for target in targets]).T
        for tokens, wanted in zip(map(np.ascontiguousarray, shifted), padded(targets).T):
            there, before, rows = state.values[COPIED] == wanted[:, np.newaxis], state, np.arange(len(wanted))
            output, state = self.step(tokens, state)
            whole.append(np.exp(output[rows, wanted]))
            if REACHED in state.values:  # a transducer says what it copies
                copied.append((state.values[REACHED][:, :, COPY] * there).sum(1))
                continue
            elsewhere = {**before.values, COPIED: np.where(there, np.float32(PAD), before.values[COPIED])}
            written, _ = self.step(tokens, before._replace(values=elsewhere))
            copied.append(whole[-1] - np.exp(written[rows, wanted]))
        return np.stack(copied, 1), np.stack(whole, 1)


class OnnxModel:
    """One or several encoders and decoders, the mean of whose probabilities is searched.

    Args:
        members: of one vocabulary.
        longest_source: most tokens of a source, ``</s>`` included.
        longest_target: most tokens of a target, ``</s>`` included.
    """

    def __init__(self, members: Sequence[OnnxMember], longest_source: int, longest_target: int) -> None:
        self.members = list(members)
        self.longest_source, self.longest_target = longest_source, longest_target
        self.has_attention = self.members[0].has_attention

    def search(
        self, sources: Sequence[Sequence[int]], settings: SearchSettings, attends: bool = False
    ) -> List[List[Found]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        src_tokens = padded(sources)
        states = [member.encode(src_tokens) for member in self.members]
        first_tokens = np.full(len(sources), settings.end)
        return beam_search(self.members, states, first_tokens, settings, attends and self.has_attention)

    def attend(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[Array]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it.

        Raises:
            ValueError: the model has no attention, or there are several members, which look at different tokens.
        """
        if len(self.members) > 1:
            raise ValueError("each member of an ensemble has attention weights of its own: use one")
        member, looked = self.members[0], []
        state = member.encode(padded(sources))
        for tokens in padded([[EOS, *target[:-1]] for target in targets]).T:
            _, state = member.step(np.ascontiguousarray(tokens), state)
            if state.weights is None:
                raise ValueError("this model has no attention")
            looked.append(state.weights)
        weights = np.stack(looked, 1)  # N T S
        return [row[: len(target), : len(source)] for row, target, source in zip(weights, targets, sources)]

    def copied(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Optional[List[Array]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        parts = [member.copied(padded(sources), targets) for member in self.members if member.copies]
        if not parts:
            return None
        copied, whole = (np.sum(part, 0) for part in zip(*parts))
        shares = (copied / np.maximum(whole, _LEAST)).clip(0, 1)
        return [row[: len(target)] for row, target in zip(shares, targets)]

    def score(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[Array]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        src_tokens = padded(sources)
        states = [member.encode(src_tokens) for member in self.members]
        outputs = np.ascontiguousarray(padded(targets).T)
        scores = score_outputs(self.members, states, np.full(len(sources), EOS), outputs)
        return [row[: len(target)] for row, target in zip(scores, targets)]


def padded(sentences: Sequence[Sequence[int]]) -> Array:
    """(N, longest), int64, padded on the right."""
    rows = np.full((len(sentences), max(map(len, sentences))), PAD, dtype=np.int64)
    for row, sentence in zip(rows, sentences):
        row[: len(sentence)] = sentence
    return rows
