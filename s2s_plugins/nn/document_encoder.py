"""The encoder of documents: of a classifier, of a sequence autoencoder, and the input side of a language model.

Shape letters: B documents, S tokens, E embedding size, H size of an output, L layers.
"""

from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import Encoder, EncoderOutput, encoded, is_padding
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState


class WordDropout(nn.Module):
    """Zeroes the whole embedding of a token with probability ``p``, in training.

    After Dai and Le 2015, arXiv:1511.01432, section 3; not rescaled: other words cannot compensate for a missing one.

    Raises:
        ValueError: ``p`` is outside of [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"word dropout {p} is not a probability: use a value from 0 up to, not including, 1")
        self.p = p

    def forward(self, embedded: Tensor) -> Tensor:
        """(B, S, E) -> (B, S, E)."""
        if self.p == 0 or not self.training:
            return embedded
        return embedded * (torch.rand(embedded.shape[:2], device=embedded.device) >= self.p).unsqueeze(-1)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class DocumentEncoder(Encoder):
    """An encoder for long documents, with word dropout, truncated backpropagation and a second, backward stack.

    With ``truncated_bptt`` N the gradient reaches the last N tokens of a document and none before (truncated
    backpropagation through time; Dai and Le 2015, section 3, use 400). What is computed is the same.

    Args:
        embed_tokens: embedding V x E with its ``padding_idx`` set.
        stack: the recurrent layers, input size E; a sequence autoencoder or language model shares it.
        backward_stack: another one of the same shape that reads from the end; None to read forward alone.
        word_dropout: on whole tokens.
        dropout_in: on the embeddings.
        dropout_out: on the outputs.
        truncated_bptt: N, 0 for the whole document.
        join_embeddings: each output is the stack's with the token's embedding behind it.

    Raises:
        ValueError: N is below 0.
    """

    def __init__(
        self,
        *,
        embed_tokens: nn.Embedding,
        stack: RecurrentStack,
        backward_stack: Optional[RecurrentStack] = None,
        word_dropout: WordDropout,
        dropout_in: Dropout,
        dropout_out: Dropout,
        truncated_bptt: int = 0,
        join_embeddings: bool = False,
    ) -> None:
        super().__init__(embed_tokens=embed_tokens, stack=stack, dropout_in=dropout_in, dropout_out=dropout_out)
        if truncated_bptt < 0:
            raise ValueError(f"truncated_bptt {truncated_bptt} is below 0: use 0 for the whole document")
        self.backward_stack = backward_stack
        self.word_dropout = word_dropout
        self.truncated_bptt = truncated_bptt
        self.join_embeddings = join_embeddings

    @property
    def backward_size(self) -> int:
        """How many of an output's last numbers were read backwards."""
        return 0 if self.backward_stack is None else self.backward_stack.output_size

    @property
    def output_size(self) -> int:
        """H."""
        embedding = self.embed_tokens.embedding_dim if self.join_embeddings else 0
        return self.stack.output_size + embedding + self.backward_size

    def forward(self, src_tokens: Tensor) -> EncoderOutput:
        """Read ``src_tokens`` (B, S), padded on either side.

        Returns:
            As memory the outputs (B, S, H): forward, embedding, backward, what there is of them, joined; as state the
            forward stack's.

        Raises:
            ValueError: S is 0.
        """
        if src_tokens.size(1) == 0:
            raise ValueError("a document has 0 tokens: the shortest one is the end-of-sentence symbol alone")
        padding_mask = is_padding(src_tokens, self.embed_tokens)
        window = self.truncated_bptt
        if not (window and window < src_tokens.size(1) and torch.is_grad_enabled()):
            outputs, state = self._read(src_tokens, padding_mask, 0)
            return encoded(self.dropout_out(outputs), padding_mask, state)
        # with all ends in the last column, the last N tokens of all documents are the last N columns
        positions = torch.arange(src_tokens.size(1), device=src_tokens.device)
        behind = padding_mask.long().flip(1).cumprod(1).sum(1, keepdim=True)  # B 1, padding behind each document
        there = (positions - behind) % src_tokens.size(1)
        back = ((positions + behind) % src_tokens.size(1)).unsqueeze(-1)
        outputs, state = self._read(
            src_tokens.gather(1, there), padding_mask.gather(1, there), src_tokens.size(1) - window
        )
        outputs = outputs.gather(1, back.expand(-1, -1, outputs.size(-1)))
        return encoded(self.dropout_out(outputs), padding_mask, state)

    def _read(self, tokens: Tensor, padding_mask: Tensor, start: int) -> Tuple[Tensor, RecurrentState]:
        """Outputs (B, S, ...) and the forward stack's state; no gradient reaches tokens before column ``start``."""
        before = None
        embedded = self._embed(tokens[:, start:])
        state = self.stack.zero_state(embedded)
        if not start:
            outputs, state = self.stack(embedded, state, padding_mask)
        else:
            with torch.no_grad():
                before = self._embed(tokens[:, :start])
                early, state = self.stack(before, state, padding_mask[:, :start])
            # a row with padding here has nothing but padding before, so its state is still zero, as it has to be
            late, state = self.stack(embedded, state, padding_mask[:, start:])
            outputs = torch.cat([early, late], dim=1)
        if self.join_embeddings:
            whole = embedded if before is None else torch.cat([before, embedded], dim=1)
            outputs = torch.cat([outputs, whole], dim=-1)
        if self.backward_stack is not None:
            backward = self._read_backward(self.backward_stack, before, embedded, padding_mask, start)
            outputs = torch.cat([outputs, backward], dim=-1)
        return outputs, state

    @staticmethod
    def _read_backward(
        stack: RecurrentStack, before: Optional[Tensor], embedded: Tensor, padding_mask: Tensor, start: int
    ) -> Tensor:
        """Outputs of the backward stack, (B, S, H)."""
        state = stack.zero_state(embedded)
        late, state = stack(embedded.flip(1), state, padding_mask[:, start:].flip(1))
        if before is None:
            return late.flip(1)
        with torch.no_grad():
            # here padding comes last, behind a state that is not zero: it moves the state, which nobody reads
            early, _ = stack(before.flip(1), state, padding_mask[:, :start].flip(1))
        return torch.cat([early.flip(1), late.flip(1)], dim=1)

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.dropout_in(self.word_dropout(self.embed_tokens(tokens)))
