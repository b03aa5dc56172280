"""Nothing is lost, mixed or changed: resuming, starting again, two at a time, a full disk, Ctrl-C, a slow pipe."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from kit import TRAIN, Kit

from s2s_plugins.errors import UsageError
from s2s_plugins.files import replacing
from s2s_plugins.text.folder import prepared_folder

BIN = Path(sys.executable).parent


def train(kit: Kit, command: str, save_dir: Path, **kwargs):
    return kit.commands(*(word.format(out=save_dir, **kit.paths) for word in command.split()), **kwargs)


def weights(folder: Path) -> dict:
    return torch.load(folder / "checkpoint_last.pt", weights_only=True)["model"]


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def contents(folder: Path) -> dict:
    """Checksums of all files but logs."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.pt"))}


CLASSIFY = (
    TRAIN.replace("{data}", "{reviews}").replace("peek_lstm_tiny", "sa_lstm_tiny").replace("--max-tokens 400", "")
    + "--task text_classification --batch-size 4 --dropout 0.2 "
)


def test_a_classifier_resumes_in_the_middle_of_an_epoch_to_the_same_weights(kit, tmp_path):
    train(kit, CLASSIFY + "--max-update 16", tmp_path / "whole")
    train(kit, CLASSIFY + "--max-update 13", tmp_path / "parts")
    assert not same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    train(kit, CLASSIFY + "--max-update 16", tmp_path / "parts")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


@pytest.mark.parametrize(
    "flags, limit",
    [
        ("--max-update 5", "--max-update 5"),
        ("--max-update 0 --max-epoch 2", None),
        ("--max-update 0 --patience 1 --lr 1e-30", "--patience 1"),
    ],
)
def test_a_finished_training_that_is_started_again_changes_nothing(kit, commands, tmp_path, flags, limit):
    train(kit, TRAIN + flags, tmp_path / "model")
    before = contents(tmp_path / "model")
    words = [word.format(out=tmp_path / "model", **kit.paths) for word in (TRAIN + flags).split()]
    result = commands(*words)  # with a log
    assert contents(tmp_path / "model") == before and before
    if limit is not None:
        assert (
            f"this training has already ended, by {limit}: nothing is changed; raise the limit to continue"
            in result.out
        )


def test_a_finished_training_goes_on_with_a_higher_limit_to_where_it_would_have_come(kit, tmp_path):
    for limit in (5, 8):
        train(kit, TRAIN + f"--max-update {limit}", tmp_path / "parts")
    train(kit, TRAIN + "--max-update 8", tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_what_a_killed_training_has_left_is_removed(kit, tmp_path):
    tmp_path.joinpath("checkpoint_last.pt.tmp").write_bytes(b"half")
    tmp_path.joinpath(".checkpoint_last.pt.partial").write_bytes(b"half")
    tmp_path.joinpath("notes.tmp").write_bytes(b"mine")
    train(kit, TRAIN, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - {"notes.tmp"} == {
        *("checkpoint_best.pt", "checkpoint_last.pt"),
    }


def test_two_that_prepare_into_one_folder_do_not_mix(kit, tmp_path):
    flags = ["--level", "word", "--min-count", "1", "--dest", str(tmp_path / "out")]
    with prepared_folder(str(tmp_path / "out")) as folder:
        result = kit.commands("s2s", "prepare", "--train", kit.paths["labelled"], *flags, code=2)
        assert f"another run is using {tmp_path / 'out'}: wait until it ends, or choose another --dest" in result.err
        for part in ("pretrain", "classify"):
            (folder / part).mkdir()
            (folder / part / "tokens.json").write_text("first")
    assert (tmp_path / "out" / "classify" / "tokens.json").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    kit.commands("s2s", "prepare", "--train", kit.paths["labelled"], *flags)
    assert (tmp_path / "out" / "classify" / "tokens.json").read_text() != "first"


def earlier_data(folder: Path) -> None:
    (folder / "classify").mkdir(parents=True)
    (folder / "classify" / "tokens.json").write_text("earlier")


@pytest.mark.parametrize("died", ["while it filled", "between its renames", "behind its renames"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_restart_recovers_from_a_death_at_any_moment(tmp_path, died, fails):
    """The files are those that a process leaves that dies there."""
    out, partial = tmp_path / "out", tmp_path / "out.partial"
    (partial / "new").mkdir(parents=True)
    if died == "while it filled":
        earlier_data(out)
    else:
        earlier_data(partial / "earlier")
        if died == "behind its renames":
            (partial / "new").rename(out)
            earlier_data(out)
    (tmp_path / ".out.lock").touch()
    with contextlib.suppress(KeyboardInterrupt), prepared_folder(str(out)) as folder:
        assert list(folder.iterdir()) == []
        if fails:
            raise KeyboardInterrupt
        (folder / "classify").mkdir()
        (folder / "classify" / "tokens.json").write_text("new")
    assert (out / "classify" / "tokens.json").read_text() == ("earlier" if fails else "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "no such file", "dict.txt"), UsageError("no"), KeyboardInterrupt()]
)
def test_an_error_of_the_work_comes_out_of_it_as_it_is(tmp_path, error):
    with pytest.raises(type(error)) as raised, prepared_folder(str(tmp_path / "out")):
        raise error
    assert raised.value is error and list(tmp_path.iterdir()) == []


def test_a_folder_of_ones_own_beside_the_data_is_left_alone(tmp_path):
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="out.partial is in the way"), prepared_folder(str(tmp_path / "out")):
        pass
    assert (tmp_path / "out.partial" / "thesis.txt").read_text() == "mine"


def test_a_file_is_replaced_whole_or_not_at_all_and_through_a_link(tmp_path):
    target, link = tmp_path / "a.txt", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with pytest.raises(ZeroDivisionError), replacing(link) as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "link"]
    with replacing(link) as partial:
        partial.write_text("new")
    assert target.read_text() == "new" and link.is_symlink()


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_nothing_but_a_file_is_replaced(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/full")
    with pytest.raises(UsageError, match=str(place)), replacing(place) as partial:
        partial.write_text("new")
    assert not place.is_file() and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def full_disk(tmp_path):
    """A folder, and how to run a command with so many kilobytes of room: on a small file system, if this is root.

    Else no file may become larger than that.
    """

    def mount(flags: str) -> bool:
        words = ["mount", "-t", "tmpfs", "-o", flags, "none", str(tmp_path)]
        return os.getuid() == 0 and subprocess.run(words, capture_output=True).returncode == 0

    mounted = mount("size=10m")

    def run(kilobytes: int, *command: object) -> subprocess.CompletedProcess:
        words = [str(BIN / str(command[0])), *map(str, command[1:])]
        if mounted:
            used = shutil.disk_usage(tmp_path).used // 1024
            assert mount(f"remount,size={used + kilobytes}k")
        else:
            words = ["bash", "-c", f"trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"", "bash", *words]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    yield tmp_path, run
    if mounted:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_ends_a_training_in_one_line_and_keeps_the_earlier_checkpoint(kit, full_disk):
    folder, run = full_disk
    save_dir = folder / "model"
    train(kit, TRAIN, save_dir)
    before = contents(save_dir)
    words = [word.format(out=save_dir, **kit.paths) for word in (TRAIN + "--max-update 2").split()]
    result = run(20, *words)
    assert result.returncode == 1 and "Traceback" not in result.stderr + result.stdout, result.stderr
    assert "cannot be written" in result.stderr and "re-run the command" in result.stderr
    assert contents(save_dir) == before and all(path.suffix == ".pt" for path in save_dir.iterdir())


@pytest.mark.parametrize("verb", ["average", "prepare"])
def test_a_full_disk_ends_other_commands_in_one_line_and_leaves_nothing(kit, full_disk, verb):
    folder, run = full_disk
    words = {
        "average": (kit.paths["peek"], kit.paths["peek"], "--output", folder / "average.pt"),
        "prepare": ("--train", kit.paths["labelled"], "--level", "char", "--dest", folder / "data"),
    }
    result = run({"average": 8, "prepare": 1}[verb], "s2s", verb, *words[verb])
    errors = [line for line in result.stderr.splitlines() if ": error: " in line]
    assert result.returncode == 1 and len(errors) == 1 and "Traceback" not in result.stderr, result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "command, seconds",
    [
        ("predict", 0.4),
        ("prepare", 1.5),
        *(pytest.param("predict", seconds / 10, marks=pytest.mark.soak) for seconds in range(1, 30)),
    ],
)
def test_ctrl_c_while_modules_are_imported_is_one_line(kit, command, seconds):
    flags = ["x.pt"] if command == "predict" else ["--train", "x.tsv", "--level", "word", "--dest", "x"]
    # from the package's first line on: what comes before it is Python's own start
    start = f"import sys; sys.argv = {['s2s', command, *flags]!r}; print('started', flush=True); "
    start += "from s2s_plugins.cli.main import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    # or it had ended before, with an error for x, at the worst in the moment in which Python takes itself apart
    assert process.returncode in (130, 2, -signal.SIGINT) and "Traceback" not in err
    assert process.returncode != 130 or err.startswith("\ns2s") and len(err.splitlines()) == 2


def test_ctrl_c_ends_a_training_in_one_line_and_it_resumes(kit, tmp_path):
    words = [word.format(out=tmp_path / "model", **kit.paths) for word in (TRAIN + "--max-update 100000").split()]
    command = [str(BIN / words[0]), *words[1:], "--save-interval-updates", "10", "--keep-interval-updates", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "model" / "checkpoint_last.pt").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert err.splitlines()[-1] == "fairseq-train: interrupted; re-run the command to resume"
    assert all(path.suffix == ".pt" for path in (tmp_path / "model").iterdir())


@pytest.mark.parametrize(
    "command", ["s2s predict {peek}", pytest.param("s2s classify {classifier}", marks=pytest.mark.soak)]
)
def test_a_slow_pipe_is_answered_line_by_line(kit, command):
    words = command.format(**kit.paths).split()
    with subprocess.Popen(
        [str(BIN / words[0]), *words[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        for line in ("1 2", "good film", "3"):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline()  # comes although the input is open and no batch is full
        process.stdin.close()
        assert process.stdout.read() == ""
    assert process.returncode == 0


def test_a_line_of_millions_of_letters_is_refused_without_a_look_at_each(kit, monkeypatch):
    from s2s_plugins.inference.predictions import encode
    from s2s_plugins.models.translator import load_translator
    from s2s_plugins.text.spelling import Spelling

    monkeypatch.setattr(Spelling, "tokens", lambda *args: pytest.fail("its letters were looked at"))
    translator = load_translator(str(kit.paths["peek"]))
    translator.source_spelling = Spelling("char")
    sentences, error = encode(translator, ["1" * 5_000_000], 1)
    assert sentences == [] and "line 1 has 5000001 tokens" in str(error)


def test_a_disk_that_is_full_from_the_start_is_named(kit, tmp_path):
    shutil.copy(str(kit.paths["peek"]), tmp_path / "a.pt")
    result = kit.commands("s2s", "average", tmp_path / "a.pt", tmp_path / "a.pt", "--output", "/dev/full", code=2)
    assert "/dev/full is no regular file" in result.err and Path("/dev/full").is_char_device()
