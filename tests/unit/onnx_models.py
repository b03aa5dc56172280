"""Tiny random models of every architecture, for what ONNX Runtime computes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional

import numpy as np
import torch
from torch import nn

from s2s_plugins.inference.export import graphs_of
from s2s_plugins.nn.settings import (
    AttentionSettings,
    DecoderSettings,
    OutputSettings,
    Seq2SeqSettings,
    StackSettings,
    TokenSettings,
)

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
    **stack,
) -> Seq2SeqSettings:
    """Settings of a model of tokens; ``stack`` are those of both sides."""
    own = {"bidirectional": True, "hidden_size": 12, "layers": 1, **stack}
    encoder = StackSettings(embed_dim=16, **own)
    decoder = replace(
        encoder,
        hidden_size=encoder.output_size,
        bidirectional=False,
        inner_handover=False,
        layers=decoder_layers or encoder.layers,
    )
    output = OutputSettings(features, shared or shares_all, cutoffs, 0.0)
    return Seq2SeqSettings(
        encoder,
        DecoderSettings(kind, decoder, features, bridge, activation, attention),
        tokens=TokenSettings(TARGET_SYMBOLS if shares_all else SOURCE_SYMBOLS, TARGET_SYMBOLS, output, shares_all),
    )


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
    "additive monotonic": tokens("hard_attention", looking("additive", alignment="monotonic"), bridge="zero"),
}


def random_weights(model: nn.Module, seed: int) -> nn.Module:
    """The model in evaluation mode, with weights large enough for outputs of several lengths."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
        for name, parameter in model.named_parameters():
            if name in ("decoder.output_layer.bias", "decoder.emission.bias"):
                parameter[2] += 2  # </s>
    return model.eval()


def arrays_of(model: nn.Module) -> Dict[str, np.ndarray]:
    """Parameters and buffers by name, of the same memory."""
    return {name: one.detach().numpy() for name, one in [*model.named_parameters(), *model.named_buffers()]}


def sources(count: int = 20, symbols: int = SOURCE_SYMBOLS, seed: int = 1):
    """Token lists of several lengths, each behind it ``</s>``."""
    random = np.random.default_rng(seed)
    return [[*random.integers(4, symbols, random.integers(0, 12)).tolist(), 2] for _ in range(count)]


def graphs_and_weights(model: nn.Module):
    return graphs_of(model), arrays_of(model)
