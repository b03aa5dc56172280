"""``s2s save`` and ``s2s info``, and the verbs that take a model file, the real commands."""

import json
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from test_cli_errors import one_line_error

FOLDER = REPOSITORY / "tests" / "checkpoints"
LINES = "a b c\nj i h g f e\n\nd d\n"


@pytest.fixture(scope="module")
def model(commands):
    folder = commands.folder / "saved"
    folder.mkdir()
    flags = ["--licence", "CC0-1.0", "--data", "made up", "--figure", "PER=8.5", "--figure", "by=us"]
    done = commands("s2s", "save", FOLDER / "attention_lstm.pt", "--out", folder / "a.safetensors", *flags)
    size = (folder / "a.safetensors").stat().st_size
    assert (
        done.out == f"{folder / 'a.safetensors'}: translator, 1 x attention_lstm, {size / 1000:.1f} kB\n"
        and done.err == ""
    )
    return folder / "a.safetensors"


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_model_file_predicts_what_its_checkpoint_predicts(commands, model, backend):
    flags = ["--nbest", 2, "--json"]
    of_checkpoint = commands("s2s", "predict", FOLDER / "attention_lstm.pt", *flags, stdin=LINES).out.splitlines()
    of_file = commands("s2s", "predict", model, "--backend", backend, *flags, stdin=LINES).out.splitlines()
    for line, expected in zip(map(json.loads, of_file), map(json.loads, of_checkpoint), strict=True):
        assert line.pop("scores") == pytest.approx(expected.pop("scores"), abs=1e-5)
        assert line.pop("probabilities") == pytest.approx(expected.pop("probabilities"), abs=1e-5)
        assert line == expected


def test_text_is_spelt_as_the_file_says_unless_a_flag_says_otherwise(commands, model):
    path = model.with_name("char.safetensors")
    commands("s2s", "save", FOLDER / "attention_lstm.pt", "--source", "char", "--target", "char", "--out", path)
    assert commands("s2s", "predict", path, stdin="jihgfe\n").out.split() == ["jihgfe", *said(commands, model)]
    assert said(commands, path, "--source", "token", "--target", "token") == said(commands, model)
    maps = model.with_name("maps")
    commands("s2s", "attention", path, "--out", maps, stdin="jihgfe\nab\n")
    page = (maps / "attention.html").read_text()
    assert (maps / "0002.png").is_file() and "char.safetensors" in page


def said(commands, path, *flags):
    return commands("s2s", "predict", path, *flags, stdin="j i h g f e\n").out.rstrip("\n").split("\t")[1:]


def test_an_ensemble_and_what_rounding_changes(commands, model, tmp_path):
    (tmp_path / "lines").write_text(LINES)
    three = [FOLDER / f"{name}.pt" for name in ("attention_lstm", "peek_lstm", "feedback_lstm")]
    flags = ["--int8", "--lines", tmp_path / "lines", "--out", tmp_path / "three.safetensors"]
    printed = commands("s2s", "save", *three, *flags).out.splitlines()
    assert printed[0].startswith("int8: ") and " of 4 answers are the same; the score differs by 0.0" in printed[0]
    assert "translator, 3 x attention_lstm" in printed[1]
    line = "a b c\n"
    found, expected = (
        json.loads(commands("s2s", "predict", *paths, "--json", stdin=line).out)
        for paths in ([tmp_path / "three.safetensors"], three)
    )
    assert found["scores"] == pytest.approx(expected["scores"], abs=0.02)


def test_a_line_that_is_too_long_is_named_and_unknown_tokens_are_told_once(commands, tmp_path):
    flags = [
        "save",
        FOLDER / "attention_lstm.pt",
        "--half",
        "--lines",
        tmp_path / "l",
        "--out",
        tmp_path / "m.safetensors",
    ]
    (tmp_path / "l").write_text("a\u2028b\n" + "a " * 3000 + "\n")  # Python takes U+2028 for the end of a line
    assert "--lines: line 2 has 3001 tokens" in one_line_error(commands("s2s", *flags, code=2))
    (tmp_path / "l").write_text("a b\nc z\nz\n")
    assert commands("s2s", *flags).err.count("line 2: unknown token z") == 1
    (tmp_path / "l").write_text("")
    assert "is empty" in one_line_error(commands("s2s", *flags, code=2))


@pytest.mark.parametrize("verb", ["info", "predict"])
def test_a_command_ends_quietly_when_nobody_reads_on(model, verb):
    command = [sys.executable, "-m", "s2s_plugins", verb, str(model)]
    given, taken = os.pipe()
    os.close(given)
    done = subprocess.run(command, input="a b c\n" * 9, stdout=taken, stderr=subprocess.PIPE, text=True)
    os.close(taken)
    assert (done.returncode, done.stderr) == (141, "")


def test_classifiers_are_saved_and_classify(commands, model):
    path = model.with_name("c.safetensors")
    commands("s2s", "save", FOLDER / "sa_lstm-classifier.pt", "--out", path, "--half")
    text = "good film\nawful sad plot\n"
    found = commands("s2s", "classify", path, stdin=text).out.splitlines()
    expected = commands("s2s", "classify", FOLDER / "sa_lstm-classifier.pt", stdin=text).out.splitlines()
    for line, other in zip(found, expected, strict=True):
        assert line.split("\t")[0] == other.split("\t")[0]
        assert float(line.split("\t")[1]) == pytest.approx(float(other.split("\t")[1]), abs=2e-3)


def test_info_says_what_a_model_is(commands, model):
    text = commands("s2s", "info", model).out
    for line in ("translator, attention_lstm", "made up", "CC0-1.0", "8.5", "us", "encoder: 1 x lstm of 8"):
        assert line in text
    values = json.loads(commands("s2s", "info", model, "--json").out)
    assert (
        values["about"]["figures"]["PER"] == 8.5 and values["members"][0]["settings"]["decoder"]["kind"] == "attention"
    )


def test_nothing_is_told_to_anybody(model, tmp_path):
    """ONNX Runtime's telemetry begins with files in the user's cache."""
    command = [sys.executable, "-m", "s2s_plugins", "predict", str(model)]
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment.update(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    done = subprocess.run(command, input="a b c\n", capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and done.stdout.startswith("a b c\t"), done.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))


SAVE = ["save", FOLDER / "peek_lstm.pt", "--out"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["predict", "{model}", FOLDER / "peek_lstm.pt"], "a.safetensors is a whole model, and stands alone"),
        (["predict", "{model}", "--data", "x"], "--data x is about checkpoints"),
        (["predict", FOLDER / "peek_lstm.pt", "--backend", "onnx"], "--backend onnx is about model files"),
        (["predict", "no.safetensors"], "no.safetensors: there is no such file, folder or installed package"),
        (["classify", "{model}"], "a.safetensors is a translator: s2s predict runs it"),
        (["forecast", "{model}"], "a.safetensors is a translator: s2s predict runs it"),
        (["info", FOLDER / "peek_lstm.pt"], "peek_lstm.pt is a checkpoint: s2s save "),
        ([*SAVE, "a.pt"], "a model file is named MODEL.safetensors, not a.pt"),
        ([*SAVE, "/dev/null"], "--out /dev/null is no regular file"),
        ([*SAVE, "a.safetensors", "--lines", "x"], "--lines x shows what rounding changes: give --half or --int8 too"),
        ([*SAVE, "a.safetensors", "--half", "--lines", "nowhere"], "nowhere: No such file"),
        ([*SAVE, "a.safetensors", "--source-pieces", "{model}"], "the sentencepiece model is damaged"),
        (
            [*SAVE, "a.safetensors", "--source", "char", "--source-pieces", "x"],
            "--source char and --source-pieces excl",
        ),
        (["save", "{model}", "--out", "b.safetensors"], "a.safetensors"),
    ],
)
def test_what_cannot_be_is_one_line(commands, model, words, message, tmp_path):
    given = [str(word).format(model=model) for word in words]
    done = commands("s2s", *given, stdin="a\n", cwd=tmp_path, code=None)
    assert done.code in (1, 2) and message in one_line_error(done)
    assert not list(tmp_path.iterdir()), "nothing half-written"
