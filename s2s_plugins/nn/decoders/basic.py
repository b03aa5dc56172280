"""The basic decoder: the source summary feeds every step, the previous token none."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

from torch import Tensor

from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentState, reorder
from s2s_plugins.nn.settings import DecoderSettings, Sees


class ContextState(NamedTuple):
    """State of a decoder that sees the source as one vector.

    Attributes:
        recurrent: of the stack.
        constant: C and, if the decoder sees them, the source's features, (B, M + F).
    """

    recurrent: RecurrentState
    constant: Tensor

    def reorder(self, new_order: Tensor) -> "ContextState":
        return reorder(self, new_order)


class BasicDecoder(Decoder[ContextState]):
    """Step input ``C``, output from ``s_t``: the whole target comes from one vector, the previous token is not read.

    Of a model of vectors, covariates may join the step's input: its tokens are these.

    The basic encoder-decoder; as in the SimpleSeq2Seq of the Keras seq2seq library and mode 0 of the
    encoder_decoder decoding-model comparison.
    """

    kind = "basic"
    sees = Sees(step=("constant",), output=("hidden",))
    paper_bridge = "zero"

    def __init__(self, **shared: Any) -> None:
        super().__init__(**shared)
        self.see(self._sees(self.embed_tokens is not None))

    @classmethod
    def _sees(cls, covariates: bool) -> Sees:
        return cls.sees._replace(step=("token", "constant")) if covariates else cls.sees

    @classmethod
    def own_sees(cls, settings: DecoderSettings) -> Sees:
        return cls._sees(settings.covariates)

    def start(self, encoder_output: EncoderOutput) -> ContextState:
        return ContextState(self.bridge(encoder_output), self.constant(encoder_output))

    def run(self, prev_output_tokens: Tensor, state: ContextState) -> Tuple[Tensor, None, ContextState]:
        embedded = None if self.embed_tokens is None else self.embed(prev_output_tokens)
        steps = prev_output_tokens.size(1)
        hidden, recurrent = self.stack(embedded, state.recurrent, constant=state.constant, steps=steps)
        return self.readout(hidden), None, ContextState(recurrent, state.constant)
