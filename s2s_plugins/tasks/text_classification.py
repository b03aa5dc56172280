"""``--task text_classification``: the class of a document."""

import logging
import os
from dataclasses import dataclass, field
from typing import List, Optional

import numpy as np
from fairseq.data import Dictionary, data_utils
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.constants import StrEnum
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING

from s2s_plugins.criterions.report import describe
from s2s_plugins.errors import UsageError
from s2s_plugins.tasks.documents import LabelledDocuments, limit_documents
from s2s_plugins.tasks.finetuning import LayerSchedule, freeze
from s2s_plugins.text.tokens import Settings, load_settings

logger = logging.getLogger(__name__)


class Truncate(StrEnum):
    """What is cut off of a longer document."""

    head = "head"
    tail = "tail"


@dataclass
class TextClassificationConfig(FairseqDataclass):
    """Flags of the task."""

    data: str = field(default=MISSING, metadata={"help": "folder with input0 and label (as of sentence_prediction)"})
    max_document_tokens: Optional[int] = field(
        default=None,
        metadata={"help": "longest document in tokens, end-of-sentence symbol included (default: no limit)"},
    )
    truncate: Truncate = field(
        default=Truncate("tail"), metadata={"help": "the end of a longer document that is cut off"}
    )
    freeze: Optional[str] = field(
        default=None, metadata={"help": "regular expression: parameters whose name matches are not trained"}
    )
    layer_lr_decay: float = field(
        default=1.0, metadata={"help": "learning rate of a layer, divided by that of the next higher one"}
    )
    unfreeze_every: int = field(
        default=0,
        metadata={
            "help": "gradual unfreezing: train the head first, and one more layer every N epochs (0: all at once)"
        },
    )
    classification_head_name: str = II("criterion.classification_head_name")


@register_task("text_classification", dataclass=TextClassificationConfig)
class TextClassificationTask(FairseqTask):
    """Dai and Le 2015, arXiv:1511.01432.

    The data has the form of fairseq's ``sentence_prediction``; ``s2s prepare`` writes it. A checkpoint carries the
    labels and the settings of the tokenizer, so that ``s2s classify`` needs nothing else.

    Args:
        cfg: the flags.
        dictionary: of the documents.
        labels: the classes, in order.
        tokens: settings of the :class:`~s2s_plugins.text.tokens.Tokenizer`; None if they are not known.
    """

    flag_defaults = {
        "criterion": "text_classification",
        "best_checkpoint_metric": "accuracy",
        "maximize_best_checkpoint_metric": True,
        "batch_size": 32,
    }

    def __init__(
        self,
        cfg: TextClassificationConfig,
        dictionary: Dictionary,
        labels: List[str],
        tokens: Optional[Settings] = None,
    ) -> None:
        super().__init__(cfg)
        self.dictionary = dictionary
        self.labels = labels
        self.schedule: Optional[LayerSchedule] = None
        self.model = None
        self.trains = False
        self.state.merge_state_dict({"labels": list(labels), "tokens": tokens})

    @classmethod
    def setup_task(cls, cfg: TextClassificationConfig, **kwargs) -> "TextClassificationTask":
        """Read the dictionaries.

        Raises:
            FileNotFoundError: one is missing.
            UsageError: there are no labels.
        """
        dictionary = cls.load_dictionary(os.path.join(cfg.data, "input0", "dict.txt"))
        label_file = os.path.join(cfg.data, "label", "dict.txt")
        labels = classes(cls.load_dictionary(label_file))
        if not labels:
            raise UsageError(f"{label_file} holds no label: s2s prepare writes a line for each class")
        logger.info(f"dictionary: {len(dictionary)} types; {len(labels)} classes: {', '.join(labels)}")
        return cls(cfg, dictionary, labels, load_settings(cfg.data))

    def load_dataset(self, split: str, combine: bool = False, **kwargs) -> None:
        """Load ``split``.

        Raises:
            UsageError: it is missing, or documents and labels do not fit together.
        """
        path = os.path.join(self.cfg.data, "input0", split)
        documents = data_utils.load_indexed_dataset(path, self.dictionary, combine=combine)
        if documents is None:
            raise UsageError(
                f"data folder {self.cfg.data} has no input0/{split}: s2s prepare writes it, and --valid-subset and "
                "--train-subset choose among those there"
            )
        labels = self.load_labels(split, combine)
        if len(labels) != len(documents):
            raise UsageError(
                f"{self.cfg.data}: input0/{split} has {len(documents)} documents and label/{split} {len(labels)} "
                "labels: every document needs one, in the same order"
            )
        documents = limit_documents(documents, split, self.cfg.max_document_tokens, str(self.cfg.truncate))
        self.datasets[split] = LabelledDocuments(documents, labels, self.dictionary, shuffle=True)

    def load_labels(self, split: str, combine: bool = False) -> np.ndarray:
        """The class numbers of ``split``, from 0.

        Raises:
            UsageError: it is missing, or a label is none of the classes.
        """
        path = os.path.join(self.cfg.data, "label", split)
        dataset = data_utils.load_indexed_dataset(path, None, combine=combine)
        if dataset is None:
            raise UsageError(f"data folder {self.cfg.data} has no label/{split}: s2s prepare writes it")
        numbers = np.array([int(dataset[index][0]) for index in range(len(dataset))], dtype=np.int64)
        numbers -= Dictionary().nspecial
        strange = np.flatnonzero((numbers < 0) | (numbers >= len(self.labels)))
        if len(strange):
            raise UsageError(
                f"{path}: {len(strange)} of {len(numbers)} labels are none of the {len(self.labels)} classes in "
                f"label/dict.txt, the first is that of document {strange[0] + 1}: take these documents out, or train "
                "on data that has their classes"
            )
        return numbers

    def label_counts(self, split: str = "train") -> np.ndarray:
        """Documents of each class in ``split``."""
        return np.bincount(self.load_labels(split), minlength=len(self.labels))

    def build_model(self, cfg, from_checkpoint=False):
        """As fairseq's, with a classification head.

        Raises:
            UsageError: the architecture has none, or cannot do what the flags ask for.
        """
        model = super().build_model(cfg, from_checkpoint)
        if not hasattr(model, "register_classification_head"):
            raise UsageError(f"--arch {cfg._name} has no classification head: use --arch sa_lstm or lm_lstm")
        model.register_classification_head(self.cfg.classification_head_name, num_classes=len(self.labels))
        self.model = None if from_checkpoint else model
        return model

    def build_criterion(self, cfg, from_checkpoint=False):
        """As fairseq's. The criterion decides what is trained, so the rest of the model is frozen here.

        Raises:
            UsageError: the architecture cannot do what the flags ask for.
        """
        criterion = super().build_criterion(cfg, from_checkpoint)
        model, self.model = self.model, None
        if model is None:
            return criterion
        if hasattr(criterion, "check"):
            criterion.check(model)
        if hasattr(model, "writing_parameters") and not getattr(criterion, "weights", None):
            for parameter in model.writing_parameters():  # without joint training they get no gradient
                parameter.requires_grad = False
        if self.cfg.freeze:
            freeze(model, self.cfg.freeze)
        if self.cfg.layer_lr_decay != 1 or self.cfg.unfreeze_every:
            if not hasattr(model, "layer_groups"):
                raise UsageError(
                    f"--layer-lr-decay and --unfreeze-every need an order of the layers, and {type(model).__name__} "
                    "has none: leave them out, or use --arch sa_lstm or lm_lstm"
                )
            self.schedule = LayerSchedule(model.layer_groups(), self.cfg.layer_lr_decay, self.cfg.unfreeze_every)
        return criterion

    def begin_epoch(self, epoch: int, model) -> None:
        self.trains = True
        if self.schedule is not None:
            self.schedule.begin_epoch(epoch)

    def optimizer_step(self, optimizer, model, update_num) -> None:
        if self.schedule is None:
            optimizer.step()
            return
        with self.schedule.learning_rates(optimizer):
            optimizer.step()

    def get_batch_iterator(self, dataset, *args, max_positions=None, **kwargs):
        """As fairseq's, but without a limit of its own: ``--max-document-tokens`` is the limit."""
        return super().get_batch_iterator(dataset, *args, max_positions=None, **kwargs)

    @staticmethod
    def logging_outputs_can_be_summed(criterion) -> bool:
        """True in training; in validation one of them is a matrix, which fairseq cannot sum."""
        return criterion.training

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        """As fairseq's; fairseq-validate, which calls this once at its end, also logs the table of the classes."""
        super().reduce_metrics(logging_outputs, criterion)
        if not self.trains:
            matrix = sum(output["confusion"] for output in logging_outputs if "confusion" in output)
            if isinstance(matrix, int):
                return
            logger.info("\n" + describe(matrix.cpu().numpy(), self.labels))

    def load_state_dict(self, state: dict) -> None:
        """Check the labels of a checkpoint.

        Raises:
            UsageError: they are not those of the data.
        """
        trained = state.get("labels")
        if trained is not None and list(trained) != list(self.labels):
            raise UsageError(
                f"the checkpoint was trained on the classes {', '.join(trained)}, the data {self.cfg.data} has "
                f"{', '.join(self.labels)}: use data of the same classes (s2s prepare --tokens-from)"
            )
        super().load_state_dict(state)

    @property
    def source_dictionary(self) -> Dictionary:
        return self.dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        return self.dictionary


def classes(dictionary: Dictionary) -> List[str]:
    """The labels in a label dictionary, without the symbols with which fairseq-preprocess pads it."""
    symbols = dictionary.symbols[dictionary.nspecial :]
    while symbols and symbols[-1].startswith("madeupword"):
        symbols = symbols[:-1]
    return list(symbols)
