"""What is run, and with which hyperparameters.

Flags are dictionaries, ``{"--lr": 0.001, "--linear-gain": True}``; ``True`` is a flag without a value, ``None`` takes a
flag away. They are given as :class:`Sized`: ``every`` holds for all sizes, ``demo`` (seconds), ``default`` (two cores)
and ``full`` (a GPU, the paper's sizes) come on top. Later ones win, in this order: the table's, the data's, the
experiment's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from flags import Flags

SIZES = ("demo", "default", "full")


@dataclass(frozen=True)
class Sized:
    """Flags for every size, and more for each."""

    every: Flags = field(default_factory=dict)
    demo: Flags = field(default_factory=dict)
    default: Flags = field(default_factory=dict)
    full: Flags = field(default_factory=dict)

    def at(self, size: str) -> Flags:
        return {**self.every, **getattr(self, size)}


@dataclass(frozen=True)
class Data:
    """A folder that s2s prepare makes.

    Args:
        name: of the folder.
        train: labelled documents; like the rest, a file below the folder that ``prepare.py`` fills.
        valid: documents for early stopping.
        test: documents that are read once, at the end.
        unlabelled: files of text for pretraining, beside the text of ``train``.
        tokens_from: another data's name, to share its dictionary and its pretrained models.
        flags: for s2s prepare.
        finetune: for the fine-tuning on this data.
    """

    name: str
    train: str
    valid: str
    test: str
    unlabelled: Tuple[str, ...] = ()
    tokens_from: Optional[str] = None
    flags: Sized = Sized()
    finetune: Sized = Sized()


@dataclass(frozen=True)
class Pretraining:
    """A model trained on the text of ``data`` alone; one for each seed, shared by all experiments that name it.

    Args:
        name: as experiments call it.
        data: a folder's name.
        arch: ``lm_lstm`` or ``sa_lstm``, which starts from the text's word vectors; None: these vectors alone.
        flags: for the pretraining.
    """

    name: str
    data: str
    arch: Optional[str] = None
    flags: Sized = Sized()


@dataclass(frozen=True)
class Experiment:
    """A row of the table.

    Args:
        name: as ``--only`` takes it.
        title: in the table and in the plot: the method.
        group: in the table and in the plot: the data.
        arch: ``lm_lstm`` or ``sa_lstm``.
        data: what it is fine-tuned and tested on.
        pretraining: what it starts from; None: from scratch.
        labels: number of labelled documents, for the plot of error against it; None: a plot of points.
        paper: test error % in Dai and Le 2015.
        flags: for the fine-tuning.
    """

    name: str
    title: str
    group: str
    arch: str
    data: str
    pretraining: Optional[str] = None
    labels: Optional[int] = None
    paper: Optional[float] = None
    flags: Sized = Sized()


@dataclass(frozen=True)
class Table:
    """All that an example runs.

    Args:
        name: of the folder below ``examples``.
        title: a heading.
        data: the folders of data.
        pretrainings: the shared models.
        experiments: the rows.
        model: flags of pretraining and fine-tuning alike: the model's shape.
        vectors: flags of s2s vectors.
        pretrain: flags of every pretraining of a model.
        finetune: flags of every fine-tuning.
        demo_documents: of each file that many are used with ``--demo``.
        note: stands below the table.
    """

    name: str
    title: str
    data: List[Data]
    pretrainings: List[Pretraining]
    experiments: List[Experiment]
    model: Sized
    vectors: Sized
    pretrain: Sized
    finetune: Sized
    demo_documents: int = 300
    note: str = ""


PRESETS = {"demo": "tiny", "default": "small", "full": "dai_le"}  # --arch NAME_PRESET

# what each kind of pretraining is; every size
OBJECTIVES: Dict[str, Flags] = {
    "lm_lstm": {"--task": "language_modeling", "--sample-break-mode": "none", "--tokens-per-sample": 64},
    "sa_lstm": {"--task": "sequence_autoencoding", "--max-document-tokens": 64, "--truncate": "split"},
}

MODEL = Sized(
    # the fine-tuned model has the output layer of the pretrained one, which joint training needs
    every={"--adaptive-softmax-cutoff": "1000,5000", "--ddp-backend": "legacy_ddp"},
    demo={"--adaptive-softmax-cutoff": "20,40"},
)
VECTORS = Sized(  # as long as --decoder-embed-dim, which the presets have
    demo={"--dim": 16, "--epochs": 1}, default={"--dim": 128}, full={"--dim": 512, "--epochs": 10}
)
PRETRAIN = Sized(
    every={
        "--criterion": "adaptive_loss",
        "--optimizer": "adam",
        "--adam-betas": "(0.9, 0.98)",
        "--clip-norm": 1,
        "--lr": 0.004,
        "--lr-scheduler": "cosine",
        "--warmup-updates": 100,
        "--dropout": 0.1,
        "--max-tokens": 4096,
        "--save-interval-updates": 250,
        "--keep-interval-updates": 1,
    },
    demo={"--max-update": 10, "--max-tokens": 1024, "--warmup-updates": 2},
    default={"--max-update": 1400},
    full={"--max-update": 40000, "--max-tokens": 16384, "--lr": 0.001, "--warmup-updates": 1000},
)
FINETUNE = Sized(
    every={
        "--pooling": "attention",
        "--pool-embeddings": True,
        "--max-document-tokens": 400,
        "--truncate": "head",
        "--optimizer": "adam",
        "--adam-betas": "(0.9, 0.98)",
        "--clip-norm": 1,
        "--lr": 0.002,
        "--lr-scheduler": "fixed",
        "--warmup-updates": 30,
        "--word-dropout": 0.1,
        "--dropout": 0.2,
        "--head-dropout": 0.5,
        "--max-tokens": 10000,
        "--batch-size": 32,
    },
    demo={"--max-epoch": 2, "--patience": 2, "--warmup-updates": 2, "--lr": 0.01, "--max-document-tokens": 100},
    default={"--lr-scheduler": "polynomial_decay"},
    full={"--max-epoch": 30, "--patience": 5, "--lr": 0.0005, "--max-tokens": 32768, "--truncated-bptt": 400},
)


def updates(number: int, **flags) -> Sized:
    """Fine-tuning for so many updates at the default size, the learning rate falling to 0; more flags by field name."""
    named = {"--" + name.replace("_", "-"): value for name, value in flags.items()}
    return Sized(default={"--max-update": number, "--total-num-update": number, **named})


NEWSGROUPS = Table(
    name="newsgroups",
    title="20 Newsgroups",
    data=[
        Data(
            "newsgroups",
            "train.tsv",
            "valid.tsv",
            "test.tsv",
            flags=Sized(every={"--max-words": 20000}),
            # subject and first lines come first; four epochs
            finetune=updates(1280, truncate="tail", max_document_tokens=200, dropout=0.1, head_dropout=0.3),
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

RT, IMDB = "Rotten Tomatoes", "IMDB"
RT_FILES = ("rt/train.tsv", "rt/valid.tsv", "rt/test.tsv")
RT_FINETUNE = updates(800, batch_size=64, lr=0.001, dropout=0.5, word_dropout=0.2)
# the mean over a long review's tokens tells little apart as it is, and with few labels nothing learns to look closer
FEW_LABELS = dict(
    batch_size=50,
    max_tokens=30000,
    pooling="mean",
    head_batch_norm=True,
    lr=0.001,
    dropout=0.5,
    word_dropout=0.3,
    validate_interval=5,
)


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


REVIEWS = Table(
    name="reviews",
    title="Film reviews",
    data=[
        Data("rt", *RT_FILES, flags=Sized(every={"--max-words": 20000}), finetune=RT_FINETUNE),
        # Rotten Tomatoes with IMDB's training reviews as unlabelled text; IMDB's own experiments start from it too
        Data("films", *RT_FILES, ("imdb/unlabelled.txt",), None, Sized(every={"--max-words": 20000}), RT_FINETUNE),
        imdb_data(500, updates(300, **FEW_LABELS)),
        imdb_data(2000, updates(600, **FEW_LABELS)),
        imdb_data(20000, updates(1250)),
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
    model=Sized(MODEL.every, MODEL.demo, default={"--decoder-embed-dim": 256}),
    vectors=Sized(VECTORS.every, VECTORS.demo, {"--dim": 256, "--epochs": 6}, VECTORS.full),
    pretrain=PRETRAIN,
    finetune=FINETUNE,
    demo_documents=100,
    note="IMDB, the paper: 25,000 labels, 50,000 unlabelled reviews and the usual test set; here 20,000, 20,000 and a "
    "test set of our own.",
)

TABLES = {table.name: table for table in (NEWSGROUPS, REVIEWS)}
