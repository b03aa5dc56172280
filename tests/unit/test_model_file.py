"""A model in one file: what was saved is what is loaded."""

import itertools
import json
import struct
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from safetensors import safe_open
from test_forecaster import LOSSES, forecaster, series
from test_old_checkpoints import CLASSIFIERS, EXPECTED, TRANSLATORS

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import About, ForecasterFacts
from s2s_plugins.inference.files.info import as_text
from s2s_plugins.inference.files.model_file import KEY, ModelFile, read_model_file
from s2s_plugins.inference.load import opened
from s2s_plugins.models.saving import _member, model_of
from s2s_plugins.models.translator import load_translator
from s2s_plugins.text.spelling import Spelled

FOLDER = REPOSITORY / "tests" / "checkpoints"
BACKENDS = ("torch", "onnx")


def checkpoint(name):
    return str(FOLDER / f"{name}.pt")


def of_series(ours):
    """The model of a forecaster, as a file has it."""
    member = _member(ours.model.member.settings, ours.model.member)
    facts = ForecasterFacts(ours.description.to_json(), ours.stateful)
    return ModelFile(facts, About("peek_lstm"), (member,))


def save_all(folder):
    """A file of each model of the checkpoints, by name."""
    for name in EXPECTED:
        figures = {"PER": 8.5, "words": 26, "of": "us"}
        model = model_of([checkpoint(name)], licence="CC0-1.0", data="made up", figures=figures)
        model.write(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in EXPECTED}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_all(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_predicts_what_its_checkpoint_predicts(saved, name, backend):
    model = s2s_plugins.load(saved[name], backend)
    for found, expected in zip(model.predict(["a b c", "j i h g f e"], nbest=2, beam=3), EXPECTED[name]):
        assert [one.text for one in found] == [tokens for tokens, _ in expected]
        assert [one.score for one in found] == pytest.approx([score for _, score in expected], abs=2e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_gives_the_probabilities_of_its_checkpoint(saved, name, backend):
    model = s2s_plugins.load(saved[name], backend)
    texts = ["good film", "awful sad plot", "nice nice actor"]
    for found, expected in zip(model.classify(texts), EXPECTED[name]):
        assert list(found.probabilities.values()) == pytest.approx(expected, abs=2e-6)
        assert found.probability == max(found.probabilities.values()) == found.probabilities[found.label]
    assert model.classify("good film").probabilities == pytest.approx(next(model.classify(texts)).probabilities)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_a_forecaster_forecasts_what_was_saved(tmp_path, loss, backend):
    ours = forecaster(loss, stateful=loss.kind == "mse")
    of_series(ours).write(tmp_path / "sales.safetensors")
    loaded = s2s_plugins.load(tmp_path / "sales.safetensors", backend)
    assert loaded.levels == ours.levels and loaded.description == ours.description
    many = [series(rows, seed) for seed, rows in enumerate((9, 40, 14))]
    for found, expected in zip(loaded.forecast(many, length=5), ours.forecast(many, length=5)):
        np.testing.assert_allclose(found.point, expected.point, rtol=1e-5)
        np.testing.assert_allclose(found.quantiles, expected.quantiles, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_ensemble_is_one_file(tmp_path, backend):
    paths = [checkpoint(name) for name in ("attention_lstm", "peek_lstm", "attention_lstm")]
    model_of(paths).write(tmp_path / "committee.safetensors")
    with safe_open(tmp_path / "committee.safetensors", "np") as file:
        assert len(json.loads(file.metadata()[KEY])["graphs"]) == 2  # equal settings have equal graphs
    model = s2s_plugins.load(tmp_path / "committee.safetensors", backend)
    expected = load_translator(paths[0], ensemble=paths[1:]).translate(["a b c", "d"], beam=4, nbest=3)
    for found, hypotheses in zip(model.predict(["a b c", "d"], nbest=3, beam=4), expected):
        assert [one.tokens for one in found] == [one.tokens for one in hypotheses]
        assert [one.score for one in found] == pytest.approx([one.score for one in hypotheses], abs=1e-5)


def test_a_prediction_says_where_the_model_looked_and_how_sure_it_is(saved):
    model = s2s_plugins.load(saved["attention_lstm"])
    long, short = model.predict(["j i h g f e d", "a b"], beam=3)
    for found, places in ((long, 8), (short, 3)):
        assert found.alignment.shape == (len(found.tokens) + 1, places)
        assert found.alignment.sum(1) == pytest.approx(1, abs=1e-5)
        assert np.log(found.probability) == pytest.approx(found.score * (len(found.tokens) + 1))
    assert s2s_plugins.load(saved["peek_lstm"]).predict("a b").alignment is None
    alone = model.predict("a b", beam=3)
    assert alone.text == short.text and alone.alignment == pytest.approx(short.alignment, abs=1e-5)


def test_an_empty_text_becomes_an_empty_one(saved):
    model = s2s_plugins.load(saved["peek_lstm"])
    empty = ("", 0.0, 1.0, [], None, False)
    assert model.predict("") == empty and model.predict(" ", nbest=2) == [empty]


def test_predictions_of_an_endless_input_come_as_it_is_read(saved):
    model = s2s_plugins.load(saved["peek_lstm"])
    found = model.predict(itertools.cycle(["a b", "c"]), beam=2, batch_size=1)
    assert [one.text for one in itertools.islice(found, 4)] == [
        model.predict(text, beam=2).text for text in ["a b", "c"] * 2
    ]
    classes = s2s_plugins.load(saved["sa_lstm-classifier"]).classify(itertools.repeat("good film"), batch_size=2)
    assert len({one.label for one in itertools.islice(classes, 100)}) == 1


def test_what_stands_before_a_text_that_is_too_long_is_answered(saved):
    model = s2s_plugins.load(saved["peek_lstm"])
    found = model.predict(["a", "b", "a " * 2000, "c"])
    assert [next(found).text, next(found).text] == [model.predict("a").text, model.predict("b").text]
    with pytest.raises(UsageError, match="text 3 has 2001 tokens"):
        next(found)


def test_a_slow_input_is_answered_after_a_batch_and_read_in_larger_ones_later(saved):
    read = []

    def texts():
        for number in itertools.count():
            read.append(number)
            yield "a b"

    found = s2s_plugins.load(saved["peek_lstm"]).predict(texts(), beam=1, batch_size=2)
    next(found)
    assert len(read) == 2
    list(itertools.islice(found, 100))
    assert len(read) > 110


def test_a_loaded_model_says_what_it_is_and_closes_its_file(saved):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        model = s2s_plugins.load(saved["peek_lstm"])
        model.predict("a")
    assert (model.about.licence, model.about.figures["PER"]) == ("CC0-1.0", 8.5)
    assert repr(model) == f"<translator {saved['peek_lstm']}, peek_lstm>"


def test_what_a_model_cannot_do_is_said(saved, caplog):
    translator, classifier = (s2s_plugins.load(saved[name]) for name in ("peek_lstm", "lm_lstm-classifier"))
    with pytest.raises(UsageError, match="is a translator, it does not classify: use predict"):
        translator.classify("a")
    with pytest.raises(UsageError, match="is a classifier, it does not predict: use classify"):
        classifier.predict("a")
    with pytest.raises(UsageError, match="it does not forecast"):
        classifier.forecast([])
    with pytest.raises(UsageError, match="--nbest 6 is more than --beam 5 finds"):
        translator.predict("a", nbest=6)
    with pytest.raises(UsageError, match="text 2 is a int, not a text"):
        list(translator.predict(["a", 7]))
    with pytest.raises(UsageError, match="text 1 has 2001 tokens"):
        translator.predict("a " * 2000)
    for use, wrong in ((translator.predict, 7), (classifier.classify, None)):
        with pytest.raises(UsageError, match="is neither a text nor texts"):
            use(wrong)
    with pytest.raises(UsageError, match="a NoneType is no text to classify"):
        list(classifier.classify([None]))
    with pytest.raises(UsageError, match="--beam '5' is no whole number"):
        translator.predict("a", beam="5")
    with pytest.raises(UsageError, match="is a forecaster, it does not predict: use forecast"):
        forecaster().predict("a")
    with pytest.raises(UsageError, match="a forecast begins behind series"):
        forecaster().forecast([[1.0, 2.0]])
    with pytest.raises(UsageError, match="there is no backend 'jax': use one of torch, onnx"):
        s2s_plugins.load(saved["peek_lstm"], "jax")
    list(translator.predict(["a", "q", "r r"]))
    assert "text 2: unknown token q, replaced by <unk>" in caplog.text and "2 of 3 texts have" in caplog.text


def test_text_is_spelt_as_the_file_says(tmp_path):
    import sentencepiece

    spaced = s2s_plugins.load(write(tmp_path, "token", model_of([checkpoint("attention_lstm")])))
    sides = {"source": Spelled("char"), "target": Spelled("char")}
    joined = s2s_plugins.load(write(tmp_path, "char", model_of([checkpoint("attention_lstm")], **sides)))
    found, expected = joined.predict("JIB"), spaced.predict("j i b")
    assert found.text == expected.text.replace(" ", "") and found.score == pytest.approx(expected.score)
    (tmp_path / "lines").write_text("\n".join(["a b c", "d e f", "g h i j"] * 9), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "lines"), model_prefix=str(tmp_path / "p"), vocab_size=14, minloglevel=9
    )
    pieces = (tmp_path / "p.model").read_bytes()
    both = {"source": Spelled("sentencepiece", pieces)}
    model = s2s_plugins.load(write(tmp_path, "pieces", model_of([checkpoint("attention_lstm")], **both)))
    tokens = sentencepiece.SentencePieceProcessor(model_proto=pieces).encode("a b c", out_type=str)
    assert model.predict("a b c").score == pytest.approx(spaced.predict(" ".join(tokens)).score)


def write(folder, name, model):
    model.write(folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


@pytest.mark.parametrize("precision, most", [("float16", 0.6), ("int8", 0.45)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_rounded_weights_make_a_smaller_file_of_the_same_numbers_for_every_backend(tmp_path, precision, most, backend):
    whole = model_of([checkpoint("attention_lstm")])
    rounded = whole.rounded(precision)
    for name, values in rounded.members[0].weights.items():
        exact = whole.members[0].weights[name]
        step = np.abs(exact).max(-1, keepdims=True) / (127 if precision == "int8" and exact.ndim == 2 else 1000)
        assert (np.abs(values - exact) <= 0.51 * step).all(), name
    sizes = [tensor_bytes(write(tmp_path, name, model)) for name, model in (("whole", whole), ("small", rounded))]
    assert sizes[1] < most * sizes[0]
    loaded = read_model_file(tmp_path / "small.safetensors")
    assert loaded.precision == precision
    for name, values in rounded.members[0].weights.items():
        np.testing.assert_array_equal(loaded.members[0].weights[name], values)
    again = rounded.rounded(precision)  # what is round stays as it is
    for name, values in rounded.members[0].weights.items():
        np.testing.assert_allclose(again.members[0].weights[name], values, rtol=1e-6)
    found = s2s_plugins.load(tmp_path / "small.safetensors", backend).predict("a b c", nbest=3)
    expected = opened(rounded, "torch").predict("a b c", nbest=3)
    assert [one.text for one in found] == [one.text for one in expected]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-5)


def tensor_bytes(path):
    with path.open("rb") as file:
        return path.stat().st_size - 8 - struct.unpack("<Q", file.read(8))[0]


def test_numbers_too_large_for_sixteen_bits_are_named(tmp_path):
    model = model_of([checkpoint("peek_lstm")])
    member = model.members[0]
    large = {**member.weights, "encoder.embed_tokens.weight": member.weights["encoder.embed_tokens.weight"] + 1e6}
    with pytest.raises(
        UsageError, match="weight encoder.embed_tokens.weight has a number that is too large for --half"
    ):
        replace(model, members=(replace(member, weights=large),)).rounded("float16")


def test_a_model_file_has_the_permissions_of_any_file(tmp_path):
    (tmp_path / "other").write_text("")
    path = write(tmp_path, "a", model_of([checkpoint("peek_lstm")]))
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_same_model_gives_the_same_bytes_and_random_numbers_stay_as_they_are(saved, tmp_path):
    again = model_of(
        [checkpoint("peek_lstm")], licence="CC0-1.0", data="made up", figures={"PER": 8.5, "words": 26, "of": "us"}
    )
    assert write(tmp_path, "again", again).read_bytes() == saved["peek_lstm"].read_bytes()
    torch.manual_seed(7)
    s2s_plugins.load(saved["peek_lstm"], "torch").predict("a b")
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert drawn == torch.rand(1)


def test_what_a_file_says_of_its_model_is_kept(saved):
    model = read_model_file(saved["attention_lstm"])
    assert (model.about.licence, model.about.data, model.about.figures["PER"]) == ("CC0-1.0", "made up", 8.5)
    assert model.about.figures["words"] == 26 and model.about.figures["of"] == "us"
    assert model.about.figures["updates"] == 60 and model.about.architecture == "attention_lstm"
    text = as_text(replace(model, about=replace(model.about, data="a\x1b[2Jb\nc")), 12_345)
    assert "12.3 kB, 3,256 weights in float32" in text and "a\N{REPLACEMENT CHARACTER}[2Jb" in text
    assert all(line.isprintable() for line in text.splitlines()) and "encoder: 1 x lstm of 8" in text
    facts = replace(model.facts, source=replace(model.facts.source, symbols=("a", "madeupword0000", "b")))
    filled = as_text(replace(model, facts=facts), 1)
    assert "2 symbols" in filled and "madeup" not in filled
    monotonic = as_text(model_of([checkpoint("attention_lstm-monotonic")]), 38_149)
    assert "monotonic attention decoder: " in monotonic and "hard_" not in monotonic and "38.1 kB" in monotonic
    assert "2: neg pos" in as_text(read_model_file(saved["sa_lstm-classifier"]), 1)


def test_checkpoints_that_make_no_model_file_are_named(tmp_path):
    with pytest.raises(UsageError, match="--task language_modeling, which makes no predictions: name one of --task"):
        model_of([checkpoint("lm_lstm")])
    with pytest.raises(UsageError, match="--task text_classification makes none: name one"):
        model_of([checkpoint("lm_lstm-classifier")] * 2)
    with pytest.raises(UsageError, match="--source and --target are about translators"):
        model_of([checkpoint("lm_lstm-classifier")], source=Spelled("char"))
    with pytest.raises(UsageError, match=r"a model file is named MODEL.safetensors, not .*a.pt"):
        model_of([checkpoint("peek_lstm")]).write(tmp_path / "a.pt")
