"""Scores of decoded text, by name. All take texts whose tokens are separated by spaces.

Computed by sacrebleu (Post 2018, arXiv:1804.08771), torchmetrics (ROUGE, Lin 2004, W04-1013) and RapidFuzz (edit
distance).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import naming_extras

# scripts that are written without spaces: each character is a word for ROUGE
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
ROUGE_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")


@dataclass(frozen=True)
class Metric:
    """A score of a test set.

    Args:
        name: as ``--metrics`` takes it.
        title: in tables and plots.
        rises: whether more is better.
        score: hypotheses, references -> the score, in percent or points.
    """

    name: str
    title: str
    rises: bool
    score: Callable[[Sequence[str], Sequence[str]], float]


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Percentage of the hypotheses that equal their reference, token by token."""
    return 100 * sum(h.split() == r.split() for h, r in zip(hypotheses, references)) / len(references)


def token_error_rate(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Edits (insertions, deletions, substitutions) per 100 tokens of the references."""
    from rapidfuzz.distance import Levenshtein

    edits = sum(Levenshtein.distance(h.split(), r.split()) for h, r in zip(hypotheses, references))
    return 100 * edits / max(1, sum(len(r.split()) for r in references))


def bleu(tokenize: str) -> Callable[[Sequence[str], Sequence[str]], float]:
    """Corpus BLEU with one of sacrebleu's tokenizers."""

    def score(hypotheses: Sequence[str], references: Sequence[str]) -> float:
        from sacrebleu.metrics import BLEU

        # some tasks have tokenized texts on purpose: no warning about it
        return BLEU(tokenize=tokenize, force=True).corpus_score(list(hypotheses), [list(references)]).score

    return score


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF2, without spaces."""
    from sacrebleu.metrics import CHRF

    return CHRF().corpus_score(list(hypotheses), [list(references)]).score


def rouge_words(text: str) -> List[str]:
    """The units that ROUGE counts: words between spaces, and each Chinese or Japanese character."""
    return ROUGE_WORD.findall(text)


def rouge(kind: str) -> Callable[[Sequence[str], Sequence[str]], float]:
    """Mean F1 of ``rouge1``, ``rouge2`` or ``rougeL``, in percent; texts that are empty on both sides count 0."""

    def score(hypotheses: Sequence[str], references: Sequence[str]) -> float:
        with naming_extras(f"--metrics {kind}"):
            from torchmetrics.functional.text import rouge_score
        found = rouge_score(
            list(hypotheses),
            list(references),
            rouge_keys=kind,
            normalizer=str,  # the default removes everything but Latin letters and digits
            tokenizer=rouge_words,
        )
        return 100 * float(found[f"{kind}_fmeasure"])

    return score


def metrics(bleu_tokenize: str = "13a") -> Dict[str, Metric]:
    """All metrics by name."""
    known = [
        Metric("exact", "exact match %", True, exact_match),
        Metric("token-error", "token error rate %", False, token_error_rate),
        Metric("bleu", "BLEU", True, bleu(bleu_tokenize)),
        Metric("chrf", "chrF2", True, chrf),
        Metric("rouge1", "ROUGE-1 F1", True, rouge("rouge1")),
        Metric("rouge2", "ROUGE-2 F1", True, rouge("rouge2")),
        Metric("rougeL", "ROUGE-L F1", True, rouge("rougeL")),
    ]
    return {metric.name: metric for metric in known}


def choose(names: Sequence[str], bleu_tokenize: str = "13a") -> List[Metric]:
    """The metrics with these names, in this order.

    Raises:
        UsageError: a name or the tokenizer is unknown, or there is no name.
    """
    from sacrebleu.metrics import BLEU

    known = metrics(bleu_tokenize)
    if bleu_tokenize not in BLEU.TOKENIZERS:
        raise UsageError(f"--bleu-tokenize {bleu_tokenize} is not known: choose among {', '.join(BLEU.TOKENIZERS)}")
    for name in names:
        if name not in known:
            raise UsageError(f"--metrics {name} is not known: choose among {', '.join(known)}")
    if not names:
        raise UsageError(f"--metrics is empty: choose among {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def signatures(chosen: Sequence[Metric], bleu_tokenize: str) -> List[str]:
    """The signatures of those metrics that sacrebleu computes."""
    from sacrebleu.metrics import BLEU, CHRF

    makers: Dict[str, Callable[[], Union[BLEU, CHRF]]] = {"bleu": lambda: BLEU(tokenize=bleu_tokenize), "chrf": CHRF}
    lines = []
    for metric in chosen:
        if metric.name in makers:
            counter = makers[metric.name]()
            counter.corpus_score(["a"], [["a"]])  # a signature includes the number of references
            lines.append(f"{metric.title}: {counter.get_signature()}")
    return lines
