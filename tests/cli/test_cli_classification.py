"""Pretraining, fine-tuning, validating and classifying, with fairseq's real commands and ours."""

import json
import re

import pytest
import torch
from conftest import USER_DIR, said_on_a_terminal
from test_cli_errors import one_line_error
from test_prepare import reviews, write_tsv

from s2s_plugins.criterions.report import describe, macro_f1

LABELS = ("negative", "not sure", "positive")


@pytest.fixture(scope="module")
def data(commands):
    """Prepared reviews of three classes."""
    folder = commands.folder / "reviews"
    folder.mkdir()
    flags = []
    for name, count, seed in (("train", 150, 1), ("valid", 30, 2), ("test", 31, 3)):
        flags += [f"--{name}", write_tsv(folder / f"{name}.tsv", reviews(count, seed, LABELS))]
    commands("s2s", "prepare", *flags, "--dest", folder / "bin", "--level", "word")
    return folder / "bin"


def train(commands, data, task, arch, save_dir, *flags, **kwargs):
    shared = ("--task", task, "--lr", 0.02, "--max-tokens", 600)
    return commands.train(data, arch, commands.folder / save_dir, *shared, *flags, **kwargs)


def classify(commands, data, arch, save_dir, *flags, **kwargs):
    return train(commands, data / "classify", "text_classification", arch, save_dir, *flags, **kwargs)


@pytest.fixture(scope="module")
def pretrained(commands, data):
    """A checkpoint of each kind of pretraining."""
    flags = ("--max-epoch", 3)
    lm = ("--tokens-per-sample", 20, "--sample-break-mode", "eos", *flags)
    train(commands, data / "pretrain", "language_modeling", "lm_lstm_tiny", "pretrained-lm", *lm)
    train(commands, data / "pretrain", "sequence_autoencoding", "sa_lstm_tiny", "pretrained-sa", *flags)
    return {kind: commands.folder / f"pretrained-{kind}" / "checkpoint_best.pt" for kind in ("lm", "sa")}


@pytest.fixture(scope="module")
def classifier(commands, data, pretrained):
    """A fine-tuned checkpoint; the file that it started from is gone."""
    copy = commands.folder / "gone.pt"
    copy.write_bytes(pretrained["sa"].read_bytes())
    classify(commands, data, "sa_lstm_tiny", "classifier", "--finetune-from-model", copy, "--max-epoch", 12)
    copy.unlink()
    return commands.folder / "classifier" / "checkpoint_best.pt"


def measures(result, split="test"):
    """What fairseq-validate prints at the end."""
    line = [line for line in result.out.splitlines() if f"| {split} |" in line][-1]
    return {name: float(value) for name, value in re.findall(r"\| (\w+) ([\d.]+)", line)}


def validate(commands, data, checkpoint, *flags, **kwargs):
    task = ("--task", "text_classification", "--path", checkpoint, "--valid-subset", "test", "--num-workers", 0)
    return commands("fairseq-validate", data / "classify", "--user-dir", USER_DIR, *task, *flags, **kwargs)


def lines_of(seed=3, count=31):
    rows = reviews(count, seed, LABELS)
    return "".join(f"{text}\n" for text, _ in rows), [label for _, label in rows]


def test_a_classifier_learns_and_the_best_checkpoint_is_that_of_the_highest_accuracy(commands, data, classifier):
    assert measures(validate(commands, data, classifier))["accuracy"] > 90
    state = torch.load(classifier, weights_only=True)
    last = torch.load(classifier.with_name("checkpoint_last.pt"), weights_only=True)
    assert state["extra_state"]["val_loss"] == last["extra_state"]["best"] > 90  # fairseq calls any metric val_loss


def test_validation_prints_error_f1_the_classes_and_the_confusion_matrix(commands, data, classifier):
    result = validate(commands, data, classifier)
    found = measures(result)
    assert found["error"] == pytest.approx(100 - found["accuracy"], abs=0.02)
    counts = [int(n) for n in re.findall(r"^ *(?:negative|not sure|positive) .* (\d+)\.0$", result.out, re.M)]
    assert counts == [11, 10, 10]
    rows = re.findall(r"^ *(?:negative|not sure|positive) +\d((?: +\d+){3})$", result.out, re.M)
    matrix = [[int(n) for n in row.split()] for row in rows]
    assert [sum(row) for row in matrix] == counts
    assert sum(matrix[i][i] for i in range(3)) / 31 * 100 == pytest.approx(found["accuracy"], abs=0.01)


def test_s2s_classify_is_as_right_as_fairseq_validate(commands, data, classifier):
    text, labels = lines_of()
    answers = [line.split("\t") for line in commands("s2s", "classify", classifier, stdin=text).out.splitlines()]
    accuracy = 100 * sum(answer[0] == label for answer, label in zip(answers, labels)) / len(labels)
    assert len(answers) == 31
    assert accuracy == pytest.approx(measures(validate(commands, data, classifier))["accuracy"], abs=0.01)


def test_s2s_classify_writes_json_and_the_same_for_any_batch_size(commands, classifier):
    text, _ = lines_of()
    plain = commands("s2s", "classify", classifier, "--batch-size", 1, stdin=text).out.splitlines()
    for line, answer in zip(commands("s2s", "classify", classifier, "--json", stdin=text).out.splitlines(), plain):
        values = json.loads(line)
        assert list(values["probabilities"]) == list(LABELS)
        assert sum(values["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        label, probability = answer.split("\t")
        assert values["label"] == label and values["probability"] == pytest.approx(float(probability), abs=1e-4)
        assert values["probability"] == max(values["probabilities"].values())


def test_every_line_has_an_answer_an_empty_one_and_one_of_20000_words_too(commands, classifier):
    result = commands(
        "s2s", "classify", classifier, stdin="\n" + "word1 " * 20000 + "\nispositive\nno newline at the end"
    )
    assert len(result.out.splitlines()) == 4
    assert result.err == ""


def test_a_line_that_is_not_utf8_ends_with_an_error_and_keeps_the_answers_before(commands, classifier, tmp_path):
    import subprocess
    import sys

    command = [sys.executable, "-m", "s2s_plugins", "classify", str(classifier)]
    done = subprocess.run(command, input=b"word1\nword2\n\xff\n", capture_output=True)
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 2
    assert b"line 3 is not UTF-8 text" in done.stderr and b"Traceback" not in done.stderr


def test_answers_that_go_to_a_file_are_counted_on_the_terminal(classifier, tmp_path):
    with (tmp_path / "answers").open("wb") as answers:
        said = said_on_a_terminal("classify", classifier, stdin=b"word1\n\nword2\n", stdout=answers)
    assert re.findall(r"\b(\d+/\d+) ", said) == ["0/3", "3/3"] and said.endswith("\r")


@pytest.mark.parametrize("kind", ["lm", "sa"])
def test_a_classifier_of_each_kind_trains_jointly_from_what_was_pretrained(commands, data, pretrained, kind):
    joint = ("--lm-weight", 0.2) if kind == "lm" else ("--reconstruction-weight", 0.2, "--linear-gain")
    flags = ("--finetune-from-model", pretrained[kind], "--max-epoch", 1, "--truncated-bptt", 5)
    result = classify(commands, data, f"{kind}_lstm_tiny", f"joint-{kind}", *joint, *flags)
    name = "lm_loss" if kind == "lm" else "reconstruction_loss"
    assert f"loading pretrained model from {pretrained[kind]}" in result.out + result.err
    assert re.search(rf"\| train \|.*classification_loss [\d.]+ \| {name} [\d.]+", result.out)


def test_training_goes_on_from_its_own_checkpoint(commands, data, pretrained):
    flags = (
        "--finetune-from-model",
        pretrained["lm"],
        "--unfreeze-every",
        1,
        "--layer-lr-decay",
        0.5,
        "--pooling",
        "concat",
        "--pool-embeddings",
        "--head-batch-norm",
    )
    for name, epochs in (("whole", [4]), ("halves", [2, 4])):
        for epoch in epochs:
            result = classify(commands, data, "lm_lstm_tiny", f"resumed-{name}", *flags, "--max-epoch", epoch)
    assert "Loaded checkpoint" in result.out + result.err
    states = [
        torch.load(commands.folder / f"resumed-{name}" / "checkpoint_last.pt", weights_only=True)["model"]
        for name in ("whole", "halves")
    ]
    head = "classification_heads.sentence_classification_head."
    assert states[0][head + "hidden.0.weight"].size(1) == 3 * (16 + 16)  # of the LSTM and the embedding
    assert states[0][head + "norm.running_var"].gt(0).all()
    for name, weight in states[0].items():
        torch.testing.assert_close(states[1][name], weight, msg=name)


def test_documents_are_cut_at_the_head_or_the_tail_and_counted(commands, data):
    flags = ("--max-epoch", 1, "--max-document-tokens", 5, "--no-save")
    for truncate in ("head", "tail"):
        result = classify(commands, data, "lm_lstm_tiny", "cut", *flags, "--truncate", truncate)
        found = re.search(
            r"train: (\d+) of 150 documents are longer than 5 tokens and are cut at the (\w+)", result.out
        )
        assert found.group(2) == truncate and 100 < int(found.group(1)) < 150


def test_a_document_of_20000_tokens_trains_whole(commands, tmp_path):
    rows = [("word1 " * 20000, "negative"), *reviews(20, 1)]
    path = write_tsv(tmp_path / "train.tsv", rows)
    flags = ("--train", path, "--valid", path, "--test", path, "--level", "word")
    commands("s2s", "prepare", *flags, "--dest", tmp_path / "bin")
    trained = ("--max-epoch", 1, "--max-tokens", 500, "--truncated-bptt", 50)
    result = classify(commands, tmp_path / "bin", "lm_lstm_tiny", "long", *trained)
    assert "epoch 001" in result.out
    checkpoint = commands.folder / "long" / "checkpoint_best.pt"
    result = validate(commands, tmp_path / "bin", checkpoint, "--max-tokens", 500)
    assert sum(float(n) for n in re.findall(r"^ *(?:negative|positive) .* (\d+)\.0$", result.out, re.M)) == 21


def test_fairseqs_sentence_prediction_trains_both_architectures(commands, data, pretrained):
    for kind in ("lm", "sa"):
        flags = ("--criterion", "sentence_prediction", "--num-classes", 3, "--max-epoch", 2)
        best = ("--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric")
        start = ("--finetune-from-model", pretrained[kind])
        result = train(
            commands, data / "classify", "sentence_prediction", f"{kind}_lstm_tiny", f"sp-{kind}", *flags, *best, *start
        )
        assert "valid on 'valid' subset" in result.out


def test_fairseq_reconstructs_and_scores_with_the_pretrained_models(commands, data, pretrained):
    flags = ("--gen-subset", "valid", "--batch-size", 8)
    task = ("--task", "sequence_autoencoding")
    result = commands.generate(data / "pretrain", *task, "--path", pretrained["sa"], *flags)
    assert len(result.hypotheses()) == 30
    scored = commands("fairseq-eval-lm", data / "pretrain", "--user-dir", USER_DIR, "--path", pretrained["lm"], *flags)
    trained = torch.load(pretrained["lm"], weights_only=True)["extra_state"]["val_loss"]
    evaluated = float(re.search(r"Loss \(base 2\): ([\d.]+)", scored.out + scored.err).group(1))
    assert evaluated == pytest.approx(trained, rel=0.15)  # eval-lm joins the documents


def test_an_adaptive_softmax_trains_every_word_and_eval_lm_agrees_with_its_loss(commands, data):
    flags = ("--adaptive-softmax-cutoff", "10,20", "--criterion", "adaptive_loss", "--ddp-backend", "legacy_ddp")
    shape = ("--tokens-per-sample", 20, "--max-epoch", 3)
    train(commands, data / "pretrain", "language_modeling", "lm_lstm_tiny", "adaptive", *flags, *shape)
    path = commands.folder / "adaptive" / "checkpoint_best.pt"
    same = ("--gen-subset", "valid", "--batch-size", 8, "--tokens-per-sample", 20)
    scored = commands("fairseq-eval-lm", data / "pretrain", "--user-dir", USER_DIR, "--path", path, *same)
    trained = torch.load(path, weights_only=True)["extra_state"]["val_loss"]
    assert float(re.search(r"Loss \(base 2\): ([\d.]+)", scored.out + scored.err).group(1)) == pytest.approx(
        trained, abs=2e-3
    )


def test_two_processes_fine_tune(commands, data, pretrained):
    flags = ("--finetune-from-model", pretrained["sa"], "--max-epoch", 2, "--distributed-no-spawn")
    line = ("fairseq-train", data / "classify", "--user-dir", USER_DIR, "--task", "text_classification")
    settings = ("--arch", "sa_lstm_tiny", "--optimizer", "adam", "--lr", 0.02, "--batch-size", 16, "--no-save")
    import shutil
    import subprocess
    import sys
    from pathlib import Path

    train_command = shutil.which("fairseq-train", path=str(Path(sys.executable).parent))
    launch = [str(Path(sys.executable).parent / "torchrun"), "--nproc_per_node", "2", "--master_port", "29517"]
    done = subprocess.run(
        [*launch, train_command, *map(str, (*line[1:], *settings, *flags[:-1]))], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"valid on 'valid' subset.*accuracy [\d.]+.*macro_f1", done.stdout + done.stderr)


ERRORS = [
    ("--finetune-from-model no/such.pt", "--finetune-from-model no/such.pt does not exist"),
    ("--freeze nothing", "--freeze nothing matches no parameter"),
    ("--layer-lr-decay 2", "--layer-lr-decay 2.0 is not a fraction"),
    ("--unfreeze-every -1", "--unfreeze-every -1 is below 0"),
    ("--class-weights 1,2", "--class-weights has 2 numbers, the data 3 classes"),
    ("--linear-gain --pooling mean", "--linear-gain predicts at every token"),
    ("--linear-gain --head-batch-norm", "and without --head-batch-norm"),
    ("--reconstruction-weight 1", "--reconstruction-weight 1.0 needs --arch sa_lstm"),
    ("--lm-weight -1", "--lm-weight -1.0 is not a weight"),
    ("--max-document-tokens 1", "--max-document-tokens 1 leaves no word"),
    ("--pooling first", "--pooling: invalid choice: 'first'"),
    ("--head-dropout 1", "--head-dropout 1.0 is not a dropout probability"),
    ("--valid-subset nowhere", "has no input0/nowhere"),
]


@pytest.mark.parametrize("flags, message", ERRORS, ids=lambda value: str(value)[:40])
def test_flags_that_make_no_sense_are_named_with_the_remedy(commands, data, flags, message):
    result = classify(commands, data, "lm_lstm_tiny", "unused", "--max-epoch", 1, "--no-save", *flags.split(), code=2)
    assert message in one_line_error(result)


def test_an_architecture_without_heads_is_named(commands, data):
    result = classify(commands, data, "peek_lstm_tiny", "unused", "--max-epoch", 1, "--no-save", code=2)
    assert "--arch peek_lstm_tiny has no classification head: use --arch sa_lstm or lm_lstm" in one_line_error(result)


def test_a_model_pretrained_with_another_dictionary_is_refused(commands, data, pretrained, tmp_path):
    path = write_tsv(tmp_path / "train.tsv", [(f"other {text}", label) for text, label in reviews(40, 7, LABELS)])
    commands("s2s", "prepare", "--train", path, "--valid", path, "--dest", tmp_path / "bin", "--level", "word")
    flags = ("--finetune-from-model", pretrained["lm"], "--max-epoch", 1, "--no-save")
    result = classify(commands, tmp_path / "bin", "lm_lstm_tiny", "unused", *flags, code=2)
    assert re.search(
        r"another text dictionary: symbol 4 is 'is\w+' in it and 'other' in the data's", one_line_error(result)
    )


def test_a_pretrained_model_is_no_classifier(commands, data, pretrained):
    error = one_line_error(validate(commands, data, pretrained["lm"], code=2))
    assert "is no classifier, it was trained with --task language_modeling: fine-tune it" in error
    error = one_line_error(commands("s2s", "classify", pretrained["lm"], stdin="word1\n", code=2))
    assert "is a checkpoint of --task language_modeling: name one of --task text_classification" in error


def test_data_of_other_classes_is_refused(commands, classifier, data, tmp_path):
    path = write_tsv(tmp_path / "train.tsv", reviews(30, 1, ("bad", "good", "fine")))
    flags = ("--train", path, "--valid", path, "--test", path, "--dest", tmp_path / "bin", "--tokens-from", data)
    commands("s2s", "prepare", *flags)
    error = one_line_error(validate(commands, tmp_path / "bin", classifier, code=2))
    assert "trained on the classes negative, not sure, positive, the data" in error


@pytest.mark.parametrize("fault", ["short", "unknown"])
def test_labels_that_do_not_fit_the_documents_are_said(commands, tmp_path, fault):
    for part, flags in (("input0", ()), ("label", ("--thresholdsrc", 2))):
        for split in ("train", "valid"):
            lines = ["a b", "c d", "e f"] if part == "input0" else ["yes", "no", "yes", "no"][:3]
            if part == "label" and split == "train":
                lines = lines[:2] if fault == "short" else ["yes", "yes", "once"]
            (tmp_path / f"{split}.{part}").write_text("\n".join(lines) + "\n")
        prefixes = ("--trainpref", tmp_path / f"train.{part}", "--validpref", tmp_path / f"valid.{part}")
        if fault == "short" and part == "label":
            flags = ()
        commands("fairseq-preprocess", "--only-source", "--destdir", tmp_path / "bin" / part, *prefixes, *flags)
    flags = ("--task", "text_classification", "--max-epoch", 1, "--no-save")
    error = one_line_error(commands.train(tmp_path / "bin", "lm_lstm_tiny", "unused", *flags, code=2))
    if fault == "short":
        assert "input0/train has 3 documents and label/train 2 labels" in error
    else:
        assert "labels are none of the 1 classes in label/dict.txt, the first is that of document" in error


def test_a_missing_label_folder_is_said(commands, data, tmp_path):
    (tmp_path / "input0").mkdir()
    for file in (data / "classify" / "input0").iterdir():
        (tmp_path / "input0" / file.name).write_bytes(file.read_bytes())
    result = commands.train(tmp_path, "lm_lstm_tiny", "unused", "--task", "text_classification", code=2)
    assert "label/dict.txt does not exist" in one_line_error(result)


def test_macro_f1_is_the_mean_over_the_classes():
    import numpy as np

    matrix = np.array([[8, 2], [1, 4]])
    assert macro_f1(matrix) == pytest.approx(((2 * 8 / 19) + (2 * 4 / 11)) / 2)
    assert macro_f1(np.zeros((2, 2), dtype=int)) == 0
    assert "most frequent mistakes:\n     3 class0 taken for class39" in describe(
        np.eye(40, dtype=int) + 3 * np.eye(40, k=39, dtype=int), [f"class{n}" for n in range(40)]
    )
