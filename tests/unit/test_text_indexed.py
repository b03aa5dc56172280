"""``.bin`` and ``.idx`` are written byte for byte as by fairseq, and read as by it."""

import pytest
import torch
from fairseq.data import indexed_dataset

from s2s_plugins.errors import UsageError
from s2s_plugins.text.indexed import IndexedTexts, IndexedWriter

TEXTS = [[4, 5, 2], [2], [], [7, 7, 7, 7, 2]]


def write_both(folder, texts, vocabulary):
    with IndexedWriter(folder / "ours", vocabulary) as writer:
        for text in texts:
            writer.add(text)
    builder = indexed_dataset.make_builder(str(folder / "theirs.bin"), "mmap", vocabulary)
    for text in texts:
        builder.add_item(torch.tensor(text, dtype=torch.long))
    builder.finalize(str(folder / "theirs.idx"))


@pytest.mark.parametrize("vocabulary", [8, 65_499, 65_500, 70_000])
@pytest.mark.parametrize("texts", [TEXTS, [[]], []])
def test_the_files_are_fairseqs_byte_for_byte(tmp_path, texts, vocabulary):
    write_both(tmp_path, texts, vocabulary)
    for ending in ("bin", "idx"):
        assert (tmp_path / f"ours.{ending}").read_bytes() == (tmp_path / f"theirs.{ending}").read_bytes()


@pytest.mark.parametrize("type_", ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32"])
def test_numbers_of_any_width_are_read(tmp_path, type_):
    import numpy as np

    builder = indexed_dataset.MMapIndexedDatasetBuilder(str(tmp_path / "a.bin"), getattr(np, type_))
    for text in TEXTS:
        builder.add_item(torch.tensor(text, dtype=torch.long))
    builder.finalize(str(tmp_path / "a.idx"))
    texts = IndexedTexts(tmp_path / "a", 8)
    assert [texts[place] for place in range(len(texts))] == TEXTS
    assert texts.sizes.tolist() == [len(text) for text in TEXTS]
    with pytest.raises(IndexError):
        texts[len(TEXTS)]


def test_a_split_without_a_text_is_read(tmp_path):
    write_both(tmp_path, [], 8)
    assert len(IndexedTexts(tmp_path / "ours", 8)) == 0


@pytest.mark.parametrize("vocabulary, wrong", [(7, "a token 7"), (5, "a token 7")])
def test_a_token_that_the_dictionary_lacks_is_named(tmp_path, vocabulary, wrong):
    write_both(tmp_path, TEXTS, 8)
    with pytest.raises(UsageError, match=f"{wrong}, its dictionary has {vocabulary} symbols"):
        IndexedTexts(tmp_path / "ours", vocabulary)


@pytest.mark.parametrize("length", [0, 8, 25, 26, 27, 40, 70])
def test_an_index_that_is_cut_short_is_damaged(tmp_path, length):
    write_both(tmp_path, TEXTS, 8)
    whole = (tmp_path / "ours.idx").read_bytes()
    assert len(whole) > length
    (tmp_path / "ours.idx").write_bytes(whole[:length])
    with pytest.raises(UsageError, match="ours.idx or .*ours.bin is damaged .*: binarise the text again"):
        IndexedTexts(tmp_path / "ours", 8)


@pytest.mark.parametrize("place, value", [(0, 78), (9, 2), (17, 6), (17, 99), (18, 200), (25, 255)])
def test_a_wrong_byte_in_the_head_of_an_index_is_damage(tmp_path, place, value):
    write_both(tmp_path, TEXTS, 8)
    content = bytearray((tmp_path / "ours.idx").read_bytes())
    content[place] = value
    (tmp_path / "ours.idx").write_bytes(content)
    with pytest.raises(UsageError, match="ours.idx or .*ours.bin is damaged"):
        IndexedTexts(tmp_path / "ours", 8)


def test_a_size_that_is_negative_or_too_large_is_damage(tmp_path):
    write_both(tmp_path, TEXTS, 8)
    whole = (tmp_path / "ours.idx").read_bytes()
    for number in (-1, 10):
        changed = whole[:26] + number.to_bytes(4, "little", signed=True) + whole[30:]
        (tmp_path / "ours.idx").write_bytes(changed)
        with pytest.raises(UsageError, match=r"ours.bin has 18 bytes, which does not match .*ours.idx"):
            IndexedTexts(tmp_path / "ours", 8)


def test_the_older_form_is_named_with_the_way_out(tmp_path):
    builder = indexed_dataset.make_builder(str(tmp_path / "old.bin"), "cached")
    builder.add_item(torch.tensor([4, 2], dtype=torch.int32))
    builder.finalize(str(tmp_path / "old.idx"))
    with pytest.raises(UsageError, match="--dataset-impl cached or lazy: .*--dataset-impl mmap"):
        IndexedTexts(tmp_path / "old", 8)
