"""Configurations: presets, what defaults to what, bridges chosen by shape."""

import logging
from argparse import Namespace
from dataclasses import FrozenInstanceError

import pytest
import torch
from conftest import ARCHITECTURES, build_model, dictionary, translation_task
from fairseq import options
from fairseq.models import ARCH_MODEL_REGISTRY
from omegaconf import OmegaConf

from s2s_plugins.errors import UsageError
from s2s_plugins.models import checks, config
from s2s_plugins.models.attention_lstm import AttentionLSTM
from s2s_plugins.models.peek_lstm import PeekLSTM
from s2s_plugins.models.resolve import resolve

LUONG = {"encoder_embed_dim": 8, "encoder_hidden_size": 8, "decoder_embed_dim": 8, "decoder_hidden_size": 8}


@pytest.fixture
def task():
    return translation_task(dictionary(), dictionary())


def bridge_of(model):
    return type(model.decoder.core.bridge).__name__


def test_every_architecture_has_itself_and_a_tiny_preset():
    for arch in ARCHITECTURES:
        assert arch in ARCH_MODEL_REGISTRY and arch + "_tiny" in ARCH_MODEL_REGISTRY
    assert "attention_lstm_luong" in ARCH_MODEL_REGISTRY and "attention_lstm_iwslt_de_en" in ARCH_MODEL_REGISTRY


def test_a_flag_beats_a_preset_and_a_preset_beats_the_default(monkeypatch):
    monkeypatch.setattr("sys.argv", ["fairseq-train"])
    parser = options.get_training_parser()
    flags = [
        "data",
        "--optimizer",
        "adam",
        "--arch",
        "attention_lstm_tiny",
        "--encoder-embed-dim",
        "7",
        "--dropout",
        "0.3",
    ]
    args = options.parse_args_and_arch(parser, flags)
    model = translation_task(dictionary(), dictionary()).build_model(args)
    assert model.encoder.core.embed_tokens.embedding_dim == 7
    assert model.encoder.core.dropout_in.p == 0.3
    assert model.decoder.core.embed_tokens.embedding_dim == 16
    assert len(model.decoder.core.stack.layers) == 1


def test_the_iwslt_preset_has_the_shape_of_fairseqs(task):
    ours = task.build_model(Namespace(arch="attention_lstm_iwslt_de_en"))
    theirs = task.build_model(Namespace(arch="lstm_wiseman_iwslt_de_en", criterion="cross_entropy"))
    assert ours.encoder.core.embed_tokens.weight.shape == theirs.encoder.embed_tokens.weight.shape
    assert ours.encoder.core.stack.layers[0].rnn.weight_hh_l0.shape == theirs.encoder.lstm.weight_hh_l0.shape
    cell, layer = theirs.decoder.layers[0], ours.decoder.core.stack.layers[0].rnn
    assert layer.weight_ih_l0.shape == cell.weight_ih.shape and layer.weight_hh_l0.shape == cell.weight_hh.shape
    assert ours.decoder.core.output_layer.weight.shape == theirs.decoder.fc_out.weight.shape


@pytest.mark.parametrize(
    "arch, flags, expected",
    [
        ("basic_lstm", {}, "ZeroBridge"),
        ("basic_lstm", {"bridge": "copy"}, "CopyBridge"),
        ("feedback_lstm", {}, "CopyBridge"),
        ("feedback_lstm", {"encoder_bidirectional": True}, "DenseBridge"),
        ("feedback_lstm", {"encoder_bidirectional": True, "decoder_hidden_size": 16}, "CopyBridge"),
        ("feedback_lstm", {"encoder_layers": 4, "decoder_layers": 5}, "DenseBridge"),
        ("peek_lstm", {}, "DenseBridge"),
        ("peek_lstm", {"bridge": "zero"}, "ZeroBridge"),
        ("attention_lstm", {}, "DenseBridge"),
        ("attention_lstm", {"encoder_bidirectional": True}, "DenseBridge"),
        ("attention_lstm", {"attention_timing": "after"}, "CopyBridge"),
        ("attention_lstm", {"attention_timing": "after", "encoder_bidirectional": True}, "DenseBridge"),
    ],
)
def test_the_bridge_is_the_papers_where_the_shapes_allow_it(task, caplog, arch, flags, expected):
    with caplog.at_level(logging.INFO):
        model = build_model(arch, task, **flags)
    assert bridge_of(model) == expected
    if "bridge" not in flags:
        assert f"--bridge auto: {expected[: -len('Bridge')].lower()}" in caplog.text


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_encoder_and_decoder_may_differ_in_depth(task, arch, cell):
    model = build_model(arch, task, encoder_layers=4, decoder_layers=5, rnn_cell=cell)
    source = torch.tensor([[4, 5, 2]])
    state = model.decoder.core.start(model.encoder.core(source)).recurrent
    assert state.hidden.shape == (1, 5, 8)
    assert state.cell.shape == (1, 5 if cell == "lstm" else 0, 8)


def test_a_copied_state_is_the_encoders_own(task):
    model = build_model("feedback_lstm", task, encoder_layers=2, decoder_layers=2)
    encoder_output = model.encoder.core(torch.tensor([[4, 5, 2]]))
    state = model.decoder.core.start(encoder_output).recurrent
    assert torch.equal(state.hidden, encoder_output.state.hidden) and torch.equal(state.cell, encoder_output.state.cell)


def test_a_dense_bridge_starts_from_what_the_papers_say(task):
    source = torch.tensor([[4, 5, 6, 2]])
    peek = build_model("peek_lstm", task, encoder_bidirectional=True)
    output, bridge = peek.encoder.core(source), peek.decoder.core.bridge
    torch.testing.assert_close(bridge.source(output), output.state.hidden[:, -1])
    expected = torch.tanh(bridge.projection(output.context)).view(1, 2, 8)
    torch.testing.assert_close(torch.cat(bridge(output), 1), expected)
    attention = build_model("attention_lstm", task, encoder_bidirectional=True)
    output, bridge = attention.encoder.core(source), attention.decoder.core.bridge
    # the backward state at the first source token, which has read the whole source
    torch.testing.assert_close(bridge.source(output), output.memory[:, 0, 8:])


@pytest.mark.parametrize("arch", ["peek_lstm", "attention_lstm"])  # of which --bridge auto is dense
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(
    "activation, formula", [("relu", lambda x: x.clamp(min=0)), ("none", lambda x: x), ("tanh", torch.tanh)]
)
def test_a_dense_bridge_ends_in_the_activation_asked_for(task, arch, cell, activation, formula):
    model = build_model(arch, task, bridge_activation=activation, rnn_cell=cell, decoder_layers=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)
    encoder_output, bridge = model.encoder.core(torch.tensor([[4, 5, 6, 2], [7, 8, 9, 2]])), model.decoder.core.bridge
    x, layer = bridge.source(encoder_output), bridge.projection
    linear = (x @ layer.weight.t() + layer.bias).view(2, -1, 8)
    assert linear.min() < -1 and linear.max() > 1  # where the three differ
    state = model.decoder.core.start(encoder_output).recurrent
    torch.testing.assert_close(state.hidden, formula(linear[:, :2]))
    torch.testing.assert_close(state.cell, formula(linear[:, 2:]))
    if activation == "relu":
        assert state.hidden.min() == 0


def test_shared_embeddings_are_one_tensor(task):
    model = build_model("peek_lstm", task, share_all_embeddings=True, encoder_embed_dim=6, decoder_embed_dim=6)
    core = model.decoder.core
    assert core.embed_tokens is model.encoder.core.embed_tokens
    assert core.output_layer.weight is core.embed_tokens.weight
    model = build_model("peek_lstm", task, share_decoder_input_output_embed=True)
    assert model.decoder.core.output_layer.weight is model.decoder.core.embed_tokens.weight
    assert model.decoder.core.embed_tokens is not model.encoder.core.embed_tokens


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"decoder_freeze_embed": True}, "use --encoder-freeze-embed"),
        (
            {"decoder_embed_path": "b", "encoder_embed_path": "a"},
            "--decoder-embed-path b beside --encoder-embed-path a",
        ),
        ({"decoder_embed_dim": 5}, "--encoder-embed-dim is 6 and --decoder-embed-dim 5"),
    ],
)
def test_what_all_embeddings_cannot_share_is_named(task, flags, message):
    with pytest.raises(UsageError, match=message):
        build_model("peek_lstm", task, share_all_embeddings=True, **{"decoder_embed_dim": 6, **flags})


def test_sizes_and_dropouts_default_to_each_other(task):
    flags = Namespace(arch="peek_lstm", encoder_embed_dim=24, dropout=0.4, decoder_dropout_out=0.0)
    model = resolve(PeekLSTM, flags, task).model
    assert model.encoder.hidden_size == 24
    assert model.decoder.stack.hidden_size == model.decoder.output_size == 512
    assert (model.encoder.dropout_in, model.decoder.stack.dropout_in, model.decoder.stack.dropout_out) == (0.4, 0.4, 0)
    sizes = {"decoder_embed_dim": 24, "decoder_hidden_size": 48, "share_decoder_input_output_embed": True}
    assert resolve(PeekLSTM, Namespace(arch="peek_lstm", **sizes), task).model.decoder.output_size == 24


def test_resolving_changes_no_configuration_and_what_it_gives_cannot_be_changed(task):
    cfg = OmegaConf.structured(config.AttentionConfig(encoder_embed_dim=8, decoder_layers=2))
    before = OmegaConf.to_container(cfg)
    settings = resolve(AttentionLSTM, cfg, task)
    assert OmegaConf.to_container(cfg) == before
    for part in (settings, settings.model.encoder, settings.model.decoder.stack, settings.model.decoder.attention):
        with pytest.raises(FrozenInstanceError):
            setattr(part, next(iter(part.__dataclass_fields__)), None)


def test_every_flag_has_a_help_text():
    for cls in (config.RecurrentConfig, config.AttentionConfig):
        for name, field in cls.__dataclass_fields__.items():
            assert name == "_name" or field.metadata.get("help"), name


def test_a_checkpoint_of_an_older_version_gets_the_defaults_of_newer_flags(task):
    old = OmegaConf.create({"_name": "peek_lstm", "encoder_embed_dim": 6, "gone_since": 3})
    model = task.build_model(old, from_checkpoint=True)
    assert model.encoder.core.embed_tokens.embedding_dim == 6


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_the_symbols_in_a_checkpoint_outlast_averaging_and_float_types(kind):
    from s2s_plugins.models.loading import numbers_as_symbols, symbols_as_numbers

    symbols = dictionary()
    for symbol in ("\u00e9", "\u6f22\u5b57", "\U0001f600", "\u00ff"):
        symbols.add_symbol(symbol)
    numbers = symbols_as_numbers(symbols).to(kind)
    moving = numbers.float().clone()
    for _ in range(50):  # as --store-ema does
        moving.mul_(0.9).add_(numbers.float(), alpha=0.1)
    assert numbers_as_symbols(moving) == symbols.symbols
    assert numbers_as_symbols((numbers.double() * 3 / 3).to(kind)) == symbols.symbols


def test_adaptive_cutoffs_have_to_rise_within_the_dictionary():
    cfg = config.RecurrentConfig(adaptive_softmax_cutoff="3,7")
    assert checks.adaptive_cutoffs(cfg, 10) == [3, 7]
    for bad in ("0,3", "7,3", "3,3", "3,10", "x"):
        cfg.adaptive_softmax_cutoff = bad
        with pytest.raises(ValueError, match="--adaptive-softmax-cutoff " + bad):
            checks.adaptive_cutoffs(cfg, 10)


def test_bf16_runs_where_the_machine_can_and_says_so_where_not(task, caplog):
    from s2s_plugins.models.adapters import Autocast

    model = build_model("attention_lstm", task, autocast="bf16")
    reference = build_model("attention_lstm", task)
    source, target = torch.tensor([[4, 5, 2]]), torch.tensor([[2, 5, 4]])
    logits = model(source, None, target)[0]
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, reference(source, None, target)[0], atol=0.02, rtol=0.1)
    able = Autocast.supported(torch.device("cpu"))
    assert ("left off" in caplog.text) != able


@pytest.mark.parametrize("seconds, warned", [({torch.float32: 1.0, torch.bfloat16: 1.8}, True), (None, False)])
def test_bf16_says_once_where_it_is_slower(seconds, warned, monkeypatch, caplog):
    from s2s_plugins.models.adapters import Autocast

    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    seconds = seconds or {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(Autocast, "seconds_of_a_product", staticmethod(seconds.__getitem__))
    autocast = Autocast("bf16")
    for _ in range(2):
        with autocast(torch.device("cpu")):
            pass
    messages = [record.message for record in caplog.records]
    assert len(messages) == warned
    assert not warned or "takes 1.8 times as long as in float32, leave the flag out" in messages[0]


def test_bf16_keeps_weights_and_gradients_in_float32(task, monkeypatch):
    from s2s_plugins.models.adapters import Autocast

    # where the CPU has no bfloat16 instructions torch's plain kernels serve, slowly
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    hard = {"attention_timing": "after", "attention_alignment": "monotonic"}
    for arch, flags in [*((arch, {}) for arch in ARCHITECTURES), ("attention_lstm", hard)]:
        with torch.backends.mkldnn.flags(enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
            model = build_model(arch, task, autocast="bf16", **flags).train()
            logits = model(torch.tensor([[4, 5, 2]]), None, torch.tensor([[2, 5, 4]]))[0]
            logits.logsumexp(-1).sum().backward()
        assert logits.dtype == torch.float32
        for parameter in model.parameters():
            assert parameter.dtype == parameter.grad.dtype == torch.float32
