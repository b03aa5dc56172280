"""The encoder: tokens to memory, shared by all architectures.

Shape letters: B sentences, S source tokens, E embedding size, L layers, M memory size (hidden size times directions).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder


class EncoderOutput(NamedTuple):
    """What a decoder may use of the source.

    Attributes:
        memory: top hidden states (B, S, M), 0 at padding.
        padding_mask: (B, S), True at padding.
        state: final state of every layer, (B, L, M) each.
    """

    memory: Tensor
    padding_mask: Tensor
    state: RecurrentState

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


class Encoder(nn.Module):
    """Embeds source tokens and runs a recurrent stack over them.

    Sutskever et al. 2014, arXiv:1409.3215, section 2; bidirectional: Bahdanau et al. 2014, arXiv:1409.0473,
    section 3.2.

    Args:
        embed_tokens: embedding V x E with its ``padding_idx`` set.
        stack: the recurrent layers, input size E.
        dropout_in: on the embeddings.
        dropout_out: on the memory.
    """

    def __init__(
        self, *, embed_tokens: nn.Embedding, stack: RecurrentStack, dropout_in: Dropout, dropout_out: Dropout
    ) -> None:
        super().__init__()
        self.embed_tokens = embed_tokens
        self.stack = stack
        self.dropout_in = dropout_in
        self.dropout_out = dropout_out

    @property
    def output_size(self) -> int:
        """M."""
        return self.stack.output_size

    def forward(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side.

        Raises:
            ValueError: S is 0.
        """
        if src_tokens.size(1) == 0:
            raise ValueError("a source has 0 tokens: the shortest one is the end-of-sentence symbol alone")
        padding_mask = is_padding(src_tokens, self.embed_tokens)
        embedded = self.dropout_in(self.embed_tokens(src_tokens))  # B S E
        memory, state = self.stack(embedded, self.stack.zero_state(embedded), padding_mask)
        return EncoderOutput(self.dropout_out(memory), padding_mask, state)
