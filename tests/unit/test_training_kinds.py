"""Classifiers and forecasters by ``s2s train``: the plans, with their worker in this process."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any, List, Sequence

import numpy as np
import pandas as pd
import pytest

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.steps import Runner
from s2s_plugins.training import held_out, kinds
from s2s_plugins.training.classes import ClassesPlan
from s2s_plugins.training.job import Ended, Event, Job, Validation
from s2s_plugins.training.pairs import PairsPlan
from s2s_plugins.training.plan import Plan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.series import SeriesPlan
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.worker.main import work

SMALL = ["--decoder-hidden-size", "16", "--head-hidden-size", "16", "--lr", "0.02", "--dropout", "0"]
SMALL += ["--word-dropout", "0", "--head-dropout", "0"]
TINY = [
    "--encoder-hidden-size",
    "16",
    "--decoder-hidden-size",
    "16",
    "--encoder-embed-dim",
    "8",
    "--dropout",
    "0",
    "--lr",
    "0.02",
]
TOPICS = {"sport": "ball goal match team", "food": "bread soup salt pan", "law": "court judge trial jury"}


def texts(count: int, seed: int = 1) -> List[tuple]:
    """Texts of fillers and words of their topic, with their topic."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        label = list(TOPICS)[number % 3]
        own = draw.choice(TOPICS[label].split(), 4).tolist()
        words = [*own, *(f"w{other}" for other in draw.integers(0, 30, 8))]
        rows.append((" ".join(draw.permutation(words)), label))
    return rows


def table(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def days(count: int, seed: int = 1) -> List[tuple]:
    """A day and a number with a season of a week."""
    draw = np.random.default_rng(seed)
    begin = np.datetime64("2022-01-01")
    return [
        (str(begin + number), round(50 + 10 * math.sin(2 * math.pi * number / 7) + draw.normal(), 3))
        for number in range(count)
    ]


def run(plan: Plan) -> List[Event]:
    """Do a plan's steps, with its workers in this process; what they say."""
    said: List[Event] = []

    def run_jobs(jobs: Sequence[Job], names: Sequence[str]) -> None:
        for job in jobs:
            work(job, said.append, lambda: False)

    plan.run_jobs = run_jobs  # type: ignore[method-assign]
    Runner(plan.out, quiet=True).run(plan.steps)
    return said


def plan_of(data: Any, out: Path, **settings: Any) -> Plan:
    """The plan for data."""
    return kinds.plan_for(data, "data", out, TrainSettings(precision="fp32", **settings), Screen(None))


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    """A trained classifier's folder, and what the worker said."""
    folder = tmp_path_factory.mktemp("classes")
    (folder / "more.txt").write_text("".join(f"{text}\n" for text, _ in texts(50, seed=2)))
    data = table(folder / "texts.csv", [("text", "label"), *texts(240)])
    plan = plan_of(data, folder / "out", updates=60, flags=SMALL, unlabelled=[folder / "more.txt"])
    return folder / "out", run(plan)


def test_labelled_texts_become_a_tested_calibrated_classifier(classified):
    out, said = classified
    scores = json.loads((out / "scores.json").read_text())
    test = scores["scores"]["test"]
    assert test["kind"] == "classifier" and test["error_rate"] < 20
    model = s2s_plugins.load(out / "model.safetensors")
    assert isinstance(model, Classifier) and model.labels == sorted(TOPICS)
    assert model.classify("the judge went to court, w1 w2 trial").label == "law"
    assert model.temperature != 1
    figures = model.about.figures
    assert figures["test error rate %"] == round(test["error_rate"], 3)
    assert figures["test texts"] == test["sources"] == 24
    assert scores["facts"]["starts from"] == "word vectors" and scores["facts"]["recipe"].startswith("few labels")
    assert (out / "report.html").read_text().startswith("<!doctype html") or "<html" in (
        out / "report.html"
    ).read_text()
    assert (out / "predictions.tsv").read_text().count("\n") == 25


def test_the_error_of_a_validation_is_that_of_the_chosen_classes(classified):
    out, said = classified
    validations = [event for event in said if isinstance(event, Validation)]
    assert validations[0].figure == "error" and validations[-1].error < validations[0].error
    model = s2s_plugins.load(out / "model.safetensors")
    found = model.evaluate(str(out / "data" / "valid.jsonl"), "text", "label")
    assert found.error_rate == json.loads((out / "scores.json").read_text())["scores"]["valid"]["error_rate"]
    for mistake in validations[0].worst:
        assert mistake.prediction != mistake.reference and mistake.reference in TOPICS


def test_a_pretrained_model_is_what_the_classifier_starts_from(tmp_path):
    flags = ["--decoder-hidden-size", "16", "--head-hidden-size", "16"]
    plan = plan_of(texts(60), tmp_path / "out", updates=4, pretrain="sa", flags=flags)
    jobs: List[Job] = []
    plan.run_jobs = lambda given, names: jobs.extend(given)  # type: ignore[method-assign]
    for step in plan.steps[:3]:
        step.action()
    first, second = jobs[0].trainings
    assert "sequence_autoencoding" in first.arguments and first.arguments[-2:] != second.arguments[-2:]
    assert first.arguments[-2:] == ["--decoder-hidden-size", "16"]  # the shape; the head is the classifier's alone
    start = second.arguments[second.arguments.index("--finetune-from-model") + 1]
    assert Path(start).parent == Path(first.folder)


@pytest.fixture(scope="module")
def forecast(tmp_path_factory):
    """A trained forecaster's folder."""
    folder = tmp_path_factory.mktemp("series")
    data = table(folder / "sales.csv", [("day", "y"), *days(300)])
    said = run(plan_of(data, folder / "out", time="day", value="y", horizon=7, updates=80, flags=TINY))
    return folder, said


def test_a_table_of_series_becomes_a_tested_forecaster(forecast):
    folder, said = forecast
    out = folder / "out"
    scores = json.loads((out / "scores.json").read_text())
    figures = scores["figures"]
    assert 0 < figures["test MASE of seasonal naive"] < 2 and figures["test MASE"] < 1.2
    assert 40 < figures["test coverage % of the 80 % interval"] <= 100
    model = s2s_plugins.load(out / "model.safetensors")
    assert isinstance(model, Forecaster) and model.about.figures["test MASE"] == figures["test MASE"]
    validations = [event for event in said if isinstance(event, Validation)]
    assert validations[-1].error < 0.7 * validations[0].error
    assert validations[0].figure == "loss" and scores["histories"][0][0]["valid_loss"] == validations[0].error
    assert scores["histories"][0][0]["valid_error"] is None


def test_what_comes_next_is_written(forecast):
    folder, _ = forecast
    rows = list(csv.reader((folder / "out" / "forecast.csv").read_text().splitlines()))
    assert rows[0] == ["day", "y", "y_q0.1", "y_q0.5", "y_q0.9"]
    assert [row[0] for row in rows[1:]] == [str(np.datetime64("2022-10-28") + number) for number in range(7)]
    assert all(float(row[2]) <= float(row[3]) <= float(row[4]) for row in rows[1:])


@pytest.mark.parametrize("loss", [["--loss", "gaussian"], ["--loss=mae"]])
def test_another_loss_takes_the_place_of_the_recipe_s(tmp_path, loss):
    plan = plan_of(table(tmp_path / "sales.csv", [("day", "y"), *days(120)]), tmp_path / "out", time="day", flags=loss)
    jobs: List[Job] = []
    plan.run_jobs = lambda given, names: jobs.extend(given)  # type: ignore[method-assign]
    for step in plan.steps[:2]:
        step.action()
    arguments = jobs[0].trainings[0].arguments
    assert "--quantiles" not in arguments and arguments[-len(loss) :] == loss


def test_forecasts_of_what_was_held_out_stand_beside_what_came(forecast):
    folder, _ = forecast
    with (folder / "out" / "predictions.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    known = {day: value for day, value in days(300)}
    for row in rows:
        assert float(row["observed"]) == pytest.approx(known[row["time"]], abs=1e-3)
        week = np.datetime64(row["time"]) - 7  # of which the naive method repeats the values
        assert float(row["seasonal naive"]) == pytest.approx(known[str(week)], abs=1e-3)
        assert np.datetime64(row["from"]) <= np.datetime64(row["time"]) < np.datetime64(row["from"]) + 7
        assert float(row["q0.1"]) <= float(row["q0.9"])
    scores = json.loads((folder / "out" / "scores.json").read_text())["scores"]["test"]
    assert scores["kind"] == "forecaster" and len(rows) == 7 * scores["origins"]
    missed, naive = (
        np.mean([abs(float(row["observed"]) - float(row[name])) for row in rows])
        for name in ("forecast", "seasonal naive")
    )
    assert missed / naive == pytest.approx(scores["mase"] / scores["naive_mase"], rel=1e-3)


def test_the_page_of_a_forecaster_is_about_forecasts(forecast):
    folder, _ = forecast
    text = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<h2 id="([a-z-]+)"', text) == ["training", "curves", "held-out", "steps", "next", "files"]
    plots = re.findall(r'<figure class="plot"><svg.*?aria-label="([^"]*)"', text)
    ahead = "what was observed, and forecasts"
    assert plots == [
        "loss of training and validation against updates",
        ahead,
        "error against the number of steps ahead",
        ahead,
    ]
    assert set(re.findall(r'href="([^#"]*)"', text)) == {"scores.json", "predictions.tsv", "forecast.csv"}
    assert "(MASE) of" in text and "seasonal naive" in text


def test_the_drawn_forecasts_do_not_overlap_and_end_with_the_data(forecast):
    folder, _ = forecast
    model = s2s_plugins.load(folder / "out" / "model.safetensors")
    found = held_out.forecast_part(model, SeriesFolder(folder / "out" / "data"), "test", 7)
    (panel,) = held_out.drawn(found)
    ends = [(one.times[0], one.times[-1]) for one in panel.stretches]
    assert len(ends) == held_out.STRETCHES and all(one[1] < other[0] for one, other in zip(ends, ends[1:]))
    assert ends[-1][1] == panel.times[-1] and panel.times[0] == ends[0][0] - np.timedelta64(14, "D")
    known = {np.datetime64(day, "ns"): value for day, value in days(300)}
    assert panel.observed == pytest.approx([known[time] for time in panel.times], abs=1e-3)
    assert held_out.spread(list(range(10)), 4) == [1, 3, 6, 8] and held_out.spread([1, 2], 4) == [1, 2]


def test_a_finding_about_series_is_said_once_and_short_ones_have_no_scores(tmp_path):
    rows = [(day, value, number) for number, (day, value) in enumerate(days(20))]
    data = table(tmp_path / "sales.csv", [("day", "y", "price"), *rows])
    screen = io.StringIO()
    settings = TrainSettings(precision="fp32", time="day", value="y", horizon=7, updates=4, flags=TINY)
    run(kinds.plan_for(data, "data", tmp_path / "out", settings, Screen(screen)))
    assert screen.getvalue().count("price") == 1
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No scores. The series are too short to hold rows out." in text
    assert re.findall(r'<h2 id="([a-z-]+)"', text) == ["training", "curves", "next", "files"]
    assert not (tmp_path / "out" / "predictions.tsv").exists()


def test_a_frame_of_several_series_is_one_more_form(tmp_path):
    rows = [(shop, day, value) for shop in "ab" for day, value in days(120, seed=ord(shop))]
    frame = pd.DataFrame(rows, columns=["shop", "day", "y"])
    run(plan_of(frame, tmp_path / "out", time="day", series="shop", horizon=3, updates=4, flags=TINY))
    rows = list(csv.reader((tmp_path / "out" / "forecast.csv").read_text().splitlines()))
    assert rows[0][:2] == ["shop", "day"] and [row[0] for row in rows[1:]] == ["a"] * 3 + ["b"] * 3


@pytest.mark.parametrize(
    "settings, kind",
    [
        ({}, ClassesPlan),
        ({"task": "pairs"}, PairsPlan),
        ({"label": "topic", "text": "said"}, ClassesPlan),
        ({"source": "said", "target": "topic"}, PairsPlan),
    ],
)
def test_the_kind_of_a_file_is_recognised_and_flags_decide(tmp_path, settings, kind):
    data = table(tmp_path / "texts.csv", [("said", "topic"), *texts(120)])
    assert type(plan_of(data, tmp_path / "out", **settings)) is kind


def test_series_are_asked_for_by_their_flags(tmp_path):
    data = table(tmp_path / "sales.csv", [("day", "y"), *days(60)])
    assert type(plan_of(data, tmp_path / "out", time="day")) is SeriesPlan
    assert type(plan_of(data, tmp_path / "out", task="pairs")) is PairsPlan


def said_of(data: Any, out: Path, **settings: Any) -> str:
    """What is said of data before it is prepared."""
    lines: List[str] = []
    screen = Screen(None)
    screen.say = lines.append  # type: ignore[method-assign]
    kinds.plan_for(data, "sales.csv", out, TrainSettings(precision="fp32", **settings), screen)
    return "\n".join(lines)


def test_a_series_is_never_taken_for_pairs_in_silence(tmp_path):
    rows = [(day, value, value / 2) for day, value in days(60)]
    two, three = (
        table(tmp_path / f"{width}.csv", [("date", "y", "price")[:width], *(r[:width] for r in rows)])
        for width in (2, 3)
    )
    headless = table(tmp_path / "headless.csv", rows)
    frame = pd.DataFrame({"date": pd.to_datetime([row[0] for row in rows]), "shop": "a", "y": [row[1] for row in rows]})
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps({"date": row[0], "y": row[1]}) + "\n" for row in rows))
    for data in (two, three, frame, lines):
        with pytest.raises(UsageError, match="times in 'date', numbers in 'y': give --time date --value y, or --task"):
            plan_of(data, tmp_path / "out")
    with pytest.raises(UsageError, match="series of numbers: name the columns in a first line"):
        plan_of(headless, tmp_path / "out")
    for source, target in (("date", "y"), ("1", "2")):
        said = said_of(three, tmp_path / "out", source=source, target=target)
        assert "sales.csv looks like a series of numbers" in said and "For forecasts give --time date" in said
    assert not said_of(three, tmp_path / "out", source="price", target="y")
    assert not said_of(two, tmp_path / "out", task="pairs")
    assert not (tmp_path / "out").exists()


def test_pairs_with_dates_or_numbers_on_one_side_are_no_series(tmp_path):
    for source, target in (("2024-01-05", "the fifth of January"), ("the fifth", "2024-01-05"), ("12", "24")):
        data = table(tmp_path / "pairs.csv", [(f"{source}", target)] * 12)
        assert type(plan_of(data, tmp_path / "out")) is PairsPlan
    dated = [("date", "likes", "text", "label"), *(("2024-01-05", "3", *row) for row in texts(30))]
    assert type(plan_of(table(tmp_path / "texts.csv", dated), tmp_path / "out")) is ClassesPlan


def test_labels_before_their_texts_are_classes(tmp_path):
    data = table(tmp_path / "reviews.csv", [("rating", "review"), *((label, text) for text, label in texts(240))])
    said = said_of(data, tmp_path / "out")
    assert "labelled texts: 3 distinct sources beside texts of 12 words in the mean, labels first" in said
    assert "For a classifier give --text review --label rating" in said_of(
        data, tmp_path / "out", source="rating", target="review"
    )
    wide = table(tmp_path / "wide.csv", [("id", "rating", "review"), ("1", "bad", "a dull film")])
    with pytest.raises(UsageError, match="with --source and --target, or for classes with --text and --label"):
        plan_of(wide, tmp_path / "out")
    plan = plan_of(data, tmp_path / "out")
    plan.steps[0].action()
    labels = (tmp_path / "out" / "data" / "classify" / "label" / "dict.txt").read_text()
    assert {line.split()[0] for line in labels.splitlines()} >= set(TOPICS) and "rating" not in labels


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"label": "a", "time": "b"}, "--label is for labelled texts and --time for series of numbers"),
        ({"task": "pairs", "horizon": 3}, "--horizon is for series of numbers, and --task pairs for pairs"),
        (
            {"task": "classes", "start": "m"},
            "--from is for pairs of source and target, and --task classes for labelled",
        ),
        ({"task": "letters"}, "--task letters is unknown: use one of pairs, classes, series"),
        ({"pretrain": "bert"}, "--pretrain bert is unknown"),
        ({"members": 2}, "--members 2 vote on outputs of pairs alone"),
        ({"arch": "peek_lstm"}, "--arch peek_lstm is no classifier"),
        ({"time": "text", "arch": "lstm"}, "--arch lstm reads tokens alone"),
        ({"time": "hour", "value": "label"}, "hour"),
        ({"time": "text", "value": "label"}, "text"),
        ({"value": "label", "test": [1]}, "test of series is a number of rows"),
    ],
)
def test_settings_that_do_not_fit_are_named_before_anything_is_written(tmp_path, settings, message):
    data = table(tmp_path / "texts.csv", [("text", "label"), *texts(60)])
    with pytest.raises(UsageError, match="^[^\n]*$") as raised:
        plan_of(data, tmp_path / "out", **settings)
    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_classifier_trains_on_from_a_pretrained_model(tmp_path):
    flags = ["--decoder-hidden-size", "16", "--head-hidden-size", "16"]
    said = run(plan_of(texts(60), tmp_path / "out", updates=6, pretrain="lm", flags=flags))
    ended = [event for event in said if isinstance(event, Ended)]
    assert [one.updates for one in ended] == [6, 6]
    assert isinstance(s2s_plugins.load(tmp_path / "out" / "model.safetensors"), Classifier)
