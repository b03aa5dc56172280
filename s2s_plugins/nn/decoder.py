"""What all decoders share: embed, run, read out; a whole target at once, or one token.

Of a model of vectors a token is a vector, and what is said of logits holds for the outputs of a linear layer.

Shape letters: B sentences, T target tokens, S source tokens, E embedding size, H hidden size, O readout size,
V vocabulary.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Dict, Generic, NamedTuple, Optional, Protocol, Tuple, Type, TypeVar, Union

import torch
from torch import Tensor, nn

from s2s_plugins.nn import bridge as bridges
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.readout import Readout
from s2s_plugins.nn.recurrent import RecurrentStack
from s2s_plugins.nn.settings import AttentionSettings, DecoderSettings, Sees

Self = TypeVar("Self")
Embedding = Union[nn.Embedding, nn.Linear]  # of tokens, of vectors


class DecoderState(Protocol):
    """What a decoder carries from one token to the next: a NamedTuple of tensors (B, ...)."""

    def reorder(self: Self, new_order: Tensor) -> Self:
        """Select the batch rows ``new_order`` (N)."""


State = TypeVar("State", bound=DecoderState)
Built = TypeVar("Built", bound="Decoder[Any]")


class DecoderOutput(NamedTuple):
    """What a decoder gives back.

    Attributes:
        logits: (B, T, V), not normalised.
        attention: (B, T, S) in the source's own coordinates; None for a decoder without attention.
    """

    logits: Tensor
    attention: Optional[Tensor]


DECODERS: Dict[str, Type[Decoder[Any]]] = {}  # by kind


class Decoder(nn.Module, Generic[State]):
    """A recurrent decoder. A subclass says what feeds a step and what the output sees.

    Nothing about a run is kept on the module: :meth:`start` makes a state (a NamedTuple of tensors, with
    ``reorder(new_order)`` for beam search) that holds all a step needs, and :meth:`run` maps a state to the next.

    Args:
        embed_tokens: target embedding V x E, for vectors a linear layer; None for a decoder that reads neither the
            previous token nor covariates.
        stack: the recurrent layers.
        bridge: encoder output -> the stack's first state.
        readout: what the output sees -> features.
        output_layer: features (B, T, O) -> logits (B, T, V).
        dropout_in: on the embeddings.
        features_size: of the sum of the source's features, F, if steps and output see it; else 0.

    Attributes:
        kind: the name of this kind of decoder in settings.
        sees: what a step and the output see.
        paper_bridge: what the first state comes from in the paper: "zero", "copy" or "dense".
        coverage: whether its attention sees how much attention a source token has had.
        takes_vectors: whether it can write vectors.
        vocabulary: name of the layer that has a row for each symbol it writes.
    """

    kind: ClassVar[str]
    sees: Sees
    paper_bridge: ClassVar[str]
    coverage = False
    takes_vectors: ClassVar[bool] = True
    vocabulary: ClassVar[str] = "output_layer"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter a ``cls`` with a ``kind`` of its own in :data:`DECODERS`.

        Raises:
            TypeError: its kind is that of another decoder.
        """
        super().__init_subclass__(**kwargs)
        if "kind" in vars(cls) and DECODERS.setdefault(cls.kind, cls) is not cls:
            there = DECODERS[cls.kind].__name__
            raise TypeError(f"decoder {cls.__name__} has the `kind` of {there}, {cls.kind!r}: use another")

    def __init__(
        self,
        *,
        embed_tokens: Optional[Embedding],
        stack: RecurrentStack,
        bridge: nn.Module,
        readout: Readout,
        output_layer: nn.Module,
        dropout_in: Dropout,
        features_size: int = 0,
    ) -> None:
        super().__init__()
        self.embed_tokens = embed_tokens
        self.stack = stack
        self.bridge = bridge
        self.readout = readout
        self.output_layer = output_layer
        self.dropout_in = dropout_in
        self.features_size = features_size
        self.see(self.sees)

    def see(self, sees: Sees) -> None:
        """Let it see this, and the source's features if it sees them."""
        self.sees = sees.with_features() if self.features_size else sees

    @classmethod
    def sees_with(cls, settings: DecoderSettings) -> Sees:
        """What a decoder with these settings sees."""
        sees = cls.own_sees(settings)
        return sees.with_features() if settings.features_size else sees

    @classmethod
    def own_sees(cls, settings: DecoderSettings) -> Sees:
        """The same without the source's features."""
        return cls.sees

    @classmethod
    def sees_source_summary(cls) -> bool:
        """Whether C is part of what it sees at every step."""
        return "constant" in (*cls.sees.step, *cls.sees.output)

    @classmethod
    def auto_bridge(cls, attention: Optional[AttentionSettings]) -> str:
        """What the paper's first state comes from, with these settings: "zero", "copy" or "dense"."""
        return cls.paper_bridge

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        """What a dense bridge starts from, and its size: by default C (Cho et al. 2014)."""
        return bridges.context, encoder_stack.output_size

    @classmethod
    def build(cls: Type[Built], settings: DecoderSettings, memory_size: int, **shared: Any) -> Built:
        """The decoder of these settings, around ready-made parts.

        Args:
            settings: of this kind.
            memory_size: M.
            **shared: what the constructor takes.
        """
        return cls(**shared)

    @classmethod
    def looks(cls) -> bool:
        """Whether it looks at single source tokens, so that there are attention weights."""
        return "context" in (*cls.sees.step, *cls.sees.output)

    def constant(self, encoder_output: EncoderOutput) -> Tensor:
        """What every step sees of the source: C and its features, (B, M + F), or what the decoder sees of these."""
        parts = [encoder_output.context] if self.sees_source_summary() else []
        return torch.cat([*parts, encoder_output.features] if self.features_size or not parts else parts, dim=-1)

    def joined(self, embedded: Tensor, constant: Tensor) -> Tensor:
        """(B, T, E) with the constant (B, F) behind it at every step."""
        if not self.features_size:
            return embedded
        return torch.cat([embedded, constant.unsqueeze(1).expand(-1, embedded.size(1), -1)], dim=-1)

    def start(self, encoder_output: EncoderOutput) -> State:
        """The state before the first token; what depends on the source alone is computed here, once."""
        raise NotImplementedError

    def run(self, prev_output_tokens: Tensor, state: State) -> Tuple[Tensor, Optional[Tensor], State]:
        """Read ``prev_output_tokens`` (B, T) from ``state`` on.

        Returns:
            Features (B, T, O), attention (B, T, S) or None, and the state after the last token.
        """
        raise NotImplementedError

    def start_without_source(self, like: Tensor) -> State:
        """The state of a language model, for the batch of ``like`` (B, ...).

        Raises:
            ValueError: this decoder needs a source.
        """
        raise ValueError(f"a {self.kind} decoder needs a source: only a feedback decoder is a language model without")

    @property
    def copies_tokens(self) -> bool:
        """Whether it copies source tokens, so that :meth:`copying_step` is there."""
        return False

    def copying_step(self, tokens: Tensor, wanted: Tensor, state: State) -> Tuple[Tensor, DecoderOutput, State]:
        """How probable it is that what is ``wanted`` (B,) is copied, (B,); and what :meth:`step` returns.

        Raises:
            ValueError: this decoder does not copy.
        """
        raise ValueError(f"a {self.kind} decoder does not copy")

    @property
    def plain_output(self) -> Optional[nn.Linear]:
        """The layer from features to logits; None where something else stands between them."""
        return self.output_layer if isinstance(self.output_layer, nn.Linear) else None

    def embed(self, prev_output_tokens: Tensor) -> Tensor:
        """(B, T), or vectors (B, T, ...), -> (B, T, E)."""
        assert self.embed_tokens is not None, "this decoder never reads the previous token"
        return self.dropout_in(self.embed_tokens(prev_output_tokens))

    def fold(self, weights: str = "full") -> FoldedDecoder:
        """Its steps for beam search, with copies of its weights: fold again when these have changed.

        Args:
            weights: one of :data:`s2s_plugins.nn.fast.weights.KINDS`.

        Raises:
            ValueError: its cells are not LSTMs.
        """
        return FoldedDecoder(self, weights)

    def forward(self, prev_output_tokens: Tensor, encoder_output: EncoderOutput) -> DecoderOutput:
        """The whole target at once, teacher-forced.

        Args:
            prev_output_tokens: (B, T), the target shifted right by one, padded on the right.
            encoder_output: of the same B sentences.
        """
        features, attention, _ = self.run(prev_output_tokens, self.start(encoder_output))
        return DecoderOutput(self.output_layer(features), attention)

    def step(self, tokens: Tensor, state: State) -> Tuple[DecoderOutput, State]:
        """One token per sentence: ``tokens`` (B,) -> output with T = 1, and the next state."""
        features, attention, state = self.run(tokens.unsqueeze(1), state)
        return DecoderOutput(self.output_layer(features), attention), state
