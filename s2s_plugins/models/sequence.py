"""What ``sa_lstm`` and ``lm_lstm`` share: one LSTM as encoder and decoder, and their presets."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from fairseq.modules import AdaptiveSoftmax

from s2s_plugins.models.embeddings import build_embedding, build_output
from s2s_plugins.models.resolve import ResolvedSequence
from s2s_plugins.nn.build import build_document_encoder, build_sequence_decoder
from s2s_plugins.nn.decoders.feedback import FeedbackDecoder
from s2s_plugins.nn.document_encoder import DocumentEncoder


class Parts(NamedTuple):
    """One embedding and one stack, as encoder and as decoder."""

    encoder: DocumentEncoder
    decoder: FeedbackDecoder
    adaptive_softmax: Optional[AdaptiveSoftmax]


def build_parts(settings: ResolvedSequence, dictionary: Any, vocabulary: int, from_encoder: bool) -> Parts:
    """Encoder and decoder around one embedding and one stack.

    Args:
        settings: of the model.
        dictionary: of the text.
        vocabulary: V, the size of the output.
        from_encoder: the decoder starts from the encoder's final state; False for a language model.
    """
    encoder = build_document_encoder(settings.model, build_embedding(dictionary, settings.embedding))
    output_layer, adaptive_softmax = build_output(settings.output, encoder.embed_tokens, vocabulary)
    decoder = build_sequence_decoder(settings.model, encoder, output_layer, from_encoder)
    return Parts(encoder, decoder, adaptive_softmax)


# of every architecture in this family: a size for tests, what two CPU cores train, and the paper's
TINY = dict(decoder_embed_dim=16, decoder_hidden_size=16, head_hidden_size=16, dropout=0.0, head_dropout=0.0)
SMALL = dict(decoder_embed_dim=128, decoder_hidden_size=256, head_hidden_size=128)
DAI_LE = dict(decoder_embed_dim=512, decoder_hidden_size=1024, head_hidden_size=512, truncated_bptt=400)
