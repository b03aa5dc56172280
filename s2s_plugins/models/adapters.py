"""fairseq's encoder and decoder interfaces over those of ``s2s_plugins.nn``.

Shape letters: B sentences, S source tokens, T target tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from typing import Any, ContextManager, Dict, Optional, Tuple

import torch
from fairseq.models import FairseqEncoder, FairseqIncrementalDecoder
from fairseq.modules import AdaptiveSoftmax
from torch import Tensor

from s2s_plugins.models.loading import symbols_as_numbers
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import Encoder, EncoderOutput
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.fast.weights import Int8Weight
from s2s_plugins.nn.scheduled import ScheduledSampling
from s2s_plugins.nn.steps import PlainState, PlainSteps, Steps

logger = logging.getLogger(__name__)


class Autocast:
    """``--autocast``: a context for forward passes that computes matrix products in bfloat16.

    Args:
        kind: ``"none"`` or ``"bf16"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.checked = False

    def __call__(self, device: torch.device) -> ContextManager[Any]:
        if self.kind == "none":
            return contextlib.nullcontext()
        if not self.checked:
            self._check(device)
            self.checked = True
        if not self.supported(device):
            return contextlib.nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)

    def _check(self, device: torch.device) -> None:
        """Say so where bfloat16 is impossible, or does not pay."""
        if not self.supported(device):
            logger.warning("--autocast bf16 is left off: this CPU has no bfloat16 instructions (AVX512 or AMX)")
        elif device.type == "cpu":
            ratio = self.seconds_of_a_product(torch.bfloat16) / self.seconds_of_a_product(torch.float32)
            if ratio > 1:
                logger.warning(
                    f"--autocast bf16 does not pay here: on this CPU a matrix product takes {ratio:.1f} times as long "
                    "as in float32, leave the flag out"
                )

    @staticmethod
    def seconds_of_a_product(dtype: torch.dtype) -> float:
        """What a product of a small model's size takes on this CPU, the best of several."""
        left, right = torch.ones(256, 512, dtype=dtype), torch.ones(512, 1024, dtype=dtype)
        best = math.inf
        for _ in range(5):
            started = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - started)
        return best

    @staticmethod
    def supported(device: torch.device) -> bool:
        """Whether recurrent layers run in bfloat16 on ``device``."""
        if device.type == "cuda":
            return torch.cuda.is_bf16_supported()
        mkldnn = torch.backends.mkldnn.is_available()
        return device.type == "cpu" and mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported()


class RecurrentEncoder(FairseqEncoder):
    """fairseq's encoder interface over :class:`s2s_plugins.nn.encoder.Encoder`.

    Args:
        dictionary: of the source.
        core: the encoder.
        max_positions: longest source, in tokens.
        autocast: the forward pass's context.
    """

    def __init__(self, dictionary: Any, core: Encoder, max_positions: int, autocast: Autocast) -> None:
        super().__init__(dictionary)
        self.core = core
        self.register_buffer("symbols", symbols_as_numbers(dictionary))
        self.max_source_positions = max_positions
        self.autocast = autocast

    def forward(self, src_tokens: Tensor, src_lengths: Optional[Tensor] = None, **kwargs: Any) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side; the lengths are read off the padding."""
        with self.autocast(src_tokens.device):
            return self.core(src_tokens)

    def reorder_encoder_out(self, encoder_out: EncoderOutput, new_order: Tensor) -> EncoderOutput:
        return encoder_out.reorder(new_order)

    def max_positions(self) -> int:
        return self.max_source_positions


class RecurrentDecoder(FairseqIncrementalDecoder):
    """fairseq's incremental decoder interface over :class:`s2s_plugins.nn.decoder.Decoder`.

    Args:
        dictionary: of the target.
        core: the decoder; with an adaptive softmax its output layer is the identity.
        adaptive_softmax: takes the output layer's place, or None.
        max_positions: longest target, in tokens.
        left_pad_target: whether training batches are padded on the left.
        autocast: the forward pass's context.
        decoding_weights: the kind of weights in beam search, one of :data:`s2s_plugins.nn.fast.weights.KINDS`.
        scheduled_sampling: how often training reads the model's own tokens; None: never.
    """

    STATE = "decoder_state"

    def __init__(
        self,
        dictionary: Any,
        core: Decoder[Any],
        adaptive_softmax: Optional[AdaptiveSoftmax],
        max_positions: int,
        left_pad_target: bool,
        autocast: Autocast,
        decoding_weights: str = "full",
        scheduled_sampling: Optional[ScheduledSampling] = None,
    ) -> None:
        super().__init__(dictionary)
        self.core = core
        self.register_buffer("symbols", symbols_as_numbers(dictionary))
        self.decoding_weights = decoding_weights
        self.adaptive_softmax = adaptive_softmax
        self.max_target_positions = max_positions
        self.left_pad_target = left_pad_target
        self.autocast = autocast
        self.scheduled_sampling = ScheduledSampling() if scheduled_sampling is None else scheduled_sampling
        self.need_attn = True
        self._folded: Optional[FoldedDecoder] = None
        self._folded_from: Optional[Tuple[Any, ...]] = None

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Optional[EncoderOutput] = None,
        incremental_state: Optional[Dict[str, Any]] = None,
        features_only: bool = False,
        **kwargs: Any,
    ) -> Tuple[Tensor, Dict[str, Any]]:
        """Logits (B, T, V) and ``{"attn": [(B, T, S)]}``; T is 1 from the second call with ``incremental_state`` on.

        With an adaptive softmax or ``features_only``, features (B, T, O) take the logits' place.
        """
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        return (features if features_only else self.output_layer(features)), extra

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Optional[EncoderOutput] = None,
        incremental_state: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> Tuple[Tensor, Dict[str, Any]]:
        """Features (B, T, O), and the attention as in :meth:`forward`."""
        with self.autocast(prev_output_tokens.device):
            if incremental_state is None:
                features, attention = self._run_whole(prev_output_tokens, encoder_out)
            else:
                state = self.get_incremental_state(incremental_state, self.STATE)
                if state is None:
                    state = self.start(prev_output_tokens, encoder_out)
                else:
                    prev_output_tokens = prev_output_tokens[:, -1:]
                features, attention, state = self.core.run(prev_output_tokens, state)
                self.set_incremental_state(incremental_state, self.STATE, state)
        features = features.to(next(self.core.parameters()).dtype)  # autocast's bfloat16 ends here
        return features, {"attn": [attention if self.need_attn else None]}

    def start(self, prev_output_tokens: Tensor, encoder_out: Optional[EncoderOutput]) -> Any:
        """The state before the first of ``prev_output_tokens`` (B, T); without a source a language model's."""
        if encoder_out is None:
            return self.core.start_without_source(prev_output_tokens)
        return self.core.start(encoder_out)

    def _run_whole(
        self, prev_output_tokens: Tensor, encoder_out: Optional[EncoderOutput]
    ) -> Tuple[Tensor, Optional[Tensor]]:
        """A whole target; left padding is rolled to the right first, so that the state starts at the first token."""
        state = self.start(prev_output_tokens, encoder_out)
        if not self.left_pad_target:
            return self._read(prev_output_tokens, state)
        steps = prev_output_tokens.size(1)
        padding = prev_output_tokens.eq(self.dictionary.pad()).long().cumprod(1).sum(1, keepdim=True)  # B 1
        positions = torch.arange(steps, device=prev_output_tokens.device)
        rolled = prev_output_tokens.gather(1, (positions + padding) % steps)
        features, attention = self._read(rolled, state)
        back = ((positions - padding) % steps).unsqueeze(-1)
        features = features.gather(1, back.expand(-1, -1, features.size(-1)))
        if attention is not None:
            attention = attention.gather(1, back.expand(-1, -1, attention.size(-1)))
        return features, attention

    def _read(self, prev_output_tokens: Tensor, state: Any) -> Tuple[Tensor, Optional[Tensor]]:
        """Read a whole target, padded on the right; in training, if scheduled, with the model's own tokens in it."""
        if not self.training or self.scheduled_sampling.probability == 0:
            features, attention, _ = self.core.run(prev_output_tokens, state)
            return features, attention
        return self.scheduled_sampling.run(self.core, prev_output_tokens, state, self._scores, self.dictionary.pad())

    def _scores(self, features: Tensor) -> Tensor:
        """Features (B, T, O) -> logits (B, T, V), of an adaptive softmax the log-probabilities."""
        if self.adaptive_softmax is None:
            return self.output_layer(features)
        return self.adaptive_softmax.get_log_prob(features, None)

    def output_layer(self, features: Tensor) -> Tensor:
        """Features (B, T, O) -> logits (B, T, V) in their type; an adaptive softmax takes the features themselves."""
        with self.autocast(features.device):
            logits = self.core.output_layer(features)
        return logits.to(features.dtype)

    def reorder_incremental_state(self, incremental_state: Optional[Dict[str, Any]], new_order: Tensor) -> None:
        state = self.get_incremental_state(incremental_state, self.STATE)
        if state is not None:
            self.set_incremental_state(incremental_state, self.STATE, state.reorder(new_order))

    def steps(self) -> Steps:
        """The decoder's steps for beam search: folded, where that computes the same."""
        return self.folded() if self.folds() else _AdapterSteps(self)

    def folds(self) -> bool:
        """Whether :meth:`folded` computes what :meth:`forward` does: LSTM cells, a plain softmax, no dropout kept."""
        dropouts = any(isinstance(part, Dropout) and part.keep_at_inference for part in self.core.modules())
        return self.core.stack.cell == "lstm" and self.adaptive_softmax is None and not (self.training or dropouts)

    def train(self, mode: bool = True) -> "RecurrentDecoder":
        """As every module has it; training forgets the folded weights: fused optimizers change weights unseen."""
        if mode:
            self._folded = self._folded_from = None
        super().train(mode)
        return self

    def folded(self) -> FoldedDecoder:
        """The decoder's steps with folded weights, rebuilt only where a weight has changed."""
        weights = tuple((weight.data_ptr(), weight._version, weight.dtype) for weight in self.core.parameters())
        if self._folded_from != weights:
            device = next(self.core.parameters()).device
            self._folded = self.core.fold(self._kind_of_weights(device))
            self._folded_from = weights
        assert self._folded is not None
        return self._folded

    def _kind_of_weights(self, device: torch.device) -> str:
        """``--decoding-weights`` where this machine can, and bf16 under ``--autocast bf16``."""
        kind = "bf16" if self.decoding_weights == "full" and self.autocast.kind == "bf16" else self.decoding_weights
        supported = {"full": True, "bf16": Autocast.supported(device), "int8": Int8Weight.supported(device)}
        if supported[kind]:
            return kind
        if self.decoding_weights != "full":  # otherwise --autocast has said so
            logger.warning(f"--decoding-weights {kind} is left off: this {device.type} has no instructions for it")
        return "full"

    def max_positions(self) -> int:
        return self.max_target_positions

    def make_generation_fast_(self, need_attn: bool = False, **kwargs: Any) -> None:
        self.need_attn = bool(need_attn)


class _AdapterSteps(PlainSteps):
    """The steps of a decoder that does not fold; what :meth:`RecurrentDecoder.forward` computes, a token at a time."""

    def __init__(self, adapter: RecurrentDecoder) -> None:
        super().__init__(adapter.core, adapter._scores)
        self.adapter = adapter

    def start(self, encoder_output: EncoderOutput, beams: int) -> PlainState:
        with self.adapter.autocast(encoder_output.memory.device):
            return super().start(encoder_output, beams)

    def run(self, tokens: Tensor, state: Any) -> Tuple[Tensor, Optional[Tensor], Any]:
        with self.adapter.autocast(tokens.device):
            features, attention, state = super().run(tokens, state)
        return features.to(next(self.decoder.parameters()).dtype), attention, state  # autocast's bfloat16 ends here
