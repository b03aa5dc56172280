"""A reader of documents and a classification head, whole: what a model file holds.

Shape letters: B documents, S tokens, C classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from s2s_plugins.nn.build import build_document_encoder, build_head, build_stack
from s2s_plugins.nn.classifier import ClassificationHead
from s2s_plugins.nn.document_encoder import DocumentEncoder
from s2s_plugins.nn.seq2seq import PADDING
from s2s_plugins.nn.settings import ClassifierSettings


class DocumentClassifier(nn.Module):
    """A reader of documents and a head over what it reads.

    Args:
        reader: of tokens.
        head: over its outputs.
    """

    def __init__(self, reader: DocumentEncoder, head: ClassificationHead) -> None:
        super().__init__()
        self.reader = reader
        self.head = head

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, C) of documents ``tokens`` (B, S), padded on either side."""
        read = self.reader(tokens)
        logits: Tensor = self.head(read.memory, read.padding_mask)
        return logits


def build_document_classifier(settings: ClassifierSettings) -> DocumentClassifier:
    """From settings to the model, with random weights.

    Raises:
        ValueError: settings that do not fit together.
    """
    stack = settings.reader.stack
    embedding = nn.Embedding(settings.vocabulary, stack.embed_dim, padding_idx=PADDING)
    reader = build_document_encoder(settings.reader, embedding)
    if settings.head.bidirectional:
        reader.backward_stack = build_stack(stack, stack.embed_dim, reader.dropout_out)
    return DocumentClassifier(reader, build_head(settings.head, reader, settings.classes))
