"""``s2s attention``, the real command."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import digit_pairs
from test_cli_errors import one_line_error
from test_reports_heatmap import Reader

from s2s_plugins.reports import heatmap
from s2s_plugins.reports.attention import write


def attention(commands, checkpoint, out, *flags, **kwargs):
    return commands("s2s", "attention", checkpoint, "--out", out, *flags, **kwargs)


def sources(folder):
    """The source sentences of the page, in order."""
    texts = Reader((folder / "attention.html").read_text(encoding="utf-8")).texts
    rows = dict(source=[], output=[], reference=[])
    names = [name for name in texts["th"] if name in rows]
    for name, text in zip(names, texts["bdi"]):
        rows[name].append(text)
    return rows


def test_a_split_becomes_a_picture_of_each_sentence_and_a_page(commands, digits, trained, tmp_path):
    result = attention(commands, trained["attention_lstm"], tmp_path / "out", "--data", digits)
    assert result.err == ""
    found = re.fullmatch(r"13 sentences, (\d+) of 13 outputs are the reference: (.*)\n", result.out)
    assert found.group(2) == str(tmp_path / "out" / "attention.html")
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == [*(f"{number:04d}.png" for number in range(1, 14)), "attention.html"]
    shown, pairs = sources(tmp_path / "out"), digit_pairs(13, 3)
    assert shown["source"] == [source for source, _ in pairs]
    assert shown["reference"] == [target for _, target in pairs]
    generated = commands.generate(digits, "--path", trained["attention_lstm"], "--beam", 5).hypotheses()
    assert shown["output"] == [text or "(empty)" for text in generated]
    right = sum(output == reference for output, reference in zip(shown["output"], shown["reference"]))
    assert int(found.group(1)) == right


def test_lines_of_stdin_keep_their_order_and_need_no_data(commands, trained, tmp_path):
    lines = ["1 2 3 4 5 6", "7", "", "8 q 9", "3 3 3"]
    result = attention(commands, trained["attention_lstm"], tmp_path, stdin="\n".join(lines))
    assert result.out == f"5 sentences: {tmp_path / 'attention.html'}\n" and result.err == ""
    assert sources(tmp_path)["source"] == [line or "(empty)" for line in lines]
    assert len(list(tmp_path.glob("*.png"))) == 5


def test_the_limit_the_split_and_the_beam_are_taken(commands, digits, trained, tmp_path):
    flags = ("--data", digits, "--split", "valid", "--limit", 3, "--beam", 1)
    attention(commands, trained["attention_lstm"], tmp_path, *flags)
    shown = sources(tmp_path)
    assert shown["source"] == [source for source, _ in digit_pairs(11, 2)[:3]]
    greedy = commands.generate(
        digits, "--path", trained["attention_lstm"], "--beam", 1, "--gen-subset", "valid"
    ).hypotheses()
    assert shown["output"] == [text or "(empty)" for text in greedy[:3]]


def test_pictures_of_an_earlier_run_do_not_stay_among_the_new(commands, trained, tmp_path):
    (tmp_path / "0009.png").write_text("not of this command: there is no page beside it")
    attention(commands, trained["attention_lstm"], tmp_path, stdin="1 2\n3\n4\n")
    assert len(list(tmp_path.glob("*.png"))) == 4
    (tmp_path / "notes.png").write_text("a user's")
    attention(commands, trained["attention_lstm"], tmp_path, stdin="1 2\n")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0001.png", "attention.html", "notes.png"]


def test_a_model_without_attention_is_refused_and_nothing_is_written(commands, digits, trained, tmp_path):
    result = attention(commands, trained["peek_lstm"], tmp_path / "out", "--data", digits, code=2)
    assert re.search(
        r"without attention: use one of --arch attention_lstm.*fairseq's --arch lstm", one_line_error(result)
    )
    assert not (tmp_path / "out").exists()


ERRORS = [
    ("--beam 0", "1\n", "--beam 0 is too small: use 1 or more"),
    ("--limit 0", "1\n", "--limit 0 is too small: use 1 or more"),
    ("--split valid", "1\n", "--split valid is a part of binarised data: give --data too"),
    ("", "", "stdin is empty: give source sentences, one per line, or --data"),
    ("--data {digits} --split dev", "", "has no split 'dev' of src-tgt: it has test, train, valid"),
    ("--data no/such", "", "data folder no/such does not exist"),
    ("--out {digits}/dict.src.txt", "1\n", "dict.src.txt is a file: name a folder"),
]


@pytest.mark.parametrize("flags, stdin, message", ERRORS, ids=[error[0] or "empty" for error in ERRORS])
def test_what_makes_no_sense_is_one_line(commands, digits, trained, tmp_path, flags, stdin, message):
    words = flags.format(digits=digits).split()
    result = attention(commands, trained["attention_lstm"], tmp_path / "out", *words, stdin=stdin, code=2)
    assert message in one_line_error(result)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_missing_or_of_another_task_is_one_line(commands, tmp_path):
    error = one_line_error(attention(commands, "no/such.pt", tmp_path / "out", stdin="1\n", code=2))
    assert "no/such.pt: there is no such file" in error


def test_a_line_that_is_not_utf8_is_named(trained, tmp_path):
    command = [sys.executable, "-m", "s2s_plugins", "attention", str(trained["attention_lstm"])]
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], input=b"1 2\n\xff\n", capture_output=True)
    assert done.returncode == 2 and b"line 2 is not UTF-8 text" in done.stderr and b"Traceback" not in done.stderr


def test_ctrl_c_is_not_lost_in_a_callback_of_a_library(tmp_path, monkeypatch):
    drawn = []

    def draw(alignment, path, title):
        drawn.append(path.name)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        except KeyboardInterrupt:  # what Python does with an exception in a destructor
            pass

    monkeypatch.setattr(heatmap, "page", lambda alignments, title: "")
    monkeypatch.setattr(heatmap, "draw", draw)
    with pytest.raises(KeyboardInterrupt):
        write([None] * 3, tmp_path, "title")
    assert drawn == ["0001.png"]


def test_ctrl_c_leaves_whole_files_alone(trained, tmp_path):
    command = [sys.executable, "-m", "s2s_plugins", "attention", str(trained["attention_lstm"])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(
        [*command, "--out", str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    started.stdin.write(b"1 2 3 4 5\n" * 300)
    started.stdin.close()
    waited = time.monotonic()
    while len(list(tmp_path.glob("*.png"))) < 3:
        assert started.poll() is None and time.monotonic() - waited < 120
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    said = started.stderr.read()
    assert started.wait(timeout=60) == 130
    assert b"interrupted" in said and b"Traceback" not in said
    assert len(list(tmp_path.glob("*.png"))) < 300
    for file in tmp_path.iterdir():
        assert not file.name.startswith(".")
        ending = b"IEND\xaeB`\x82" if file.suffix == ".png" else b"</html>"
        assert file.read_bytes().rstrip().endswith(ending)
