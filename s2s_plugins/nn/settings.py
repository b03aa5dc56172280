"""What a model is made of: frozen, with every default filled in and every check made.

Whoever makes such settings has checked them: :func:`s2s_plugins.models.resolve.resolve` makes them from the flags of a
training. The builders of :mod:`s2s_plugins.nn.build` read them and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple


@dataclass(frozen=True)
class StackSettings:
    """An embedding and the recurrent layers over it.

    Args:
        embed_dim: size of a token's embedding, E.
        hidden_size: of a layer, per direction, H.
        layers: number of layers, L.
        bidirectional: every layer reads both ways.
        residual: from the second layer on, a layer's input is added to its output.
        cell: ``"lstm"`` or ``"gru"``.
        dropout_in: dropout probability on the embeddings.
        dropout_out: dropout probability between the layers and on the last one's output.
        inner_handover: from the second layer on, a layer starts from the final state of the one below.
        features: of an encoder: the source symbols that are features, whose embeddings' sum a decoder sees.
    """

    embed_dim: int
    hidden_size: int
    layers: int = 1
    bidirectional: bool = False
    residual: bool = False
    cell: str = "lstm"
    dropout_in: float = 0.0
    dropout_out: float = 0.0
    inner_handover: bool = False
    features: Tuple[int, ...] = ()

    @property
    def output_size(self) -> int:
        """Size of the last layer's output, both directions joined."""
        return self.hidden_size * (2 if self.bidirectional else 1)


@dataclass(frozen=True)
class OutputSettings:
    """What turns features into logits.

    Args:
        size: of the features, O.
        shared: the output layer is the target embedding.
        cutoffs: of an adaptive softmax; None for a plain one.
        dropout: of an adaptive softmax.
    """

    size: int
    shared: bool
    cutoffs: Optional[Tuple[int, ...]]
    dropout: float


@dataclass(frozen=True)
class AttentionSettings:
    """How a decoder looks at the source.

    Args:
        score: one of :data:`s2s_plugins.nn.attention.ATTENTIONS`.
        timing: ``"before"`` the recurrent step or ``"after"`` it.
        alignment: ``"soft"``, ``"hard"`` or ``"monotonic"``.
        dim: size of the score's hidden layer, where it has one.
        input_feeding: the attentional vector feeds the next step.
        coverage: the score sees how much attention a source token has had.
    """

    score: str
    timing: str = "before"
    alignment: str = "soft"
    dim: int = 1
    input_feeding: bool = False
    coverage: bool = False


@dataclass(frozen=True)
class DecoderSettings:
    """A decoder.

    Args:
        kind: one of :data:`s2s_plugins.nn.decoders.DECODERS`.
        stack: its embedding and layers; a decoder that never reads the previous token has no embedding.
        output_size: size of the features that the output layer projects, O.
        bridge: what its first state comes from: ``"zero"``, ``"copy"`` or ``"dense"``.
        bridge_activation: of a dense bridge.
        attention: None for a decoder without.
        covariates: each step is fed vectors known in advance, also where it does not read the previous output.
        copies: of each source symbol, the number of the target symbol that it is copied to; None: nothing is copied.
        features_size: of the sum of the source's features, F, which each step and output see; 0 without.
    """

    kind: str
    stack: StackSettings
    output_size: int
    bridge: str
    bridge_activation: str = "tanh"
    attention: Optional[AttentionSettings] = None
    covariates: bool = False
    copies: Optional[Tuple[int, ...]] = None
    features_size: int = 0


@dataclass(frozen=True)
class LossSettings:
    """What a model of vectors learns of a target value: a number, quantiles, or a distribution.

    Args:
        kind: one of :data:`s2s_plugins.nn.losses.LOSSES`.
        quantiles: levels between 0 and 1, rising; of ``"quantile"`` alone.
        huber_delta: error from which ``"huber"`` grows linearly.
    """

    kind: str = "mse"
    quantiles: Tuple[float, ...] = ()
    huber_delta: float = 1.0


@dataclass(frozen=True)
class VectorSettings:
    """Sizes of a model that reads and writes vectors.

    Args:
        source_size: of a source vector, D.
        target_size: of a target vector, K.
        covariate_size: of what is known of each target step in advance, F.
        loss: what is learned of a target value.
    """

    source_size: int
    target_size: int
    covariate_size: int = 0
    loss: LossSettings = LossSettings()


@dataclass(frozen=True)
class TokenSettings:
    """Vocabularies of a model that reads and writes tokens.

    Args:
        source_size: V of the source.
        target_size: V of the target.
        output: what turns the decoder's features into logits.
        shares_all: source, target and output have one embedding.
    """

    source_size: int
    target_size: int
    output: OutputSettings
    shares_all: bool = False


@dataclass(frozen=True)
class Seq2SeqSettings:
    """An encoder and a decoder, of tokens, or of vectors if ``vectors`` is given.

    Args:
        encoder: of the source.
        decoder: of the target.
        vectors: of a model of vectors.
        tokens: of a model of tokens; None where its embeddings are passed to the builders.
    """

    encoder: StackSettings
    decoder: DecoderSettings
    vectors: Optional[VectorSettings] = None
    tokens: Optional[TokenSettings] = None


@dataclass(frozen=True)
class SequenceSettings:
    """One stack that reads a text and writes it (Dai and Le 2015).

    Args:
        stack: its embedding and layers.
        output_size: size of the features that the output layer projects, O.
        word_dropout: probability of reading a token as nothing.
        truncated_bptt: the gradient reaches this many tokens of a document's end, 0 for all.
        pool_embeddings: a classifier sees the embeddings beside the outputs.
    """

    stack: StackSettings
    output_size: int
    word_dropout: float = 0.0
    truncated_bptt: int = 0
    pool_embeddings: bool = False


@dataclass(frozen=True)
class HeadSettings:
    """A classification head.

    Args:
        pooling: one of :data:`s2s_plugins.nn.classifier.POOLINGS`.
        hidden_size: of its hidden layer; 0 leaves it out.
        dropout: dropout probability before each product.
        batch_norm: what was pooled is normalised.
        bidirectional: a second stack reads backwards.
    """

    pooling: str = "last"
    hidden_size: int = 0
    dropout: float = 0.0
    batch_norm: bool = False
    bidirectional: bool = False


@dataclass(frozen=True)
class ClassifierSettings:
    """A classifier of documents.

    Args:
        reader: what reads them.
        head: over its outputs.
        vocabulary: V.
        classes: number of classes, C.
    """

    reader: SequenceSettings
    head: HeadSettings
    vocabulary: int
    classes: int


class Sees(NamedTuple):
    """What a decoder looks at, each in the order of the weights that multiply it.

    Attributes:
        step: what feeds a step: of "token" (the previous one), "constant" (C, or the source's features, or both),
            "context" and "feed" (the last attentional vector).
        output: what the readout sees: of "hidden" and the same.
    """

    step: Tuple[str, ...]
    output: Tuple[str, ...]

    def with_features(self) -> Sees:
        """The same of a decoder that also sees the source's features, at every step."""
        if "constant" in self.step:
            return self
        token, *others = self.step
        output = self.output if "constant" in self.output else (*self.output, "constant")
        return Sees((token, "constant", *others), output)
