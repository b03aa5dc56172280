"""How classifiers are trained, by what the texts are like: the one table that ``s2s train`` and the examples read.

Word vectors are worth as much as a pretrained LSTM, and take a tenth of the time: ``docs/results/newsgroups.md`` and
``docs/results/reviews.md`` have the figures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Sequence, Tuple

from s2s_plugins.training.recipes import Flags, Recipe

# what every fine-tuning has
FINETUNE: Flags = {
    "--pooling": "attention",
    "--pool-embeddings": True,
    "--max-document-tokens": 400,
    "--truncate": "head",
    "--optimizer": "adam",
    "--adam-betas": "(0.9, 0.98)",
    "--clip-norm": 1,
    "--lr": 0.002,
    "--word-dropout": 0.1,
    "--dropout": 0.2,
    "--head-dropout": 0.5,
    "--max-tokens": 10000,
    "--batch-size": 32,
}
WARMUP = 30  # updates
# the plain mean over a long text's tokens says little, and few labels teach the model nothing better
OF_FEW_LABELS: Flags = {
    "--batch-size": 50,
    "--max-tokens": 30000,
    "--pooling": "mean",
    "--head-batch-norm": True,
    "--lr": 0.001,
    "--dropout": 0.5,
    "--word-dropout": 0.3,
}
OF_SENTENCES: Flags = {"--batch-size": 64, "--lr": 0.001, "--dropout": 0.5, "--word-dropout": 0.2}
# what texts are about is said at their beginning
OF_TOPICS: Flags = {"--truncate": "tail", "--max-document-tokens": 200, "--dropout": 0.1, "--head-dropout": 0.3}

# what every pretraining of a model has, and what each kind of it is
PRETRAIN: Flags = {
    "--criterion": "adaptive_loss",
    "--optimizer": "adam",
    "--adam-betas": "(0.9, 0.98)",
    "--clip-norm": 1,
    "--lr": 0.004,
    "--dropout": 0.1,
    "--max-tokens": 4096,
}
PRETRAIN_UPDATES, PRETRAIN_WARMUP = 1400, 100
OBJECTIVES: Dict[str, Flags] = {
    "lm_lstm": {"--task": "language_modeling", "--sample-break-mode": "none", "--tokens-per-sample": 64},
    "sa_lstm": {"--task": "sequence_autoencoding", "--max-document-tokens": 64, "--truncate": "split"},
}
# the fine-tuned model has the output layer of the pretrained one, which joint training needs
CUTOFFS: Flags = {"--adaptive-softmax-cutoff": "1000,5000", "--ddp-backend": "legacy_ddp"}
SMALLEST_CUT = 6000  # symbols of a dictionary that is large enough for these

# an architecture's preset for two cores has vectors of 128 numbers
VECTORS: Flags = {"--dim": 128, "--epochs": 5}
LARGE_VECTORS: Flags = {"--dim": 256, "--epochs": 6}
MUCH_TEXT = 3_000_000  # tokens from which on the vectors are large

TASK: Flags = {"--task": "text_classification", "--criterion": "text_classification", "--arch": "lm_lstm_small"}
SHORTER: Sequence[Tuple[float, Flags]] = ((0.25, {"--max-document-tokens": 100}), (0.6, {"--max-document-tokens": 200}))
FEW = Recipe(
    "few labels",
    "under 5,000 labelled texts",
    {**TASK, **FINETUNE, **OF_FEW_LABELS},
    updates=600,
    warmup=WARMUP,
    hurried=SHORTER,
)
SENTENCES = Recipe(
    "sentences", "short texts", {**TASK, **FINETUNE, **OF_SENTENCES}, updates=800, warmup=WARMUP, hurried=SHORTER[:1]
)
TOPICS = Recipe(
    "topics",
    "long texts whose beginning says most",
    {**TASK, **FINETUNE, **OF_TOPICS},
    updates=1280,
    warmup=WARMUP,
    hurried=SHORTER[:1],
)
VERDICTS = Recipe(
    "verdicts",
    "long texts whose end says most",
    {**TASK, **FINETUNE},
    updates=1250,
    warmup=WARMUP,
    hurried=SHORTER,
)
NAMES = Recipe(
    "names",
    "texts of characters",
    {
        **TASK,
        **FINETUNE,
        "--decoder-embed-dim": 64,
        "--bidirectional": True,
        "--lr": 0.004,
        "--batch-size": 64,
        "--word-dropout": 0.05,
    },
    updates=2000,
    warmup=WARMUP,
)
RECIPES = {recipe.name: recipe for recipe in (FEW, SENTENCES, TOPICS, VERDICTS, NAMES)}

FEW_TEXTS = 5000
VERY_FEW, VERY_FEW_UPDATES = 1000, 300
SHORT = 60.0  # tokens of a text in the mean
MANY_CLASSES = 5  # where no end of the texts says more: so many are topics
EPOCHS, MOST_UPDATES = 2, 20_000  # passes over much data


def recipe_for(prepared: Any) -> Recipe:
    """The recipe for prepared texts, by their number and length, and by where they say most."""
    if prepared.level == "char":
        return _with_updates(NAMES, prepared.train)
    if prepared.train < FEW_TEXTS:
        return replace(FEW, updates=VERY_FEW_UPDATES) if prepared.train < VERY_FEW else FEW
    if prepared.mean_length < SHORT:
        return _with_updates(SENTENCES, prepared.train)
    first = prepared.end == "first" if prepared.end else len(prepared.classes) > MANY_CLASSES
    return _with_updates(TOPICS if first else VERDICTS, prepared.train)


def _with_updates(recipe: Recipe, texts: int) -> Recipe:
    """The recipe with updates enough to see all of many texts."""
    passes = EPOCHS * texts // int(str(recipe.flags["--batch-size"]))
    return replace(recipe, updates=min(max(recipe.updates, passes), MOST_UPDATES))


def vectors_for(prepared: Any) -> Flags:
    """How word vectors are trained, by the amount of text."""
    return LARGE_VECTORS if prepared.tokens >= MUCH_TEXT else VECTORS


def pretraining_of(arch: str) -> Flags:
    """The flags of a pretraining of ``arch``, ``"lm_lstm"`` or ``"sa_lstm"``, at the size for two cores."""
    return {**PRETRAIN, **OBJECTIVES[arch], "--arch": f"{arch}_small"}
