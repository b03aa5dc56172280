"""``s2s tune``: what is searched, how trials end, that a search resumes; its trainings run in this process."""

import csv
import itertools
import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from in_process import InThisProcess

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.training.job import LAST
from s2s_plugins.training.recipes import RECIPES, for_arch, words
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.tune.run import TuneSettings, best_command, tune
from s2s_plugins.training.tune.space import CHOICES, Choice, space_for
from s2s_plugins.training.tune.trials import DONE, FAILED, PRUNED, RUNNING, Outcome, Trials

TINY = ["--encoder-hidden-size", "16", "--decoder-hidden-size", "32", "--encoder-embed-dim", "16"]
TINY += ["--encoder-layers", "1", "--attention-alignment", "soft"]
PAIRS = [("".join(word), " ".join(word).upper()) for word in itertools.product("abcdef", repeat=3)]
SEARCHED = ["--lr", "--dropout", "--batch-size", "--label-smoothing", "--attention"]
COMMAND = "s2s train words.tsv --out tuned-best"


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr("s2s_plugins.training.tune.run.Workers", InThisProcess)


def search(out, trials, updates=20, progress=False, **changes):
    settings = TrainSettings(updates=updates, precision="fp32", flags=TINY, seed=1, **changes)
    return tune(PAIRS, "words", out, TuneSettings(trials, jobs=1), settings, COMMAND, progress=progress)


def rows_of(out):
    with (out / "trials.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_recipe_is_a_point_of_its_own_search_however_short_the_time(recipe):
    arguments = words(recipe.flags)
    space = space_for(arguments, recipe.name, [])
    for flags in (recipe.flags, *(recipe.within(share * recipe.updates - 1) for share, _ in recipe.hurried)):
        values = space.values_of(words(flags))
        assert list(values) == [choice.flag for choice in space.choices]
        distributions = space.distributions()
        for flag, value in values.items():
            assert distributions[flag]._contains(distributions[flag].to_internal_repr(value))
        again = dict(itertools.pairwise(space.words(values)))
        assert all(float(again[flag]) == flags[flag] for flag in ("--lr", "--dropout"))


def test_what_the_user_decides_and_what_an_architecture_lacks_is_not_searched():
    few = RECIPES["few"]
    space = space_for([*words(few.flags), *TINY], "few", TINY)
    assert [choice.flag for choice in space.choices] == SEARCHED
    without = words(for_arch(few.flags, "basic_lstm"))
    flags = [choice.flag for choice in space_for(without, "few", []).choices]
    assert "--attention" not in flags and "--attention-alignment" not in flags
    embedding = next(one for one in space_for(without, "few", []).choices if one.flag == "--encoder-embed-dim")
    assert embedding.words(64) == ["--encoder-embed-dim", "64"]  # its decoder has no embedding
    whole = next(one for one in space_for(words(few.flags), "few", []).choices if one.flag == "--encoder-embed-dim")
    assert whole.words(64) == ["--encoder-embed-dim", "64", "--decoder-embed-dim", "64"]


def test_sizes_are_searched_around_those_of_the_recipe():
    assert Choice("--x", (0.5, 1, 2), scales=True).around("128") == (64, 128, 256)
    assert Choice("--x", (0.25, 0.5, 1), scales=True).around("1") == (1,)
    assert all(choice.flag.startswith("--") for choice in CHOICES)


def test_a_search_begins_with_the_recipe_and_goes_on_where_it_was(here, tmp_path, capsys):
    first = search(tmp_path / "out", 2, progress=True)
    rows = rows_of(tmp_path / "out")
    assert [row["trial"] for row in rows] == ["0", "1"] and {row["state"] for row in rows} == {DONE}
    recipe = RECIPES["few"].within(20)
    assert all(float(rows[0][flag]) == recipe[flag] for flag in ("--lr", "--dropout", "--batch-size"))
    assert rows[1]["--lr"] != rows[0]["--lr"]
    assert float(rows[first.number]["error"]) == min(float(row["error"]) for row in rows)
    said = capsys.readouterr().out
    assert "trial 0: done" in said and "(the recipe)" in said and "searched: " + " ".join(SEARCHED) in said
    assert not list((tmp_path / "out").rglob("*.pt"))

    assert search(tmp_path / "out", 3).number in range(3)  # one more
    later = rows_of(tmp_path / "out")
    assert later[:2] == rows and len(later) == 3
    command = (tmp_path / "out" / "best.sh").read_text().strip()
    assert command.startswith(COMMAND + " -- ") and command.endswith(" ".join(TINY))
    page = (tmp_path / "out" / "report.html").read_text()
    HTMLParser().feed(page)
    assert page.count("<svg") >= 3 and "3 trials" in page and " ".join(TINY) in page
    with pytest.raises(UsageError, match="other settings"):
        search(tmp_path / "out", 3, updates=21)


def test_an_interrupted_trial_goes_on_and_is_not_another_one(tmp_path, monkeypatch):
    class Stopped(InThisProcess):
        def next(self):
            number, event = super().next()
            if type(event).__name__ == "Validation":
                raise KeyboardInterrupt
            return number, event

    monkeypatch.setattr("s2s_plugins.training.tune.run.Workers", Stopped)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "out", 1, updates=60)
    assert (tmp_path / "out" / "trials" / "trial-000" / LAST).exists()
    monkeypatch.setattr("s2s_plugins.training.tune.run.Workers", InThisProcess)
    search(tmp_path / "out", 1, updates=60)
    (row,) = rows_of(tmp_path / "out")
    assert row["state"] == DONE
    history = (tmp_path / "out" / "trials" / "trial-000" / "history.jsonl").read_text().splitlines()
    assert len(history) < 22  # each validation but that of the interruption, once


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(tmp_path, monkeypatch):
    class Damaged(InThisProcess):
        def start(self, jobs):
            if self.threads:  # all but the first trial
                jobs = [
                    (replace(job, trainings=[replace(job.trainings[0], data="/nowhere")]), log) for job, log in jobs
                ]
            return super().start(jobs)

    monkeypatch.setattr("s2s_plugins.training.tune.run.Workers", Damaged)
    assert search(tmp_path / "out", 3, updates=10).number == 0
    rows = rows_of(tmp_path / "out")
    assert [row["state"] for row in rows] == [DONE, FAILED, FAILED]
    assert "/nowhere" in rows[1]["why"]
    assert (tmp_path / "out" / "best.sh").read_text() == f"{COMMAND} -- {' '.join(TINY)}\n"


def test_a_recipe_that_cannot_be_trained_ends_the_search(here, tmp_path):
    settings = TrainSettings(updates=10, precision="fp32", flags=["--attention-dim", "-3"])
    with pytest.raises((UsageError, WorkError)):
        tune(PAIRS, "words", tmp_path / "out", TuneSettings(3, jobs=1), settings, COMMAND, progress=False)
    assert len(rows_of(tmp_path / "out")) == 1


@pytest.fixture
def trials(tmp_path):
    """A study, and how to open it once more."""
    space = space_for([*words(RECIPES["few"].flags), *TINY], "few", TINY)
    return lambda: Trials(tmp_path / "journal.jsonl", space, 1)


def test_a_trial_that_falls_behind_is_pruned_but_never_the_recipe(trials):
    study = trials()
    assert [study.ask().number for _ in range(8)] == list(range(8))
    for number in range(1, 7):
        for error in range(20, 0, -1):
            assert not study.report(number, error)
        study.end(number, 1.0 + number)
    assert not any(study.report(0, 90.0) for _ in range(20))
    study.end(0, 90.0)
    pruned = [study.report(7, 90.0) for _ in range(8)]
    # a trial that is worse than the median is pruned, but not before it could catch up
    assert any(pruned) and not any(pruned[:4])
    study.end(7)
    assert study.outcomes()[7].state == PRUNED and study.outcomes()[7].error == 90.0
    assert study.best().number == 1


def test_a_journal_keeps_running_trials_and_their_validations(trials):
    study = trials()
    study.ask()
    study.note_values(0, {"--lr": 0.005, "--dropout": 0.4})
    study.report(0, 50.0)
    again = trials()
    (kept,) = again.outcomes()
    assert kept.state == RUNNING and kept.validations == [50.0] and kept.values == {"--lr": 0.005, "--dropout": 0.4}
    again.report(0, 40.0)
    again.end(0, 30.0)
    second, third = again.ask(), trials().ask()
    assert second.flags[:2] == ["--lr", f"{second.values['--lr']:.3g}"] and second.flags != third.flags
    again.end(1, why="out of memory")
    assert [one.state for one in trials().outcomes()] == [DONE, FAILED, RUNNING]
    assert trials().outcomes()[1].why == "out of memory"


def test_what_matters_is_found(trials):
    study = trials()
    assert study.importances() == {}
    for number in range(24):
        one = study.ask()
        if number == 0:
            study.note_values(0, {"--lr": 0.005, "--dropout": 0.4, "--batch-size": 64, "--label-smoothing": 0.1})
            study.note_values(0, {"--attention": "general"})
            one = study.outcomes()[0]
        study.end(number, 10 * math.log(one.values["--lr"] / 0.0001))
    shares = study.importances()
    assert next(iter(shares)) == "--lr" and shares["--lr"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)


def test_the_command_of_the_best_trial_keeps_the_users_flags():
    best = Outcome(3, DONE, 1.0, {}, flags=["--lr", "0.01"])
    assert best_command(COMMAND, ["--adam-betas", "(0.9, 0.99)"], best) == (
        f"{COMMAND} -- --lr 0.01 --adam-betas '(0.9, 0.99)'"
    )
    assert best_command(COMMAND, [], replace(best, flags=[])) == COMMAND
