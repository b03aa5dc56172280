"""What the examples share: the form of a recipe, and how the engine lists, runs and resumes steps."""

import sys

import pytest
from runs import code_of

from common import engine
from common.recipe import DEFAULT, DEMO, FULL, Sized, System, merged, number, options, words
from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step


def test_flags_become_words_and_the_arguments_of_a_function():
    flags = {"--lr": 0.1, "--linear-gain": True, "--x": None, "--y": False, "--adam-betas": "(0.9, 0.99)"}
    assert words(flags) == ["--lr", "0.1", "--linear-gain", "--adam-betas", "(0.9, 0.99)"]
    assert options({"--max-len-b": 40, "--sampling": True}) == {"max_len_b": 40, "sampling": True}
    assert number({"--max-update": 3000}, "--max-update") == 3000


def test_of_flags_the_last_wins_and_none_removes_one():
    assert merged({"--a": 1, "--b": 2}, {"--b": None, "--c": 3}, {"--a": 4}) == {"--a": 4, "--c": 3}


def test_a_sizes_own_flags_replace_those_for_every_size():
    sized = Sized({"--a": 1, "--b": 2}, demo={"--b": 3})
    assert sized.at(DEMO) == {"--a": 1, "--b": 3} and sized.at(DEFAULT) == sized.at(FULL) == {"--a": 1, "--b": 2}


def test_a_system_with_a_change_has_it_at_every_size():
    system = System(
        "one", Sized({"--lr": 1, "--warmup": 2}, demo={"--lr": 3, "--warmup": 4, "--dim": 5}), {"--x": True}
    )
    other = system.but("two", {"--lr": 6, "--warmup": None})
    assert other.title == "two" and other.prepare == {"--x": True}
    assert other.train.at(DEFAULT) == {"--lr": 6} and other.train.at(DEMO) == {"--lr": 6, "--dim": 5}
    assert system.but("three", prepare={}).prepare == {} and system.but("three", prepare={}).train == system.train


def steps_of(out):
    made = out / "made.txt"
    first = Step("first", "try", None, {"n": 1}, [sys.executable, "-c", "print('a b')"], output=made)
    command = [sys.executable, "-c", "import sys; print(sys.stdin.read())"]
    return [first, Step("second", "try", None, {"n": 2}, command, input=made, output=out / "read.txt")]


def work_of(out, reported):
    return engine.Work(
        steps_of(out),
        lambda runner: (out / "read.txt").read_text().strip(),
        after=lambda runner, step: reported.append((step.name, runner.status(step))),
    )


def test_steps_are_listed_as_commands_of_a_shell_and_run_once(tmp_path, capsys):
    out, reported = tmp_path / "the out", []
    args = engine.parser("an example", "somewhere").parse_args(["--list"])
    assert engine.run(args, out, lambda: work_of(out, reported)) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "# first: to do" and listed[1].endswith(f"-c 'print('\"'\"'a b'\"'\"')' > '{out}/made.txt'")
    assert listed[3].endswith(f"< '{out}/made.txt' > '{out}/read.txt'") and not out.exists()

    args = engine.parser("an example", "somewhere").parse_args([])
    assert engine.run(args, out, lambda: work_of(out, reported)) == 0
    assert capsys.readouterr().out.endswith("\na b\n") and reported == [("first", "done"), ("second", "done")]
    assert engine.run(args, out, lambda: work_of(out, reported)) == 0
    assert capsys.readouterr().out.count("done before") == 2 and len(reported) == 2


def test_what_cannot_work_is_one_line_and_nothing_is_made(tmp_path, capsys):
    def make():
        raise UsageError("--seed 0 is too small: use 1 or more")

    args = engine.parser("an example", "somewhere").parse_args([])
    assert code_of(lambda: engine.run(args, tmp_path / "out", make)) == 2
    assert capsys.readouterr().err == "run.py: error: --seed 0 is too small: use 1 or more\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [{"--seed": 2}, {"--seed": 1, "--words": 10}])
def test_other_flags_for_the_data_are_other_settings_and_where_it_is_is_not(tmp_path, flags):
    step = engine.prepare_step("adder", tmp_path / "a", {"--seed": 1})
    assert engine.prepare_step("adder", tmp_path / "b", {"--seed": 1}, tmp_path / "cache").settings == step.settings
    assert engine.prepare_step("adder", tmp_path / "a", flags).settings != step.settings
    assert step.keeps, "downloads are kept, even if the data is made again"
