"""How varied answers are."""

from __future__ import annotations

from collections import Counter
from statistics import mean
from typing import Dict, List, Sequence, Union

Figures = Dict[str, Union[int, float, str]]


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Percent of the n-grams of all ``texts`` together that are different ones; 0 if there is no n-gram.

    After Li, Galley, Brockett, Gao, Dolan 2016, arXiv:1510.03055, section 5.3. There the number of different n-grams is
    divided by that of words; here, as in most later work, by that of n-grams, so that 100 can be reached. It falls as
    texts are added: only sets with the same number of texts compare.

    Args:
        texts: as tokens.
        n: words in an n-gram, 1 or more.
    """
    grams: List[tuple] = [tuple(text[at : at + n]) for text in texts for at in range(len(text) - n + 1)]
    return 100 * len(set(grams)) / len(grams) if grams else 0.0


def variety(lines: Sequence[str]) -> Figures:
    """Statistics of answers, whose tokens are separated by spaces; of equally common answers the first counts.

    Raises:
        ValueError: there is none.
    """
    if not lines:
        raise ValueError("there are no answers to measure")
    texts = [line.split() for line in lines]
    commonest, times = Counter(" ".join(text) for text in texts).most_common(1)[0]
    return {
        "answers": len(texts),
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "mean_length": mean(map(len, texts)),
        "commonest": commonest,
        "commonest_share": 100 * times / len(texts),
    }
