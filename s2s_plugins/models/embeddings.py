"""Embeddings, random or from a text file, and the output layers that may share them."""

from __future__ import annotations

import logging
from typing import Dict, Optional, Tuple

import torch
from fairseq.data import Dictionary
from fairseq.modules import AdaptiveSoftmax
from torch import nn

from s2s_plugins.compat.checkpoints import building_from_checkpoint
from s2s_plugins.errors import UsageError
from s2s_plugins.models.resolve import EmbeddingSettings
from s2s_plugins.nn.settings import OutputSettings

logger = logging.getLogger(__name__)


def build_embedding(dictionary: Dictionary, settings: EmbeddingSettings) -> nn.Embedding:
    """An embedding of the V symbols of ``dictionary``: uniform in +-0.1, or the file's vector for symbols that it has.

    The file is text, a symbol and its E numbers per line, with or without word2vec's heading ``V E``. It is not read
    where the weights of a checkpoint come next.

    Raises:
        UsageError: the file cannot be read, is malformed, or holds vectors of another size.
    """
    embedding = nn.Embedding(len(dictionary), settings.dim, padding_idx=dictionary.pad())
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    with torch.no_grad():
        embedding.weight[dictionary.pad()] = 0
        if settings.path is not None and not building_from_checkpoint():
            path_flag, dim_flag = f"--{settings.side}-embed-path", f"--{settings.side}-embed-dim"
            vectors = read_vectors(settings.path, dictionary, settings.dim, path_flag=path_flag, dim_flag=dim_flag)
            for index, vector in vectors.items():
                embedding.weight[index] = vector
            logger.info(f"{path_flag} {settings.path}: vectors for {len(vectors)} of {len(dictionary)} symbols")
    embedding.weight.requires_grad = not settings.freeze
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
    settings: OutputSettings, embedding: Optional[nn.Embedding], vocabulary: int
) -> Tuple[nn.Module, Optional[AdaptiveSoftmax]]:
    """The output layer from features to logits, and the adaptive softmax that replaces it, or None.

    Args:
        settings: of the output.
        embedding: of the target, which the output layer may share.
        vocabulary: V.

    Raises:
        ValueError: an embedding is to be shared, and there is none.
    """
    if settings.cutoffs is not None:
        return nn.Identity(), AdaptiveSoftmax(
            vocabulary, settings.size, list(settings.cutoffs), dropout=settings.dropout
        )
    layer = nn.Linear(settings.size, vocabulary, bias=not settings.shared)
    if settings.shared:
        if embedding is None:
            raise ValueError("a shared output layer needs the embedding that it shares")
        layer.weight = embedding.weight
    else:
        nn.init.uniform_(layer.weight, -0.1, 0.1)
        nn.init.zeros_(layer.bias)
    return layer, None
