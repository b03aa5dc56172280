"""Labelled texts: their forms, their classes, the split, and what is said about them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import List, Tuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s_plugins.errors import UsageError
from s2s_plugins.text.indexed import IndexedTexts
from s2s_plugins.text.labelled.ends import LENGTH, better_end
from s2s_plugins.text.labelled.options import TextOptions
from s2s_plugins.text.labelled.prepare import prepare_labelled
from s2s_plugins.text.labelled.prepared import PreparedTexts
from s2s_plugins.text.labelled.splitting import assign
from s2s_plugins.text.pairs.splitting import OUT, TEST, TRAIN, VALID
from s2s_plugins.text.symbols import SymbolTable

ROWS = [(f"a text about {word} number {number}", word) for number in range(40) for word in ("cats", "dogs", "birds")]


def prepared(tmp_path: Path, data, **options) -> PreparedTexts:
    """What a file or list of texts becomes."""
    return prepare_labelled(data, tmp_path / "out" / "data", TextOptions(**options))


def held_out(folder: Path, part: str) -> List[Tuple[str, str]]:
    """The texts of a part."""
    rows = [json.loads(line) for line in (folder / f"{part}.jsonl").read_text().splitlines()]
    return [(row["text"], row["label"]) for row in rows]


def trained_on(folder: Path) -> List[Tuple[str, str]]:
    """The training texts as their tokens, with their labels."""
    table, labels = (SymbolTable.load(folder / "classify" / name / "dict.txt") for name in ("input0", "label"))
    texts = IndexedTexts(folder / "classify" / "input0" / "train", len(table))
    found = IndexedTexts(folder / "classify" / "label" / "train", len(labels))
    words = [" ".join(table.symbols[number] for number in texts[place][:-1]) for place in range(len(texts))]
    return [(text, labels.symbols[found[place][0]]) for place, text in enumerate(words)]


def as_csv(path: Path) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("label", "other", "text"), *((label, "x", text) for text, label in ROWS)])
    return path


def as_tsv(path: Path) -> Path:
    path.write_text("".join(f"{text}\t{label}\n" for text, label in ROWS))
    return path


def as_lines(path: Path) -> Path:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS))
    return path


def as_folder(path: Path) -> Path:
    for number, (text, label) in enumerate(ROWS):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{number}.txt").write_text(text)
    return path


FORMS = {
    "csv": lambda path: as_csv(path / "texts.csv"),
    "tsv": lambda path: as_tsv(path / "texts.tsv"),
    "jsonl": lambda path: as_lines(path / "texts.jsonl"),
    "folder": lambda path: as_folder(path / "texts"),
    "pairs": lambda path: ROWS,
    "iterator": lambda path: iter(ROWS),
    "mappings": lambda path: iter([{"id": 1, "text": text, "label": label} for text, label in ROWS]),
    "frame": lambda path: pd.DataFrame({"id": 1, "label": [row[1] for row in ROWS], "text": [row[0] for row in ROWS]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_parts(tmp_path, form):
    found = prepared(tmp_path, FORMS[form](tmp_path), valid=6, test=12)
    assert (found.train, found.valid, found.test) == (102, 6, 12)
    assert found.classes == ["birds", "cats", "dogs"] and found.level == "word" and found.valid_held_out
    together = [*trained_on(found.folder), *held_out(found.folder, "valid"), *held_out(found.folder, "test")]
    assert sorted(together) == sorted(ROWS)
    expected = prepare_labelled(ROWS, tmp_path / "other" / "data", TextOptions(valid=6, test=12))
    assert set(held_out(found.folder, "test")) == set(held_out(expected.folder, "test"))


def test_of_each_class_as_large_a_share_is_held_out(tmp_path):
    found = prepared(tmp_path, ROWS, valid=6, test=12)
    for part, count in (("valid", 2), ("test", 4)):
        labels = [label for _, label in held_out(found.folder, part)]
        assert {label: labels.count(label) for label in labels} == dict.fromkeys(found.classes, count)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), st.booleans()), min_size=50, max_size=120),
    st.integers(0, 12),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_no_text_is_in_two_parts_and_the_order_does_not_matter(rows, valid, test, shuffler):
    texts, labels, kept = (np.array(column) for column in zip(*rows))
    texts, labels = texts.astype(np.uint64), labels.astype(np.int32)
    asked = {"valid": valid, "test": test}
    if 2 * (valid + test) > len(set(texts[kept].tolist())):
        with pytest.raises(UsageError, match="more than half"):
            assign(texts, labels, kept, asked)
        return
    parts = assign(texts, labels, kept, asked)
    assert ((parts == OUT) == ~kept).all() and set(parts.tolist()) <= {OUT, TRAIN, VALID, TEST}
    by_part = {part: set(texts[parts == part].tolist()) for part in (TRAIN, VALID, TEST)}
    assert not by_part[TRAIN] & by_part[VALID] and not by_part[TRAIN] & by_part[TEST]
    assert not by_part[VALID] & by_part[TEST]
    classes = {text: labels[kept & (texts == text)].min() for text in set(texts[kept].tolist())}
    assert {classes[text] for text in by_part[TRAIN]} == set(classes.values())
    assert len(by_part[VALID]) <= valid and len(by_part[TEST]) <= test
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    assert (assign(texts[order], labels[order], kept[order], asked) == parts[order]).all()


def test_a_class_of_one_text_stays_in_training_and_is_named(tmp_path):
    found = prepared(tmp_path, [*ROWS, ("a text about one fish", "fish")], test=30, valid=20)
    assert "fish" in {label for _, label in trained_on(found.folder)}
    assert any("1 classes have one text to train on: 'fish'" in line for line in found.findings)
    assert any("test: no text of 1 classes: 'fish'" in line for line in found.findings)


def test_what_is_left_out_is_counted_and_named(tmp_path):
    rows = [*ROWS, ROWS[0], (ROWS[0][0].upper(), "dogs"), ("", "cats"), ("no label", "  ")]
    found = prepared(tmp_path, rows, valid=0, test=0)
    said = "\n".join(found.findings)
    assert "texts that were there before, with the same label (1): pair 121" in said
    assert "labels without a text (1): pair 123" in said and "texts without a label (1): pair 124" in said
    assert "1 texts stand there with several labels" in said
    assert len(trained_on(found.folder)) == 121 == found.train
    assert "no text is held out for validation" in said and "no text is held out for testing" in said
    assert not found.valid_held_out and found.valid == 121


def test_a_further_file_is_held_against_the_training_data(tmp_path):
    test = [("something new", "cats"), ROWS[0], ("a fish", "fish"), ("more", "dogs")]
    found = prepared(tmp_path, ROWS, test=test)
    said = "\n".join(found.findings)
    assert "texts of classes that the training part lacks (1): pair 3" in said
    assert "1 of 3 test texts are in the data too, and are kept in both: pair 2" in said
    assert found.test == 3 and ("a fish", "fish") not in held_out(found.folder, "test")


def test_unlabelled_text_is_used_without_what_is_held_out(tmp_path):
    (tmp_path / "more.txt").write_text("".join(f"{text}\n" for text, _ in ROWS) + "\nsome zebras\nsome zebras there\n")
    found = prepared(tmp_path, ROWS, valid=6, test=12, unlabelled=[tmp_path / "more.txt", "some Python"])
    assert found.unlabelled == 3
    said = "\n".join(found.findings)
    assert "18 unlabelled texts are among those held out, and left out" in said
    assert "102 unlabelled texts are training texts too" in said
    assert "zebras" in SymbolTable.load(found.folder / "classify" / "input0" / "dict.txt").indices


def test_a_header_is_said_in_words_of_texts(tmp_path):
    found = prepared(tmp_path, as_csv(tmp_path / "texts.csv"))
    assert any("'text' is the text and 'label' the label" in line for line in found.findings)


def test_a_class_with_nearly_all_texts_is_said(tmp_path):
    rows = [(f"text {number}", "yes" if number % 20 else "no") for number in range(100)]
    found = prepared(tmp_path, rows)
    assert any("class 'yes' has 95 % of the texts: who always says so errs in 5 %" in line for line in found.findings)


def test_names_are_read_as_characters_and_scripts_without_spaces_too(tmp_path):
    names = [(f"na{'mek'[number % 3] * (number % 7)}{number}", "ab"[number % 2]) for number in range(100)]
    assert prepared(tmp_path / "names", names).level == "char"
    words = [("日本語の文章です" + "あいうえお"[number % 5] * (number % 9), "ab"[number % 2]) for number in range(100)]
    assert prepared(tmp_path / "ideograms", words).level == "char"
    assert prepared(tmp_path / "chosen", ROWS, level="char").level == "char"


def test_the_same_data_is_prepared_once_and_other_data_again(tmp_path):
    first = prepared(tmp_path, ROWS)
    (first.folder / "classify" / "input0" / "train.bin").touch()
    marked = (first.folder / "classify" / "input0" / "train.bin").stat().st_mtime_ns
    assert prepared(tmp_path, list(ROWS)) == first
    assert (first.folder / "classify" / "input0" / "train.bin").stat().st_mtime_ns == marked
    assert prepared(tmp_path, [*ROWS, ("one more", "cats")]).train == first.train + 1


@pytest.mark.parametrize(
    "data, options, message",
    [
        ([("a", "x"), ("b", "x")], {}, "every label is 'x': a classifier needs two classes"),
        ([(f"text {n}", f"label {n}") for n in range(2100)], {}, "2,100 distinct labels of 2,100 texts are no classes"),
        ([("a", ""), ("b", ""), ("c", "x")], {}, "2 of 3 texts cannot be used"),
        ([], {}, "0 of 0 texts cannot be used"),
        (ROWS, {"test": 100}, "more than half"),
        (ROWS, {"test": -1}, "--test -1 is not a number"),
        (ROWS, {"level": "letters"}, "--source-level letters is unknown"),
        (ROWS, {"text": "a", "label": "a"}, "--text a and --label a are the same column"),
        (ROWS, {"unlabelled": [3]}, "unlabelled text 1 is a int"),
        (ROWS, {"unlabelled": iter(["a"])}, "can be read only once"),
        (ROWS, {"unlabelled": [Path("missing.txt")]}, "missing.txt"),
        ("missing.csv", {}, "missing.csv"),
        (["one text"], {}, "give pairs"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, data, options, message):
    with pytest.raises(UsageError, match="^[^\n]*$") as raised:
        prepared(tmp_path, data, **options)
    assert message in str(raised.value)
    assert not (tmp_path / "out" / "data").exists()


def test_a_column_that_is_not_there_is_named_with_the_flag_of_texts(tmp_path):
    with pytest.raises(UsageError, match="--label"):
        prepared(tmp_path, as_csv(tmp_path / "texts.csv"), label="stars")


@pytest.mark.parametrize("end", ["first", "last"])
def test_the_end_of_long_texts_that_says_more_is_found(tmp_path, end):
    filler = [f"w{number}" for number in range(50)]
    draw = np.random.default_rng(1)
    rows = []
    for number in range(400):
        label = "ab"[number % 2]
        words = draw.choice(filler, 2 * LENGTH).tolist()
        words[:] = [f"is{label}", *words] if end == "first" else [*words, f"is{label}"]
        rows.append((" ".join(words), label))
    found = prepared(tmp_path, rows, valid=0, test=0)
    assert found.end == end
    assert better_end(found.folder / "classify", 2, found.symbols) == end
    short = prepared(tmp_path / "short", ROWS)
    assert short.end == ""
