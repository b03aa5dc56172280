"""The encoder: tokens or vectors to memory, shared by all architectures.

Shape letters: B sentences, S source tokens, D size of a source vector, E embedding size, L layers, M memory size
(hidden size times directions).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder


class EncoderOutput(NamedTuple):
    """What a decoder may use of the source.

    Attributes:
        memory: top hidden states (B, S, M), 0 at padding.
        padding_mask: (B, S), True at padding, and at features that the decoder sees.
        state: final state of every layer, (B, L, M) each.
        tokens: (B, S), the source itself, for decoders that copy; of vectors (B, 0).
        features: (B, F), the sum of the embeddings of the source's features; (B, 0) where it has none.
    """

    memory: Tensor
    padding_mask: Tensor
    state: RecurrentState
    tokens: Tensor
    features: Tensor

    @property
    def context(self) -> Tensor:
        """C, the final top hidden state (B, M), forward and backward joined."""
        return self.state.hidden[:, -1]

    def reorder(self, new_order: Tensor) -> "EncoderOutput":
        return reorder(self, new_order)


def is_padding(tokens: Tensor, embed_tokens: nn.Embedding) -> Tensor:
    """(B, S), True at padding; the embedding has its ``padding_idx`` set."""
    assert embed_tokens.padding_idx is not None
    return tokens.eq(embed_tokens.padding_idx)


def encoded(memory: Tensor, padding_mask: Tensor, state: RecurrentState) -> EncoderOutput:
    """The encoder output of a source without tokens and features."""
    nothing = memory[:, 0, :0]
    return EncoderOutput(memory, padding_mask, state, nothing.long(), nothing)


class RecurrentEncoder(nn.Module):
    """Runs a recurrent stack over what a subclass embeds.

    Sutskever et al. 2014, arXiv:1409.3215, section 2; bidirectional: Bahdanau et al. 2014, arXiv:1409.0473,
    section 3.2.

    Args:
        stack: the recurrent layers, input size E.
        dropout_in: on the embeddings.
        dropout_out: on the memory.
    """

    def __init__(self, *, stack: RecurrentStack, dropout_in: Dropout, dropout_out: Dropout) -> None:
        super().__init__()
        self.stack = stack
        self.dropout_in = dropout_in
        self.dropout_out = dropout_out

    @property
    def output_size(self) -> int:
        """M."""
        return self.stack.output_size

    def encode(
        self, embedded: Tensor, padding_mask: Optional[Tensor], state: Optional[RecurrentState] = None
    ) -> EncoderOutput:
        """Encode a batch, padded on either side.

        Args:
            embedded: (B, S, E).
            padding_mask: (B, S), True at padding; None if there is none.
            state: to go on from, of an earlier piece of the same sequences; by default zeros.

        Raises:
            ValueError: S is 0.
        """
        if embedded.size(1) == 0:
            raise ValueError("a source has 0 tokens: the shortest one is the end-of-sentence symbol alone")
        embedded = self.dropout_in(embedded)
        first = self.stack.zero_state(embedded) if state is None else state
        memory, last = self.stack(embedded, first, padding_mask, from_zero=state is None)
        if padding_mask is None:
            padding_mask = memory.new_zeros(memory.shape[:2], dtype=torch.bool)
        return encoded(self.dropout_out(memory), padding_mask, last)


class Encoder(RecurrentEncoder):
    """An encoder of tokens.

    Features of the source, as the tags of an inflected form, are tokens before the others: Kann and Schuetze 2016,
    aclanthology P16-2090, section 3. Where the decoder sees the sum of their embeddings at every step, the encoder
    passes over them, and so does what looks at its memory: a source is encoded alike whatever form of it is asked for.

    Args:
        embed_tokens: embedding V x E with its ``padding_idx`` set.
        features: the symbols that are features, if a decoder sees them.
        **shared: what :class:`RecurrentEncoder` takes.

    Attributes:
        is_feature: (V,), of each symbol 1 or 0; (0,) without features.
    """

    is_feature: Tensor

    def __init__(self, *, embed_tokens: nn.Embedding, features: Sequence[int] = (), **shared: Any) -> None:
        super().__init__(**shared)
        self.embed_tokens = embed_tokens
        is_feature = torch.zeros(embed_tokens.num_embeddings if features else 0)
        is_feature[list(features)] = 1
        self.register_buffer("is_feature", is_feature, persistent=False)

    def forward(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side.

        Raises:
            ValueError: S is 0.
        """
        embedded, padding_mask = self.embed_tokens(src_tokens), is_padding(src_tokens, self.embed_tokens)
        if not len(self.is_feature):
            return self.encode(embedded, padding_mask)._replace(tokens=src_tokens)
        in_front = (padding_mask | self.is_feature[src_tokens].bool()).long().cumprod(1).bool() & ~padding_mask
        features = torch.einsum("bs,bse->be", in_front.to(embedded.dtype), embedded)
        output = self.encode(embedded, padding_mask | in_front)
        return output._replace(tokens=src_tokens, features=self.dropout_in(features))


class VectorEncoder(RecurrentEncoder):
    """An encoder of vectors.

    Args:
        source_size: D.
        embed_dim: E.
        **shared: what :class:`RecurrentEncoder` takes.
    """

    def __init__(self, *, source_size: int, embed_dim: int, **shared: Any) -> None:
        super().__init__(**shared)
        self.projection = nn.Linear(source_size, embed_dim)

    def forward(
        self, source: Tensor, padding_mask: Optional[Tensor] = None, state: Optional[RecurrentState] = None
    ) -> EncoderOutput:
        """Encode ``source`` (B, S, D); ``padding_mask`` and ``state`` as in :meth:`RecurrentEncoder.encode`."""
        return self.encode(self.projection(source), padding_mask, state)
