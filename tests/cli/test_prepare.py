"""``s2s prepare``: what it writes is what the tasks read."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fairseq.data import Dictionary, data_utils
from test_cli_errors import one_line_error

from s2s_plugins.errors import UsageError
from s2s_plugins.text.prepare import TokenChoice
from s2s_plugins.text.prepare import prepare as text_prepare
from s2s_plugins.text.sources import Sources

WORDS = [f"word{number}" for number in range(30)]


def reviews(count, seed, labels=("negative", "positive")):
    """Documents of a few words, one of which tells the label."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = labels[number % len(labels)]
        words = draw.choices(WORDS, k=draw.randint(2, 12))
        words.insert(draw.randrange(len(words)), f"is{label.split()[0]}")
        rows.append((" ".join(words), label))
    draw.shuffle(rows)
    return rows


def write_tsv(path, rows):
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


def read(folder, split, dictionary_folder=None):
    dictionary = Dictionary.load(str((dictionary_folder or folder) / "dict.txt"))
    data = data_utils.load_indexed_dataset(str(folder / split), dictionary)
    return [dictionary.string(data[index]) for index in range(len(data))]


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture()
def files(tmp_path):
    for name, count in (("train", 40), ("valid", 10), ("test", 12)):
        write_tsv(tmp_path / f"{name}.tsv", reviews(count, seed=len(name)))
    (tmp_path / "more.txt").write_text("".join(f"unlabelled {text}\n" for text, _ in reviews(15, 9)))
    return tmp_path


def prepare(commands, folder, *flags, level="word", code=0, **kwargs):
    splits = [word for name in ("train", "valid", "test") for word in (f"--{name}", folder / f"{name}.tsv")]
    level = ("--level", level) if level else ()
    return commands("s2s", "prepare", *splits, "--dest", folder / "bin", *level, *flags, code=code, **kwargs)


def test_documents_and_labels_come_back_from_the_data(commands, files):
    result = prepare(commands, files, "--min-count", 1, "--unlabelled", files / "more.txt")
    classify, pretrain = files / "bin" / "classify", files / "bin" / "pretrain"
    for split, seed, count in (("train", 5, 40), ("valid", 5, 10), ("test", 4, 12)):
        rows = reviews(count, seed)
        assert read(classify / "input0", split) == [text for text, _ in rows]
        assert read(classify / "label", split) == [label for _, label in rows]
    more = (files / "more.txt").read_text().splitlines()
    assert read(pretrain, "train") == more + read(classify / "input0", "train")
    assert read(pretrain, "valid") == read(classify / "input0", "valid")
    assert (pretrain / "dict.txt").read_bytes() == (classify / "input0" / "dict.txt").read_bytes()
    assert (classify / "label" / "dict.txt").read_text().split() == ["negative", "1", "positive", "1"]
    printed = [line.split() for line in result.out.splitlines()]
    for split, seed, count in (("train", 5, 40), ("valid", 5, 10), ("test", 4, 12)):
        tokens = sum(len(text.split()) for text, _ in reviews(count, seed))
        assert [f"classify/{split}", str(count), str(tokens), "0", "0", "(0.0", "%)"] in printed
    assert printed[printed.index(["class", "train", "valid", "test"]) + 1] == ["negative", "20", "5", "6"]
    assert f"fairseq-train {files / 'bin' / 'classify'} --user-dir $(s2s user-dir)" in result.out
    assert not (files / "bin.partial").exists()


def test_fairseqs_own_tasks_read_the_data(commands, files):
    prepare(commands, files)
    script = """
import sys
import s2s_plugins
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

def load(split, *flags):
    flags = [*flags, "--arch", "lm_lstm_tiny", "--optimizer", "adam"]
    args = options.parse_args_and_arch(options.get_training_parser(), flags)
    task = tasks.setup_task(convert_namespace_to_omegaconf(args).task)
    task.load_dataset(split)
    return task, task.dataset(split)

lm = ("--task", "language_modeling", "--tokens-per-sample", "30", "--sample-break-mode", "eos")
task, data = load("train", sys.argv[1] + "/pretrain", *lm)
print(len(data), len(task.source_dictionary))
print("|".join(task.source_dictionary.string(data[index]["source"]) for index in range(len(data))))
classification = ("--task", "sentence_prediction", "--criterion", "sentence_prediction")
classification += ("--num-classes", "2", "--no-shuffle")
task, data = load("test", sys.argv[1] + "/classify", *classification)
batch = data.collater([data[index] for index in range(len(data))])
print(len(data), len(task.source_dictionary), batch["target"].view(-1).tolist())
print("|".join(task.source_dictionary.string(data[index]["net_input.src_tokens"]) for index in range(len(data))))
"""
    done = subprocess.run([sys.executable, "-c", script, files / "bin"], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    size = len(Dictionary.load(str(files / "bin" / "pretrain" / "dict.txt")))
    train, test = (read(files / "bin" / "classify" / "input0", split) for split in ("train", "test"))
    assert len(lines) == 4, done.stderr
    assert lines[0] == f"40 {size}" and lines[1].split("|") == train
    targets = [["negative", "positive"].index(label) for _, label in reviews(12, 4)]
    assert lines[2] == f"12 {size} {targets}" and lines[3].split("|") == test


@pytest.mark.parametrize("part, column", [("input0", 0), ("label", 1)])
def test_the_data_are_the_bytes_that_fairseq_preprocess_writes(commands, files, part, column):
    prepare(commands, files, "--min-count", 1)
    ours = files / "bin" / "classify" / part
    (files / "train.text").write_text("".join(row[column] + "\n" for row in reviews(40, 5)))
    flags = ("--only-source", "--source-lang", "text", "--trainpref", files / "train", "--destdir", files / "theirs")
    commands("fairseq-preprocess", *flags, "--srcdict", ours / "dict.txt")
    for ending in ("bin", "idx"):
        (theirs,) = (files / "theirs").glob(f"train*.{ending}")
        assert (ours / f"train.{ending}").read_bytes() == theirs.read_bytes()


def test_words_seen_once_are_dropped_or_unknown(commands, files):
    rows = [("known known once", "a"), ("known again again", "b")]
    for name in ("train", "valid", "test"):
        write_tsv(files / f"{name}.tsv", rows)
    result = prepare(commands, files)
    assert read(files / "bin" / "classify" / "input0", "train") == ["known known", "known again again"]
    assert "1 (16.7 %)" in result.out
    prepare(commands, files, "--rare", "unk")
    assert read(files / "bin" / "classify" / "input0", "train")[0] == "known known <unk>"
    prepare(commands, files, "--max-words", 1, "--min-count", 1)
    assert read(files / "bin" / "classify" / "input0", "train") == ["known known", "known"]


@pytest.mark.parametrize("level", ["char", "sentencepiece"])
def test_other_levels_give_the_text_back(commands, files, level):
    prepare(commands, files, *(("--vocab-size", 44) if level == "sentencepiece" else ()), level=level)
    read_back = [
        line.replace(" ", "").replace("▁", " ").strip() for line in read(files / "bin/classify/input0", "test")
    ]
    assert read_back == [text for text, _ in reviews(12, 4)]
    assert json.loads((files / "bin" / "pretrain" / "tokens.json").read_text())["level"] == level


def test_an_empty_document_and_a_label_of_two_words_are_kept(commands, files):
    rows = [("", "not good"), ("word1 word1", "good"), ("word1", "not good")]
    for name in ("train", "valid", "test"):
        write_tsv(files / f"{name}.tsv", rows)
    result = prepare(commands, files)
    assert read(files / "bin" / "classify" / "input0", "test") == ["", "word1 word1", "word1"]
    assert read(files / "bin" / "classify" / "label", "test") == ["not good", "good", "not good"]
    assert "warning: class 'good' has one document to train on" in result.err


def test_without_a_validation_file_some_of_the_training_documents_are_held_out_once(commands, files):
    flags = ("--level", "word", "--min-count", 1, "--dest", files / "bin", "--train", files / "train.tsv")
    commands("s2s", "prepare", *flags, "--valid-fraction", 0.3, "--seed", 4)
    train, valid = (read(files / "bin" / "classify" / "input0", split) for split in ("train", "valid"))
    assert sorted(train + valid) == sorted(text for text, _ in reviews(40, 5))
    assert 4 <= len(valid) <= 20
    assert read(files / "bin" / "pretrain", "train") == train
    first = contents(files / "bin")
    commands("s2s", "prepare", *flags, "--valid-fraction", 0.3, "--seed", 4)
    assert contents(files / "bin") == first
    commands("s2s", "prepare", *flags, "--valid-fraction", 0.3, "--seed", 5)
    assert read(files / "bin" / "classify" / "input0", "valid") != valid


def test_another_folders_dictionary_is_taken_whole(commands, files):
    prepare(commands, files, "--keep-case")
    write_tsv(files / "few.tsv", [("new word1", "positive"), ("word2", "negative")])
    flags = ("--train", files / "few.tsv", "--valid", files / "valid.tsv", "--dest", files / "few")
    commands("s2s", "prepare", *flags, "--tokens-from", files / "bin")
    for name in ("dict.txt", "tokens.json"):
        assert (files / "few" / "pretrain" / name).read_bytes() == (files / "bin" / "pretrain" / name).read_bytes()
    assert read(files / "few" / "classify" / "input0", "train") == ["word1", "word2"]


def test_memory_does_not_grow_with_the_text(commands, files):
    script = (
        "import sys, tracemalloc; import s2s_plugins; from s2s_plugins.cli.main import main; "
        "tracemalloc.start(); main(['prepare', *sys.argv[1:]]); print(tracemalloc.get_traced_memory()[1])"
    )
    peaks, sizes = [], []
    for copies in (5, 25):
        draw = random.Random(1)
        rows = [(" ".join(draw.choices(WORDS, k=250)), label) for _, label in reviews(40 * copies, 5)]  # none twice
        write_tsv(files / "big.tsv", rows)
        flags = [
            "--train",
            files / "big.tsv",
            "--valid",
            files / "valid.tsv",
            "--level",
            "word",
            "--dest",
            files / "big",
        ]
        argv = [sys.executable, "-c", script, *map(str, flags)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.splitlines()[-1]))
        sizes.append((files / "big.tsv").stat().st_size)
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 5


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--level"], "expected one argument"),
        (["--min-count", 0], "--min-count 0 is not a number of tokens"),
        (["--valid-fraction", 1.5], "--valid-fraction 1.5 is not a fraction"),
        (["--no-train-text"], "--no-train-text leaves nothing to pretrain on"),
        (["--tokens-from", "elsewhere"], "--tokens-from settles --level: leave one of them out"),
        (["--unlabelled", "no/such.txt"], "no/such.txt: No such file or directory"),
        (["--text-column", "body"], "no column 'body' in its header, which has text, label"),
        (["--min-count", 9999], "no token occurs 9999 times: use --min-count 1"),
        (["--vocab-size", 50], "--vocab-size is for --level sentencepiece, not word: use --max-words"),
        (["--max-words", -1], "--max-words -1 is not a number of tokens"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line_and_leaves_nothing_behind(commands, files, flags, message):
    result = prepare(commands, files, *flags, code=2)
    assert message in one_line_error(result)
    assert not (files / "bin").exists() and not (files / "bin.partial").exists()


def test_the_level_has_to_be_given(commands, files):
    assert "--level is missing" in one_line_error(prepare(commands, files, level=None, code=2))


def test_a_label_that_training_lacks_is_named_with_its_line(commands, files):
    write_tsv(files / "test.tsv", [*reviews(2, 1), ("word1", "mixed")])
    error = one_line_error(prepare(commands, files, code=2))
    assert "test.tsv, line 4: label 'mixed' does not occur in the training data, which has negative, positive" in error


def test_a_label_that_fairseq_uses_itself_is_refused(commands, files):
    write_tsv(files / "train.tsv", [*reviews(4, 1), ("word1", "<pad>")])
    assert "label '<pad>' is a symbol of fairseq's own" in one_line_error(prepare(commands, files, code=2))


def test_a_folder_of_other_things_is_left_alone(commands, files):
    (files / "bin").mkdir()
    (files / "bin" / "thesis.txt").write_text("mine")
    assert "holds other things (thesis.txt)" in one_line_error(prepare(commands, files, code=2))
    assert (files / "bin" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["pretrain", "classify"])
def test_a_users_own_folder_with_a_name_of_ours_is_left_alone(commands, files, name):
    prepare(commands, files)
    (files / "bin" / name / "tokens.json").unlink()
    (files / "bin" / name / "thesis.txt").write_text("mine")
    assert f"holds other things ({name})" in one_line_error(prepare(commands, files, code=2))
    assert (files / "bin" / name / "thesis.txt").read_text() == "mine"


def test_a_users_own_partial_folder_is_left_alone(commands, files):
    (files / "bin.partial").mkdir()
    (files / "bin.partial" / "thesis.txt").write_text("mine")
    assert "bin.partial is in the way" in one_line_error(prepare(commands, files, code=2))
    assert (files / "bin.partial" / "thesis.txt").read_text() == "mine"


def test_what_a_killed_run_left_is_no_hindrance(commands, files):
    (files / "bin.partial" / "new" / "pretrain").mkdir(parents=True)
    prepare(commands, files)
    assert not (files / "bin.partial").exists()


def test_the_current_folder_is_a_destination(commands, files):
    (files / "here").mkdir()
    flags = ("--train", files / "train.tsv", "--level", "word", "--dest", ".")
    commands("s2s", "prepare", *flags, cwd=files / "here")
    assert read(files / "here" / "classify" / "input0", "train")


def test_an_interrupted_run_leaves_the_earlier_data_and_no_partial_folder(commands, files):
    prepare(commands, files)
    before = contents(files / "bin")
    os.mkfifo(files / "never.txt")  # nobody writes into it, so the command waits there
    flags = ["--train", files / "train.tsv", "--level", "word", "--dest", files / "bin"]
    argv = [sys.executable, "-m", "s2s_plugins", "prepare", *flags, "--unlabelled", files / "never.txt"]
    process = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    writer = None
    try:
        deadline = time.monotonic() + 120
        while writer is None and time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):  # ENXIO until the command reads
                writer = os.open(files / "never.txt", os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.05)
        assert writer is not None and (files / "bin.partial").exists()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        if writer is not None:
            os.close(writer)
    assert (process.returncode, errors.splitlines()[-1]) == (130, "s2s prepare: interrupted, nothing was written")
    assert "Traceback" not in errors
    assert contents(files / "bin") == before and not (files / "bin.partial").exists()


def test_a_swap_that_fails_puts_the_earlier_data_back(tmp_path, monkeypatch):
    from s2s_plugins.text import folder as module

    earlier = tmp_path / "bin" / "classify"
    earlier.mkdir(parents=True)
    (earlier / "tokens.json").write_text("{}")
    replace = os.replace

    def fails(source, target):
        if source.name == "new":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(module.os, "replace", fails)
    with pytest.raises(KeyboardInterrupt):
        with module.prepared_folder(str(tmp_path / "bin")) as folder:
            (folder / "classify").mkdir()
    assert (earlier / "tokens.json").read_text() == "{}" and not (tmp_path / "bin.partial").exists()


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_class_of_one_document_is_never_held_out(commands, files, seed):
    rows = [*reviews(20, 1), ("word1 word1", "rare")]
    write_tsv(files / "train.tsv", rows)
    flags = ("--valid-fraction", 0.6, "--seed", seed, "--level", "word", "--dest", files / "bin")
    result = commands("s2s", "prepare", "--train", files / "train.tsv", *flags)
    assert "rare" in read(files / "bin" / "classify" / "label", "train")
    assert "warning: class 'rare' has one document to train on" in result.err


@pytest.mark.parametrize("form", ["csv", "jsonl", "folder"])
def test_every_form_gives_the_same_data(commands, files, form):
    rows = sorted(reviews(20, 1), key=lambda row: row[1])  # a folder is read class by class
    path = files / f"same.{form}"
    if form == "csv":
        path.write_text("label,text\n" + "".join(f'{label},"{text}"\n' for text, label in rows))
    elif form == "jsonl":
        path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    else:
        for number, (text, label) in enumerate(rows):
            (path / label).mkdir(parents=True, exist_ok=True)
            (path / label / f"{number:03}.txt").write_text(text)
    for name, source in (("a", write_tsv(files / "same.tsv", rows)), ("b", path)):
        flags = ("--train", source, "--valid", source, "--test", source, "--dest", files / name)
        commands("s2s", "prepare", *flags, "--level", "word")
    assert contents(files / "a") == contents(files / "b")


def test_pretraining_text_can_be_the_unlabelled_alone(commands, files):
    result = prepare(commands, files, "--min-count", 1, "--unlabelled", files / "more.txt", "--no-train-text")
    assert read(files / "bin" / "pretrain", "train") == (files / "more.txt").read_text().splitlines()
    assert ["pretrain/train", "15"] in [line.split()[:2] for line in result.out.splitlines()]
    assert len(read(files / "bin" / "classify" / "input0", "train")) == 40


def test_a_bad_line_is_named_at_every_level(commands, files):
    (files / "more.txt").write_bytes(b"fine\n" * 30 + b"\xff\n")
    flags = ("--unlabelled", files / "more.txt")
    for level, more in (("word", ()), ("char", ()), ("sentencepiece", ("--vocab-size", 44))):
        error = one_line_error(prepare(commands, files, *flags, *more, level=level, code=2))
        assert error == f"s2s prepare: error: {files / 'more.txt'}, line 31: not UTF-8 text: convert it, as with iconv"


def test_damaged_tokens_of_another_folder_are_named(commands, files):
    prepare(commands, files)
    (files / "bin" / "classify" / "tokens.json").write_text("{")
    flags = ("--train", files / "train.tsv", "--dest", files / "other", "--tokens-from", files / "bin")
    assert "tokens.json is not what s2s prepare writes" in one_line_error(commands("s2s", "prepare", *flags, code=2))


def test_a_failed_run_leaves_the_earlier_data(commands, files):
    prepare(commands, files)
    before = contents(files / "bin")
    write_tsv(files / "test.tsv", [("word1", "mixed")])
    prepare(commands, files, code=2)
    assert contents(files / "bin") == before
    assert np.array_equal(sorted(before), sorted(contents(files / "bin")))


def test_the_library_takes_values_and_returns_what_it_wrote(files, capsys):
    sources = Sources(str(files / "train.tsv"), valid=str(files / "valid.tsv"), unlabelled=[str(files / "more.txt")])
    prepared = text_prepare(sources, TokenChoice(level="word", min_count=1), files / "new")
    assert capsys.readouterr().out == ""
    rows = dict(prepared.rows)
    assert list(rows) == ["pretrain/train", "classify/train", "classify/valid"]
    assert [rows[name].documents for name in rows] == [40 + 15, 40, 10]
    assert rows["classify/train"].tokens == sum(len(text.split()) for text, _ in reviews(40, 5))
    assert prepared.labels == ["negative", "positive"] and prepared.of_label["valid"]["negative"] == 5
    assert prepared.symbols == len(Dictionary.load(str(files / "new" / "pretrain" / "dict.txt")))
    assert "classify/train" in str(prepared) and prepared.warnings() == []


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sources("a.tsv", valid_fraction=0.0), "--valid-fraction 0.0 is not a fraction"),
        (lambda: Sources("a.tsv", train_text=False), "--no-train-text leaves nothing"),
        (lambda: TokenChoice(), "--level is missing"),
        (lambda: TokenChoice(level="word", max_words=0), "--max-words 0 is not a number of tokens"),
        (lambda: TokenChoice(tokens_from="bin", keep_case=True), "--tokens-from settles --keep-case"),
    ],
)
def test_values_that_make_no_sense_are_refused_before_anything_is_read(make, message):
    with pytest.raises(UsageError, match=message):
        make()
