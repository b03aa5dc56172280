"""What some settings of a training may be; the commands' help needs this module alone."""

from __future__ import annotations

TASKS = ("pairs", "classes", "series")
PRETRAININGS = ("vectors", "lm", "sa", "none")  # word vectors, a language model, a sequence autoencoder
PRECISIONS = ("auto", "fp32", "bf16")
FAIRSEQS = "lstm"  # an architecture of fairseq's own, to compare with: it has no model file
LEVELS = ("token", "char", "sentencepiece")  # what a symbol of a text is
