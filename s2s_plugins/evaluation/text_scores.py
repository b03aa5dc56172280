"""Scores of whole texts, by sacrebleu (Post 2018, arXiv:1804.08771), against any number of references."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence

from s2s_plugins.extras import library


class TextScores(NamedTuple):
    """Scores of a corpus.

    Attributes:
        bleu: BLEU, 0 to 100.
        chrf: chrF2, 0 to 100.
        signatures: what sacrebleu says about how both were computed.
    """

    bleu: float
    chrf: float
    signatures: Sequence[str]


def text_scores(predictions: Sequence[str], references: Sequence[Sequence[str]], unit: str) -> TextScores:
    """BLEU and chrF2.

    Args:
        predictions: N texts.
        references: of each, one or more.
        unit: ``"character"``: BLEU counts characters, of texts that have no spaces; else words.

    Raises:
        MissingExtra: sacrebleu is not installed.
    """
    metrics = library("sacrebleu.metrics", "the score of texts")
    # some tasks have tokenized texts on purpose: no warning about it
    bleu = metrics.BLEU(tokenize="char" if unit == "character" else "13a", force=True)
    chrf = metrics.CHRF()
    columns: List[List[Optional[str]]] = [
        [one[place] if place < len(one) else None for one in references] for place in range(max(map(len, references)))
    ]
    scores = [float(metric.corpus_score(list(predictions), columns).score) for metric in (bleu, chrf)]
    return TextScores(scores[0], scores[1], (f"BLEU {bleu.get_signature()}", f"chrF2 {chrf.get_signature()}"))
