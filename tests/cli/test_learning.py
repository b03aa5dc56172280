"""The models learn: exact match, decoded freely, by fairseq's commands (five lines: examples/test_comparisons.py)."""

import time

import pytest
from conftest import digit_pairs, preprocess


def exact_match(result):
    hypotheses, targets = result.hypotheses(), result.lines("T")
    assert len(hypotheses) == len(targets)
    return sum(hypothesis == target for hypothesis, target in zip(hypotheses, targets)) / len(targets)


def test_reversal_of_unseen_digit_strings_is_learnt(commands, tmp_path):
    pairs = digit_pairs(3400, 7, shortest=1, longest=8)
    train, seen = pairs[:3000], set(pairs[:3000])
    test = [pair for pair in pairs[3000:] if pair not in seen][:200]
    data = preprocess(commands, tmp_path, train, test[:20], test)
    size = ("--encoder-bidirectional", "--encoder-embed-dim", 32, "--encoder-hidden-size", 32)
    size += ("--decoder-embed-dim", 32, "--decoder-hidden-size", 64, "--dropout", 0)
    flags = ("--max-update", 750, "--batch-size", 50, "--max-tokens", 4000, "--clip-norm", 1, "--disable-validation")
    flags += ("--lr-scheduler", "polynomial_decay", "--total-num-update", 750)
    started = time.monotonic()
    commands.train(data, "attention_lstm", tmp_path / "ck", *size, *flags)
    result = commands.generate(data, "--path", tmp_path / "ck" / "checkpoint_last.pt")
    print(f"trained and decoded in {time.monotonic() - started:.1f} s, exact match {exact_match(result):.3f}")
    assert len(result.hypotheses()) == 200
    assert exact_match(result) >= 0.95


@pytest.mark.parametrize("alignment", ["hard", "monotonic"])
def test_spelling_of_unseen_digit_strings_is_learnt_with_hard_attention(commands, tmp_path, alignment):
    # a digit is one to three tokens: "7 1" -> "7a 7b 1a 1b", so places cannot be counted
    pairs = [
        (source, " ".join(f"{digit}{part}" for digit in source.split() for part in "abc"[: int(digit) % 3 + 1]))
        for source, _ in digit_pairs(2200, 7, shortest=1, longest=7)
    ]
    train, seen = pairs[:2000], set(pairs[:2000])
    test = [pair for pair in pairs[2000:] if pair not in seen][:100]
    data = preprocess(commands, tmp_path, train, test[:20], test)
    size = ("--encoder-bidirectional", "--encoder-embed-dim", 24, "--encoder-hidden-size", 24)
    size += ("--decoder-embed-dim", 24, "--decoder-hidden-size", 48, "--dropout", 0)
    size += ("--attention", "general", "--attention-timing", "after", "--attention-alignment", alignment)
    flags = ("--max-update", 450, "--batch-size", 50, "--max-tokens", 4000, "--clip-norm", 1, "--disable-validation")
    flags += ("--lr", 0.01, "--lr-scheduler", "polynomial_decay", "--total-num-update", 450)
    commands.train(data, "attention_lstm", tmp_path / "ck", *size, *flags)
    result = commands.generate(data, "--path", tmp_path / "ck" / "checkpoint_last.pt")
    print(f"exact match {exact_match(result):.3f}")
    assert len(result.hypotheses()) == 100
    assert exact_match(result) >= 0.9
