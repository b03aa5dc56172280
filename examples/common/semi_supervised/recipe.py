"""The form of a table of semi-supervised experiments, and the flags that such tables share.

Flags win over those before them in this order: the table's, the data's, the experiment's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from common.recipe import Flags, Sized
from s2s_plugins.training import recipes_classes as recipes
from s2s_plugins.training.recipes import Recipe


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

MODEL = Sized(
    every=recipes.CUTOFFS,
    demo={"--adaptive-softmax-cutoff": "20,40"},
)
VECTORS = Sized(  # as long as --decoder-embed-dim, which the presets have
    demo={"--dim": 16, "--epochs": 1}, default=recipes.VECTORS, full={"--dim": 512, "--epochs": 10}
)
PRETRAIN = Sized(
    every={
        **recipes.PRETRAIN,
        "--lr-scheduler": "cosine",
        "--warmup-updates": recipes.PRETRAIN_WARMUP,
        "--save-interval-updates": 250,
        "--keep-interval-updates": 1,
    },
    demo={"--max-update": 10, "--max-tokens": 1024, "--warmup-updates": 2},
    default={"--max-update": recipes.PRETRAIN_UPDATES},
    full={"--max-update": 40000, "--max-tokens": 16384, "--lr": 0.001, "--warmup-updates": 1000},
)
FINETUNE = Sized(
    every={**recipes.FINETUNE, "--lr-scheduler": "fixed", "--warmup-updates": recipes.WARMUP},
    demo={"--max-epoch": 2, "--patience": 2, "--warmup-updates": 2, "--lr": 0.01, "--max-document-tokens": 100},
    default={"--lr-scheduler": "polynomial_decay"},
    full={"--max-epoch": 30, "--patience": 5, "--lr": 0.0005, "--max-tokens": 32768, "--truncated-bptt": 400},
)


def updates(number: int, flags: Optional[Flags] = None) -> Sized:
    """Fine-tuning for so many updates at the default size, the learning rate falling to 0, with these flags too."""
    return Sized(default={"--max-update": number, "--total-num-update": number, **(flags or {})})


def of_recipe(recipe: Recipe, number: Optional[int] = None, more: Optional[Flags] = None) -> Sized:
    """Fine-tuning as ``s2s train`` has it, for its number of updates or another, with these flags too."""
    own = {flag: value for flag, value in recipe.flags.items() if recipes.FINETUNE.get(flag) != value}
    own = {flag: value for flag, value in own.items() if flag not in recipes.TASK}
    return updates(number or recipe.updates, {**own, **(more or {})})
