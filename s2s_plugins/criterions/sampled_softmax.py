"""``--criterion sampled_softmax``: cross-entropy over a sample of a large vocabulary."""

import math
from dataclasses import dataclass, field
from typing import Tuple

import torch.nn.functional as F
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from fairseq.models import ARCH_MODEL_REGISTRY
from omegaconf import II
from torch import Tensor

from s2s_plugins.errors import UsageError
from s2s_plugins.models.adapters import RecurrentDecoder
from s2s_plugins.models.loading import CheckedLoading
from s2s_plugins.nn.sampled import LogUniformSampler, sampled_cross_entropy

NOT_OURS = (
    "--criterion sampled_softmax samples the output layer of this plugin's architectures: use one of them, as in "
    "--arch attention_lstm, or --criterion cross_entropy"
)


@dataclass
class SampledSoftmaxConfig(FairseqDataclass):
    """Flags of the criterion."""

    sampled_classes: int = field(
        default=1024,
        metadata={"help": "number of classes to sample for a batch (size of the vocabulary or more: all)"},
    )
    sentence_avg: bool = II("optimization.sentence_avg")


@register_criterion("sampled_softmax", dataclass=SampledSoftmaxConfig)
class SampledSoftmaxCriterion(FairseqCriterion):
    """Jean, Cho, Memisevic, Bengio 2015, arXiv:1412.2007: :func:`s2s_plugins.nn.sampled.sampled_cross_entropy`.

    The loss in training is lower than a full cross-entropy, since it leaves classes out. In evaluation it is the full
    one, with its perplexity.

    Args:
        task: its target dictionary is sorted by frequency, like those of fairseq-preprocess.
        sampled_classes: number of sampled classes, K.
        sentence_avg: divide gradients by the number of sentences instead of tokens.

    Raises:
        UsageError: ``sampled_classes`` is below 1.
    """

    def __init__(self, task, sampled_classes: int, sentence_avg: bool) -> None:
        super().__init__(task)
        if sampled_classes < 1:
            raise UsageError(
                f"--sampled-classes {sampled_classes} leaves no class to compare a word with: use 1 or more"
            )
        self.sentence_avg = sentence_avg
        self.sampler = LogUniformSampler(len(task.target_dictionary), sampled_classes)

    def forward(self, model, sample, reduce=True) -> Tuple[Tensor, int, dict]:
        """The loss of a batch, summed over its tokens, or of each token (N,); the sample size; values for the log.

        Raises:
            UsageError: ``model`` has no plain output layer to sample from.
        """
        decoder = getattr(model, "decoder", None)
        if not isinstance(decoder, RecurrentDecoder):
            raise UsageError(NOT_OURS)
        layer, adaptive = decoder.core.plain_output, decoder.adaptive_softmax is not None
        check_output_layer(adaptive, several=layer is None and not adaptive)
        assert layer is not None
        net_output = model(**sample["net_input"], features_only=True)
        target = model.get_targets(sample, net_output)
        real = target.ne(self.padding_idx)
        features, target = net_output[0][real], target[real]  # N O, N
        if model.training:
            with decoder.autocast(features.device):
                losses = sampled_cross_entropy(features, layer.weight, layer.bias, target, self.sampler)
        else:
            losses = F.cross_entropy(decoder.output_layer(features).float(), target, reduction="none")
        loss = losses.sum() if reduce else losses
        sample_size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        output = {"loss": loss.detach(), "ntokens": sample["ntokens"], "nsentences": sample["target"].size(0)}
        if not model.training:
            output["nll_loss"] = loss.detach()
        return loss, sample_size, {**output, "sample_size": sample_size}

    @staticmethod
    def check_flags(args) -> None:
        """Stop before any data is read where a model's flags leave no plain output layer.

        Raises:
            UsageError: as :meth:`forward`.
        """
        if not issubclass(ARCH_MODEL_REGISTRY[args.arch], CheckedLoading):
            raise UsageError(NOT_OURS)
        several = str(getattr(args, "attention_alignment", "soft")) != "soft"
        check_output_layer(bool(getattr(args, "adaptive_softmax_cutoff", None)), several)

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Losses in bits; the loss of each token and its perplexity where it is a full cross-entropy."""

        def total(key):
            return utils.item(sum(output.get(key, 0) for output in logging_outputs))

        size, tokens = total("sample_size"), total("ntokens")
        metrics.log_scalar("loss", total("loss") / size / math.log(2), size, round=3)
        if any("nll_loss" in output for output in logging_outputs):
            metrics.log_scalar("nll_loss", total("nll_loss") / tokens / math.log(2), tokens, round=3)
            metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True


def check_output_layer(adaptive: bool, several: bool) -> None:
    """See that a model of this plugin has a plain output layer to sample from.

    Args:
        adaptive: whether it has an adaptive softmax.
        several: whether it has an output layer for each source token, as hard attention does.

    Raises:
        UsageError: there is none.
    """
    if adaptive:
        raise UsageError(
            "--criterion sampled_softmax samples a plain output layer, --adaptive-softmax-cutoff takes its place: "
            "leave the cutoff out, or use --criterion adaptive_loss"
        )
    if several:
        raise UsageError(
            "--criterion sampled_softmax samples one output layer a token, with --attention-alignment hard or "
            "monotonic there is one for each source token: use --attention-alignment soft, or --criterion cross_entropy"
        )
