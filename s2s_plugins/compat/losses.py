"""Repairs to fairseq's losses."""

from __future__ import annotations

from typing import Optional

import torch.nn.functional as F
from fairseq.criterions import adaptive_loss
from fairseq.modules import AdaptiveSoftmax
from torch import Tensor

from s2s_plugins.compat.patching import wrap


def token_losses(adaptive_softmax: Optional[AdaptiveSoftmax], outputs: Tensor, target: Tensor) -> Tensor:
    """The cross-entropy of each token, (N,).

    Args:
        adaptive_softmax: takes features, if the model has one.
        outputs: logits (N, V), or features (N, O) for the adaptive softmax.
        target: (N,), without padding.
    """
    if adaptive_softmax is None:
        return F.cross_entropy(outputs, target, reduction="none")
    parts, targets = adaptive_softmax(outputs.unsqueeze(0), target)
    losses = F.cross_entropy(parts[0], targets[0], reduction="none")
    cutoffs = adaptive_softmax.cutoff
    for low, high, part, own in zip(cutoffs, cutoffs[1:], parts[1:], targets[1:]):
        if own is not None:
            places = (target.ge(low) & target.lt(high)).nonzero().squeeze(1)
            losses = losses.index_add(0, places, F.cross_entropy(part, own, reduction="none"))
    return losses


def count_every_word_of_an_adaptive_softmax() -> None:
    """Train and count the second word of each tail of an adaptive softmax.

    fairseq ignores targets with the number of padding, 1. It does so in the tails too, where words are numbered from 0
    again: one word of each tail is never trained, and the loss leaves it out.
    """

    @wrap(adaptive_loss.AdaptiveLoss, "forward")
    def forward(original, self, model, sample, reduce=True):
        if not reduce:
            return original(self, model, sample, reduce)
        net_output = model(**sample["net_input"])
        target = model.get_targets(sample, net_output)
        real = target.ne(self.padding_idx)
        loss = token_losses(model.decoder.adaptive_softmax, net_output[0][real], target[real]).sum()
        ntokens = int(real.sum())
        sample_size = target.size(0) if self.sentence_avg else ntokens
        output = {"loss": loss.detach(), "ntokens": ntokens, "nsentences": target.size(0)}
        return loss, sample_size, {**output, "sample_size": sample_size}
