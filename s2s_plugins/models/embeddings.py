"""Embeddings, random or from a text file, and the output layers that may share them."""

from __future__ import annotations

import logging
from typing import Dict, Optional, Tuple

import torch
from fairseq.data import Dictionary
from fairseq.modules import AdaptiveSoftmax
from torch import nn

from s2s_plugins.errors import UsageError
from s2s_plugins.models import config

logger = logging.getLogger(__name__)


def build_embedding(
    dictionary: Dictionary, dim: int, *, path: Optional[str], path_flag: str, dim_flag: str, freeze: bool
) -> nn.Embedding:
    """An embedding of ``dictionary``: uniform in +-0.1, or the vector in ``path`` for symbols that it has.

    Args:
        dictionary: V symbols.
        dim: size of a vector, E.
        path: text file with a symbol and its E numbers per line, with or without word2vec's heading ``V E``; or None.
        path_flag: the flag that named ``path``, for messages.
        dim_flag: the flag that gave ``dim``, for messages.
        freeze: do not train the embedding.

    Raises:
        UsageError: ``path`` cannot be read, is malformed, or holds vectors of another size.
    """
    embedding = nn.Embedding(len(dictionary), dim, padding_idx=dictionary.pad())
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    with torch.no_grad():
        embedding.weight[dictionary.pad()] = 0
        if path is not None:
            vectors = read_vectors(path, dictionary, dim, path_flag=path_flag, dim_flag=dim_flag)
            for index, vector in vectors.items():
                embedding.weight[index] = vector
            logger.info(f"{path_flag} {path}: vectors for {len(vectors)} of {len(dictionary)} symbols")
    embedding.weight.requires_grad = not freeze
    return embedding


def read_vectors(
    path: str, dictionary: Dictionary, dim: int, *, path_flag: str, dim_flag: str
) -> Dict[int, torch.Tensor]:
    """The vectors of the symbols in ``dictionary``, by index; other vectors of the file are not kept.

    Raises:
        UsageError: as :func:`build_embedding`.
    """
    vectors = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                symbol, *values = line.rstrip("\n").rstrip(" ").split(" ")
                if number == 1 and len(values) == 1 and symbol.isdigit() and values[0].isdigit():
                    continue  # word2vec's heading: number of vectors, size
                if len(values) != dim:
                    raise UsageError(
                        f"{path_flag} {path}, line {number}: {len(values)} numbers, {dim_flag} is {dim}: "
                        f"use {dim_flag} {len(values)} or another file"
                    )
                if symbol not in dictionary.indices:
                    continue
                try:
                    vector = torch.tensor([float(value) for value in values])
                except ValueError as error:
                    raise UsageError(f"{path_flag} {path}, line {number}: {error}") from None
                if not bool(vector.isfinite().all()):
                    raise UsageError(f"{path_flag} {path}, line {number}: a number is not finite: remove the line")
                vectors[dictionary.index(symbol)] = vector
    except OSError as error:
        raise UsageError(f"{path_flag} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path_flag} {path} is not UTF-8 text: convert it to word2vec's text form") from None
    return vectors


def build_output(
    cfg, embedding: Optional[nn.Embedding], vocabulary: int
) -> Tuple[nn.Module, Optional[AdaptiveSoftmax]]:
    """The output layer from features to logits, and the adaptive softmax that replaces it, or None.

    Args:
        cfg: a resolved configuration.
        embedding: of the target, which the output layer may share.
        vocabulary: V.

    Raises:
        UsageError: the cutoffs do not fit the vocabulary.
        ValueError: an embedding is to be shared, and there is none.
    """
    cutoffs = config.adaptive_cutoffs(cfg, vocabulary)
    if cutoffs is not None:
        features, dropout = cfg.decoder_out_embed_dim, cfg.decoder_dropout_out
        return nn.Identity(), AdaptiveSoftmax(vocabulary, features, cutoffs, dropout=dropout)
    shares = cfg.share_decoder_input_output_embed or getattr(cfg, "share_all_embeddings", False)
    layer = nn.Linear(cfg.decoder_out_embed_dim, vocabulary, bias=not shares)
    if shares:
        if embedding is None:
            raise ValueError("a shared output layer needs the embedding that it shares")
        layer.weight = embedding.weight
    else:
        nn.init.uniform_(layer.weight, -0.1, 0.1)
        nn.init.zeros_(layer.bias)
    return layer, None
