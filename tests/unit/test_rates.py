"""Figures of predictions: error rates, intervals, errors by symbol and class, calibration."""

import json
import random
import sys
import unicodedata

import numpy as np
import pytest
import sacrebleu
from rapidfuzz.distance import Levenshtein
from scipy.stats import bootstrap, ks_2samp
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation import intervals
from s2s_plugins.evaluation.calibration import calibration_error, reliability
from s2s_plugins.evaluation.classes import ClassItem, class_evaluation_of
from s2s_plugins.evaluation.intervals import ratio_interval, share_interval
from s2s_plugins.evaluation.translations import Guess, Predicted, evaluation_of


def predicted(source, references, *guesses):
    """A source, whose guesses are texts or pairs of a text and its probability."""
    pairs = [guess if isinstance(guess, tuple) else (guess, 0.5) for guess in guesses]
    return Predicted(source, tuple(references), tuple(Guess(*pair) for pair in pairs), len(source))


WORDS = [
    predicted("zebra", ["Z IY B R AH"], ("Z IY B R AH", 0.9), ("Z EH B R AH", 0.1)),
    predicted("read", ["R IY D", "R EH D"], ("R EH D", 0.55), ("R IY D", 0.45)),
    predicted("lead", ["L IY D", "L EH D Z"], ("L EH T", 0.8), ("L IY D", 0.15)),
    predicted("a", ["AH"], ("AH EY", 0.3), ("EY", 0.2)),
    predicted("knee", ["N IY"], ("K N IY", 0.95), ("K N AY", 0.05)),
]


def test_a_source_is_right_with_any_reference_and_edits_are_counted_against_the_closest_one():
    found = evaluation_of(WORDS, "token")
    assert (found.sources, found.pairs, found.wrong, found.unit) == (5, 7, 3, "token")
    assert found.error_rate == pytest.approx(60)
    # lead: 2 edits to either, so the longer one counts; a, knee: an insertion each
    assert [(item.edits, item.symbols) for item in found.items] == [(0, 5), (0, 3), (2, 4), (1, 1), (1, 2)]
    assert (found.edits, found.symbols) == (4, 15)
    assert found.symbol_error_rate == pytest.approx(100 * 4 / 15)
    assert found.recall == {2: pytest.approx(60)}, "the right one for lead is the second; nothing has five guesses"
    assert [item.own_probability for item in found.items] == [0.9, 0.55, 0.15, None, None]


def test_the_rates_are_those_of_their_definition():
    generator = random.Random(1)
    phones = ["AA", "B", "K", "D"]

    def some():
        return " ".join(generator.choices(phones, k=generator.randint(1, 6)))

    given = [predicted(f"word{n}", {some() for _ in range(generator.randint(1, 3))}, some()) for n in range(300)]
    given += [predicted(f"right{n}", ["AA B", "K"], "K") for n in range(100)]
    wrong = edits = symbols = 0
    for one in given:
        said, known = one.guesses[0].text.split(), [text.split() for text in one.references]
        wrong += said not in known
        closest = min((Levenshtein.distance(said, phones), -len(phones)) for phones in known)  # of these the longest
        edits, symbols = edits + closest[0], symbols - closest[1]
    found = evaluation_of(given, "token")
    assert (found.wrong, found.edits, found.symbols) == (wrong, edits, symbols)
    assert found.error_rate == pytest.approx(100 * wrong / len(given))
    assert found.symbol_error_rate == pytest.approx(100 * edits / symbols)


def test_errors_by_symbol_say_what_was_substituted_deleted_and_inserted():
    given = [
        predicted("a", ["A B C"], "A X C"),
        predicted("b", ["A B"], "A"),
        predicted("c", ["A B"], "A B X"),
        predicted("d", ["A A"], "A A"),
        predicted("e", ["B"], "X"),
    ]
    found = evaluation_of(given, "token")
    by_symbol = {one.symbol: one for one in found.by_symbol}
    assert by_symbol["B"][1:] == (4, 2, 1, 0) and by_symbol["B"].error_rate == 75
    assert by_symbol["A"][1:] == (5, 0, 0, 0)
    assert by_symbol["X"][1:] == (0, 0, 0, 1)
    assert [tuple(one) for one in found.confusions] == [("B", "X", 2), ("", "X", 1), ("B", "", 1)]
    assert [one.symbol for one in found.by_symbol] == ["B", "X", "A", "C"], "the most frequent error first"
    assert sum(one.times for one in found.confusions) == found.edits


@pytest.mark.parametrize(
    "level, reference, prediction, unit, edits, symbols",
    [
        ("char", "guten tag", "guten  tag", "character", 0, 9),
        ("char", unicodedata.normalize("NFD", "für"), "für", "character", 0, 3),
        ("char", "한국", "한글", "character", 1, 2),
        ("token", "K AE T", "K AE  T ", "token", 0, 3),
        ("sentencepiece", "the cat sat", "the dog sat", "word", 1, 3),
        ("sentencepiece", "猫がすわった", "犬がすわった", "character", 1, 6),
    ],
)
def test_symbols_are_those_of_the_targets_level_in_one_unicode_form(level, reference, prediction, unit, edits, symbols):
    found = evaluation_of([predicted("x", [reference], prediction)], level)
    assert (found.unit, found.edits, found.symbols) == (unit, edits, symbols)
    assert found.wrong == (edits > 0)


def test_the_most_probable_errors_come_first_and_the_worst_are_farthest():
    found = evaluation_of(WORDS, "token")
    assert [item.source for item in found.errors()] == ["knee", "lead", "a"]
    assert [item.source for item in found.worst(2)] == ["a", "lead"]


def test_a_source_that_the_model_cannot_read_is_wrong_and_has_no_part_in_calibration():
    found = evaluation_of([predicted("long", ["A B"]), predicted("b", ["B"], ("B", 1.0))], "token")
    assert (found.wrong, found.too_long, found.edits, found.symbols) == (1, 1, 2, 3)
    assert found.calibration_error == 0 and found.calibration[9].predictions == 1
    assert "too long" in str(found)
    nothing = evaluation_of([predicted("long", ["A B"])], "token")
    assert nothing.calibration_error is None and nothing.error_rate == 100 and nothing.recall == {}


def test_groups_of_lengths_hold_every_source_once():
    given = [predicted("x" * (1 + n % 30), ["A"], "A" if n % 7 else "B") for n in range(900)]
    found = evaluation_of(given, "token").by_length
    assert sum(one.sources for one in found) == 900 and found[0].shortest == 1 and found[-1].longest == 30
    for one in found:
        group = [item for item in given if one.shortest <= item.length <= one.longest]
        assert one.sources == len(group)
        wrong = sum(item.guesses[0].text == "B" for item in group)
        assert one.error_rate == pytest.approx(100 * wrong / len(group)) == one.symbol_error_rate
        assert one.error_interval.low < one.error_rate < one.error_interval.high


def test_an_interval_is_the_bootstraps_of_scipy():
    generator = np.random.default_rng(3)
    for most in (4, 900):  # few kinds of items, and nearly as many as items
        symbols = generator.integers(1, most, 400)
        edits = generator.binomial(symbols, 0.2)
        found = ratio_interval(edits, symbols)
        expected = bootstrap(
            (edits, symbols),
            lambda a, b, axis=-1: 100 * a.sum(axis=axis) / b.sum(axis=axis),
            paired=True,
            method="percentile",
            n_resamples=4000,
            rng=1,
        ).confidence_interval
        width = expected.high - expected.low
        assert found.low == pytest.approx(expected.low, abs=0.1 * width)
        assert found.high == pytest.approx(expected.high, abs=0.1 * width)
        assert ratio_interval(edits, symbols) == found and ratio_interval(edits, symbols, seed=2) != found


def test_intervals_cover_the_true_rate_as_often_as_they_say():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        interval = share_interval(generator.random(200) < 0.3)
        covered += interval.low <= 30 <= interval.high
    assert 0.91 < covered / 300 < 0.98


def test_no_error_among_few_sources_does_not_mean_a_certain_rate_of_zero():
    none, every, one = share_interval([False] * 20), share_interval([True] * 20), share_interval([True])
    assert none.low == 0 and none.high == pytest.approx(16.84, abs=0.01), "Clopper and Pearson's"
    assert every.high == 100 and every.low == pytest.approx(100 - none.high)
    assert one == (pytest.approx(2.5), 100)


def test_both_ways_of_resampling_draw_from_one_distribution(monkeypatch):
    drawn = []
    monkeypatch.setattr(intervals.np, "quantile", lambda ratios, at: drawn.append(ratios) or (0, 0))
    few = np.arange(400) % 2
    ratio_interval(few, np.ones(400))
    ratio_interval(few + np.arange(400) * 1e-9, np.ones(400))
    assert ks_2samp(*drawn).pvalue > 0.01


def test_calibration_compares_probability_and_share_of_right_predictions():
    bins = reliability([0.05, 0.91, 0.99, 1.0, 0.95, 0.1], [False, True, True, True, False, True])
    assert [one.predictions for one in bins] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 4]
    assert bins[9].probability == pytest.approx(0.9625) and bins[9].right == 0.75
    assert bins[2].probability is None and bins[2].right is None
    assert calibration_error(bins) == pytest.approx(100 * (0.05 + 0.9 + 4 * 0.2125) / 6)
    assert calibration_error(reliability([], [])) is None


def test_text_has_the_scores_of_sacrebleu_with_any_number_of_references():
    texts = [
        ("the cat sat on the mat today", ["the cat sat on the mat", "a cat was sitting on the mat today"]),
        ("there is a house over there.", ["there is a house over there !"]),
        ("we all go home now", ["all of us go home now", "we go home", "we are all going home now"]),
    ]
    given = [predicted("x", references, guess) for guess, references in texts]
    found = evaluation_of(given, "sentencepiece")
    columns = [[refs[place] if place < len(refs) else None for _, refs in texts] for place in range(3)]
    hypotheses = [guess for guess, _ in texts]
    assert found.text_scores.bleu == pytest.approx(sacrebleu.corpus_bleu(hypotheses, columns).score)
    assert found.text_scores.chrf == pytest.approx(sacrebleu.corpus_chrf(hypotheses, columns).score)
    assert 20 < found.text_scores.bleu < 100 and "BLEU" in str(found)
    assert evaluation_of(given, "token").text_scores == found.text_scores
    assert evaluation_of([predicted("x", ["running shoes"], "walking shoes")], "token").text_scores is None
    assert evaluation_of(WORDS, "token").text_scores is None and evaluation_of(WORDS, "char").text_scores is None


def test_what_is_said_and_written_is_short_and_complete():
    found = evaluation_of(WORDS, "token")
    assert str(found).splitlines()[1].split() == ["error", "rate", "60.00", "%", str(found.error_interval)]
    assert len(repr(found)) < 100
    figures = json.loads(json.dumps(found.figures(), allow_nan=False))
    assert figures["error_rate"] == found.error_rate and figures["by_symbol"][0]["symbol"] == found.by_symbol[0].symbol
    assert figures["recall"] == {"2": found.recall[2]} and len(figures["calibration"]) == 10


LABELS = ["bad", "good", "odd", "unused"]


def test_classes_have_the_scores_of_scikit_learn():
    generator = random.Random(1)
    items = []
    for number in range(200):
        label, other = generator.choices(LABELS[:3], [5, 3, 1], k=2)
        items.append(ClassItem(f"text {number}", label, generator.choice([label, other]), generator.random(), 0.1))
    found = class_evaluation_of(items, LABELS)
    right, guessed = [one.label for one in items], [one.predicted for one in items]
    expected = precision_recall_fscore_support(right, guessed, labels=LABELS, zero_division=0)
    columns = np.array([[one.precision / 100, one.recall / 100, one.f1 / 100, one.texts] for one in found.by_class])
    assert columns.T == pytest.approx(np.array(expected))
    assert found.macro_f1 == pytest.approx(100 * f1_score(right, guessed, average="macro"))
    assert np.array_equal(found.confusion, confusion_matrix(right, guessed, labels=LABELS))
    wrong = [one for one in items if one.label != one.predicted]
    assert found.wrong == len(wrong) and found.error_rate == pytest.approx(100 * len(wrong) / 200)
    assert found.errors() == sorted(wrong, key=lambda one: -one.probability)
    assert json.loads(json.dumps(found.figures(), allow_nan=False))["labels"] == LABELS
    assert "macro F1" in str(found)


def test_nothing_to_score_is_an_error():
    with pytest.raises(UsageError, match="nothing to evaluate"):
        evaluation_of([], "token")
    with pytest.raises(UsageError, match="nothing to evaluate"):
        class_evaluation_of([], LABELS)


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance.Levenshtein", None)
    with pytest.raises(UsageError, match=r"rapidfuzz is not installed.*s2s-plugins\[report\]"):
        evaluation_of(WORDS, "token")
