"""How improbable the entries of a lexicon are to a model that has not learnt them."""

from __future__ import annotations

import math
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import growing
from s2s_plugins.inference.scoring import score_sentences, target_tokens
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.inference.translator import Translator
from s2s_plugins.text.features import MARK
from s2s_plugins.text.pairs.pair import Left, Pair, Pairs
from s2s_plugins.text.pairs.survey import key_of
from s2s_plugins.text.pairs.tokenizing import squashed

BEAM = 5
LEAST_LEFT = 1e-3  # of the probability, for all that is no other accepted target


class Judged(NamedTuple):
    """An entry, and what a model thinks of it.

    Attributes:
        line: number of the entry in its file, from 1.
        source: as the file has it.
        target: likewise.
        suggestion: the most probable output that is no accepted target of this source; empty if there is none.
        score: how improbable the entry is: see :func:`badness`; higher is worse.
        log_probability: of the target, natural logarithm.
        suggested: log-probability of the suggestion; minus infinity without one.
        tokens: number of the target's, ``</s>`` included.
    """

    line: int
    source: str
    target: str
    suggestion: str
    score: float
    log_probability: float
    suggested: float
    tokens: int

    @property
    def probability(self) -> float:
        """Of the target."""
        return math.exp(self.log_probability)

    @property
    def of_suggestion(self) -> float:
        """The probability of the suggestion."""
        return math.exp(self.suggested)


class Entries:
    """The entries of a lexicon by source, each pair once.

    Args:
        pairs: are read once.

    Attributes:
        by_source: source as it comes first, and its entries, by what Unicode makes of the source.
        left: what cannot be judged.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.by_source: Dict[str, List[Pair]] = {}
        self.left = Left()
        seen = set()
        for pair in pairs:
            key = (key_of(pair.source), key_of(pair.target))
            if not squashed(pair.source.partition(MARK)[0]) or not squashed(pair.target):
                self.left.add("entries with an empty side", pair.where)
            elif any("\ud800" <= character <= "\udfff" for character in pair.source + pair.target):
                self.left.add("entries that are not UTF-8", pair.where)
            elif key in seen:
                self.left.add("entries that stand there twice", pair.where)
            else:
                seen.add(key)
                self.by_source.setdefault(key[0], []).append(pair)

    def __len__(self) -> int:
        return sum(map(len, self.by_source.values()))


def judge(translator: Translator, groups: Iterable[Sequence[Pair]], left: Left, batch_size: int) -> Iterator[Judged]:
    """What a model thinks of entries.

    Args:
        translator: gives the probabilities.
        groups: the entries of each source.
        left: takes what is too long for the model.
        batch_size: number of sources at a time.

    Raises:
        UsageError: the model gives no numbers.
    """
    for part in growing(iter(groups), batch_size):
        fitting: List[Tuple[Sequence[Pair], Sentence, List[List[str]]]] = []
        for group in part:
            try:
                sentence = translator.spell(group[0].source, "a source")
                targets = [target_tokens(translator, pair.target) for pair in group]
                if max(map(len, targets)) >= translator.model.longest_target:
                    raise UsageError("a target is too long")
                fitting.append((group, sentence, targets))
            except UsageError:
                for pair in group:
                    left.add("entries that are longer than the model takes", pair.where)
        yield from _judged(translator, fitting, batch_size)


def _judged(
    translator: Translator, given: Sequence[Tuple[Sequence[Pair], Sentence, List[List[str]]]], batch_size: int
) -> Iterator[Judged]:
    sentences = [sentence for _, sentence, _ in given]
    beam = min(BEAM, len(translator.target) - 2)
    best = translator.best(sentences, beam, beam, batch_size)
    sources = [sentence for _, sentence, targets in given for _ in targets]
    scored = iter(score_sentences(translator, sources, [one for _, _, all in given for one in all], batch_size))
    for (group, _, targets), hypotheses in zip(given, best):
        of_group = [next(scored) for _ in group]
        suggestion = _suggestion(hypotheses, targets)
        text = "" if suggestion is None else translator.target_spelling.text(suggestion.tokens)
        suggested = -math.inf if suggestion is None else suggestion.score * len(suggestion.numbers)
        for place, (pair, one) in enumerate(zip(group, of_group)):
            others = sum(other.probability for number, other in enumerate(of_group) if number != place)
            own, length = one.log_probability, len(one.each)
            score = badness(own, suggested, others, length)
            yield Judged(line_of(pair), pair.source, pair.target, text, score, own, suggested, length)


def _suggestion(hypotheses: Sequence[Hypothesis], accepted: Sequence[List[str]]) -> Optional[Hypothesis]:
    return next((one for one in hypotheses if one.tokens not in accepted), None)


def badness(log_probability: float, suggested: float, others: float, tokens: int) -> float:
    """How suspicious an entry is: ``(2 log p(suggestion) - log p(target)) / sqrt(tokens)``.

    It is how much more probable the suggestion is than the target, less where the model is not sure of the suggestion
    either; the square root keeps a single wrong symbol of a long target visible. Both are probabilities among what is
    no other accepted target of the source: two right pronunciations share the probability, and neither of them is the
    worse for it.

    Scores that count edits find more of the exchanged targets and hardly any single wrong symbol.

    Args:
        log_probability: of the target.
        suggested: log-probability of the best output that is no accepted target; minus infinity if there is none.
        others: probability of the source's other targets.
        tokens: number of the target's.
    """
    left = math.log(max(1 - others, LEAST_LEFT))
    own, instead = log_probability - left, suggested - left
    return ((2 * instead if math.isfinite(instead) else 0.0) - own) / math.sqrt(tokens)


def line_of(pair: Pair) -> int:
    """The number of an entry in its file, from ``"words.tsv, line 3"``."""
    return int(pair.where.rpartition(" ")[2])
