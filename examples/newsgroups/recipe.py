"""What this example prepares, trains and tests, and with which hyperparameters: the file to change."""

from __future__ import annotations

from common.recipe import Sized
from common.semi_supervised.recipe import (
    FINETUNE,
    MODEL,
    PRETRAIN,
    VECTORS,
    Data,
    Experiment,
    Pretraining,
    Table,
    of_recipe,
)
from s2s_plugins.training.recipes_classes import TOPICS

TABLE = Table(
    name="newsgroups",
    title="20 Newsgroups",
    data=[
        Data(
            "newsgroups",
            "train.tsv",
            "valid.tsv",
            "test.tsv",
            flags=Sized(every={"--max-words": 20000}),
            finetune=of_recipe(TOPICS),  # subject and first lines come first; four epochs
        )
    ],
    pretrainings=[
        Pretraining("vectors", "newsgroups"),
        Pretraining("lm", "newsgroups", "lm_lstm", Sized(default={"--dropout": 0.2})),
        Pretraining("sa", "newsgroups", "sa_lstm", Sized(default={"--dropout": 0.2, "--max-update": 1000})),
    ],
    experiments=[
        Experiment(
            "scratch",
            "from scratch",
            "20 Newsgroups",
            "lm_lstm",
            "newsgroups",
            paper=18.0,
            flags=Sized(default={"--lr": 0.004}),
        ),
        Experiment("vectors", "word vectors", "20 Newsgroups", "lm_lstm", "newsgroups", "vectors"),
        Experiment("lm", "LM", "20 Newsgroups", "lm_lstm", "newsgroups", "lm", paper=15.3),
        Experiment("sa", "SA", "20 Newsgroups", "sa_lstm", "newsgroups", "sa", paper=15.6),
        Experiment(
            "sa-linear-gain",
            "SA + linear gain",
            "20 Newsgroups",
            "sa_lstm",
            "newsgroups",
            "sa",
            flags=Sized(every={"--linear-gain": True, "--pooling": "last"}),
        ),
        Experiment(
            "joint",
            "joint with SA, from scratch",
            "20 Newsgroups",
            "sa_lstm",
            "newsgroups",
            flags=Sized(every={"--reconstruction-weight": 1.0}),
        ),
    ],
    model=MODEL,
    vectors=VECTORS,
    pretrain=PRETRAIN,
    finetune=FINETUNE,
    note="The paper's best other method is an SVM: 17.1 %.",
)
