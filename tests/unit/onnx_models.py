"""Tiny random models of every architecture, for what ONNX Runtime computes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import numpy as np
import torch
from torch import nn

from s2s_plugins.inference.export import graphs_of
from s2s_plugins.nn.document_classifier import DocumentClassifier, build_document_classifier
from s2s_plugins.nn.settings import (
    AttentionSettings,
    ClassifierSettings,
    DecoderSettings,
    HeadSettings,
    LossSettings,
    OutputSettings,
    Seq2SeqSettings,
    SequenceSettings,
    StackSettings,
    TokenSettings,
)
from s2s_plugins.nn.vectors import VectorSeq2Seq, vector_seq2seq

SOURCE_SYMBOLS, TARGET_SYMBOLS = 20, 23


def tokens(
    kind: str = "attention",
    attention: Optional[AttentionSettings] = None,
    bridge: str = "dense",
    activation: str = "tanh",
    features: int = 24,
    cutoffs=None,
    shared: bool = False,
    shares_all: bool = False,
    decoder_layers: int = 0,
    copies=None,
    marked=(),
    **stack,
) -> Seq2SeqSettings:
    """Settings of a model of tokens; ``stack`` are those of both sides."""
    own = {"bidirectional": True, "hidden_size": 12, "layers": 1, **stack}
    encoder = StackSettings(embed_dim=16, features=marked, **own)
    decoder = replace(
        encoder,
        hidden_size=encoder.output_size,
        bidirectional=False,
        inner_handover=False,
        features=(),
        layers=decoder_layers or encoder.layers,
    )
    output = OutputSettings(features, shared or shares_all, cutoffs, 0.0)
    return Seq2SeqSettings(
        encoder,
        DecoderSettings(
            kind, decoder, features, bridge, activation, attention, copies=copies, features_size=16 if marked else 0
        ),
        tokens=TokenSettings(TARGET_SYMBOLS if shares_all else SOURCE_SYMBOLS, TARGET_SYMBOLS, output, shares_all),
    )


COPIES = (*range(4), *(4 + (7 * number) % 19 for number in range(13)), 3, 3, 3)  # the last ones to the unknown symbol


MARKED = (5, 6, 9, 17)  # symbols that are features


def looking(score: str, timing: str = "after", alignment: str = "soft", **more) -> AttentionSettings:
    return AttentionSettings(score, timing, alignment, dim=10, **more)


TOKENS: Dict[str, Seq2SeqSettings] = {
    "basic": tokens("basic", bridge="zero"),
    "basic with a dense bridge, GRU": tokens("basic", activation="none", cell="gru"),
    "feedback": tokens("feedback", bridge="copy"),
    "feedback, dense from all layers": tokens("feedback", layers=2, decoder_layers=1, activation="relu"),
    "feedback, shared embeddings": tokens("feedback", features=16, shared=True, bidirectional=False, hidden_size=16),
    "feedback, inner handover": tokens("feedback", bridge="copy", layers=2, inner_handover=True),
    "feedback, two layers, GRU": tokens("feedback", cell="gru", layers=2, inner_handover=True),
    "peek": tokens("peek"),
    "peek, GRU": tokens("peek", cell="gru"),
    "peek, adaptive softmax": tokens("peek", cutoffs=(8, 15)),
    "peek, one embedding": tokens("peek", features=16, shares_all=True),
    "additive before": tokens(attention=looking("additive", "before")),
    "dot before": tokens(attention=looking("dot", "before"), bidirectional=False, bridge="zero"),
    "general before, three layers, residual": tokens(
        attention=looking("general", "before"), layers=3, residual=True, bridge="copy"
    ),
    "additive before, coverage": tokens(attention=looking("additive", "before", coverage=True)),
    "additive before, GRU": tokens(attention=looking("additive", "before"), cell="gru"),
    "general after": tokens(attention=looking("general"), bridge="copy"),
    "concat after, input feeding, two layers": tokens(attention=looking("concat", input_feeding=True), layers=2),
    "concat after, coverage": tokens(attention=looking("concat", coverage=True)),
    "additive after, feeding, coverage, GRU": tokens(
        attention=looking("additive", input_feeding=True, coverage=True), cell="gru"
    ),
    "dot after, adaptive softmax": tokens(attention=looking("dot"), cutoffs=(10,)),
    "hard": tokens("hard_attention", looking("general", alignment="hard")),
    "monotonic": tokens("hard_attention", looking("general", alignment="monotonic"), layers=2, bridge="dense"),
    "pointer-generator": tokens("pointer_generator", looking("additive", "before"), copies=COPIES),
    "pointer-generator after, feeding, coverage": tokens(
        "pointer_generator",
        looking("additive", input_feeding=True, coverage=True),
        features=16,
        shared=True,
        copies=COPIES,
    ),
    "transducer": tokens("transducer", copies=COPIES, layers=2),
    "transducer, features": tokens("transducer", copies=COPIES, marked=MARKED),
    "basic, features": tokens("basic", bridge="zero", marked=MARKED),
    "feedback, features": tokens("feedback", bridge="copy", marked=MARKED, cell="gru"),
    "peek, features": tokens("peek", marked=MARKED),
    "additive before, features": tokens(attention=looking("additive", "before"), marked=MARKED),
    "general after, input feeding, features": tokens(attention=looking("general", input_feeding=True), marked=MARKED),
    "monotonic, features": tokens("hard_attention", looking("general", alignment="monotonic"), marked=MARKED),
    "hard, copying": tokens("hard_attention", looking("general", alignment="hard"), copies=COPIES),
    "monotonic, copying": tokens("hard_attention", looking("general", alignment="monotonic"), copies=COPIES),
    "additive monotonic": tokens("hard_attention", looking("additive", alignment="monotonic"), bridge="zero"),
}


def random_weights(model: nn.Module, seed: int) -> nn.Module:
    """The model in evaluation mode, with weights large enough for outputs of several lengths."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
        for name, parameter in model.named_parameters():
            if name in ("decoder.output_layer.bias", "decoder.emission.bias") and len(parameter) == TARGET_SYMBOLS:
                parameter[2] += 2  # </s>
    return model.eval()


def arrays_of(model: nn.Module) -> Dict[str, np.ndarray]:
    """Parameters and buffers by name, of the same memory."""
    return {name: one.detach().numpy() for name, one in [*model.named_parameters(), *model.named_buffers()]}


def sources(count: int = 20, symbols: int = SOURCE_SYMBOLS, seed: int = 1):
    """Token lists of several lengths, each behind it ``</s>``."""
    random = np.random.default_rng(seed)
    return [[*random.integers(4, symbols, random.integers(0, 12)).tolist(), 2] for _ in range(count)]


QUANTILES = LossSettings("quantile", (0.1, 0.5, 0.9))
VECTORS: Dict[str, Dict[str, Any]] = {  # arguments of vector_seq2seq
    "basic": {"kind": "basic"},
    "basic, covariates, quantiles": {"kind": "basic", "covariate_size": 2, "loss": QUANTILES},
    "feedback": {"kind": "feedback", "covariate_size": 3},
    "feedback, GRU, two layers": {"kind": "feedback", "cell": "gru", "layers": 2, "inner_handover": True},
    "peek, gaussian, two layers": {"kind": "peek", "layers": (2, 1), "loss": LossSettings("gaussian")},
    "peek, bidirectional, inner handover": {
        "kind": "peek",
        "layers": 2,
        "bidirectional": True,
        "inner_handover": True,
        "loss": QUANTILES,
    },
    "attention before": {"kind": "attention", "covariate_size": 1, "loss": LossSettings("gaussian")},
    "attention after, GRU": {
        "kind": "attention",
        "attention": AttentionSettings("general", "after"),
        "cell": "gru",
        "loss": LossSettings("mae"),
    },
    "attention after, input feeding": {
        "kind": "attention",
        "attention": AttentionSettings("concat", "after", dim=6, input_feeding=True, coverage=True),
        "bidirectional": True,
    },
}


def vectors(name: str, seed: int = 1) -> VectorSeq2Seq:
    """A random model of vectors of 3 columns, 2 of them predicted."""
    torch.manual_seed(seed)
    return random_weights(vector_seq2seq(source_size=3, target_size=2, hidden_size=8, **VECTORS[name]), seed)


def documents(pooling: str = "last", hidden: int = 0, norm: bool = False, both: bool = False, **stack):
    """Settings of a classifier; ``both``: it reads both ways."""
    more = {name: stack.pop(name) for name in ("pool_embeddings",) if name in stack}
    reader = SequenceSettings(StackSettings(embed_dim=10, hidden_size=12, **stack), 10, truncated_bptt=4, **more)
    head = HeadSettings(pooling, hidden, batch_norm=norm, bidirectional=both)
    return ClassifierSettings(reader, head, vocabulary=SOURCE_SYMBOLS, classes=3)


DOCUMENTS: Dict[str, ClassifierSettings] = {
    "last": documents(),
    "last, both ways, hidden layer": documents(both=True, hidden=7),
    "last, both ways, embeddings": documents(both=True, pool_embeddings=True),
    "mean, embeddings": documents("mean", pool_embeddings=True),
    "max, batch norm": documents("max", norm=True, layers=2),
    "concat, batch norm, both ways, embeddings": documents("concat", norm=True, both=True, pool_embeddings=True),
    "attention, GRU": documents("attention", cell="gru"),
    "attention, both ways, residual": documents("attention", hidden=5, both=True, layers=2, residual=True),
}


def classifier(name: str, seed: int = 1) -> DocumentClassifier:
    """A random classifier, whose batch normalisation has seen documents."""
    model = random_weights(build_document_classifier(DOCUMENTS[name]), seed)
    if model.head.norm is not None:
        generator = torch.Generator().manual_seed(seed)
        model.head.norm.running_mean.normal_(0, 0.1, generator=generator)
        model.head.norm.running_var.uniform_(0.5, 2, generator=generator)
    return model


def graphs_and_weights(model: nn.Module):
    return graphs_of(model), arrays_of(model)
