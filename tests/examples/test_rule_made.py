"""The rule-made examples: what their prepare.py writes is right, and no test source is trained on."""

import pytest
from runs import run


def prepare(example, out, *flags, code=0):
    """What ``prepare.py`` says on stderr."""
    found, _, err = run(example, "--out", out, *flags, script="prepare.py")
    assert found == code, err
    return err


def pairs(out, split):
    """The pairs of a split, by the two files that hold it."""
    files = sorted((out / "text").glob(f"{split}.*"), key=lambda path: path.suffix not in (".digits", ".sum"))
    sides = [path.read_text(encoding="utf-8").splitlines() for path in files]
    return list(zip(*sides))


SMALL = ("--train", "400", "--valid", "20", "--test", "60")


@pytest.mark.parametrize(
    ("rule", "right"),
    [
        ("sorted", lambda digits: sorted(digits)),
        ("reversed", lambda digits: digits[::-1]),
        ("maxmin_dup", lambda digits: [max(digits), min(digits)] + digits[2:]),
    ],
)
def test_patterns_follow_their_rule_and_are_unseen(tmp_path, rule, right):
    prepare("patterns", tmp_path, "--rule", rule, *SMALL)
    train, test = pairs(tmp_path, "train"), pairs(tmp_path, "test")
    assert all(target.split() == right(source.split()) for source, target in train + test)
    assert not {source for source, _ in train} & {source for source, _ in test + pairs(tmp_path, "valid")}
    assert {len(source.split()) for source, _ in train} == set(range(1, 11))
    assert {len(source.split()) for source, _ in test} == set(range(4, 21))
    assert (tmp_path / "bin" / f"test.digits-{rule}.digits.idx").is_file() and not list(tmp_path.glob("*.partial"))


def test_sums_are_right_and_unseen_and_the_longer_ones_apart(tmp_path):
    prepare("adder", tmp_path, *SMALL, "--longer", "30")
    train, test, longer = (pairs(tmp_path, split) for split in ("train", "test", "longer"))
    for source, target in train + test + longer:
        a, b = "".join(source.split()).split("+")
        assert int(a) + int(b) == int("".join(target.split()))
    assert not {source for source, _ in train} & {source for source, _ in test}
    assert all(len(source.split()) == 9 for source, _ in longer) and max(len(s.split()) for s, _ in train) == 7
    assert (tmp_path / "bin" / "test1.sum-result.sum.idx").is_file()


def test_numbers_and_their_words(tmp_path):
    prepare("number_words", tmp_path, "--language", "en", "--train", "1300", "--valid", "20", "--test", "60")
    train, test = dict(pairs(tmp_path, "train")), dict(pairs(tmp_path, "test"))
    assert train["4 2"] == "f o r t y - t w o" and train["1 0 1"] == "o n e ▁ h u n d r e d ▁ a n d ▁ o n e"
    assert not set(train) & set(test) and all(len(source.split()) >= 4 for source in test)
    prepare("number_words", tmp_path, "--language", "five")
    assert pairs(tmp_path, "train")[4] == (
        "21 22 23 24 25",
        "twenty one twenty two twenty three twenty four twenty five",
    )
    assert "--language xx is not known" in prepare("number_words", tmp_path, "--language", "xx", code=2)


def test_sizes_that_cannot_be_are_said_in_one_line(tmp_path):
    error = prepare("adder", tmp_path / "out", "--train", "0", code=2)
    assert error == "prepare.py: error: --train 0 is not a number of pairs: use 1 or more\n"
    assert not (tmp_path / "out").exists()
