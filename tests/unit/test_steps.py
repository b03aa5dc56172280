"""Long work in steps: what a signal does to the process that a step starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s2s_plugins import locks
from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Runner, Step, difference, executable, held_signals


@pytest.fixture
def interrupts():
    """SIGTERM raises KeyboardInterrupt, as in the commands that run steps."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_the_process_is_known_and_ends_it(interrupts, number):
    reached = False
    with pytest.raises(KeyboardInterrupt):
        with held_signals() as release:
            os.kill(os.getpid(), number)
            reached = True
            with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
                try:
                    release()
                except BaseException:
                    process.terminate()
                    raise
    assert reached and process.returncode == -signal.SIGTERM


def test_what_was_set_for_a_signal_is_set_again(interrupts):
    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    before = handlers()
    with held_signals() as release:
        assert not set(handlers()) & set(before)
        release()
        assert handlers() == before
    assert handlers() == before


def test_an_ignored_signal_stays_ignored_by_what_is_started(interrupts):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with held_signals():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": {"lr": 1}, "b": 1}, {"a": {"lr": 2}, "b": 2}, "a lr: 1, now 2"),
        ({"a": 1}, {"a": 1, "b": [3]}, "b: None, now [3]"),
        ({"flags": ["--lr", "1", "--x"]}, {"flags": ["--lr", "2", "--x"]}, "flags --lr: 1, now 2"),
        ({"flags": ["--lr", "1"]}, {"flags": ["--lr", "1", "--x"]}, "flags: 2 values, now 3"),
        ({"of": [{"seed": 1}, {"seed": 2}]}, {"of": [{"seed": 1}, {"seed": 3}]}, "of 2 seed: 2, now 3"),
        ({"a": 1}, {"a": 1}, "no difference"),
    ],
)
def test_the_first_other_setting_is_named_by_its_path(old, new, said):
    assert difference({"settings": old}, Step("x", "x", None, new)) == said


def test_a_long_setting_does_not_fill_the_line():
    said = difference({"settings": {"file": "/a/long/path" * 20}}, Step("x", "x", None, {"file": "short"}))
    assert len(said) < 100 and said.startswith("file: /a/long/path") and said.endswith("..., now short")


def test_two_runs_do_not_work_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "SECONDS_TO_END", 0)
    runner = Runner(tmp_path)
    refused = []

    def meanwhile():
        with pytest.raises(UsageError, match="another run is using") as error:
            Runner(tmp_path).run([])
        refused.append(error)

    runner.run([Step("first", "try", None, {}, action=meanwhile)])
    assert refused and runner.read(Step("first", "try", None, {}))["done"]
    Runner(tmp_path).run([])  # it is over


def test_a_command_that_outlives_its_run_keeps_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "SECONDS_TO_END", 0)
    program = (
        "import sys; from pathlib import Path; from s2s_plugins.steps import Runner, Step;"
        "Runner(Path(sys.argv[1])).run([Step('long', 'try', None, {}, [sys.executable, '-c', sys.argv[2]])])"
    )
    command = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path), command], stdout=subprocess.DEVNULL) as run:
        log, found = tmp_path / "logs" / "long.log", []
        while not found:  # its last line is the command's number
            found = [line for line in log.read_text().splitlines() if line.isdigit()] if log.exists() else []
            time.sleep(0.05)
        run.kill()
    with pytest.raises(UsageError, match="another run is using"):
        Runner(tmp_path).run([])
    os.kill(int(found[0]), signal.SIGKILL)
    monkeypatch.setattr(locks, "SECONDS_TO_END", 30)  # what waits for its end may go on then
    Runner(tmp_path).run([])


def test_commands_are_found_beside_this_python_before_path(tmp_path, monkeypatch):
    other = tmp_path / "fairseq-train"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    (tmp_path / "only-here").symlink_to(other)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert executable("fairseq-train") == str(Path(sys.executable).parent / "fairseq-train")
    assert executable("only-here") == str(tmp_path / "only-here") and executable("/bin/no-such") == "/bin/no-such"
    with pytest.raises(UsageError, match="no-such is neither beside .* nor on PATH: run make env"):
        executable("no-such")


def test_a_step_without_a_folder_or_an_output_says_so():
    step = Step("x", "try", None, {})
    with pytest.raises(ValueError, match="step x has no folder"):
        assert step.required_folder
    with pytest.raises(ValueError, match="step x has no output file"):
        assert step.required_output
