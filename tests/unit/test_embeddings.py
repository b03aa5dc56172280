"""Embedding files: word2vec's and GloVe's text forms."""

import pytest
import torch
from conftest import dictionary

from s2s_plugins.errors import UsageError
from s2s_plugins.models.embeddings import build_embedding
from s2s_plugins.models.resolve import EmbeddingSettings


def build(path, dim=2, freeze=False):
    return build_embedding(dictionary(3), EmbeddingSettings("encoder", dim, path and str(path), freeze))


@pytest.mark.parametrize("heading", ["", "4 2\n"])
def test_vectors_go_to_their_symbols_and_the_rest_is_drawn(tmp_path, heading):
    path = tmp_path / "vectors.txt"
    path.write_text(heading + "0 1.5 -2\nelephant 9 9\n2 0.25 4 \n")
    symbols, embedding = dictionary(3), build(path)
    assert embedding.weight[symbols.index("0")].tolist() == [1.5, -2]
    assert embedding.weight[symbols.index("2")].tolist() == [0.25, 4]
    assert embedding.weight[symbols.index("1")].abs().max() <= 0.1
    assert embedding.weight[symbols.pad()].tolist() == [0, 0]


def test_without_a_file_all_are_drawn_and_padding_is_zero():
    embedding = build(None, freeze=True)
    assert embedding.weight.abs().max() <= 0.1 and torch.all(embedding.weight[1] == 0)
    assert not embedding.weight.requires_grad


@pytest.mark.parametrize(
    "content, message",
    [
        (b"0 1 2 3\n", "line 1: 3 numbers, --encoder-embed-dim is 2: use --encoder-embed-dim 3"),
        (b"0 1 2\n1 one 2\n", "line 2: could not convert string to float: 'one'"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path, content, message):
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        build(path)
    assert str(path) in str(raised.value) and message in str(raised.value)
