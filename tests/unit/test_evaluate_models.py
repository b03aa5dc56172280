"""Trained models scored on pairs: files and iterables, several targets, sources that are too long, classes."""

import math

import pytest
from conftest import REPOSITORY
from onnx_models import TOKENS
from web_tools import letters_model

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.evaluation import attention_samples
from s2s_plugins.inference.load import opened
from s2s_plugins.inference.trained import Trained
from s2s_plugins.models.saving import model_of

WORDS = ["bafe", "mano", "gel", "ponm", "bb", "dada", "akko", "fehl"]


@pytest.fixture(scope="module")
def translator():
    return opened(letters_model([TOKENS["monotonic"]], longest=12))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "films.safetensors"
    model_of([str(REPOSITORY / "tests" / "checkpoints" / "sa_lstm-classifier.pt")]).write(path)
    return s2s_plugins.load(path)


def test_a_source_is_scored_by_what_the_model_predicts_for_it(translator):
    expected = [translator.predict(word, nbest=5) for word in WORDS]
    pairs = [(word, best[number % 3].text) for number, (word, best) in enumerate(zip(WORDS, expected))]
    found = translator.evaluate(iter(pairs), batch_size=3)
    assert [item.source for item in found.items] == WORDS
    for item, best in zip(found.items, expected):
        assert [guess.text for guess in item.guesses] == [one.text for one in best]
        assert [guess.probability for guess in item.guesses] == pytest.approx(
            [one.probability for one in best], rel=1e-3
        )
        assert item.length == len(item.source)
    assert [item.place for item in found.items] == [number % 3 for number in range(len(WORDS))]
    assert found.error_rate == pytest.approx(100 * 5 / 8)
    assert [one.log_probability for one in found.items[0].guesses] == pytest.approx(
        [one.score * (len(one.tokens) + 1) for one in expected[0]], rel=1e-4
    )
    assert found.recall == {2: pytest.approx(100 * 6 / 8), 5: 100}


def test_the_reference_of_an_error_has_the_probability_that_the_model_gives_it(translator):
    best = translator.predict("mano").text
    targets = ["X0", "X0 X1 X2"]
    log_probabilities = [one.log_probability for one in translator.score([("mano", target) for target in targets])]
    found = translator.evaluate([*(("mano", target) for target in targets), ("gel", "Y0 " * 5000)])
    assert found.items[0].own_log_probability == pytest.approx(max(log_probabilities), abs=1e-4)
    assert math.isnan(found.items[1].own_log_probability)  # no target of this model's
    assert math.isnan(translator.evaluate([("mano", best)]).items[0].own_log_probability)


def test_a_file_gives_the_same_as_pairs_and_targets_of_a_source_stand_together(translator, tmp_path):
    best = translator.predict("mano").text
    pairs = [("mano", "X0 X1"), ("gel", "Y0"), ("mano", best), ("mano", "X0 X1"), (" mano ", "Z3")]
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    for data in (pairs, path, str(path)):
        found = translator.evaluate(data)
        assert [item.references for item in found.items] == [("X0 X1", best, "Z3"), ("Y0",)]
        assert found.items[0].is_right and found.pairs == 4


def test_a_source_that_is_too_long_counts_as_wrong(translator):
    best = translator.predict("mano").text
    found = translator.evaluate([("mano" * 5, "X0"), ("mano", best)])
    assert (found.sources, found.wrong, found.too_long) == (2, 1, 1)


def test_texts_are_scored_by_the_classes_that_the_model_gives(classifier):
    texts = ["a good film", "a bad film", "nothing", "good good good bad"]
    expected = list(classifier.classify(texts))
    wrong = {one: other for one, other in zip(classifier.labels, reversed(classifier.labels))}
    labels = [expected[0].label, *(wrong[one.label] for one in expected[1:])]
    found = classifier.evaluate(zip(texts, labels), batch_size=2)
    assert (found.sources, found.wrong, found.error_rate) == (4, 3, 75)
    assert [item.probability for item in found.items] == pytest.approx([one.probability for one in expected])
    assert [item.own_probability for item in found.items] == pytest.approx(
        [one.probabilities[label] for one, label in zip(expected, labels)]
    )


def test_attention_is_shown_of_wrong_and_right_sources(translator):
    pairs = [(word, translator.predict(word).text if number % 2 else "X0") for number, word in enumerate(WORDS)]
    found = attention_samples(translator, translator.evaluate(pairs), count=6)
    assert [one.is_right for one in found] == [False] * 3 + [True] * 3
    assert {"".join(one.source[:-1]) for one in found} <= set(WORDS)
    assert [one.is_right for one in attention_samples(translator, translator.evaluate(pairs[:1]))] == [False]


def test_a_model_without_attention_shows_none():
    plain = opened(letters_model([TOKENS["basic"]]))
    assert not plain.has_attention and attention_samples(plain, plain.evaluate([("bafe", "X0")])) == []


def test_other_forms_of_data_and_named_columns_are_read(translator, tmp_path, caplog):
    best = translator.predict("mano").text
    path = tmp_path / "words.csv"
    path.write_text(f"id,word,ipa\n1,mano,{best}\n2,gel,X0\n3,,X0\n")
    found = translator.evaluate(path, source="word", target="ipa")
    assert [item.is_right for item in found.items] == [True, False]
    assert "pairs with an empty side are left out (1): " in caplog.text and "line 4" in caplog.text
    by_source = translator.evaluate({"mano": ["X0", best], "gel": ["X0"]})
    assert [item.references for item in by_source.items] == [("X0", best), ("X0",)]


class Forecasting(Trained):
    kind = "forecaster"


def test_what_cannot_be_evaluated_is_said_in_a_line(translator, classifier, tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text("a film\tsplendid\n")
    with pytest.raises(UsageError, match=r"test.tsv, line 1: .*'splendid' is none of"):
        classifier.evaluate(path)
    with pytest.raises(UsageError, match="nothing to evaluate"):
        translator.evaluate([])
    with pytest.raises(UsageError, match="other is a forecaster, which evaluate does not score: use s2s compare"):
        Forecasting("other").evaluate([])
    path.write_bytes(b"a film\tgood \xff\n")
    with pytest.raises(UsageError, match="test.tsv, line 1 is not UTF-8"):
        classifier.evaluate(path)
    for flags in ({"beam": 0}, {"batch_size": 0}):
        with pytest.raises(UsageError, match="too small"):
            translator.evaluate([("a", "X0")], **flags)
    with pytest.raises(UsageError, match="too small"):
        classifier.evaluate([("a", "X0")], batch_size=0)
