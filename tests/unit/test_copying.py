"""Copying: that what is copied is what the equations say, and what copying makes possible."""

import pytest
import torch
from conftest import batch_of, build_model, dictionary, translation_task
from copy_learning import copied_of_unseen
from onnx_models import arrays_of, looking, random_weights, sources, tokens

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.onnx.translator import OnnxMember, OnnxModel
from s2s_plugins.inference.torch.translator import TorchModel, padded
from s2s_plugins.models.resolve import copy_table
from s2s_plugins.nn.copying import Copying
from s2s_plugins.nn.decoders.attention import AttentionDecoder
from s2s_plugins.nn.seq2seq import build_seq2seq

HARD = [{"attention_alignment": alignment} for alignment in ("hard", "monotonic")]
ALL = [
    {"attention_timing": "before"},
    {"attention_timing": "after"},
    *({"attention_timing": "after", **h} for h in HARD),
]
COPIES = (*range(4), *(4 + number for number in range(16)))  # of the symbols of tokens()
every_kind = pytest.mark.parametrize("flags", ALL, ids=str)


def only_copying(model, copies=True):
    """Let the model do nothing but copying, or never copy."""
    gate = model.decoder.core.copying.gate
    with torch.no_grad():
        gate.weight.zero_()
        gate.bias.fill_(40.0 if copies else -40.0)
    return model.eval()


def task_of(source=10, target=10):
    return translation_task(dictionary(source), dictionary(target))


def test_the_probability_of_a_token_is_the_sum_over_both_ways_to_write_it():
    torch.manual_seed(1)
    copying = Copying(6, [0, 1, 2, 3, 7, 4, 3])
    features, logits = torch.randn(2, 3, 6), torch.randn(2, 3, 9)
    weights = torch.rand(2, 3, 5).softmax(-1)
    targets = copying.targets(torch.tensor([[4, 5, 4, 6, 2], [6, 6, 5, 4, 2]]))
    copy = copying.gate(features).sigmoid()[..., 0]
    expected = torch.empty(2, 3, 9)
    for b in range(2):
        for t in range(3):
            for token in range(9):
                copied = sum(float(weights[b, t, j]) for j in range(5) if int(targets[b, j]) == token)
                written = float(logits[b, t].softmax(-1)[token])
                expected[b, t, token] = float(copy[b, t]) * copied + (1 - float(copy[b, t])) * written
    torch.testing.assert_close(copying(features, logits, weights, targets).exp(), expected)


@every_kind
def test_what_goes_out_is_normalised(flags):
    task = task_of()
    model = build_model("attention_lstm", task, copy=True, **flags)
    log_probabilities = model(**batch_of(task, [[1, 2, 3], [4]], [[3, 1], [4, 4]])["net_input"])[0]
    torch.testing.assert_close(log_probabilities.exp().sum(-1), torch.ones(2, 3))


@every_kind
def test_a_model_that_only_copies_writes_source_tokens_alone(flags):
    task = task_of()
    model = only_copying(build_model("attention_lstm", task, copy=True, **flags))
    probabilities = model(**batch_of(task, [[1, 2, 3]], [[3, 1]])["net_input"])[0].exp()
    there = [task.target_dictionary.eos(), *map(task.target_dictionary.index, "123")]
    torch.testing.assert_close(probabilities[..., there].sum(-1), torch.ones(1, 3))
    assert (probabilities[0, 0, there] > 1e-4).all()  # later a monotonic alignment has left the first ones behind


@every_kind
def test_a_model_that_never_copies_is_the_one_without(flags):
    task = task_of()
    model = only_copying(build_model("attention_lstm", task, copy=True, **flags), copies=False)
    plain = build_model("attention_lstm", task, **flags).eval()
    weights = {
        name.replace("vocabulary_layer", "output_layer"): value
        for name, value in model.state_dict().items()
        if ".copying." not in name
    }
    plain.load_state_dict(weights)
    net_input = batch_of(task, [[1, 2, 3], [4]], [[3, 1], [4, 4]])["net_input"]
    expected = plain(**net_input)[0].log_softmax(-1)
    torch.testing.assert_close(model(**net_input)[0], expected, atol=1e-5, rtol=1e-5)


def test_symbols_are_copied_by_their_spelling():
    source, target = dictionary(6), dictionary(4)
    table = copy_table(source, target)
    assert [target[number] for number in table[:4]] == [source[number] for number in range(4)]
    assert [target[table[source.index(symbol)]] for symbol in "0123"] == ["0", "1", "2", "3"]
    assert {target[table[source.index(symbol)]] for symbol in "45"} == {"<unk>"}


def test_nothing_that_is_written_is_copied_of_a_feature():
    source = dictionary(3, features=2)
    table = copy_table(source, dictionary(3))
    assert {source[table[source.index(symbol)]] for symbol in ("⟦0⟧", "⟦1⟧")} == {"<s>"}


@pytest.mark.parametrize("flags, updates", [(ALL[0], 100), (ALL[3], 250)], ids=str)
def test_symbols_that_training_never_had_in_the_target_are_copied(flags, updates):
    assert copied_of_unseen("attention_lstm", updates, copy=True, **flags) > 0.8


def test_what_is_copied_is_its_share_of_the_tokens_probability():
    task = task_of()
    model = build_model("attention_lstm", task, copy=True, attention_timing="after").eval()
    batch = batch_of(task, [[1, 2, 1]], [[1, 5]])
    net_input, target = batch["net_input"], batch["target"]
    copied, whole = model.copied(net_input["src_tokens"], net_input["prev_output_tokens"], target)
    shares = copied / whole
    log_probabilities, extra = model(**net_input)
    core = model.decoder.core
    state = core.start(model.encode(net_input["src_tokens"]))
    features, _, _ = AttentionDecoder.run(core, net_input["prev_output_tokens"], state)
    copies = core.copying.gate(features).sigmoid()[0, :, 0]
    there = (net_input["src_tokens"].unsqueeze(1) == target.unsqueeze(2)) * extra["attn"][0]
    expected = copies * there[0].sum(-1) / log_probabilities[0].exp().gather(1, target[0].unsqueeze(1))[:, 0]
    torch.testing.assert_close(shares[0], expected)
    assert shares[0, 1] < 1e-6 < shares[0, 0]  # 5 is not in the source


@every_kind
def test_onnx_runtime_says_what_is_copied_too(flags):
    alignment = str(flags.get("attention_alignment", "soft"))
    kind = "pointer_generator" if alignment == "soft" else "hard_attention"
    model = random_weights(
        build_seq2seq(tokens(kind, looking("general", flags["attention_timing"], alignment), copies=COPIES)), seed=1
    )
    inputs, outputs = sources(5), sources(5, symbols=23, seed=2)
    rows = (inputs, [[2, *output[:-1]] for output in outputs], outputs)
    copied, whole = model.copied(*(padded(one, torch.device("cpu")) for one in rows))
    member = OnnxMember(graphs_of(model), arrays_of(model), "model")
    found = OnnxModel([member], 100, 100).copied(inputs, outputs)
    assert max(map(max, found)) > 0.3
    for row, wanted in zip(found, copied / whole):
        torch.testing.assert_close(torch.from_numpy(row), wanted[: len(row)], atol=1e-4, rtol=0)


def test_of_an_ensemble_the_probabilities_are_added_up():
    members = [random_weights(build_seq2seq(tokens("transducer", copies=COPIES)), seed=seed) for seed in (1, 2)]
    inputs, outputs = sources(4), sources(4, symbols=23, seed=2)
    rows = (inputs, [[2, *output[:-1]] for output in outputs], outputs)
    parts = [member.copied(*(padded(one, torch.device("cpu")) for one in rows)) for member in members]
    expected = (parts[0][0] + parts[1][0]) / (parts[0][1] + parts[1][1])
    torch_model = TorchModel(members, torch.device("cpu"), 100, 100, True)
    onnx_model = OnnxModel([OnnxMember(graphs_of(one), arrays_of(one), "model") for one in members], 100, 100)
    for model in (torch_model, onnx_model):
        for row, wanted in zip(model.copied(inputs, outputs), expected.detach()):
            torch.testing.assert_close(torch.from_numpy(row), wanted[: len(row)], atol=1e-4, rtol=0)


def test_a_transducer_copies_its_share_of_a_tokens_probability():
    """Without what is copied to a token, its probability is less by what is said to be copied."""
    model = build_seq2seq(tokens("transducer", copies=COPIES)).eval()
    source, target = torch.tensor([[7, 9, 2]]), torch.tensor([[9, 2]])
    shifted = torch.tensor([[2, 9]])
    copied, whole = model.copied(source, shifted, target)
    core = model.decoder
    elsewhere = core.start(model.encoder(source))
    elsewhere = elsewhere._replace(copied=torch.where(elsewhere.copied == 9, 1, elsewhere.copied))
    written = core.step(shifted[:, 0], elsewhere)[0].logits[0, 0].exp()
    torch.testing.assert_close(written[9] + copied[0, 0], whole[0, 0])
    assert 0 == copied[0, 1] < copied[0, 0]


def test_a_decoder_that_does_not_copy_says_nothing_of_it():
    model = build_model("attention_lstm", task_of()).eval()
    tokens = torch.tensor([[4, 2]])
    assert model.copied(tokens, tokens, tokens) is None


def test_copying_and_an_adaptive_softmax_exclude_each_other():
    with pytest.raises(UsageError, match="--adaptive-softmax-cutoff"):
        build_model("attention_lstm", task_of(), copy=True, adaptive_softmax_cutoff="4,6")


@pytest.mark.parametrize("copies, message", [((0, 1), "2 source symbols"), ((99,) * 20, "none of the 23")], ids=str)
def test_settings_that_copy_to_what_is_not_there_are_refused(copies, message):
    settings = tokens("pointer_generator", looking("additive"), copies=copies)
    with pytest.raises(ValueError, match=message):
        build_seq2seq(settings)
