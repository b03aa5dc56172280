"""``--criterion sequence_regression``: errors of numbers, their quantiles, or their likelihood.

Shape letters: B sequences, T target steps, K target size, P numbers that describe one value.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.logging import metrics
from torch import Tensor

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.forecaster import DEFAULT_LEVELS
from s2s_plugins.models.vectors import DEFAULT_QUANTILES
from s2s_plugins.nn.losses import LOSSES, build_loss

TASK = "sequence_regression"

if TYPE_CHECKING:
    LossKind = str
else:  # which fairseq reads at run time, for what a flag may be
    LossKind = ChoiceEnum(list(LOSSES))


@dataclass
class SequenceRegressionCriterionConfig(FairseqDataclass):
    """Flags of the criterion."""

    loss: LossKind = field(
        default="mse",
        metadata={
            "help": "squared, absolute or Huber error of a number; quantile: several quantiles at once; gaussian: the "
            "likelihood of a mean and a scale"
        },
    )
    quantiles: Optional[str] = field(
        default=None,
        metadata={"help": f"levels that --loss quantile learns, comma-separated (default: {DEFAULT_QUANTILES})"},
    )
    huber_delta: Optional[float] = field(
        default=None, metadata={"help": "error from which --loss huber grows linearly (default: 1)"}
    )


@register_criterion("sequence_regression", dataclass=SequenceRegressionCriterionConfig)
class SequenceRegressionCriterion(FairseqCriterion):
    """The mean of the losses of :mod:`s2s_plugins.nn.losses` over the observed values of the targets.

    In evaluation, where the model reads its own outputs, it also logs the errors of its predictions, and for quantiles
    the share of values between the lowest and the highest. All are in standard deviations of the training part.
    """

    def __init__(self, cfg: SequenceRegressionCriterionConfig, task: Any) -> None:
        super().__init__(task)
        if getattr(task, "vectors", None) is None:
            raise UsageError(f"--criterion {TASK} needs targets that are numbers: use --task {TASK}")
        self.loss = build_loss(task.vectors.loss)

    @classmethod
    def build_criterion(cls, cfg: SequenceRegressionCriterionConfig, task: Any) -> "SequenceRegressionCriterion":
        return cls(cfg, task)

    def forward(self, model: Any, sample: Dict[str, Any], reduce: bool = True) -> Tuple[Tensor, int, Dict[str, Any]]:
        """The loss of a batch, summed over its observed values; their number; values for the log.

        Leaves the encoder's last state in ``sample["state"]``, for a task that goes on from it.
        """
        output = model(**sample["net_input"])
        sample["state"] = output.state
        target, observed = sample["target"], sample["observed"]  # B T K
        losses = self.loss.losses(output.outputs, target).masked_fill(~observed, 0.0)
        loss, values = losses.sum(), int(observed.sum())
        logged: Dict[str, Any] = {"loss": loss.detach(), "ntokens": sample["ntokens"], "sample_size": values}
        logged["nsentences"] = len(target)
        if not model.training:
            logged |= self._errors(output.outputs, sample)
        return loss, values, logged

    def _errors(self, outputs: Tensor, sample: Dict[str, Any]) -> Dict[str, Any]:
        """Sums over the observed values: absolute and squared errors, and values within the outermost quantiles."""
        target, observed = sample["target"], sample["observed"]
        error = (self.loss.point(outputs) - target) * sample["scale"].unsqueeze(1)
        error = error.masked_fill(~observed, 0.0)
        sums = {"absolute": error.abs().sum(), "squared": (error**2).sum()}
        levels = self.loss.levels or (DEFAULT_LEVELS if self.loss.gives_quantiles else ())
        if len(levels) > 1:
            outermost = self.loss.quantiles(outputs, (levels[0], levels[-1]))
            inside = (outermost[..., 0] <= target) & (target <= outermost[..., 1]) & observed
            sums["inside"] = inside.sum()
        return sums

    @staticmethod
    def reduce_metrics(logging_outputs: Any) -> None:
        """The mean loss; in evaluation mean absolute error, root mean squared error and coverage in percent."""
        values = sum(output.get("sample_size", 0) for output in logging_outputs)
        if not values:
            return
        total = {
            key: float(sum(output[key] for output in logging_outputs if key in output))
            for key in ("loss", "absolute", "squared", "inside")
            if any(key in output for output in logging_outputs)
        }
        metrics.log_scalar("loss", total["loss"] / values, values, round=4)
        if "absolute" in total:
            metrics.log_scalar("mae", total["absolute"] / values, values, round=4)
            metrics.log_scalar("_mse", total["squared"] / values, values)
            metrics.log_derived("rmse", lambda meters: round(math.sqrt(meters["_mse"].avg), 4))
        if "inside" in total:
            metrics.log_scalar("coverage", 100 * total["inside"] / values, values, round=1)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True

    @staticmethod
    def check_flags(args: Any) -> None:
        """Check that the task goes with the criterion.

        Raises:
            UsageError: it does not.
        """
        if args.task != TASK:
            raise UsageError(f"--criterion {TASK} needs targets that are numbers: use --task {TASK}")
