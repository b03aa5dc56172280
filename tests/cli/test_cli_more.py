"""Less common ways to use fairseq with our models."""

import re

import pytest
import torch
from conftest import ARCHITECTURES, USER_DIR, digit_pairs, needs_8_bit_products, preprocess, write_pairs


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_score_reference_gives_what_validation_gives(commands, digits, trained, arch):
    result = commands.generate(digits, "--path", trained[arch], "--score-reference", "--gen-subset", "valid")
    scores = [[float(score) for score in line.split()] for line in result.lines("P")]
    assert result.hypotheses() == result.lines("T")
    validated = commands(
        *("fairseq-validate", digits, "--user-dir", USER_DIR, "--path", trained[arch], "--batch-size", 5),
        *("--num-workers", 0),
    )
    (loss,) = re.findall(r"\| loss ([\d.]+)", validated.out)[-1:]
    tokens = [score for line in scores for score in line]
    assert -sum(tokens) / len(tokens) == pytest.approx(float(loss), abs=2e-3)


def test_weights_averaged_while_training_are_kept_and_resumed(commands, digits, tmp_path):
    flags = ("--store-ema", "--ema-decay", 0.9, "--save-interval-updates", 2)
    commands.train(digits, "attention_lstm_tiny", tmp_path, *flags, "--max-epoch", 2)
    resumed = commands.train(digits, "attention_lstm_tiny", tmp_path, *flags, "--max-epoch", 3)
    assert "Loaded checkpoint" in resumed.out and "Loading EMA" in resumed.out
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    assert state["extra_state"]["ema"].keys() == state["model"].keys()


def test_attention_can_be_supervised_by_given_alignments(commands, tmp_path):
    pairs = digit_pairs(64, 3, 3, 6)
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train", "valid", "test"):
        lengths = [len(source.split()) for source, _ in pairs]
        lines = [" ".join(f"{length - 1 - at}-{at}" for at in range(length)) for length in lengths]
        (folder / f"{name}.align").write_text("\n".join(lines) + "\n")
        write_pairs(folder / name, pairs)
    data = preprocess(commands, folder, pairs, pairs, pairs, "--align-suffix", "align")
    flags = ("--load-alignments", "--criterion", "label_smoothed_cross_entropy_with_alignment", "--alignment-lambda", 1)
    size = ("--encoder-bidirectional", "--attention", "general", "--attention-timing", "after")
    result = commands.train(data, "attention_lstm_tiny", tmp_path / "ck", *flags, *size, "--max-epoch", 60)
    losses = [float(loss) for loss in re.findall(r"\| valid \|.*?\| alignment_loss ([\d.]+)", result.out)]
    assert losses[-1] < losses[0] / 2
    generated = commands.generate(data, "--path", tmp_path / "ck" / "checkpoint_last.pt", "--print-alignment")
    right = total = 0
    for source, arrows in zip(generated.lines("S"), generated.lines("A")):
        for arrow in arrows.split():
            word, at = map(int, arrow.split("-"))
            right += word == len(source.split()) - 1 - at
            total += 1
    assert right / total > 0.8


@needs_8_bit_products
def test_8_bit_weights_are_chosen_for_a_trained_model(commands, digits, trained):
    flags = (digits, "--path", trained["attention_lstm"], "--beam", 3, "--cpu")
    full = commands.generate(*flags)
    rounded = commands.generate(*flags, "--model-overrides", "{'decoding_weights': 'int8'}")
    scores = [[float(line.split("\t")[0]) for line in result.lines("H")] for result in (full, rounded)]
    assert scores[0] != scores[1] and scores[0] == pytest.approx(scores[1], abs=0.2)
