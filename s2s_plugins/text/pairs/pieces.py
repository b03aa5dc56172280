"""A sentencepiece model for one side of the pairs."""

from __future__ import annotations

import io
import math
from typing import Iterable, Iterator, List, Optional

from s2s_plugins.errors import UsageError

SENTENCES = 100_000  # a model is trained on at most so many: 300 MB of memory, 15 seconds
LEAST, MOST = 200, 16_000  # pieces, where no number is given
LETTERS = 5  # of a word, in the mean: text without spaces has words too
ALPHABET = 4  # all characters are pieces where they are at most one of so many pieces


def vocabulary_for(characters: int) -> int:
    """The number of pieces for so much text: 1,600 for 100,000 words, 8,700 for three million.

    Args:
        characters: of all training texts.
    """
    size = 5 * math.sqrt(characters / LETTERS)
    return min(MOST, max(LEAST, round(size / 100) * 100))


def train_pieces(texts: Iterable[str], vocab_size: int, alphabet: int) -> bytes:
    """Train a unigram model (Kudo 2018, arXiv:1804.10959) that changes nothing but white space.

    Args:
        texts: of the training part, in one Unicode form.
        vocab_size: number of pieces; fewer where the text has no more.
        alphabet: number of distinct characters.

    Returns:
        The model, as bytes.

    Raises:
        UsageError: there is no model of this size.
    """
    import sentencepiece

    raised: List[BaseException] = []

    def watched() -> Iterator[str]:
        # sentencepiece turns what its iterator raises into an error of its own
        try:
            yield from texts
        except BaseException as error:
            raised.append(error)
            raise

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=watched(),
            model_writer=model,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=1.0 if ALPHABET * alphabet <= vocab_size else 0.9995,
            normalization_rule_name="identity",  # a target's full-width letters and ligatures are what is to be written
            input_sentence_size=SENTENCES,
            shuffle_input_sentence=True,
            num_threads=1,  # the rounding depends on the number of threads
            minloglevel=2,
        )
    except Exception as error:
        first: Optional[BaseException] = raised[0] if raised else None
        if first is not None and not isinstance(first, GeneratorExit):
            raise first from None
        reason = str(error).split("] ")[-1].strip()
        raise UsageError(f"--vocab-size {vocab_size} does not fit this text: {reason}: choose another") from None
    return model.getvalue()
