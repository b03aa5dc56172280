"""Attention over the encoder's memory: prepared once per sentence, then a stateless step.

Shape letters: B sentences, S source tokens, T queries, Q query size, M memory size, A attention size.
"""

from __future__ import annotations

from typing import ClassVar, Dict, NamedTuple, Optional, Tuple, Type

import torch
from torch import Tensor, nn

from s2s_plugins.nn.fast.scores import additive_scores
from s2s_plugins.nn.recurrent import reorder
from s2s_plugins.nn.settings import AttentionSettings


class AttentionKeys(NamedTuple):
    """The source as attention sees it.

    Attributes:
        memory: (B, S, M), what is averaged.
        keys: (B, S, A), what queries are compared with.
        padding_mask: (B, S), True at padding.
    """

    memory: Tensor
    keys: Tensor
    padding_mask: Tensor

    def reorder(self, new_order: Tensor) -> "AttentionKeys":
        return reorder(self, new_order)


class Attention(nn.Module):
    """``a = softmax_j e(query, memory_j)``, ``context = sum_j a_j memory_j``. A subclass defines the score ``e``.

    Args:
        query_dim: Q.
        memory_dim: M.

    Raises:
        ValueError: a size is not positive.

    Attributes:
        has_hidden_layer: whether the score has a hidden layer, with a size of its own and room for coverage.
    """

    has_hidden_layer: ClassVar[bool] = False

    def __init__(self, query_dim: int, memory_dim: int, **sizes: int) -> None:
        super().__init__()
        for name, size in {"query_dim": query_dim, "memory_dim": memory_dim, **sizes}.items():
            if size < 1:
                raise ValueError(f"{name} {size} is not positive: use 1 or more")
        self.query_dim = query_dim
        self.memory_dim = memory_dim

    def project(self, memory: Tensor) -> Tensor:
        """The part of the score that no query changes: (B, S, M) -> (B, S, A)."""
        raise NotImplementedError

    def score(self, query: Tensor, keys: Tensor, coverage: Optional[Tensor]) -> Tensor:
        """Scores (B, T, S) of ``query`` (B, T, Q) against ``keys`` (B, S, A)."""
        raise NotImplementedError

    def prepare(self, memory: Tensor, padding_mask: Tensor) -> AttentionKeys:
        """Bind to ``memory`` (B, S, M) with ``padding_mask`` (B, S), once per sentence."""
        return AttentionKeys(memory, self.project(memory), padding_mask)

    def forward(self, query: Tensor, keys: AttentionKeys, coverage: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """Attend with T queries per sentence.

        Args:
            query: (B, T, Q).
            keys: what :meth:`prepare` returned.
            coverage: (B, T, S), the attention that each source token has had before a query; only where the score
                has a coverage term.

        Returns:
            Context (B, T, M) and weights (B, T, S) in float32: 0 at padding, summing to 1, in the source's own
            coordinates.
        """
        scores = self.score(query, keys.keys, coverage).float()
        scores = scores.masked_fill(keys.padding_mask.unsqueeze(1), torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1)
        return torch.bmm(weights.to(keys.memory.dtype), keys.memory), weights


class DotAttention(Attention):
    """Dot product: ``e_j = query . memory_j``.

    After Luong, Pham, Manning 2015, arXiv:1508.04025, section 3.1.

    Raises:
        ValueError: ``query_dim`` and ``memory_dim`` differ.
    """

    def __init__(self, query_dim: int, memory_dim: int) -> None:
        super().__init__(query_dim, memory_dim)
        if query_dim != memory_dim:
            raise ValueError(
                f"a dot product needs equal sizes, the query has {query_dim} and the memory {memory_dim}: "
                "use general attention"
            )

    def project(self, memory: Tensor) -> Tensor:
        return memory

    def score(self, query: Tensor, keys: Tensor, coverage: Optional[Tensor]) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class GeneralAttention(Attention):
    """Bilinear: ``e_j = query . W memory_j``.

    After Luong, Pham, Manning 2015, arXiv:1508.04025, section 3.1. W is applied to the memory, once per sentence.
    """

    def __init__(self, query_dim: int, memory_dim: int) -> None:
        super().__init__(query_dim, memory_dim)
        self.memory_projection = nn.Linear(memory_dim, query_dim, bias=False)
        nn.init.uniform_(self.memory_projection.weight, -0.1, 0.1)

    def project(self, memory: Tensor) -> Tensor:
        return self.memory_projection(memory)

    def score(self, query: Tensor, keys: Tensor, coverage: Optional[Tensor]) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class AdditiveAttention(Attention):
    """Additive: ``e_j = v . tanh(W query + U memory_j)``.

    After Bahdanau, Cho, Bengio 2014, arXiv:1409.0473, appendix A.1.2. With coverage, ``w_c coverage_j`` is added
    inside the tanh: See, Liu, Manning 2017, arXiv:1704.04368, equation 11.

    Args:
        query_dim: Q.
        memory_dim: M.
        attention_dim: size of the hidden layer of the score, A.
        coverage: whether the score has the coverage term.
        bias: whether the hidden layer has a bias.
    """

    has_hidden_layer = True

    def __init__(
        self, query_dim: int, memory_dim: int, attention_dim: int, coverage: bool = False, bias: bool = True
    ) -> None:
        super().__init__(query_dim, memory_dim, attention_dim=attention_dim)
        # the decoder term must stand inside a nonlinearity: outside of one it would cancel in the softmax
        self.query_projection = nn.Linear(query_dim, attention_dim, bias=False)
        self.memory_projection = nn.Linear(memory_dim, attention_dim, bias=bias)
        self.score_vector = nn.Parameter(torch.empty(attention_dim))
        self.coverage_vector = nn.Parameter(torch.empty(attention_dim)) if coverage else None
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def project(self, memory: Tensor) -> Tensor:
        return self.memory_projection(memory)

    def score(self, query: Tensor, keys: Tensor, coverage: Optional[Tensor]) -> Tensor:
        covered = None
        if self.coverage_vector is not None:
            if coverage is None:
                raise ValueError("this attention was built with a coverage term and got no coverage")
            covered = coverage.to(keys.dtype).unsqueeze(-1) * self.coverage_vector
        return additive_scores(self.query_projection(query), keys, self.score_vector, covered)


class ConcatAttention(AdditiveAttention):
    """Concat: ``e_j = v . tanh(W [query ; memory_j])``.

    After Luong, Pham, Manning 2015, arXiv:1508.04025, section 3.1. One matrix over both is the sum of one over each,
    so this is the additive score without its bias.
    """

    def __init__(self, query_dim: int, memory_dim: int, attention_dim: int, coverage: bool = False) -> None:
        super().__init__(query_dim, memory_dim, attention_dim, coverage, bias=False)


ATTENTIONS: Dict[str, Type[Attention]] = {
    "additive": AdditiveAttention,
    "dot": DotAttention,
    "general": GeneralAttention,
    "concat": ConcatAttention,
}


def build_attention(settings: AttentionSettings, query_dim: int, memory_dim: int) -> Attention:
    """The attention of these settings, for queries (B, T, Q) and a memory (B, S, M)."""
    score = ATTENTIONS[settings.score]
    if issubclass(score, AdditiveAttention):
        return score(query_dim, memory_dim, settings.dim, settings.coverage)
    return score(query_dim, memory_dim)
