"""examples/normalisation: what is said for numbers, and the pieces of text around them."""

import random

import pytest

from normalisation import prepare
from normalisation.drawn import DRAWN
from normalisation.recipe import TASK
from normalisation.spoken import spans


def said(text):
    found = spans(text)
    return None if found is None else "".join(span.spoken for span in found)


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("I saw 3 films", "I saw three films"),
        ("the 1,250 seats", "the one thousand two hundred and fifty seats"),
        ("in 1986.", "in nineteen eighty-six."),
        ("since 2005,", "since two thousand and five,"),
        ("the 1970s and '60s", "the nineteen seventies and sixties"),
        ("in the 2000's or 1900s", "in the two thousands or nineteen hundreds"),
        ("Friday the 13th", "Friday the thirteenth"),
        ("a 7.5/10 from me", "a seven point five out of ten from me"),
        ("3.05 or 90%", "three point zero five or ninety per cent"),
        ("$1, $4.50 and £20 million", "one dollar, four dollars fifty and twenty million pounds"),
        ("at 9:05 am or 7:00", "at nine oh five A M or seven o'clock"),
        ("on May 17, 1955 there", "on May seventeenth, nineteen fifty-five there"),
        ("on 3rd of Sept 2001", "on the third of September two thousand and one"),
        ("a 5-year-old, PG-13", None),
        ("a 5-year-old", "a five-year-old"),
        ("no numbers", "no numbers"),
    ],
)
def test_numbers_dates_times_and_money_are_said(written, spoken):
    assert said(written) == spoken


@pytest.mark.parametrize(
    "written", ["08/10/06", "at 25:30", "MP3s", "2-4", "call 5551234567", "007", "1.2.3", "#4", "a4"]
)
def test_text_with_a_number_that_has_no_rule_is_not_used(written):
    assert spans(f"see {written} here") is None


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_is_read_as_an_expression_of_its_kind(kind):
    draw = random.Random(1)
    kinds = []
    for _ in range(300):
        found = spans(f"x {DRAWN[kind](draw)} y")
        assert found is not None
        kinds += [span.kind for span in found if span.kind]
    assert len(kinds) >= 300 and kinds.count(kind) > 0.7 * len(kinds), "1,900 may be a year, and 5 a cardinal number"


def reviews(count):
    """Reviews with a number each and words around it."""
    names = "alpha beta gamma delta epsilon zeta eta theta".split()
    return [
        f"The {names[n % 8]} film number {n + 2} was so good.<br />I liked {names[-n % 8]} more." for n in range(count)
    ]


@pytest.fixture(scope="module")
def parts():
    return prepare.splits(reviews(400), 40, 200, 1)


def test_the_parts_share_no_piece_and_are_drawn_by_the_seed(parts):
    assert list(parts) == ["train", "dev", "test", "unseen"]
    sets = {part: set(lines) for part, lines in parts.items()}
    assert not sets["train"] & sets["dev"] and not sets["train"] & sets["test"] and not sets["dev"] & sets["test"]
    assert 35 <= len(parts["test"]) <= 40 and 100 < len(parts["train"]) <= 200
    assert prepare.splits(reviews(400), 40, 200, 1) == parts != prepare.splits(reviews(400), 40, 200, 2)


def test_a_piece_is_said_as_the_rules_say_it(parts):
    for line in parts["train"]:
        written, spoken = line.split("\t")
        assert said(written) == spoken and written != spoken and len(written) <= prepare.LONGEST + 20


def test_the_unseen_file_has_a_word_of_letters_that_no_other_file_has(parts):
    known = {letter for part in ("train", "dev", "test") for line in parts[part] for letter in line}
    assert not known & set("".join(prepare.UNSEEN))
    assert len(parts["unseen"]) >= 30
    for line in parts["unseen"]:
        written, spoken = line.split("\t")
        letters = [letter for letter in written if letter in "".join(prepare.UNSEEN)]
        assert len(letters) >= 3 and letters == [letter for letter in spoken if letter in "".join(prepare.UNSEEN)]
        assert "".join(letters) in written, "it is one word"


def test_the_report_counts_kinds_of_expressions():
    assert TASK.kinds("on May 17, 1955 at 9:05", "") == ["date", "time"] and TASK.kinds("none", "") == []
