"""A training that starts from a model of other data."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.models import ARCH_MODEL_REGISTRY
from test_training_worker import TINY, run, training

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.models.resolve import resolve
from s2s_plugins.text.pairs.options import Options
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.training.job import BEST, Job, Said, Save, Validation
from s2s_plugins.training.pretrained import flags_of, read_start, with_levels
from s2s_plugins.training.recipes import merged, words
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.worker.build import build


def spelled(letters):
    """All words of three of these letters, in capitals with spaces between."""
    return [("".join(word), " ".join(word).upper()) for word in itertools.product(letters, repeat=3)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model file that spells words of a to f."""
    folder = tmp_path_factory.mktemp("start")
    prepare_pairs(spelled("abcdef"), folder / "data", Options(valid=30, test=0))
    save = Save([str(folder / "trained" / BEST)], str(folder / "data"), str(folder / "model.safetensors"))
    run(Job([training(folder / "data", folder / "trained", 300)], save))
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Data of letters c to h: two of them are new."""
    folder = tmp_path_factory.mktemp("other") / "data"
    prepare_pairs(spelled("cdefgh"), folder, Options(valid=30, test=0))
    return folder


def test_known_symbols_keep_their_weights_and_the_rest_is_the_model_s(model, other, tmp_path):
    trainer = build(training(other, tmp_path, start=str(model)), "fp32").trainer
    file = read_start(str(model))
    given, own = file.members[0].weights, trainer.model.state_dict()
    recurrent = "stack.layers.0.rnn.weight_hh_l0"
    assert torch.equal(own[f"encoder.core.{recurrent}"], torch.tensor(given[f"encoder.{recurrent}"]))
    source = trainer.task.source_dictionary
    there = [*["special"] * 4, *file.facts.source.symbols]
    for letter in "cdef":
        expected = torch.tensor(given["encoder.embed_tokens.weight"][there.index(letter)])
        assert torch.equal(own["encoder.core.embed_tokens.weight"][source.index(letter)], expected)
    rows = given["encoder.embed_tokens.weight"]
    assert not any(
        torch.equal(own["encoder.core.embed_tokens.weight"][source.index("g")], torch.tensor(row)) for row in rows
    )


def test_it_knows_at_once_what_the_model_knew(model, tmp_path):
    prepare_pairs(spelled("abcdef")[::2], tmp_path / "data", Options(valid=30, test=0))
    begun = training(
        tmp_path / "data", tmp_path / "begun", 20, start=str(model), arguments=words({**TINY, "--lr": 1e-6})
    )
    first = next(event for event in run(Job([begun])) if isinstance(event, Validation))
    assert first.error < 30
    fresh = training(tmp_path / "data", tmp_path / "fresh", 20, arguments=words({**TINY, "--lr": 1e-6}))
    assert next(event for event in run(Job([fresh])) if isinstance(event, Validation)).error == 100


def test_a_model_of_another_shape_is_refused(model, other, tmp_path):
    larger = words({**TINY, "--decoder-hidden-size": 48})
    with pytest.raises(UsageError, match=r"--from .* has the shape .*128, 16.* and this model .*192, 16"):
        build(training(other, tmp_path, start=str(model), arguments=larger), "fp32")
    peek = words(merged(TINY, {"--arch": "peek_lstm", "--attention": None, "--attention-timing": None}))
    with pytest.raises(UsageError, match="--from"):
        build(training(other, tmp_path, start=str(model), arguments=peek), "fp32")


MONOTONIC = {**TINY, "--attention-alignment": "monotonic"}


def test_a_monotonic_model_keeps_what_it_knew_though_its_symbols_are_in_another_order(tmp_path):
    """The dictionary is ordered by frequency, which is another one in other data; some symbols are new, some gone."""
    prepare_pairs(spelled("abcdef"), tmp_path / "data", Options(valid=30, test=0))
    save = Save([str(tmp_path / "one" / BEST)], str(tmp_path / "data"), str(tmp_path / "model.safetensors"))
    run(Job([training(tmp_path / "data", tmp_path / "one", 300, arguments=words(MONOTONIC))], save))
    other = (
        [pair for pair in spelled("fedcbg") if "g" not in pair[0] or pair[0] == "ggg"] + spelled("fff") + spelled("ef")
    )
    prepare_pairs(other, tmp_path / "other", Options(valid=30, test=0))
    still = words({**MONOTONIC, "--lr": 1e-9})
    begun = training(
        tmp_path / "other", tmp_path / "two", 20, start=str(tmp_path / "model.safetensors"), arguments=still
    )
    said = run(Job([begun]))
    assert next(event for event in said if isinstance(event, Validation)).error < 40
    assert any(
        "knows 5 of 6 source symbols and 5 of 6 target symbols" in event.text
        for event in said
        if isinstance(event, Said)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"--copy": True},
        {"--copy": True, "--attention-alignment": "monotonic"},
        {"--arch": "transducer_lstm", "--attention": None, "--attention-timing": None},
    ],
    ids=str,
)
def test_models_that_copy_keep_the_rows_of_their_symbols(changes, other, tmp_path):
    prepare_pairs(spelled("abcdef"), tmp_path / "data", Options(valid=30, test=0))
    flags = words(merged(TINY, changes))
    save = Save([str(tmp_path / "one" / BEST)], str(tmp_path / "data"), str(tmp_path / "model.safetensors"))
    run(Job([training(tmp_path / "data", tmp_path / "one", 1, arguments=flags)], save))
    begun = training(other, tmp_path / "two", start=str(tmp_path / "model.safetensors"), arguments=flags)
    trainer, file = build(begun, "fp32").trainer, read_start(str(tmp_path / "model.safetensors"))
    core = trainer.model.decoder.core
    given = file.members[0].weights[f"decoder.{core.vocabulary}.weight"]
    symbols, there = trainer.task.target_dictionary, [*["special"] * 4, *file.facts.target.symbols]
    rows = getattr(core, core.vocabulary).weight
    for letter in "CDEF":
        assert torch.equal(rows[symbols.index(letter)], torch.tensor(given[there.index(letter)]))


def test_levels_are_the_model_s(model):
    file = read_start(str(model))
    assert with_levels(TrainSettings(), file).source_level == "char"
    with pytest.raises(UsageError, match="--target-level char is not that of .*, token"):
        with_levels(TrainSettings(target_level="char"), file)


def test_an_architecture_of_its_own_does_not_go_with_it():
    with pytest.raises(UsageError, match="--arch peek_lstm does not go with --from"):
        TrainSettings(start="model.safetensors", arch="peek_lstm")


DICTIONARY = Dictionary()
DICTIONARY.add_symbol("⟦PST⟧")
TASK = SimpleNamespace(source_dictionary=DICTIONARY, target_dictionary=DICTIONARY, cfg=None)


@pytest.mark.parametrize(
    "arch, flags",
    [
        ("basic_lstm", {"encoder_layers": 2}),
        ("feedback_lstm", {"rnn_cell": "gru", "encoder_layers": 2, "decoder_layers": 2, "residual": True}),
        ("peek_lstm", {"encoder_bidirectional": True, "decoder_embed_dim": 24, "decoder_out_embed_dim": 40}),
        ("peek_lstm", {"share_decoder_input_output_embed": True}),
        ("peek_lstm", {"share_all_embeddings": True, "encoder_hidden_size": 20}),
        ("attention_lstm", {"attention": "concat", "attention_dim": 9, "attention_coverage": True}),
        ("attention_lstm", {"attention": "general", "attention_timing": "after", "input_feeding": True}),
        (
            "attention_lstm",
            {
                "attention_timing": "after",
                "attention_alignment": "monotonic",
                "inner_handover": True,
                "encoder_layers": 2,
            },
        ),
        ("attention_lstm", {"bridge": "dense", "bridge_activation": "relu"}),
        ("attention_lstm", {"copy": True, "features_as": "bag"}),
        ("transducer_lstm", {"features_as": "bag"}),
        ("attention_lstm_tiny", {}),
    ],
)
def test_the_flags_of_settings_make_the_same_settings(arch, flags):
    model = ARCH_MODEL_REGISTRY[arch]
    asked = {
        "encoder_embed_dim": 24,
        "decoder_embed_dim": None if arch == "basic_lstm" else 24,
        "dropout": 0.1,
        **flags,
    }
    first = resolve(model, SimpleNamespace(_name=arch, **asked), TASK)
    tokens = s2s_plugins.nn.settings.TokenSettings(4, 4, first.output, first.shares_all)
    given = flags_of(
        s2s_plugins.nn.settings.Seq2SeqSettings(first.model.encoder, first.model.decoder, None, tokens), arch
    )
    fields = {name[2:].replace("-", "_"): value for name, value in merged(given).items() if name != "--arch"}
    again = resolve(model, SimpleNamespace(_name=arch, dropout=0.1, **fields), TASK)
    assert again == first
