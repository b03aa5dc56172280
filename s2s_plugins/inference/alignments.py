"""Where a translator looks, and what it copies, if it produces given outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Sequence, Tuple

from s2s_plugins.inference.batches import batches
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.text.symbols import is_unknown

if TYPE_CHECKING:
    from s2s_plugins.inference.translator import Translator


def alignments_of(
    translator: Translator, sentences: Sequence[Sentence], hypotheses: Sequence[Hypothesis], batch_size: int
) -> List[Alignment]:
    """The alignments of ``hypotheses``, one for each sentence. Of those without weights, a forward pass makes them."""
    found: List[Tuple[int, Alignment]] = []
    for places in batches([sentence.numbers for sentence in sentences], batch_size):
        sources = [sentences[place].numbers for place in places]
        targets = [hypotheses[place].numbers for place in places]
        weights: Sequence[Any] = [hypotheses[place].weights for place in places]
        if any(one is None for one in weights):
            weights = translator.model.attend(sources, targets)
        copied = translator.model.copied(sources, targets)
        shares: Sequence[Any] = [None] * len(places) if copied is None else copied
        for place, looked, share in zip(places, weights, shares):
            found.append((place, _alignment(translator, sentences[place], hypotheses[place], looked, share)))
    return [alignment for _, alignment in sorted(found, key=lambda item: item[0])]


def _alignment(
    translator: Translator, sentence: Sentence, hypothesis: Hypothesis, weights: Any, copied: Any
) -> Alignment:
    return Alignment(
        source=list(sentence.tokens),
        target=translator.written(sentence, hypothesis.numbers, with_end=True),
        weights=weights,
        reference=sentence.reference,
        unknown=[index for index, number in enumerate(sentence.numbers) if is_unknown(number)],
        copied=None if copied is None else [float(share) for share in copied],
    )
