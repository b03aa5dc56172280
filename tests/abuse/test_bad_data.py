"""Data that is damaged or of another form: one line that names the file and the remedy, nothing lost without a word."""

import itertools
import json

import data_rows
import pytest

from s2s_plugins.steps import DONE, TO_DO, Runner, Step


@pytest.fixture(scope="module")
def broken(kit):
    data_rows.prepare(kit)


@pytest.mark.parametrize("row", data_rows.ROWS, ids=lambda row: row.id)
def test_what_is_damaged_is_named(kit, broken, row):
    kit.run(row)


def test_files_deeper_in_a_class_are_read_and_what_is_left_out_is_counted(kit, broken, tmp_path):
    flags = ("--level", "word", "--min-count", 1, "--valid", kit.paths["labelled"], "--dest", tmp_path / "out")
    result = kit.commands("s2s", "prepare", "--train", kit.paths["classes"], *flags, code=None)
    # the class of the validation data that the folder lacks stops it, which proves that the folder was read
    assert result.code == 2 and "which has pos" in result.err
    valid = tmp_path / "valid" / "pos"
    valid.mkdir(parents=True)
    (valid / "1.txt").write_text("good")
    flags = (*flags[:4], "--valid", tmp_path / "valid", *flags[6:])
    result = kit.commands("s2s", "prepare", "--train", kit.paths["classes"], *flags)
    assert "classify/train" in result.out and "         2" in result.out.splitlines()[2]
    assert "1 files beside the classes' folders left out, the first is stray.txt" in result.err
    assert "1 class without a file left out, the first is empty" in result.err


def test_hidden_folders_of_a_class_are_none_and_links_are_counted(kit, tmp_path):
    for label in ("pos", "neg"):
        (tmp_path / "classes" / label / ".ipynb_checkpoints").mkdir(parents=True)
        for name in ("1.txt", "2.txt", ".ipynb_checkpoints/1-checkpoint.txt"):
            (tmp_path / "classes" / label / name).write_text("a good film")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "classes" / "pos" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "classes" / "pos" / "broken").symlink_to(tmp_path / "nothing")
    flags = ("--level", "word", "--min-count", 1, "--valid", tmp_path / "classes", "--dest", tmp_path / "out")
    result = kit.commands("s2s", "prepare", "--train", tmp_path / "classes", *flags)
    assert [line.split()[1] for line in result.out.splitlines() if line.startswith("classify/")] == ["4", "4"]
    assert f"{tmp_path / 'classes' / 'pos'}: 2 links to a folder or to nothing left out, the first is" in result.err


def test_rows_that_are_left_out_are_counted_once(kit, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "fine,pos\nawful,neg\n" * 10 + "good, really good,pos\nx\n")
    flags = ("--level", "word", "--skip-bad-rows", "--dest", tmp_path / "out")
    result = kit.commands("s2s", "prepare", "--train", table, *flags)
    assert f"warning: {table}: 2 rows with too few or too many columns left out, the first is line 22" in result.err


@pytest.mark.parametrize("state", data_rows.STATES)
def test_a_damaged_state_file_is_none(tmp_path, state):
    step = Step("train", "train", None, {"a": 1})
    runner = Runner(tmp_path)
    runner.write(step, {"settings": {"a": 1}, "done": True})
    assert runner.status(step) == DONE
    (tmp_path / "state" / "train.json").write_text(data_rows.STATES[state])
    assert runner.status(step) == TO_DO and runner.read(step) == {}


@pytest.mark.soak
def test_a_comparison_with_damaged_state_files_does_their_steps_again(kit, tmp_path):
    out = tmp_path / "c"
    compare = ("s2s", "compare", kit.paths["data"], "--archs", "peek_lstm_tiny", "--updates", 1, "--out", out)
    kit.commands(*compare)
    files = sorted((out / "state").glob("*.json"))
    for file, content in zip(files, itertools.cycle(["null", "[]"])):
        file.write_text(content)
    (out / "report.html").unlink()
    kit.commands(*compare)
    assert (out / "report.html").is_file()
    assert all(json.loads(file.read_text())["done"] for file in files)
