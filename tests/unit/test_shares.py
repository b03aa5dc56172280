"""``--shards``: several processes prepare what one would, and leave nothing behind."""

import functools
import math
import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import shared_work
from conftest import USER_DIR
from pairs_data import lexicon, tokens_in, words, written
from test_pairs_levels import sentences

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.text.indexed import IndexedTexts
from s2s_plugins.text.pairs import Options, prepare_pairs
from s2s_plugins.text.pairs.levels import Level
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.shares import in_shares, together
from s2s_plugins.text.symbols import SymbolTable

HELD_OUT = ("valid", "test")


def forms(count):
    return [(word, f"{word}ed\tV;PST") for word in words(count)]


def doubled(count):
    """Every third pair twice, and a line without a target."""
    pairs = lexicon(count)
    return [*pairs, *pairs[::3], ("zebra", "")]


@pytest.mark.parametrize(
    "pairs",
    [doubled(300), forms(120), [(text, text.upper()) for text in sentences(300)]],
    ids=["doubles", "features and slots", "sentencepiece"],
)
@pytest.mark.parametrize("count", [2, 3])
def test_shards_hold_what_one_folder_does(tmp_path, pairs, count):
    path = written(tmp_path / "pairs.tsv", pairs)
    whole, dealt = (
        prepare_pairs(path, tmp_path / str(shards), Options(shards=shards, valid=10, test=10)) for shards in (1, count)
    )
    assert dealt.folders == [tmp_path / str(count) / str(number) for number in range(1, count + 1)]
    assert (dealt.findings, dealt.source, dealt.target, dealt.train) == (
        whole.findings,
        whole.source,
        whole.target,
        whole.train,
    )
    assert dealt.dictionary("source") == whole.dictionary("source")
    parts = [tokens_in(folder, "train") for folder in dealt.folders]
    assert sorted(map(repr, sum(parts, []))) == sorted(map(repr, tokens_in(whole.folder, "train")))
    assert max(map(len, parts)) <= min(map(len, parts)) * 1.5
    for path in whole.folder.iterdir():
        if path.name.startswith(HELD_OUT) or path.name.startswith("dict."):
            assert (dealt.folders[0] / path.name).read_bytes() == path.read_bytes()
        if path.name.startswith(HELD_OUT):
            assert not (dealt.folders[1] / path.name).exists()


def test_a_sorted_file_and_one_with_each_line_twice_are_dealt_evenly(tmp_path):
    path = written(tmp_path / "pairs.tsv", [pair for pair in lexicon(400) for _ in range(2)])
    one, other = (
        tokens_in(folder, "train")
        for folder in prepare_pairs(path, tmp_path / "out", Options(shards=2, valid=10, test=10)).folders
    )
    assert len(one) == len(other) == 190
    assert {source[0] for source, _ in one} == {source[0] for source, _ in other}


def test_a_colon_in_the_name_of_sharded_data_is_refused(tmp_path):
    path = written(tmp_path / "pairs.tsv", lexicon(40))
    with pytest.raises(UsageError, match="has ':' in it, by which fairseq tells shards apart"):
        prepare_pairs(path, tmp_path / "a:b", Options(shards=2))


def test_more_shards_than_cores_are_done_in_turn(tmp_path):
    results = in_shares(functools.partial(shared_work.fail, "nothing"), 5)
    assert results == [0, 1, 2, 3, 4]


def test_fairseq_trains_on_shards_in_turn(commands, tmp_path):
    path = written(tmp_path / "pairs.tsv", lexicon(120))
    commands("s2s", "prepare", "--pairs", path, "--dest", tmp_path / "out", "--shards", 2, "--valid", 10, "--test", 10)
    folders = [tmp_path / "out" / number for number in "12"]
    flags = "--arch attention_lstm_tiny --task translation --source-lang source --target-lang target --optimizer adam"
    flags += " --lr 0.01 --batch-size 10 --required-batch-size-multiple 1 --num-workers 0 --log-format json --user-dir"
    data = ":".join(map(str, folders))
    trained = commands(
        "fairseq-train", data, *flags.split(), USER_DIR, "--max-epoch", 2, "--save-dir", tmp_path / "checkpoints"
    )
    updates = [math.ceil(len(tokens_in(folder, "train")) / 10) for folder in folders]
    found = re.findall(r'"train_num_updates": "(\d+)"', trained.out)
    assert list(map(int, found)) == [updates[0], sum(updates)]
    checkpoint = tmp_path / "checkpoints" / "checkpoint_last.pt"
    model = tmp_path / "model.safetensors"
    commands("s2s", "save", checkpoint, "--prepared", tmp_path / "out", "--out", model)
    predicted = commands("s2s", "predict", model, stdin="abc\ndef\n")
    assert [line.partition("\t")[0] for line in predicted.out.splitlines()] == ["abc", "def"]


def test_more_shards_than_pairs_are_refused(tmp_path):
    path = written(tmp_path / "pairs.tsv", lexicon(3))
    with pytest.raises(UsageError, match="--shards 4 is more than there are pairs to train on: use fewer"):
        prepare_pairs(path, tmp_path / "out", Options(shards=4))
    with pytest.raises(UsageError, match="--shards 0 .* use 1 or more"):
        Options(shards=0)
    assert not (tmp_path / "out").exists()


def test_data_that_other_processes_cannot_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--shards 2 reads files: write the pairs to one"):
        prepare_pairs(iter(lexicon(50)), tmp_path / "out", Options(shards=2))


def test_what_two_processes_have_counted_is_what_one_counts():
    def counted(texts):
        side = Side("target", Level("char", ""), set("abcdé"))
        for text in texts:
            side.count(text)
        return side

    texts = [
        "abc",
        "abc",
        "abc",
        "bdacé",
        "cafe\u0301\u200b",
    ]  # the longest, and all that is strange, in the second share
    whole, first = counted(texts), counted(texts[:3])
    assert first.only == "abc"
    first.add(counted(texts[3:]))
    for side in (whole, first):
        side.number_symbols(1)
    assert first.facts() == whole.facts() and first.table.symbols == whole.table.symbols and first.only is None
    assert first.writing.invisible == whole.writing.invisible and first.writing.composed == whole.writing.composed


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shares_are_put_together_in_their_order(count):
    numbers = np.arange(7)
    assert together([numbers[number::count] for number in range(count)]).tolist() == numbers.tolist()


def test_what_another_process_raises_is_raised_here():
    with pytest.raises(UsageError, match="nothing to read: write some"):
        in_shares(functools.partial(shared_work.fail, "error"), 2)


def test_a_killed_process_is_said_in_one_line():
    with pytest.raises(WorkError, match="one of 2 processes was killed, .* fewer --shards"):
        in_shares(functools.partial(shared_work.fail, "killed"), 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_all_processes_end_with_the_first(tmp_path, number):
    command = [sys.executable, shared_work.__file__, tmp_path]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
        wait_for((tmp_path / "1").exists)
        pid = int((tmp_path / "1").read_text())
        first.send_signal(number)
        first.wait(timeout=20)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def wait_for(found, seconds=30):
    ends = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def texts(tmp_path):
    """Labelled and further texts, and how they are named to ``s2s prepare``."""
    draw = random.Random(1)
    documents = [" ".join(f"w{draw.randrange(40)}" for _ in range(draw.randint(1, 9))) for _ in range(300)]
    (tmp_path / "train.tsv").write_text(
        "text\tlabel\n" + "".join(f"{text}\t{number % 2}\n" for number, text in enumerate(documents[:60]))
    )
    (tmp_path / "more.txt").write_text("".join(f"{text}\n" for text in documents[60:]))
    return ["--train", tmp_path / "train.tsv", "--unlabelled", tmp_path / "more.txt"]


def texts_of(folder, part):
    table = SymbolTable.load(folder / "dict.txt")
    found = IndexedTexts(folder / part, len(table))
    return [tuple(found[place]) for place in range(len(found))]


@pytest.mark.parametrize("level", ["word", "sentencepiece"])
def test_shards_of_text_hold_what_one_folder_does(commands, tmp_path, texts, level):
    flags = [*texts, "--level", level, *(["--vocab-size", 40] if level == "sentencepiece" else [])]
    said = [
        commands("s2s", "prepare", *flags, "--dest", tmp_path / str(shards), "--shards", shards).out
        for shards in (1, 3)
    ]
    assert said[1].partition("written to")[0] == said[0].partition("written to")[0]
    whole, folders = tmp_path / "1" / "pretrain", [tmp_path / "3" / "pretrain" / number for number in "123"]
    assert f"fairseq-train {':'.join(map(str, folders))} " in said[1]
    for folder in folders:
        assert (folder / "dict.txt").read_bytes() == (whole / "dict.txt").read_bytes()
    parts = [texts_of(folder, "train") for folder in folders]
    assert (
        sorted(sum(parts, [])) == sorted(texts_of(whole, "train")) and max(map(len, parts)) - min(map(len, parts)) < 2
    )
    assert (folders[0] / "valid.bin").read_bytes() == (whole / "valid.bin").read_bytes()
    for path in (tmp_path / "1" / "classify").rglob("*"):
        if path.is_file():
            assert (tmp_path / "3" / path.relative_to(tmp_path / "1")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "task, arch", [("sequence_autoencoding", "sa_lstm_small"), ("language_modeling", "lm_lstm_small")]
)
def test_pretraining_reads_shards_in_turn(commands, tmp_path, texts, task, arch):
    commands("s2s", "prepare", *texts, "--level", "word", "--dest", tmp_path / "out", "--shards", 2)
    folders = [tmp_path / "out" / "pretrain" / number for number in "12"]
    flags = f"--task {task} --arch {arch} --decoder-embed-dim 8 --decoder-hidden-size 8 --optimizer adam --lr 0.01"
    flags += " --batch-size 10 --required-batch-size-multiple 1 --max-epoch 3 --num-workers 0 --log-format json"
    data = ":".join(map(str, folders))
    trained = commands("fairseq-train", data, *flags.split(), "--user-dir", USER_DIR, "--save-dir", tmp_path / "saved")
    loaded = re.findall(r"loaded [\d,]+ examples from: (\S+)/train", trained.out)
    assert loaded[:3] == [str(folders[0]), str(folders[1]), str(folders[0])]
    assert re.findall(r"loaded [\d,]+ examples from: (\S+)/valid", trained.out) == [str(folders[0])]


@pytest.mark.parametrize("shards, message", [(0, "use 1 to 1000"), (5, "more than there are documents")])
def test_shards_that_make_no_sense_are_refused(commands, tmp_path, texts, shards, message):
    (tmp_path / "more.txt").write_text("w1\n")
    (tmp_path / "train.tsv").write_text("text\tlabel\nw1 w1\t0\nw1\t1\n")
    flags = [*texts, "--level", "word", "--dest", tmp_path / "out", "--shards", shards]
    named = [*texts, "--level", "word", "--dest", tmp_path / "a:b", "--shards", 2]
    assert "has ':' in it" in commands("s2s", "prepare", *named, code=2).err
    assert message in commands("s2s", "prepare", *flags, "--valid", tmp_path / "train.tsv", code=2).err
    assert not (tmp_path / "out").exists()
