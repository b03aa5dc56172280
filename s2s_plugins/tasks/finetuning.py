"""Fine-tuning a pretrained model: frozen parameters, gradual unfreezing, a learning rate for each layer."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Dict, List, Tuple

from torch import nn

from s2s_plugins.errors import UsageError

logger = logging.getLogger(__name__)

Groups = List[Tuple[str, List[nn.Parameter]]]


def freeze(model: nn.Module, pattern: str) -> None:
    """Freeze the parameters whose names match the regular expression ``pattern`` anywhere.

    Raises:
        UsageError: it is not a regular expression, it matches no name, or nothing is left to train.
    """
    named = list(model.named_parameters(remove_duplicate=False))
    try:
        found = [(name, parameter) for name, parameter in named if re.search(pattern, name)]
    except re.error as error:
        raise UsageError(f"--freeze {pattern} is not a regular expression: {error}") from None
    if not found:
        names = ", ".join(name for name, _ in named)
        raise UsageError(f"--freeze {pattern} matches no parameter: the names are {names}")
    for _, parameter in found:
        parameter.requires_grad = False
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UsageError(f"--freeze {pattern} leaves nothing to train: freeze fewer parameters")
    logger.info(f"--freeze {pattern}: {', '.join(name for name, _ in found)}")


class LayerSchedule:
    """The epoch from which each layer trains, and its learning rate.

    After Howard and Ruder 2018, arXiv:1801.06146: discriminative fine-tuning (section 3.2), where the learning rate of
    a layer is a fraction of that of the next higher one, and gradual unfreezing (section 3.3), where the layers start
    to train one after the other, from the top down.

    Args:
        groups: name and parameters of each layer, from the bottom up.
        lr_decay: learning rate of a layer, divided by that of the next higher one.
        unfreeze_every: number of epochs after which one more layer trains; 0: all train from the start.

    Raises:
        UsageError: ``lr_decay`` is not in (0, 1], or ``unfreeze_every`` is below 0.
    """

    def __init__(self, groups: Groups, lr_decay: float, unfreeze_every: int) -> None:
        if not 0 < lr_decay <= 1:
            raise UsageError(f"--layer-lr-decay {lr_decay} is not a fraction: use more than 0, and at most 1")
        if unfreeze_every < 0:
            raise UsageError(f"--unfreeze-every {unfreeze_every} is below 0: use epochs, or 0 to train all at once")
        trained = [(name, [parameter for parameter in group if parameter.requires_grad]) for name, group in groups]
        self.groups = [(name, group) for name, group in trained if group]
        self.lr_decay = lr_decay
        self.unfreeze_every = unfreeze_every
        self.scales: Dict[int, float] = {
            id(parameter): lr_decay**depth
            for depth, (_, group) in enumerate(reversed(self.groups))
            for parameter in group
        }

    def begin_epoch(self, epoch: int) -> None:
        """Unfreeze the layers that train in ``epoch``, counted from 1."""
        if not self.unfreeze_every:
            return
        count = min(1 + (epoch - 1) // self.unfreeze_every, len(self.groups))
        for place, (_, group) in enumerate(reversed(self.groups)):
            for parameter in group:
                parameter.requires_grad = place < count
        logger.info(f"epoch {epoch} trains {', '.join(name for name, _ in self.groups[-count:])}")

    @contextlib.contextmanager
    def learning_rates(self, optimizer):
        """Give each parameter of fairseq's ``optimizer`` the learning rate of its layer, for one step.

        The groups of the optimizer are split for that step and restored, since checkpoints and learning rate schedules
        expect one group.

        Raises:
            UsageError: the optimizer has copies of the parameters (``--fp16``).
        """
        if self.lr_decay == 1:
            yield
            return
        inner = optimizer.optimizer
        whole = inner.param_groups
        split = []
        for group in whole:
            by_scale: Dict[float, list] = {}
            for parameter in group["params"]:
                if id(parameter) not in self.scales:
                    raise UsageError(
                        "--layer-lr-decay needs the model's own parameters, --fp16 trains copies: use --autocast bf16"
                    )
                by_scale.setdefault(self.scales[id(parameter)], []).append(parameter)
            split += [
                {**group, "params": parameters, "lr": group["lr"] * scale} for scale, parameters in by_scale.items()
            ]
        inner.param_groups = split
        try:
            yield
        finally:
            inner.param_groups = whole
