"""What this example prepares, trains and tests, and with which hyperparameters: the file to change."""

from __future__ import annotations

from typing import List

from common.recipe import Flags, Sized
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
from s2s_plugins.training.recipes_classes import FEW, LARGE_VECTORS, SENTENCES, VERDICTS, VERY_FEW_UPDATES

RT, IMDB = "Rotten Tomatoes", "IMDB"
RT_FILES = ("rt/train.tsv", "rt/valid.tsv", "rt/test.tsv")
SELDOM: Flags = {"--validate-interval": 5}  # an epoch of few labels is short
RT_FINETUNE = of_recipe(SENTENCES)


def imdb_data(labels: int, finetune: Sized) -> Data:
    """IMDB with so many labels, in the words of the unlabelled reviews."""
    valid = "imdb/valid.tsv" if labels == 20000 else f"imdb/valid-{labels}.tsv"
    return Data(f"imdb-{labels}", f"imdb/train-{labels}.tsv", valid, "imdb/test.tsv", (), "films", finetune=finetune)


def imdb_experiments(labels: int, **paper) -> List[Experiment]:
    """From scratch, word vectors, LM and SA with so many labels."""
    data = f"imdb-{labels}"
    return [
        Experiment(f"{data}-{short}", title, IMDB, arch, data, pretraining, labels, paper.get(short))
        for short, title, arch, pretraining in (
            ("scratch", "from scratch", "lm_lstm", None),
            ("vectors", "word vectors", "lm_lstm", "vectors-films"),
            ("lm", "LM", "lm_lstm", "lm-films"),
            ("sa", "SA", "sa_lstm", "sa-films"),
        )
    ]


TABLE = Table(
    name="reviews",
    title="Film reviews",
    data=[
        Data("rt", *RT_FILES, flags=Sized(every={"--max-words": 20000}), finetune=RT_FINETUNE),
        # Rotten Tomatoes with IMDB's training reviews as unlabelled text; IMDB's own experiments start from it too
        Data("films", *RT_FILES, ("imdb/unlabelled.txt",), None, Sized(every={"--max-words": 20000}), RT_FINETUNE),
        imdb_data(500, of_recipe(FEW, VERY_FEW_UPDATES, SELDOM)),
        imdb_data(2000, of_recipe(FEW, None, SELDOM)),
        imdb_data(20000, of_recipe(VERDICTS)),
    ],
    pretrainings=[
        Pretraining("vectors-rt", "rt"),
        Pretraining("vectors-films", "films"),
        Pretraining("lm-rt", "rt", "lm_lstm", Sized(default={"--max-update": 300})),
        Pretraining("sa-rt", "rt", "sa_lstm", Sized(default={"--max-update": 300})),
        Pretraining("lm-films", "films", "lm_lstm"),
        Pretraining("sa-films", "films", "sa_lstm"),
    ],
    experiments=[
        Experiment("rt-scratch", "from scratch", RT, "lm_lstm", "rt", paper=20.3),
        Experiment("rt-vectors", "word vectors", RT, "lm_lstm", "rt", "vectors-rt"),
        Experiment("rt-lm", "LM", RT, "lm_lstm", "rt", "lm-rt", paper=21.7),
        Experiment("rt-sa", "SA", RT, "sa_lstm", "rt", "sa-rt", paper=20.3),
        Experiment("rt-vectors-imdb", "word vectors + IMDB text", RT, "lm_lstm", "films", "vectors-films"),
        Experiment("rt-lm-imdb", "LM + IMDB text", RT, "lm_lstm", "films", "lm-films"),
        Experiment("rt-sa-imdb", "SA + IMDB text", RT, "sa_lstm", "films", "sa-films", paper=18.6),
        *imdb_experiments(500),
        *imdb_experiments(2000),
        *imdb_experiments(20000, scratch=13.50, lm=7.64, sa=7.24),
    ],
    model=Sized(MODEL.every, MODEL.demo, default={"--decoder-embed-dim": LARGE_VECTORS["--dim"]}),
    vectors=Sized(VECTORS.every, VECTORS.demo, LARGE_VECTORS, VECTORS.full),
    pretrain=PRETRAIN,
    finetune=FINETUNE,
    demo_documents=100,
    note="IMDB, the paper: 25,000 labels, 50,000 unlabelled reviews and the usual test set; here 20,000, 20,000 and a "
    "test set of our own.",
)
