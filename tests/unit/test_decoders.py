"""What every architecture promises as a model: causality, padding, steps, reordering, gradients."""

from argparse import Namespace

import pytest
import torch
from conftest import ARCHITECTURES, batch_of, build_model, dictionary, translation_task

from s2s_plugins.models.peek_lstm import PeekLSTM
from s2s_plugins.nn.decoders import DECODERS
from s2s_plugins.nn.decoders.peek import PeekDecoder

SOURCES = [["⟦1⟧", 1, 2, 3, 4, 5], ["⟦0⟧", "⟦1⟧", 6, 7], [8]]
TARGETS = [[5, 4, 3], [7, 6, 1, 2], [8]]

SHAPES = [
    {"encoder_bidirectional": bidirectional, "encoder_layers": layers, "decoder_layers": layers}
    for bidirectional in (False, True)
    for layers in (1, 2)
]
VARIANTS = [(arch, shape) for arch in [*ARCHITECTURES, "transducer_lstm"] for shape in SHAPES]
# what else changes how a step is computed
VARIANTS += [(arch, {"rnn_cell": "gru"}) for arch in ARCHITECTURES]
VARIANTS += [(arch, {"encoder_layers": 2, "decoder_layers": 3, "residual": True}) for arch in ARCHITECTURES]
VARIANTS += [
    ("attention_lstm", {"attention": attention, "attention_timing": timing})
    for attention in ("additive", "dot", "general", "concat")
    for timing in ("before", "after")
]
VARIANTS += [
    ("attention_lstm", {"attention_timing": "after", "input_feeding": True}),
    ("attention_lstm", {"attention_timing": "after", "attention_coverage": True}),
    ("attention_lstm", {"attention_timing": "before", "attention_coverage": True}),
    ("attention_lstm", {"attention_timing": "after", "attention_coverage": True, "input_feeding": True}),
    ("attention_lstm", {"attention_timing": "after", "attention_alignment": "hard"}),
    ("attention_lstm", {"attention_timing": "after", "attention_alignment": "monotonic"}),
    ("attention_lstm", {"attention_timing": "before", "copy": True}),
    *((arch, {"features_as": "bag"}) for arch in ARCHITECTURES),
    ("attention_lstm", {"features_as": "bag", "attention_timing": "after"}),
    ("attention_lstm", {"features_as": "bag", "attention_timing": "after", "input_feeding": True}),
    ("attention_lstm", {"features_as": "bag", "attention_timing": "after", "attention_alignment": "monotonic"}),
    ("transducer_lstm", {"features_as": "bag"}),
    ("attention_lstm", {"attention_timing": "after", "attention_coverage": True, "input_feeding": True, "copy": True}),
    ("attention_lstm", {"attention_timing": "after", "attention_alignment": "hard", "copy": True}),
    ("attention_lstm", {"attention_timing": "after", "attention_alignment": "monotonic", "copy": True}),
]


def title(variant):
    arch, flags = variant
    return "-".join([arch] + [f"{key}={value}" for key, value in flags.items()])


every_model = pytest.mark.parametrize("variant", VARIANTS, ids=title)
with_attention = pytest.mark.parametrize("variant", [v for v in VARIANTS if v[0] == "attention_lstm"], ids=title)


@pytest.fixture
def task():
    return translation_task(dictionary(features=2), dictionary())


def model_of(variant, task):
    arch, flags = variant
    model = build_model(arch, task, **flags)
    # fresh weights are so small that faults would hide below the tolerance
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 or "vector" in name:
                parameter.mul_(8)
    return model


def logits_of(model, batch):
    with torch.no_grad():
        return model(**batch["net_input"])[0]


@every_model
def test_token_by_token_equals_the_whole_target(variant, task):
    model = model_of(variant, task)
    net_input = batch_of(task, SOURCES, TARGETS)["net_input"]
    whole, extra = model(**net_input)
    encoder_out = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
    prev_output_tokens, incremental_state, steps, attention = net_input["prev_output_tokens"], {}, [], []
    for length in range(1, prev_output_tokens.size(1) + 1):
        logits, step_extra = model.decoder(
            prev_output_tokens[:, :length], encoder_out=encoder_out, incremental_state=incremental_state
        )
        assert logits.size(1) == 1
        steps.append(logits)
        attention.append(step_extra["attn"][0])
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-5)
    if extra["attn"][0] is not None:
        torch.testing.assert_close(torch.cat(attention, 1), extra["attn"][0], atol=1e-5, rtol=1e-5)


@every_model
def test_step_of_the_core_equals_forward(variant, task):
    model = model_of(variant, task)
    net_input = batch_of(task, SOURCES, TARGETS)["net_input"]
    encoder_output = model.encoder.core(net_input["src_tokens"])
    whole = model.decoder.core(net_input["prev_output_tokens"], encoder_output)
    state = model.decoder.core.start(encoder_output)
    for index, tokens in enumerate(net_input["prev_output_tokens"].unbind(1)):
        output, state = model.decoder.core.step(tokens, state)
        torch.testing.assert_close(output.logits[:, 0], whole.logits[:, index], atol=1e-5, rtol=1e-5)


@every_model
def test_changing_a_target_token_leaves_logits_up_to_it_alone(variant, task):
    # prev_output_tokens at t is target t-1: logits up to and including those that predict target t must not move
    model = model_of(variant, task)
    changed = [[5, 9, 3], [7, 6, 1, 2], [8]]
    before = logits_of(model, batch_of(task, SOURCES, TARGETS))[0]
    after = logits_of(model, batch_of(task, SOURCES, changed))[0]
    torch.testing.assert_close(before[:2], after[:2], atol=0, rtol=0)
    later = (before[2:] - after[2:]).abs().max()
    if variant[0] == "basic_lstm":
        assert later == 0  # it never reads a target token
    else:
        assert later > 1e-4


@every_model
@pytest.mark.parametrize("left_pad_source", [True, False])
@pytest.mark.parametrize("left_pad_target", [True, False])
def test_a_sentence_scores_the_same_alone_and_in_a_padded_batch(variant, left_pad_source, left_pad_target):
    task = translation_task(dictionary(features=2), dictionary(), left_pad_target=left_pad_target)
    model = model_of(variant, task)
    batch = batch_of(task, SOURCES, TARGETS, left_pad_source, left_pad_target)
    together = logits_of(model, batch)
    real = batch["target"].ne(task.target_dictionary.pad())
    for index, (source, target) in enumerate(zip(SOURCES, TARGETS)):
        alone = logits_of(model, batch_of(task, [source], [target]))[0]
        torch.testing.assert_close(together[index][real[index]], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "variant",
    [v for v in VARIANTS if "features_as" in v[1] and v[0] in ("attention_lstm", "transducer_lstm")],
    ids=title,
)
def test_features_that_every_step_sees_are_not_looked_at(variant, task):
    model = model_of(variant, task)
    batch = batch_of(task, SOURCES, TARGETS)
    is_feature = model.encoder.core.is_feature[batch["net_input"]["src_tokens"]].bool()
    weights = model(**batch["net_input"])[1]["attn"][0]
    assert is_feature.any()
    assert weights.masked_select(is_feature.unsqueeze(1)).abs().max() == 0
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_a_source_is_encoded_alike_whatever_features_stand_before_it(task):
    encoder = model_of(("basic_lstm", {"features_as": "bag"}), task).encoder.core
    first, second = (number for number, symbol in enumerate(task.source_dictionary.symbols) if "\u27e6" in symbol)
    pad, letters = task.source_dictionary.pad(), [7, 8, 9, 2]
    rows = torch.tensor([[pad, first, *letters], [first, second, *letters], [pad, pad, *letters]])
    output = encoder(rows)
    for other in (1, 2):
        torch.testing.assert_close(output.memory[0, 2:], output.memory[other, 2:])
        torch.testing.assert_close(output.context[0], output.context[other])
    features = encoder.embed_tokens.weight[[first, second]]
    torch.testing.assert_close(output.features, torch.stack([features[0], features.sum(0), features.sum(0) * 0]))
    assert output.padding_mask.sum(1).tolist() == [2, 2, 2]
    inside = encoder(torch.tensor([[7, first, 8, 9, 2]]))  # it is a token like others there
    assert inside.padding_mask.sum() == 0 and inside.features.abs().max() == 0


@every_model
def test_beams_reorder_with_repeats(variant, task):
    model = model_of(variant, task)
    net_input = batch_of(task, SOURCES, [[1, 2], [3, 4], [5, 6]])["net_input"]
    tokens, order = net_input["prev_output_tokens"], torch.tensor([2, 0, 0, 1, 2])
    encoder_out = model.encoder(net_input["src_tokens"])
    expected = model.decoder(tokens, encoder_out=encoder_out)[0][order]
    state = {}
    model.decoder(tokens[:, :1], encoder_out=encoder_out, incremental_state=state)
    model.decoder(tokens[:, :2], encoder_out=encoder_out, incremental_state=state)
    model.decoder.reorder_incremental_state_scripting(state, order)
    encoder_out = model.encoder.reorder_encoder_out(encoder_out, order)
    actual = model.decoder(tokens[order], encoder_out=encoder_out, incremental_state=state)[0]
    torch.testing.assert_close(actual[:, 0], expected[:, 2], atol=1e-5, rtol=1e-5)


@every_model
def test_gradients_reach_every_parameter(variant, task):
    model = build_model(variant[0], task, **variant[1]).train()
    logits = model(**batch_of(task, SOURCES, TARGETS)["net_input"])[0]
    torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch_of(task, SOURCES, TARGETS)["target"].flatten(), ignore_index=1
    ).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, parameter_name


@every_model
def test_every_source_token_reaches_the_output(variant, task):
    model = model_of(variant, task)
    logits = logits_of(model, batch_of(task, [[1, 2, 3, 4]], [[5, 6]]))
    for position in range(4):
        source = [1, 2, 3, 4]
        source[position] = 9
        changed = logits_of(model, batch_of(task, [source], [[5, 6]]))
        assert (changed - logits).abs().max() > 1e-7, position


@every_model
def test_padded_target_positions_change_no_gradient(variant, task):
    gradients = []
    for sources, targets in ((SOURCES[:1], TARGETS[:1]), (SOURCES[:2], TARGETS[:2])):
        model = build_model(variant[0], task, **variant[1]).train()
        batch = batch_of(task, sources, targets)
        logits = model(**batch["net_input"])[0][0]  # of the first sentence, alone and beside a longer target
        target = batch["target"][0]
        loss = torch.nn.functional.cross_entropy(logits, target, ignore_index=task.target_dictionary.pad())
        loss.backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


@with_attention
@pytest.mark.parametrize("left_pad_source", [True, False])
def test_attention_changes_with_t_sums_to_one_and_is_zero_on_padding(variant, task, left_pad_source):
    model = model_of(variant, task)
    batch = batch_of(task, SOURCES, TARGETS, left_pad_source)
    weights = model(**batch["net_input"])[1]["attn"][0]
    src_tokens = batch["net_input"]["src_tokens"]
    assert weights.shape == (3, batch["target"].size(1), src_tokens.size(1))
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]))
    padding = src_tokens.eq(task.source_dictionary.pad()).unsqueeze(1).expand_as(weights)
    assert padding.any() and torch.all(weights[padding] == 0)
    assert (weights[0, 0] - weights[0, 1]).abs().max() > 1e-4


@with_attention
def test_attention_stands_where_the_source_token_stands(variant, task):
    model = model_of(variant, task)
    batch = batch_of(task, SOURCES, TARGETS)
    together = model(**batch["net_input"])[1]["attn"][0]
    real = batch["net_input"]["src_tokens"].ne(task.source_dictionary.pad())
    for index, (source, target) in enumerate(zip(SOURCES, TARGETS)):
        alone = model(**batch_of(task, [source], [target])["net_input"])[1]["attn"][0][0]
        torch.testing.assert_close(together[index, : len(target) + 1][:, real[index]], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("arch", ["basic_lstm", "feedback_lstm", "peek_lstm"])
def test_a_model_without_attention_gives_none(arch, task):
    model = build_model(arch, task)
    assert model(**batch_of(task, SOURCES, TARGETS)["net_input"])[1]["attn"] == [None]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_source_of_nothing_but_its_end_is_decoded(arch, task):
    model = build_model(arch, task)
    assert torch.isfinite(logits_of(model, batch_of(task, [[], [1, 2]], [[1], [2]]))).all()


def test_a_source_of_length_zero_is_an_error(task):
    model = build_model("peek_lstm", task)
    with pytest.raises(ValueError, match="a source has 0 tokens"):
        model.encoder(torch.zeros(2, 0, dtype=torch.long))


@pytest.mark.parametrize("arch", ["basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm"])
def test_known_inputs_make_one_recurrent_call_a_layer(arch, task, monkeypatch):
    # no loop over target steps where every step's input is known in advance
    flags = {"attention_timing": "after"} if arch == "attention_lstm" else {}
    model = build_model(arch, task, decoder_layers=2, **flags)
    calls = []
    layer_class = type(model.decoder.core.stack.layers[0])
    forward = layer_class.forward
    monkeypatch.setattr(layer_class, "forward", lambda self, *args: (calls.append(self), forward(self, *args))[1])
    logits_of(model, batch_of(task, SOURCES, TARGETS))
    assert len([layer for layer in calls if layer in set(model.decoder.core.stack.layers)]) == 2


@every_model
def test_training_computes_what_evaluation_does(variant, task):
    # with gradients, recurrent steps that wait for each other take another path
    model = model_of(variant, task)
    batch = batch_of(task, SOURCES, TARGETS)
    logits = model(**batch["net_input"])[0]
    assert logits.requires_grad
    torch.testing.assert_close(logits.detach(), logits_of(model, batch), atol=1e-5, rtol=1e-5)


@every_model
def test_a_model_in_another_float_type_stays_in_it(variant, task):
    # fairseq's --fp16 turns the whole model into half precision; double stands for it where the CPU has no half
    model = model_of(variant, task)
    expected = logits_of(model, batch_of(task, SOURCES, TARGETS))
    logits = logits_of(model.double(), batch_of(task, SOURCES, TARGETS))
    assert logits.dtype == torch.float64
    torch.testing.assert_close(logits.float(), expected, atol=1e-5, rtol=1e-5)


@every_model
def test_torch_export_goes_through(variant, task):
    model = model_of(variant, task)
    net_input = batch_of(task, SOURCES, TARGETS)["net_input"]

    class Core(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = model.encoder.core, model.decoder.core

        def forward(self, src_tokens, prev_output_tokens):
            return self.decoder(prev_output_tokens, self.encoder(src_tokens)).logits

    inputs = (net_input["src_tokens"], net_input["prev_output_tokens"])
    with torch.no_grad():
        exported = torch.export.export(Core().eval(), inputs).module()
        torch.testing.assert_close(exported(*inputs), logits_of(model, {"net_input": net_input}), atol=1e-5, rtol=1e-5)


def test_every_kind_of_decoder_has_a_name_of_its_own(task):
    nameless = type("NamelessLSTM", (PeekLSTM,), {"decoder_class": type("Nameless", (PeekDecoder,), {})})
    with pytest.raises(TypeError, match="decoder Nameless has no `kind` of its own"):
        nameless.build_model(Namespace(arch="peek_lstm"), task)
    with pytest.raises(TypeError, match="decoder Second has the `kind` of PeekDecoder, 'peek': use another"):
        type("Second", (PeekDecoder,), {"kind": "peek"})
    assert DECODERS["peek"] is PeekDecoder


def test_only_a_feedback_decoder_needs_no_source(task):
    for arch in ARCHITECTURES:
        core = build_model(arch, task).decoder.core
        if arch == "feedback_lstm":
            assert core.start_without_source(torch.zeros(3, 1)).recurrent.hidden.size(0) == 3
        else:
            with pytest.raises(ValueError, match="decoder needs a source"):
                core.start_without_source(torch.zeros(3, 1))
