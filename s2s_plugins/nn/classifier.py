"""Classification of encoded documents: pooling over the tokens, and the head.

Shape letters: B documents, S tokens, H size of an output, P size of a pooled document, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout

POOLINGS = ("last", "mean", "max", "concat", "attention")
HEADS, ATTENTION_SIZE = 4, 128  # of the pooling "attention": weighted means, and the size of what scores them


def _last(outputs: Tensor, padding_mask: Tensor) -> Tensor:
    """The output at the last real token: (B, S, H) -> (B, H)."""
    behind = padding_mask.long().flip(1).cumprod(1).sum(1)
    last = (outputs.size(1) - 1 - behind).clamp(min=0)
    return outputs.gather(1, last.view(-1, 1, 1).expand(-1, 1, outputs.size(-1))).squeeze(1)


def _mean(outputs: Tensor, padding_mask: Tensor) -> Tensor:
    real = (~padding_mask).unsqueeze(-1).to(outputs.dtype)
    return (outputs * real).sum(1) / real.sum(1).clamp(min=1)


def _max(outputs: Tensor, padding_mask: Tensor) -> Tensor:
    highest = outputs.masked_fill(padding_mask.unsqueeze(-1), float("-inf")).amax(1)
    return highest.masked_fill(padding_mask.all(1, keepdim=True), 0.0)


class SelfAttention(nn.Module):
    """Weighted means of the outputs, each with learnt weights: ``softmax(U tanh(W h))`` over the tokens.

    Lin et al. 2017, arXiv:1703.03130, section 2.1. What a pretrained network reads saturates the maximum over the
    tokens, the same for every document; here the gradient reaches the tokens that matter.

    Args:
        input_size: H.
        hidden_size: of the scores' hidden layer.
        heads: number of means.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_size, hidden_size)
        self.score = nn.Linear(hidden_size, heads, bias=False)

    def forward(self, outputs: Tensor, padding_mask: Tensor) -> Tensor:
        """(B, S, H) and (B, S), True at padding -> (B, heads * H); a document without a token gives zeros."""
        scores = self.score(torch.tanh(self.hidden(outputs)))
        empty = padding_mask.all(1, keepdim=True)
        weights = scores.masked_fill((padding_mask & ~empty).unsqueeze(-1), float("-inf")).softmax(1)
        weights = weights.masked_fill(empty.unsqueeze(-1), 0.0)
        return torch.bmm(weights.transpose(1, 2), outputs).flatten(1)


class Pooling(nn.Module):
    """From the outputs at all tokens to one vector a document; padding counts for nothing.

    Args:
        kind: ``"last"``, the state at the last real token (Dai and Le 2015, arXiv:1511.01432, section 2); with both
            directions, each at the token where it ends; ``"mean"`` or ``"max"`` over the tokens; ``"concat"``, these
            three joined (Howard and Ruder 2018, arXiv:1801.06146, section 3.3); ``"attention"``, four means with
            learnt weights (:class:`SelfAttention`).
        input_size: H.
        backward_size: how many of the last of H were read backwards.

    Raises:
        ValueError: an unknown kind.
    """

    def __init__(self, kind: str, input_size: int, backward_size: int = 0) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise ValueError(f"pooling {kind!r} is unknown: use one of {', '.join(POOLINGS)}")
        self.kind = kind
        self.backward_size = backward_size
        self.output_size = input_size * {"concat": 3, "attention": HEADS}.get(kind, 1)
        self.attention = SelfAttention(input_size, ATTENTION_SIZE, HEADS) if kind == "attention" else None

    def forward(self, outputs: Tensor, padding_mask: Tensor) -> Tensor:
        """(B, S, H) and (B, S), True at padding -> (B, P)."""
        if self.attention is not None:
            pooled: Tensor = self.attention(outputs, padding_mask)
            return pooled
        parts = {
            "last": (self._end,),
            "mean": (_mean,),
            "max": (_max,),
            "concat": (self._end, _max, _mean),
        }
        return torch.cat([part(outputs, padding_mask) for part in parts[self.kind]], dim=-1)

    def _end(self, outputs: Tensor, padding_mask: Tensor) -> Tensor:
        if not self.backward_size:
            return _last(outputs, padding_mask)
        forward, backward = outputs.split([outputs.size(-1) - self.backward_size, self.backward_size], dim=-1)
        first = _last(backward.flip(1), padding_mask.flip(1))
        return torch.cat([_last(forward, padding_mask), first], dim=-1)

    def extra_repr(self) -> str:
        return self.kind


class DocumentNorm(nn.BatchNorm1d):
    """Batch normalisation of pooled documents, without scale and shift: the product behind it has them.

    Ioffe and Szegedy 2015, arXiv:1502.03167; on the pooled states of a classifier Howard and Ruder 2018,
    arXiv:1801.06146, section 3.3. Means over the many tokens of a document lie close to the mean of all documents, and
    what tells them apart is small: a head without this takes long to see it, longer than a few hundred labels last.

    Args:
        size: P.
    """

    def __init__(self, size: int) -> None:
        # the mean over 200 tokens of a fresh embedding has a variance of about 1e-5
        super().__init__(size, eps=1e-7, momentum=0.05, affine=False)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, P) -> (B, P); the running mean and variance serve in evaluation, and for a batch of one document."""
        if self.training and len(pooled) == 1:
            return F.batch_norm(pooled, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(pooled)


class ClassificationHead(nn.Module):
    """``W tanh(U x)`` with dropout before each product: logits over the classes.

    After Dai and Le 2015, arXiv:1511.01432, section 3: a hidden layer and a softmax on top of the pretrained LSTM.

    Args:
        pooling: outputs -> x.
        hidden_size: of the hidden layer; 0 leaves it out.
        num_classes: C.
        dropout: probability.
        normalise: x is normalised first (:class:`DocumentNorm`).

    Raises:
        ValueError: fewer than one class.
    """

    def __init__(
        self, pooling: Pooling, hidden_size: int, num_classes: int, dropout: float, normalise: bool = False
    ) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"num_classes {num_classes} is not positive: use 1 or more")
        self.pooling = pooling
        self.num_classes = num_classes
        self.dropout = Dropout(dropout, side="encoder")
        self.norm = DocumentNorm(pooling.output_size) if normalise else None
        self.hidden = nn.Sequential(nn.Linear(pooling.output_size, hidden_size), nn.Tanh()) if hidden_size else None
        self.projection = nn.Linear(hidden_size or pooling.output_size, num_classes)

    def forward(self, outputs: Tensor, padding_mask: Tensor, every_step: bool = False) -> Tensor:
        """Logits (B, C) of documents, or with ``every_step`` (B, S, C): as if each token were the last.

        Args:
            outputs: (B, S, H), of the encoder.
            padding_mask: (B, S), True at padding.
            every_step: for linear gain; if :attr:`predicts_every_step`.

        Raises:
            ValueError: ``every_step`` where it cannot be.
        """
        if not every_step:
            pooled = self.pooling(outputs, padding_mask)
            return self._project(pooled if self.norm is None else self.norm(pooled))
        if not self.predicts_every_step:
            raise ValueError("predictions at every step need the pooling 'last', one direction and no normalisation")
        return self._project(outputs)

    @property
    def predicts_every_step(self) -> bool:
        """Whether a document's prediction at a token depends on nothing behind it, and on no other document."""
        return self.pooling.kind == "last" and not self.pooling.backward_size and self.norm is None

    def _project(self, x: Tensor) -> Tensor:
        x = self.dropout(x)
        return self.projection(x if self.hidden is None else self.dropout(self.hidden(x)))


def linear_gain_weights(padding_mask: Tensor) -> Tensor:
    """Weights i / (n - 1) for the n real tokens i = 0 .. n - 1 of each document, 0 at padding; 1 where n is 1.

    Dai and Le 2015, arXiv:1511.01432, section 2.4: the label is predicted at every step, and the weight of its loss
    grows with what has been read.

    Args:
        padding_mask: (B, S), True at padding.

    Returns:
        (B, S), float32.
    """
    real = (~padding_mask).long()
    order = real.cumsum(1) - 1
    count = real.sum(1, keepdim=True)
    weights = order / (count - 1).clamp(min=1)
    return torch.where(count == 1, torch.ones_like(weights), weights) * real
