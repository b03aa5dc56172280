"""What a training chooses by measurement, when it ends early, and what its settings and its plan take."""

from __future__ import annotations

import json

import pytest
import torch
from test_training_worker import TINY, never, run, training

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.models.adapters import Autocast
from s2s_plugins.text.pairs.options import Options
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.text.pairs.prepared import read_prepared
from s2s_plugins.training import recipes
from s2s_plugins.training.job import BEST, LAST, Hurried, Job, Said
from s2s_plugins.training.pairs import PairsPlan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import words
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.worker import loop, precision
from s2s_plugins.training.worker import train as training_of
from s2s_plugins.training.worker.build import build
from s2s_plugins.training.worker.validation import Best, Measured

PAIRS = [(f"{a}{b}", f"{a} {b}".upper()) for a in "abcdefgh" for b in "abcdefgh"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choices") / "data"
    prepare_pairs(PAIRS, folder, Options(valid=10, test=0))
    return folder


@pytest.mark.parametrize("seconds, expected", [(0.5, "bf16"), (0.9, "fp32"), (2.0, "fp32")])
def test_bfloat16_is_chosen_where_it_is_clearly_faster(monkeypatch, seconds, expected):
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    of = {torch.bfloat16: seconds, torch.float32: 1.0}
    monkeypatch.setattr(Autocast, "seconds_of_a_product", staticmethod(lambda dtype: of[dtype]))
    assert precision.choose("auto", CPU) == expected
    assert precision.choose("fp32", CPU) == "fp32" and precision.choose("bf16", CPU) == "bf16"


def test_bfloat16_is_not_chosen_where_there_is_none(monkeypatch):
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: False))
    assert precision.choose("auto", CPU) == "fp32"


@pytest.mark.parametrize("speeds, expected", [((10.0, 9.5), 1), ((10.0, 5.0), 2)])
def test_all_threads_are_used_where_they_are_clearly_faster(monkeypatch, data, tmp_path, speeds, expected):
    measured = iter(speeds)
    monkeypatch.setattr(training_of, "updates_a_second", lambda *args: next(measured))
    trainer = build(training(data, tmp_path), "fp32").trainer
    before, said = torch.get_num_threads(), []
    try:
        torch.set_num_threads(2)
        assert training_of.choose_threads(training(data, tmp_path, threads=None), trainer, said.append, never)
        assert torch.get_num_threads() == expected and len(said) == (expected == 1)
    finally:
        torch.set_num_threads(before)


def measured(error: float, spread: float = 2.0) -> Measured:
    return Measured(error, spread, [], 100)


def test_validations_that_are_worse_by_more_than_chance_end_a_training():
    best = Best()
    assert best.look(measured(20), 10)
    for update in range(3):
        assert not best.look(measured(21.5), update)  # by chance
    assert best.ends(3) is None
    for update in range(3):
        assert not best.look(measured(25), update)
    assert "3 validations in a row were worse" in best.ends(3)
    assert best.ends(0) is None
    assert best.look(measured(19), 99) and best.ends(3) is None


def test_validations_without_an_error_end_a_training():
    best = Best()
    for update in range(5):
        best.look(measured(0), update)
    assert "no error" in best.ends(8)


def test_a_training_that_knows_everything_ends_early(data, tmp_path):
    ended = run(Job([training(data, tmp_path, 4000, patience=2)]))[-1]
    assert ended.updates < 4000 and "no error" in ended.why


def test_earlier_weights_are_kept_where_they_err_clearly_less(data, tmp_path, monkeypatch):
    errors = iter([50.0, 5.0, *[60.0] * 100])
    monkeypatch.setattr(loop, "timed", lambda validator, trainer: (measured(next(errors)), 0.0))
    ended = run(Job([training(data, tmp_path, 40, patience=0)]))[-1]
    assert ended.error == 5.0 and "those of update 4" in ended.why
    state = torch.load(tmp_path / BEST, weights_only=True)
    assert state["optimizer_history"][-1]["num_updates"] == 4


def test_what_a_training_resumes_from_is_written_between_validations(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_TO_SAVE", 0.0)
    calls = iter(range(10**6))
    with pytest.raises(loop.Stopped):
        run(Job([training(data, tmp_path, 4000)]), lambda: next(calls) >= 5)
    saved = torch.load(tmp_path / LAST, weights_only=True)["extra_state"][loop.KEY]["pace"]["done"]
    assert saved < 4000 // loop.VALIDATIONS


def test_without_a_validation_part_the_last_weights_are_the_result(data, tmp_path):
    ended = run(Job([training(data, tmp_path, 10, validate="none")]))[-1]
    assert ended.error is None and "the last ones" in ended.why
    json.dumps(ended.__dict__, allow_nan=False)


def test_a_time_that_is_too_short_is_said_to_be(data, tmp_path):
    asked = training(data, tmp_path, 1000, seconds=1.0, hurried=[Hurried(5.0, words(TINY))])
    said = [event.text for event in run(Job([asked], asked=1.0)) if isinstance(event, Said)]
    assert any("about 0 in this time: too few to learn much" in line for line in said)


def test_a_worker_that_is_stopped_while_it_starts_trains_nothing(data, tmp_path):
    with pytest.raises(loop.Stopped):
        run(Job([training(data, tmp_path)]), lambda: True)
    assert not (tmp_path / LAST).exists()


def plan(out, **settings):
    """Of the pairs above, prepared."""
    made = PairsPlan(PAIRS, "pairs", out, TrainSettings(**settings), Screen(None))
    made.prepare()
    prepared = read_prepared(out / "data")
    recipe = recipes.recipe_for(prepared)
    return [made.training(prepared, recipe, number, None, None).arguments for number in range(made.settings.members)]


def value(arguments, flag):
    return arguments[arguments.index(flag) + 1]


def test_members_have_seeds_that_follow_each_other(tmp_path):
    assert [value(one, "--seed") for one in plan(tmp_path, members=3, seed=7)] == ["7", "8", "9"]


def test_flags_of_the_user_take_the_place_of_the_recipe_s(tmp_path):
    flags = ("--optimizer", "sgd", "--criterion", "cross_entropy", "--dropout=0.05")
    [arguments] = plan(tmp_path, flags=flags)
    assert "--adam-betas" not in arguments and "--label-smoothing" not in arguments
    assert arguments.count("--optimizer") == 1 and value(arguments, "--optimizer") == "sgd"
    assert "--dropout" not in arguments and "--dropout=0.05" in arguments


@pytest.mark.parametrize("arch", ["transformer", "nonsense", "lm_lstm", "peek"])
def test_an_architecture_that_is_not_for_pairs_is_refused_at_once(tmp_path, arch):
    with pytest.raises(UsageError, match=f"--arch {arch} .*use attention_lstm, basic_lstm, feedback_lstm, peek_lstm"):
        PairsPlan(PAIRS, "pairs", tmp_path, TrainSettings(arch=arch), Screen(None))


@pytest.mark.parametrize(
    "settings", [{"minutes": "5"}, {"updates": "5"}, {"members": "2"}, {"members": 1.5}, {"seed": True}]
)
def test_numbers_that_are_none_are_refused(settings):
    with pytest.raises(UsageError, match=f"{next(iter(settings))} .*number"):
        TrainSettings(**settings)


def test_python_is_not_given_an_architecture_that_leaves_no_model(tmp_path):
    with pytest.raises(UsageError, match="arch='lstm' has no model file"):
        s2s_plugins.train(PAIRS, tmp_path / "out", arch="lstm")
    assert not (tmp_path / "out").exists()
