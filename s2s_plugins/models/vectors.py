"""The four architectures as models of vectors: from flags to :class:`s2s_plugins.nn.vectors.VectorSeq2Seq`."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional, Tuple

from torch import Tensor

from s2s_plugins.errors import UsageError
from s2s_plugins.models.adapters import Autocast
from s2s_plugins.models.config import flag
from s2s_plugins.models.loading import CheckedLoading, numbers_as_text, text_as_numbers
from s2s_plugins.models.resolve import Architecture, checked, scheduled_sampling, sides
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.losses import build_loss
from s2s_plugins.nn.recurrent import RecurrentState
from s2s_plugins.nn.scheduled import ScheduledSampling
from s2s_plugins.nn.settings import LossSettings, Seq2SeqSettings, VectorSettings
from s2s_plugins.nn.vectors import VectorOutput, VectorSeq2Seq, build_vector_seq2seq
from s2s_plugins.series.description import Description

DEFAULT_QUANTILES = "0.1,0.5,0.9"
# what only tokens have
TOKEN_FIELDS = (
    "encoder_embed_path",
    "encoder_freeze_embed",
    "decoder_embed_path",
    "decoder_freeze_embed",
    "share_decoder_input_output_embed",
    "share_all_embeddings",
    "adaptive_softmax_cutoff",
    "copy",
)


class VectorModel(CheckedLoading):
    """fairseq's interface over a model of vectors.

    Args:
        core: the model.
        autocast: the forward pass's context.
        description: of the data, which a checkpoint carries.
    """

    symbol_buffers = {}

    def __init__(self, core: VectorSeq2Seq, autocast: Autocast, description: Description) -> None:
        super().__init__()
        self.core = core
        self.autocast = autocast
        self.register_buffer("series", text_as_numbers(json.dumps(description.to_json())))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, model_cfg: Any = None, args: Any = None
    ) -> Any:
        """As fairseq's.

        Raises:
            UsageError: the weights are of other data, of another architecture, or damaged.
        """
        if strict and "series" in state_dict and description_in(state_dict["series"]) != description_in(self.series):
            raise UsageError(
                "the checkpoint was trained on data with other columns, windows or scaling: use the folder of its "
                "training"
            )
        return super().load_state_dict(state_dict, strict, model_cfg=model_cfg, args=args)

    def forward(
        self,
        source: Tensor,
        prev_outputs: Tensor,
        covariates: Optional[Tensor] = None,
        padding_mask: Optional[Tensor] = None,
        state: Optional[RecurrentState] = None,
    ) -> VectorOutput:
        """As :meth:`s2s_plugins.nn.vectors.VectorSeq2Seq.forward`, with float32 outputs also under autocast."""
        with self.autocast(source.device):
            output = self.core(source, prev_outputs, covariates, padding_mask, state)
        return output._replace(outputs=output.outputs.to(prev_outputs.dtype))

    def encode(
        self, source: Tensor, padding_mask: Optional[Tensor] = None, state: Optional[RecurrentState] = None
    ) -> EncoderOutput:
        """As :meth:`s2s_plugins.nn.vectors.VectorSeq2Seq.encode`."""
        with self.autocast(source.device):
            return self.core.encode(source, padding_mask, state)

    @property
    def goes_on(self) -> bool:
        """Whether the encoder can go on from where it was: it reads forwards only."""
        return not self.core.encoder.stack.bidirectional


def description_in(numbers: Any, where: str = "the checkpoint") -> Description:
    """The description of the data that a checkpoint's buffer ``series`` holds.

    Raises:
        UsageError: it holds none.
    """
    try:
        values = json.loads(numbers_as_text(numbers))
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise UsageError(f"{where} does not say what it was trained on: it is damaged") from None
    return Description.from_json(values, where)


def build_vector_model(model: Architecture, cfg: Any, task: Any) -> VectorModel:
    """The model of an architecture's flags.

    Args:
        model: the registered class.
        cfg: as :func:`s2s_plugins.models.resolve.resolve` takes it.
        task: with sizes and loss, ``vectors``, and the description of the data.

    Raises:
        UsageError: flags that do not fit together, or that only tokens have.
    """
    vectors: VectorSettings = task.vectors
    covariates = vectors.covariate_size > 0
    cfg = checked(model, cfg, covariates)
    for name in TOKEN_FIELDS:
        if name in cfg and cfg[name]:  # not its attributes: copy is a method of every configuration
            raise UsageError(f"{flag(name)} is about tokens, --task sequence_regression has vectors: leave it out")
    if str(cfg.decoding_weights) != "full":
        raise UsageError(
            f"--decoding-weights {cfg.decoding_weights} is about beam search, which vectors do not have: leave it out"
        )
    if str(cfg.features_as) != "joined":
        raise UsageError(
            f"--features-as {cfg.features_as} is about symbols, --task sequence_regression has vectors: leave it out"
        )
    alignment = str(getattr(cfg, "attention_alignment", "soft"))
    if alignment != "soft":
        raise UsageError(
            f"--attention-alignment {alignment} sums over where a token is read off, --task sequence_regression has "
            "vectors: use --attention-alignment soft"
        )
    encoder, decoder = sides(model, cfg, covariates)
    sampling = ScheduledSampling(**vars(scheduled_sampling(cfg)))
    core = build_vector_seq2seq(Seq2SeqSettings(encoder, decoder, vectors), sampling)
    return VectorModel(core, Autocast(str(cfg.autocast)), task.description)


def loss_settings(kind: str, quantiles: Optional[str], huber_delta: Optional[float]) -> LossSettings:
    """What ``--loss``, ``--quantiles`` and ``--huber-delta`` say.

    Raises:
        UsageError: a flag of another loss, or one that makes no sense.
    """
    for name, value, own in (("quantiles", quantiles, "quantile"), ("huber_delta", huber_delta, "huber")):
        if value is not None and kind != own:
            raise UsageError(f"{flag(name)} is about --loss {own}, --loss is {kind}: leave {flag(name)} out")
    levels: Tuple[float, ...] = ()
    if kind == "quantile":
        text = DEFAULT_QUANTILES if quantiles is None else quantiles
        try:
            levels = tuple(float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"--quantiles {text} is not a list of numbers: write 0.1,0.5,0.9") from None
    settings = LossSettings(kind, levels, 1.0 if huber_delta is None else huber_delta)
    try:
        build_loss(settings)
    except ValueError as error:
        raise UsageError(f"--loss {kind}: {error}") from None
    return settings
