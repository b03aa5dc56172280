"""Word vectors of the training text, in the form that --encoder-embed-path and --decoder-embed-path read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Sequence, Set

from s2s_plugins.errors import UsageError
from s2s_plugins.steps import partial_name

UNKNOWN = "<unk>"
WINDOW = 5  # words on either side


def skip_gram(sentences: Sequence[Sequence[str]], words: Set[str], dim: int, epochs: int, seed: int, path: Path) -> int:
    """Skip-gram vectors with negative sampling, as text: word2vec's heading, then a word and its numbers a line.

    After Mikolov, Sutskever, Chen, Corrado, Dean 2013, arXiv:1310.4546, as gensim does it. One thread: more of them
    would give other vectors each time.

    Args:
        sentences: of training alone, as tokens.
        words: that get a vector; the others together are ``<unk>``, which gets one too.
        dim: size of a vector.
        epochs: over the sentences.
        seed: of the first vectors and all draws.
        path: of the file, which appears whole or not at all.

    Returns:
        How many vectors there are.

    Raises:
        UsageError: gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise UsageError(
            "gensim is not installed, and trains the vectors: pip install 's2s-plugins[examples]'"
        ) from None
    known: List[List[str]] = [[word if word in words else UNKNOWN for word in sentence] for sentence in sentences]
    model = Word2Vec(known, vector_size=dim, window=WINDOW, sg=1, min_count=1, epochs=epochs, seed=seed, workers=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.wv.save_word2vec_format(str(partial_name(path)), binary=False)
    os.replace(partial_name(path), path)
    return len(model.wv)


def of_data(data: Path, dim: int, epochs: int, seed: int, path: Path) -> None:
    """The vectors of what prepare.py wrote to ``data``: both sides of its training pairs, for the words it knows."""
    sentences = [
        line.split()
        for side in ("statement", "reply")
        for line in (data / "text" / f"train.{side}").read_text(encoding="utf-8").splitlines()
    ]
    entries = (data / "bin" / "dict.reply.txt").read_text(encoding="utf-8").splitlines()
    count = skip_gram(sentences, {entry.split(" ")[0] for entry in entries}, dim, epochs, seed, path)
    print(f"    {count} vectors of {dim} numbers", flush=True)
