"""``--criterion text_classification``: cross-entropy of classes, with linear gain and with joint objectives.

Shape letters: B documents, S tokens, C classes, V vocabulary, O readout size, N real tokens of all documents.
"""

import math
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from fairseq.logging.meters import safe_round
from fairseq.modules import AdaptiveSoftmax
from torch import Tensor

from s2s_plugins.compat.losses import token_losses
from s2s_plugins.criterions.report import ConfusionMeter
from s2s_plugins.errors import UsageError
from s2s_plugins.nn.classifier import linear_gain_weights

JOINT = {"reconstruction": "reconstruction_weight", "lm": "lm_weight"}


@dataclass
class TextClassificationCriterionConfig(FairseqDataclass):
    """Flags of the criterion."""

    classification_head_name: str = field(
        default="sentence_classification_head", metadata={"help": "name of the classification head"}
    )
    linear_gain: bool = field(
        default=False,
        metadata={"help": "predict the label at every token in training, with a weight that grows from 0 to 1"},
    )
    reconstruction_weight: float = field(
        default=0.0,
        metadata={"help": "joint training: weight of the loss of reconstructing the document (sa_lstm)"},
    )
    lm_weight: float = field(
        default=0.0, metadata={"help": "joint training: weight of the loss of predicting each next token"}
    )
    class_weights: Optional[str] = field(
        default=None,
        metadata={"help": "weights of the classes in training: balanced, or one number per class, as in 1,2.5"},
    )


@register_criterion("text_classification", dataclass=TextClassificationCriterionConfig)
class TextClassificationCriterion(FairseqCriterion):
    """Dai and Le 2015, arXiv:1511.01432, sections 2.3 (linear gain) and 2.4 (joint training).

    A document's loss is its cross-entropy, plus the weights times the means over its tokens of the reconstruction and
    language model losses. In evaluation it is the cross-entropy at the end of the document alone.

    Raises:
        UsageError: a weight is not a number of 0 or more, or there is not one for each class.
    """

    def __init__(self, cfg: TextClassificationCriterionConfig, task) -> None:
        super().__init__(task)
        self.head = cfg.classification_head_name
        self.linear_gain = cfg.linear_gain
        self.weights: Dict[str, float] = {}
        for name, key in JOINT.items():
            weight = getattr(cfg, key)
            if not (0 <= weight < math.inf):
                raise UsageError(f"{_flag(key)} {weight} is not a weight: use 0 or more")
            if weight > 0:
                self.weights[name] = weight
        self.eos = task.source_dictionary.eos()
        self.class_weights = _class_weights(cfg.class_weights, task)

    @classmethod
    def build_criterion(cls, cfg, task) -> "TextClassificationCriterion":
        return cls(cfg, task)

    def forward(self, model, sample, reduce=True) -> Tuple[Tensor, int, dict]:
        """The loss of a batch, summed over its documents; their number; values for the log."""
        tokens, target = sample["net_input"]["src_tokens"], sample["target"]
        padding_mask = tokens.eq(self.padding_idx)
        training = model.training
        objectives = tuple(self.weights) if training else ()
        every_step = training and self.linear_gain
        if training:
            self.check(model)
        joint = {"objectives": objectives, "prev_output_tokens": shift_right(tokens, self.eos, self.padding_idx)}
        logits, extra = model(
            **sample["net_input"],
            features_only=True,
            classification_head_name=self.head,
            every_step=every_step,
            **(joint if objectives else {}),
        )
        each = self._every_step(logits, target, padding_mask) if every_step else self._cross_entropy(logits, target)
        loss = each.sum()
        output = {"ntokens": sample["ntokens"], "nsentences": len(target), "sample_size": len(target)}
        if objectives:
            output["classification_loss"] = loss.detach()
        for name in objectives:
            mean = mean_token_losses(model.decoder.adaptive_softmax, extra[name], tokens, padding_mask)  # B
            output[f"{name}_loss"] = mean.sum().detach()
            loss = loss + self.weights[name] * mean.sum()
        output["loss"] = loss.detach()
        if not every_step:
            predicted = logits.argmax(-1)
            output["ncorrect"] = predicted.eq(target).sum()
            if not training:
                classes = logits.size(-1)
                output["confusion"] = torch.bincount(target * classes + predicted, minlength=classes**2).view(
                    classes, -1
                )
        return loss, len(target), output

    def check(self, model) -> None:
        """Check that ``model`` can do what the flags ask for in training.

        Raises:
            UsageError: it cannot.
        """
        for name in self.weights:
            if name not in getattr(model, "objectives", ()):
                needs = "--arch sa_lstm" if name == "reconstruction" else "--arch lm_lstm or sa_lstm"
                raise UsageError(
                    f"{_flag(JOINT[name])} {self.weights[name]} needs {needs}, which can generate text: use it"
                )
        if self.linear_gain:
            if not model.classification_heads[self.head].predicts_every_step:
                raise UsageError(
                    "--linear-gain predicts at every token from the tokens up to it: use it with --pooling last, "
                    "without --bidirectional and without --head-batch-norm"
                )

    def _cross_entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        """(B, C) and (B,) -> (B,), weighted by class in training."""
        weight = self.class_weights if self.training and self.class_weights is not None else None
        weight = None if weight is None else weight.to(logits.device)
        return F.cross_entropy(logits, target, weight=weight, reduction="none")

    def _every_step(self, logits: Tensor, target: Tensor, padding_mask: Tensor) -> Tensor:
        """(B, S, C) -> (B,): the weighted mean, so that a long document counts as much as a short one."""
        steps = logits.size(1)
        losses = self._cross_entropy(logits.flatten(0, 1), target.repeat_interleave(steps)).view(-1, steps)
        weights = linear_gain_weights(padding_mask)
        return (losses * weights).sum(1) / weights.sum(1)

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Accuracy and error in percent, macro F1 in percent, losses in bits."""

        def total(key):
            return sum(output.get(key, 0) for output in logging_outputs)

        documents = total("sample_size")
        if not documents:
            return
        for key in ("loss", "classification_loss", *(f"{name}_loss" for name in JOINT)):
            if key == "loss" or any(key in output for output in logging_outputs):
                metrics.log_scalar(key, total(key) / documents / math.log(2), documents, round=3)
        if any("ncorrect" in output for output in logging_outputs):
            correct = total("ncorrect")
            metrics.log_scalar("accuracy", 100.0 * correct / documents, documents, round=2)
            metrics.log_scalar("error", 100.0 - 100.0 * correct / documents, documents, round=2)
        matrices = [output["confusion"] for output in logging_outputs if "confusion" in output]
        if matrices:
            metrics.log_custom(ConfusionMeter, "_confusion", sum(matrices).cpu().numpy())
            metrics.log_derived("macro_f1", lambda meters: safe_round(meters["_confusion"].smoothed_value, 2))

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def shift_right(tokens: Tensor, eos: int, pad: int) -> Tensor:
    """The input that predicts ``tokens`` (B, S), padded on the right: ``eos``, then the previous tokens."""
    previous = torch.cat([torch.full_like(tokens[:, :1], eos), tokens[:, :-1]], dim=1)
    return previous.masked_fill(tokens.eq(pad), pad)


def mean_token_losses(
    adaptive_softmax: Optional[AdaptiveSoftmax], outputs: Tensor, target: Tensor, padding_mask: Tensor
) -> Tensor:
    """Each document's mean cross-entropy over its tokens, (B,).

    Args:
        adaptive_softmax: of the model; None if it has none.
        outputs: logits (B, S, V), or features (B, S, O) for the adaptive softmax.
        target: (B, S).
        padding_mask: (B, S), True at padding.
    """
    real = ~padding_mask
    losses = token_losses(adaptive_softmax, outputs[real], target[real])
    lengths = real.sum(1)
    documents = torch.arange(len(target), device=target.device).repeat_interleave(lengths)
    return losses.new_zeros(len(target)).index_add(0, documents, losses) / lengths


def _class_weights(text: Optional[str], task) -> Optional[Tensor]:
    """``--class-weights`` as a tensor (C,); None if it was not given.

    Raises:
        UsageError: it is neither ``balanced`` nor a positive number for each class.
    """
    if text is None:
        return None
    if text == "balanced":
        counts = torch.from_numpy(task.label_counts("train"))
        return counts.sum() / (len(counts) * counts.clamp(min=1)).float()
    try:
        weights = [float(part) for part in text.split(",")]
    except ValueError:
        weights = []
    if not weights or not all(0 < weight < math.inf for weight in weights):
        raise UsageError(f"--class-weights {text} is not a list of positive numbers: write balanced, or as in 1,2.5")
    if len(weights) != len(task.labels):
        raise UsageError(
            f"--class-weights has {len(weights)} numbers, the data {len(task.labels)} classes: give one for each of "
            f"{', '.join(task.labels)}, in this order"
        )
    return torch.tensor(weights)
