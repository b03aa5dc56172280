"""The models learn: exact match, decoded freely, through fairseq's commands."""

import time

import pytest
from conftest import ARCHITECTURES, digit_pairs, preprocess

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"]
WORDS += ["fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "twentyone", "twentytwo"]
WORDS += ["twentythree", "twentyfour", "twentyfive"]
NUMBER_LINES = [
    (" ".join(str(number + 1) for number in range(start, start + 5)), " ".join(WORDS[start : start + 5]))
    for start in range(0, 25, 5)
]


def exact_match(result):
    hypotheses, targets = result.hypotheses(), result.lines("T")
    assert len(hypotheses) == len(targets)
    return sum(hypothesis == target for hypothesis, target in zip(hypotheses, targets)) / len(targets)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_five_number_lines_are_learnt_by_heart(commands, tmp_path, arch):
    # the toy set of the encoder_decoder comparison: train and test are the same five lines; each stands 40 times in an
    # epoch, whose beginning and end take fairseq longer than an update
    data = preprocess(commands, tmp_path, 40 * NUMBER_LINES, NUMBER_LINES, NUMBER_LINES)
    size = ["--encoder-embed-dim", 20, "--encoder-hidden-size", 20, "--decoder-hidden-size", 20]
    size += [] if arch == "basic_lstm" else ["--decoder-embed-dim", 20]
    flags = ("--max-update", 1000, "--batch-size", 3, "--lr", 0.02, "--disable-validation", "--dropout", 0)
    # at a constant rate the end depends on the last digits of a sum, which differ between CPUs
    flags += ("--lr-scheduler", "polynomial_decay", "--total-num-update", 1000, "--clip-norm", 1)
    commands.train(data, arch, tmp_path / "ck", *size, *flags)
    result = commands.generate(data, "--path", tmp_path / "ck" / "checkpoint_last.pt", "--beam", 3)
    assert exact_match(result) == 1.0


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
