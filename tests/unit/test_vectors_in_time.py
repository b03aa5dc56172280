"""Word vectors within a time: fewer passes, or a part of the text."""

from __future__ import annotations

from typing import List

import pytest

from s2s_plugins.text import vectors
from s2s_plugins.text.labelled.prepare import prepare_labelled
from s2s_plugins.text.vectors import Sentences, make_vectors, train

FLAGS = {"vector_size": 4, "window": 2, "seed": 1, "workers": 1}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Binarised text of 100 documents."""
    rows = [(f"a text about {word} number {number}", word) for number in range(50) for word in ("cats", "dogs")]
    return prepare_labelled(rows, tmp_path_factory.mktemp("text") / "data").folder / "pretrain"


def vectors_within(text, out, seconds, monkeypatch) -> List[str]:
    """What is said of vectors whose speed is measured, however little text there is."""
    monkeypatch.setattr(vectors, "UNMEASURED", 0)
    monkeypatch.setattr(vectors, "PROBED", 300)
    said: List[str] = []
    assert make_vectors(text, out, dim=4, epochs=3, seconds=seconds, say=said.append) > 0
    return said


def test_ample_time_is_for_all_passes_and_gives_what_no_limit_gives(text, tmp_path, monkeypatch):
    said = vectors_within(text, tmp_path / "limited.txt", 1000.0, monkeypatch)
    assert "epoch 3 of 3, 0:00 left" in said and not any("suffices" in line for line in said)
    make_vectors(text, tmp_path / "whole.txt", dim=4, epochs=3, say=said.append)
    assert (tmp_path / "limited.txt").read_text() == (tmp_path / "whole.txt").read_text()


def test_little_time_is_for_one_pass_over_a_part(text, tmp_path, monkeypatch):
    said = vectors_within(text, tmp_path / "part.txt", 1e-5, monkeypatch)
    assert any(line.startswith("the time suffices for one text of ") for line in said)
    assert "epoch 1 of 1, 0:00 left" in said


def test_a_machine_that_becomes_slower_ends_between_passes(text, tmp_path):
    said: List[str] = []
    assert train(Sentences(text), 50, tmp_path / "early.txt", said.append, seconds=1e-9, **FLAGS) > 0
    assert said == [said[0]] and said[0].startswith("epoch 1 of 50")
    assert (tmp_path / "early.txt").exists()
