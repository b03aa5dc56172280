"""``s2s check``: entries of a lexicon, judged by models that have not seen them."""

import csv
import itertools
import math
from dataclasses import replace

import pytest
from in_process import run_here

from s2s_plugins import load
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.text.pairs.pair import Left, Pair
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.training.check.folds import Complement, fold_of
from s2s_plugins.training.check.judging import Entries, Judged, badness, judge
from s2s_plugins.training.check.run import CheckSettings, check
from s2s_plugins.training.check.seen import seen
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import FINGERPRINT

TINY = "--encoder-hidden-size 16 --decoder-hidden-size 32 --encoder-embed-dim 16 --decoder-embed-dim 16"
TINY += " --encoder-layers 1 --dropout 0 --lr 0.02 --batch-size 20 --label-smoothing 0 --attention-alignment soft"
WORDS = ["".join(letters) for letters in itertools.product("abcdefg", repeat=3)][::2]
SPELT = {word: " ".join(word.upper()) for word in WORDS}
WRONG = {WORDS[30]: SPELT[WORDS[90]], WORDS[60]: SPELT[WORDS[30]], WORDS[90]: SPELT[WORDS[60]]}


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory):
    """Words and their letters; those of three words are exchanged, one entry stands there twice, one has no target."""
    path = tmp_path_factory.mktemp("lexicon") / "words.tsv"
    lines = [f"{word}\t{WRONG.get(word, spelt)}" for word, spelt in SPELT.items()]
    path.write_text("\n".join([*lines, lines[0], "abc\t"]) + "\n")
    return path


@pytest.fixture(scope="module")
def checked(lexicon, tmp_path_factory):
    """The folder of a check, its entries, and what was said."""
    out = tmp_path_factory.mktemp("checked") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("s2s_plugins.training.plan.run_workers", run_here)
        training = TrainSettings(updates=120, precision="fp32", flags=tuple(TINY.split()), seed=1)
        found = check(str(lexicon), out, None, CheckSettings(folds=2, top=5), training, progress=False)
    return out, found


def test_exchanged_entries_are_the_most_improbable_and_the_right_ones_are_suggested(checked):
    _, found = checked
    assert len(found) == len(WORDS)
    assert {one.source for one in found[:3]} == set(WRONG)
    for one in found[:3]:
        assert one.line == WORDS.index(one.source) + 1 and one.target == WRONG[one.source]
        assert one.of_suggestion > one.probability
    assert sum(one.suggestion == SPELT[one.source] for one in found[:3]) >= 2
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)


def test_the_table_has_all_entries_with_their_lines(checked, lexicon):
    out, found = checked
    with (out / "check.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(int(row["line"]), row["source"]) for row in rows] == [(one.line, one.source) for one in found]
    lines = lexicon.read_text().splitlines()
    for row in rows:
        assert lines[int(row["line"]) - 1] == f"{row['source']}\t{row['target']}"
        assert 0 <= float(row["probability"]) <= 1


def test_a_check_that_is_done_is_not_done_again(checked, lexicon, capsys):
    out, found = checked
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert len(times) == 2
    training = TrainSettings(updates=120, precision="fp32", flags=tuple(TINY.split()), seed=1)
    assert check(str(lexicon), out, None, CheckSettings(folds=2), training, progress=False) == found
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == times
    with pytest.raises(UsageError, match="other settings"):
        check(str(lexicon), out, None, CheckSettings(folds=2), training.but(seed=2), progress=False)


def test_no_model_is_trained_on_what_it_judges(lexicon):
    pairs = read_pairs(str(lexicon))
    folds = [{pair.source for pair in Complement(pairs, fold, 3, seed=1)} for fold in range(3)]
    for word in WORDS:
        assert [word in fold for fold in folds].count(False) == 1
        assert word not in folds[fold_of(word, 3, 1)]
        assert fold_of(f" {word} ", 3, 1) == fold_of(word, 3, 1)
    prints = {Complement(pairs, fold, 3, seed).fingerprint() for fold in range(3) for seed in (1, 2)}
    assert len(prints) == 6


def test_another_accepted_target_is_no_suggestion_and_does_not_make_an_entry_worse(checked):
    out, _ = checked
    model = load(out / "model-1" / "model.safetensors")
    word = next(word for word in WORDS if model.predict(word).text == SPELT[word] and word not in WRONG)
    alone = [Pair(word, SPELT[word], "x, line 1")]
    both = [*alone, Pair(word, "G G G G", "x, line 2")]
    (single,), (right, strange) = (list(judge(model, [group], Left(), 8)) for group in (alone, both))
    assert strange.suggestion not in (SPELT[word], "G G G G") and right.suggestion not in (SPELT[word], "G G G G")
    assert single.suggestion != SPELT[word]
    assert strange.score > 0 > right.score == pytest.approx(single.score, abs=0.05)


def test_an_entry_is_worse_the_less_probable_it_is_and_the_surer_the_model_is_of_something_else():
    plain = badness(-8.0, -1.0, 0.0, 4)
    assert badness(-9.0, -1.0, 0.0, 4) > plain > badness(-8.0, -2.0, 0.0, 4) > badness(-8.0, -2.0, 0.0, 9)
    assert badness(-1.0, -8.0, 0.0, 4) < 0
    # two right targets that share the probability are as good as one that has all of it
    shared = badness(math.log(0.5), math.log(0.01), 0.5, 4)
    assert shared == pytest.approx(badness(0.0, math.log(0.02), 0.0, 4))
    assert math.isfinite(badness(-50.0, -math.inf, 1.0, 4))


def test_what_cannot_be_judged_is_counted(checked, lexicon):
    entries = Entries(read_pairs(str(lexicon)))
    assert len(entries) == len(WORDS)
    assert sorted(entries.left.counts) == ["entries that stand there twice", "entries with an empty side"]
    left = Left()
    model = load(checked[0] / "model-1" / "model.safetensors")
    groups = [
        [Pair("ab", "A B", "x, line 1")],
        [Pair("a" * 5000, "A", "x, line 2"), Pair("a", "A " * 5000, "x, line 3")],
    ]
    assert [one.line for one in judge(model, groups, left, 8)] == [1]
    assert left.counts == {"entries that are longer than the model takes": 2}


def test_a_model_of_the_user_judges_too_and_one_that_has_seen_the_file_is_warned_of(checked, lexicon, tmp_path, capsys):
    file = read_model_file(checked[0] / "model-1" / "model.safetensors")
    figures = {FINGERPRINT: read_pairs(str(lexicon)).fingerprint()}
    for name, about in (("new", file.about), ("seen", replace(file.about, figures=figures))):
        replace(file, about=about).write(tmp_path / f"{name}.safetensors")
        main(
            ["check", str(lexicon), str(tmp_path / f"{name}.safetensors"), "--out", str(tmp_path / name), "--top", "3"]
        )
        said = capsys.readouterr().out
        assert ("agrees with its mistakes" in said) == (name == "seen")
        assert sum(f"  {word}" in said for word in WRONG) == 3
        assert "entries with an empty side (1): " in said
        assert (tmp_path / name / "check.tsv").exists()


def test_a_check_by_a_model_is_shown_again_and_never_that_of_another_model(checked, lexicon, tmp_path, capsys):
    file, model = read_model_file(checked[0] / "model-1" / "model.safetensors"), tmp_path / "own.safetensors"
    words = ["check", str(lexicon), str(model), "--out", str(tmp_path / "out"), "--top", "3"]
    file.write(model)
    said = []
    for _ in range(2):
        main(words)
        said.append([line for line in capsys.readouterr().out.splitlines() if line.startswith("    ")])
    assert said[0] == said[1]
    assert str(tmp_path / "out" / "check.tsv") in said[1][-1]
    assert sum(word in line for word in WRONG for line in said[1][-4:-1]) == 3
    replace(file, about=replace(file.about, licence="MIT")).write(model)
    with pytest.raises(SystemExit):
        main(words)
    assert "judge with other settings (checksum of the model: " in capsys.readouterr().err


def test_a_file_of_text_is_no_model_and_check_takes_no_second_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("src.txt", "tgt.txt"):
        (tmp_path / name).write_text("ab\ncd\n")
    for words, message in (
        (["src.txt"], "write SOURCE, a tab, TARGET\n"),
        (["src.txt", "tgt.txt"], "tgt.txt is no model file and no checkpoint"),
        (["src.txt", "tgt.txt"], "what is named behind the lexicon is a MODEL"),
    ):
        with pytest.raises(SystemExit):
            main(["check", *words])
        assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["src.txt", "tgt.txt"]


def test_a_model_that_errs_far_less_than_on_what_was_held_out_has_seen_the_entries(checked):
    model = load(checked[0] / "model-1" / "model.safetensors")
    judged = [Judged(line, f"w{line}", "A", "B", 1.0, -1.0 - (line % 50 == 0), -1.5, 2) for line in range(200)]
    for expected, warned in ((30.0, True), (3.0, False)):
        model.about = replace(model.about, figures={"test error rate %": expected})
        assert bool(list(seen(model, "another", judged))) == warned
    model.about = replace(model.about, figures={})
    assert not list(seen(model, "another", judged))


@pytest.mark.parametrize(
    "words, message",
    [
        (["missing.tsv"], "missing.tsv"),
        (["{lexicon}", "--folds", "1"], "--folds 1 is out of range: use 2"),
        (["{lexicon}", "missing.safetensors"], "missing.safetensors"),
        (["{lexicon}", "--arch", "lstm"], "--arch lstm writes no model file"),
        (["{lexicon}", "--top", "-1"], "--top -1 is out of range"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(lexicon, tmp_path, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        main(["check", *(word.format(lexicon=lexicon) for word in words), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and message in said and said.count("\n") == 1
