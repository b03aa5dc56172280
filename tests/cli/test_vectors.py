"""``s2s vectors``: word vectors of binarised text."""

import _thread
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import dictionary, digit_pairs

from s2s_plugins.cli.main import main
from s2s_plugins.models.embeddings import build_embedding
from s2s_plugins.models.resolve import EmbeddingSettings
from s2s_plugins.text import vectors
from s2s_plugins.text.vectors import Sentences


@pytest.fixture(scope="module")
def text(commands, tmp_path_factory):
    """Animals eat, numbers add up; 10,050 words on one line at the end."""
    folder = tmp_path_factory.mktemp("vectors")
    eats = [f"the {animal} eats the {food} every day" for animal in ("cat", "dog") for food in ("fish", "bone")]
    sums = [f"{number} plus {other} is a sum" for number in ("one", "two") for other in ("three", "four")]
    lines = [*(eats + sums) * 60, " ".join(["plus"] * 10_050)]
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    commands("fairseq-preprocess", "--only-source", "--trainpref", folder / "train.txt", "--destdir", folder / "bin")
    return folder / "bin"


def read(path):
    heading, *lines = path.read_text(encoding="utf-8").splitlines()
    found = {word: np.array(numbers, dtype=float) for word, *numbers in (line.split(" ") for line in lines)}
    assert heading == f"{len(found)} {len(next(iter(found.values())))}"
    return found


def test_words_of_like_neighbours_get_like_vectors(text, commands, tmp_path):
    out = tmp_path / "new" / "vectors.txt"
    flags = ("--dim", 16, "--epochs", 20, "--sample", 0)
    said = commands("s2s", "vectors", text, "--out", out, *flags).out
    assert "epoch 20 of 20" in said and f"--decoder-embed-path {out} --decoder-embed-dim 16" in said
    found = read(out)

    def alike(a, b):
        return found[a] @ found[b] / np.linalg.norm(found[a]) / np.linalg.norm(found[b])

    assert alike("cat", "dog") > alike("cat", "two") + 0.2 and alike("one", "two") > alike("one", "dog") + 0.2
    assert not (tmp_path / "new" / "vectors.txt.partial").exists()
    again, other = tmp_path / "again.txt", tmp_path / "other.txt"
    commands("s2s", "vectors", text, "--out", again, *flags)
    commands("s2s", "vectors", text, "--out", other, *flags, "--seed", 2)
    assert again.read_bytes() == out.read_bytes() != other.read_bytes()


def test_both_sides_are_read_the_source_first_and_the_vectors_start_an_embedding(commands, tmp_path):
    pairs = digit_pairs(61, 1)
    for number, language in enumerate(("zu", "en")):  # not the order of the alphabet
        (tmp_path / f"train.{language}").write_text("".join(f"{pair[number]}\n" for pair in pairs))
    languages = ("--source-lang", "zu", "--target-lang", "en")
    commands("fairseq-preprocess", *languages, "--trainpref", tmp_path / "train", "--destdir", tmp_path / "bin")
    sentences = Sentences(tmp_path / "bin")
    words = list(sentences)
    assert words == [side.split() for sides in zip(*pairs) for side in sides]
    assert sentences.tokens == sum(len(line) + 1 for line in words)
    path = tmp_path / "vectors.txt"
    vectors.train(sentences, 1, path, vector_size=4, seed=1, workers=1)
    embedding = build_embedding(dictionary(3), EmbeddingSettings("encoder", 4, str(path), freeze=False))
    for word, numbers in read(path).items():
        if word in dictionary(3).indices:
            assert embedding.weight[dictionary(3).index(word)].tolist() == pytest.approx(numbers.tolist())


def test_a_long_document_is_read_to_its_end(text):
    *_, before, last = Sentences(text)
    assert (len(before), len(last)) == (10_000, 50)


def test_a_stopped_run_leaves_the_old_file(text, tmp_path):
    out = tmp_path / "vectors.txt"
    out.write_text("old")
    command = [sys.executable, "-m", "s2s_plugins", "vectors", str(text), "--out", str(out), "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if "epoch 1 of" in line:
                    break
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, error
    assert error.strip() == f"s2s vectors: stopped; {out} is as it was"
    assert out.read_text() == "old" and not list(tmp_path.glob("*.partial"))


def test_an_interrupt_ends_gensims_threads(text, tmp_path):
    sentences = Sentences(text)
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        vectors.train(sentences, 1_000_000, tmp_path / "vectors.txt", vector_size=4, seed=1, workers=1)
    assert list(sentences) == []  # the thread that reads has nothing more to hand on


@pytest.mark.parametrize(
    "broken, message",
    [
        ("", "has no training text"),
        ("train.idx dict.txt", "has no train.bin"),
        ("train.idx train.bin", "has no dict.txt beside it"),
        ("missing", "is no folder"),
    ],
)
def test_a_folder_without_text_is_named(text, tmp_path, capsys, broken, message):
    folder = tmp_path / "data"
    if broken != "missing":
        folder.mkdir()
        for name in broken.split():
            (folder / name).write_bytes((text / name).read_bytes())
    with pytest.raises(SystemExit) as raised:
        main(["vectors", str(folder), "--out", str(tmp_path / "vectors.txt")])
    error = capsys.readouterr().err
    assert raised.value.code == 2 and message in error and str(folder) in error and len(error.splitlines()) == 1
    assert not (tmp_path / "vectors.txt").exists()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("train.idx", b"", "train.idx or"),
        ("train.idx", 40, "train.idx or"),
        ("train.bin", 100, "train.bin has 100 bytes, "),
        ("dict.txt", b"no number here\n", "dict.txt is damaged"),
        ("dict.txt", b"plus 1\n", "its dictionary has 5 symbols: it is damaged or belongs to other data"),
    ],
)
def test_a_damaged_file_is_named(text, tmp_path, capsys, name, content, message):
    for copied in ("dict.txt", "train.idx", "train.bin"):
        (tmp_path / copied).write_bytes((text / copied).read_bytes())
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else (text / name).read_bytes()[:content])
    with pytest.raises(SystemExit) as raised:
        main(["vectors", str(tmp_path), "--out", str(tmp_path / "vectors.txt")])
    error = capsys.readouterr().err
    assert raised.value.code == 2 and message in error and "binarise" in error


@pytest.mark.parametrize("out, code, message", [(".", 2, "is a folder: name a file"), ("file/vectors.txt", 1, "file")])
def test_an_output_that_cannot_be_is_named_before_the_work(text, tmp_path, capsys, out, code, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as raised:
        main(["vectors", str(text), "--out", str(tmp_path / out)])
    said = capsys.readouterr()
    assert raised.value.code == code and message in said.err and len(said.err.splitlines()) == 1
    assert "tokens" not in said.out


@pytest.mark.parametrize(
    "flags", [["--dim", "0"], ["--lr", "0"], ["--sample", "1"], ["--epochs", "0"], ["--seed", "-1"]]
)
def test_values_that_cannot_be_are_refused(flags, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["vectors", "data", "--out", "vectors.txt", *flags])
    error = capsys.readouterr().err
    assert raised.value.code == 2 and flags[0] in error and "use" in error
