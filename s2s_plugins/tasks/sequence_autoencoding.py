"""``--task sequence_autoencoding``: reconstruct a text."""

import logging
import os
from dataclasses import dataclass, field
from typing import Optional

from fairseq import utils
from fairseq.data import Dictionary, LanguagePairDataset, data_utils
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.constants import StrEnum
from fairseq.tasks import FairseqTask, register_task
from omegaconf import MISSING

from s2s_plugins.errors import UsageError
from s2s_plugins.tasks.documents import SelfTargets, limit_documents

logger = logging.getLogger(__name__)


class Truncate(StrEnum):
    """What becomes of a longer document."""

    head = "head"
    tail = "tail"
    split = "split"


@dataclass
class SequenceAutoencodingConfig(FairseqDataclass):
    """Flags of the task."""

    data: str = field(
        default=MISSING,
        metadata={
            "help": "folder with dict.txt and train, valid, ... (as of a language model); or several, DATA1:DATA2, "
            "whose train is read in turn, each in an epoch"
        },
    )
    max_document_tokens: Optional[int] = field(
        default=None,
        metadata={"help": "longest document in tokens, end-of-sentence symbol included (default: no limit)"},
    )
    truncate: Truncate = field(
        default=Truncate("split"),
        metadata={"help": "cut off the head or the tail of a longer document, or split it into pieces"},
    )
    left_pad_source: bool = field(default=True, metadata={"help": "pad the source on the left"})


@register_task("sequence_autoencoding", dataclass=SequenceAutoencodingConfig)
class SequenceAutoencodingTask(FairseqTask):
    """Dai and Le 2015, arXiv:1511.01432, section 2.1.

    The data has the form of fairseq's ``language_modeling``: ``fairseq-preprocess --only-source`` and ``s2s prepare``
    write it.

    Args:
        cfg: the flags.
        dictionary: of the text.
    """

    def __init__(self, cfg: SequenceAutoencodingConfig, dictionary: Dictionary) -> None:
        super().__init__(cfg)
        self.dictionary = dictionary

    @classmethod
    def setup_task(cls, cfg: SequenceAutoencodingConfig, **kwargs) -> "SequenceAutoencodingTask":
        """Read the dictionary.

        Raises:
            FileNotFoundError: there is none.
        """
        dictionary = cls.load_dictionary(os.path.join(utils.split_paths(cfg.data)[0], "dict.txt"))
        logger.info(f"dictionary: {len(dictionary)} types")
        return cls(cfg, dictionary)

    def load_dataset(self, split: str, combine: bool = False, epoch: int = 1, **kwargs) -> None:
        """Load ``split``; of several folders ``train`` is that of the epoch's, and others are the first's.

        Raises:
            UsageError: the data folder has no such split.
        """
        folders = utils.split_paths(self.cfg.data)
        folder = folders[(epoch - 1) % len(folders)]
        documents = data_utils.load_indexed_dataset(os.path.join(folder, split), self.dictionary, combine=combine)
        if documents is None:
            raise UsageError(
                f"data folder {folder} has no {split} split: s2s prepare writes train and valid, and "
                "--gen-subset, --valid-subset and --train-subset choose among those there"
            )
        documents = limit_documents(documents, split, self.cfg.max_document_tokens, str(self.cfg.truncate))
        self.datasets[split] = SelfTargets(
            documents, self.dictionary, shuffle=True, left_pad_source=self.cfg.left_pad_source
        )

    def build_dataset_for_inference(self, src_tokens, src_lengths, constraints=None) -> LanguagePairDataset:
        return LanguagePairDataset(
            src_tokens,
            src_lengths,
            self.dictionary,
            tgt_dict=self.dictionary,
            left_pad_source=self.cfg.left_pad_source,
            constraints=constraints,
        )

    @property
    def source_dictionary(self) -> Dictionary:
        return self.dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        return self.dictionary
