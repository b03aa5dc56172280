"""``s2s train`` and ``s2s_plugins.train`` as a user has them: processes, files, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import s2s_plugins
from s2s_plugins.errors import UsageError

S2S = [sys.executable, "-m", "s2s_plugins"]
TINY = ["--", "--encoder-hidden-size", "8", "--decoder-hidden-size", "16", "--encoder-embed-dim", "8"]
TINY += ["--decoder-embed-dim", "8", "--encoder-layers", "1", "--dropout", "0", "--lr", "0.02"]


def pairs(count: int) -> str:
    """Numbers and their digits in words, as TSV."""
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return "".join(f"{number}\t{' '.join(words[int(digit)] for digit in str(number))}\n" for number in range(count))


def s2s(*words, stdin: str = ""):
    return subprocess.run([*S2S, *map(str, words)], input=stdin, capture_output=True, text=True)


def wait_for(ready, process, seconds=120):
    """Wait until something is there."""
    until = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_training_that_is_stopped_resumes_and_leaves_a_model_scores_and_a_report(tmp_path):
    (tmp_path / "numbers.tsv").write_text(pairs(200))
    out = tmp_path / "out"
    command = ["train", tmp_path / "numbers.tsv", "--out", out, "--updates", "120", "--seed", "3", *TINY]
    with subprocess.Popen([*S2S, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        history = out / "checkpoints" / "model-1" / "history.jsonl"
        wait_for(history.exists, one)
        one.send_signal(signal.SIGINT)
        said, complained = one.communicate(timeout=60)
    assert one.returncode == 130, complained
    assert f"resumes in {out}" in complained and "Traceback" not in complained
    assert "source: characters" in said and "recipe few" in said and "validation error" in said
    assert not (out / "model.safetensors").exists()

    done = s2s(*command)
    assert done.returncode == 0, done.stderr
    assert "prepare: done before" in done.stdout and "resumed after" in done.stdout
    assert {file.name for file in out.iterdir()} >= {
        "model.safetensors",
        "report.html",
        "scores.json",
        "predictions.tsv",
        "errors.tsv",
    }
    scores = json.loads((out / "scores.json").read_text())
    assert scores["scores"]["test"]["sources"] == 20
    figures = json.loads(s2s("info", out / "model.safetensors", "--json").stdout)
    assert "error rate" in json.dumps(figures)
    updates = [json.loads(line)["updates"] for line in history.read_text().splitlines()]
    assert updates[-1] == 120

    again = s2s(*command)
    assert again.returncode == 0 and again.stdout.count("done before") == 3
    other = s2s(*[word if word != "3" else "4" for word in command])
    assert other.returncode == 2 and "other settings" in other.stderr and "--redo" in other.stderr


def test_five_pairs_train_a_model_and_nothing_is_scored(tmp_path, capsys):
    lexicon = [("ab", "A B"), ("ba", "B A"), ("aa", "A A"), ("bb", "B B"), ("a", "A")]
    settings = {"updates": 150, "flags": TINY[1:], "precision": "fp32"}
    model = s2s_plugins.train(iter(lexicon), tmp_path / "out", **settings)
    said = capsys.readouterr().out
    assert "no scores" in said
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No scores. There are too few sources" in page
    assert "No attention maps. No source was held out to show it on." in page and "no attention." not in page
    assert [model.predict(source).text for source, _ in lexicon] == [target for _, target in lexicon]
    model.save(tmp_path / "kept.safetensors")
    assert s2s_plugins.load(tmp_path / "kept.safetensors").predict("ab").text == "A B"


@pytest.mark.parametrize(
    "words, message",
    [
        (["missing.tsv"], "missing.tsv"),
        (["{pairs}", "--minutes", "0"], "--minutes 0 is no time"),
        (["{pairs}", "--updates", "0"], "--updates 0 is out of range"),
        (["{pairs}", "{pairs}", "{pairs}"], "3 files are too many"),
        (["{pairs}", "--valid", "{pairs}x"], "pairs.tsvx"),
        (["{pairs}", "--source", "word"], "word"),
        (["{pairs}", "--", "--save-dir", "x"], "--save-dir cannot stand behind --: use --out"),
        (["{pairs}", "--source-level", "letters"], "invalid choice"),
    ],
)
def test_what_cannot_work_is_said_in_a_line_before_anything_is_trained(tmp_path, words, message):
    (tmp_path / "pairs.tsv").write_text(pairs(30))
    given = [word.format(pairs=tmp_path / "pairs.tsv") for word in words]
    done = s2s("train", "--out", tmp_path / "out", *given)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_flag_that_the_architecture_lacks_is_named(tmp_path):
    (tmp_path / "pairs.tsv").write_text(pairs(30))
    done = s2s("train", tmp_path / "pairs.tsv", "--out", tmp_path / "out", "--", "--no-such-flag", "1")
    assert done.returncode == 2
    assert (
        "--no-such-flag" in done.stderr
        and "Traceback" not in done.stderr
        and "fairseq" not in done.stderr
        and done.stderr.count("\n") == 1
    )


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(UsageError, match="minuts"):
        s2s_plugins.train([("a", "b")], minuts=3)


def test_a_worker_does_not_outlive_its_parent(tmp_path):
    (tmp_path / "numbers.tsv").write_text(pairs(200))
    out = tmp_path / "out"
    command = ["train", tmp_path / "numbers.tsv", "--out", out, "--updates", "1000", *TINY]
    with subprocess.Popen([*S2S, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        wait_for((out / "checkpoints" / "model-1" / "history.jsonl").exists, one)
        assert workers_of(out)
        one.kill()
    assert until(lambda: not workers_of(out)), workers_of(out)


def workers_of(out: Path):
    """Processes that train in a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if "training.worker.main" in line and os.fspath(out) in line:
            found.append(folder.name)
    return found


def until(ready, seconds=30):
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_what_was_lost_is_made_again_and_a_licence_needs_no_training(tmp_path):
    (tmp_path / "numbers.tsv").write_text(pairs(60))
    command = ["train", tmp_path / "numbers.tsv", "--out", tmp_path / "out", "--updates", "10"]
    wrong = s2s(*command, *TINY, "--drpout", "3")
    assert wrong.returncode == 2 and "--drpout" in wrong.stderr
    first = s2s(*command, *TINY)
    assert first.returncode == 0, first.stderr  # the mistyped flag has left nothing behind
    (tmp_path / "out" / "model.safetensors").unlink()
    again = s2s(*command, "--licence", "MIT", *TINY)
    assert again.returncode == 0 and again.stdout.count("done before") == 1, again.stdout
    assert s2s_plugins.load(tmp_path / "out").about.licence == "MIT"
    (tmp_path / "out" / "report.html").unlink()
    third = s2s(*command, *TINY)
    assert third.stdout.count("done before") == 2 and (tmp_path / "out" / "report.html").exists()
