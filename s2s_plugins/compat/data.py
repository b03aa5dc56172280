"""Repairs to how fairseq finds and reads data: errors name what is missing or damaged."""

from __future__ import annotations

import os

import numpy as np
from fairseq import tasks, utils
from fairseq.data import Dictionary, data_utils, indexed_dataset
from fairseq.data.fasta_dataset import FastaDataset, fasta_file_path
from fairseq.tasks import fairseq_task, language_modeling, translation

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError, usage_error_behind
from s2s_plugins.text.indexed import REMEDY, check_numbers


def name_the_data_that_is_missing() -> None:
    """Say in one line which data folder, dictionary or split is missing, and which command makes it."""

    @wrap(tasks, "setup_task")
    def setup_task(original, cfg, **kwargs):
        data = getattr(cfg, "data", None)
        task = tasks.TASK_REGISTRY.get(getattr(cfg, "_name", None))
        makes = getattr(task, "data_made_by", "fairseq-preprocess --destdir {}")
        for folder in utils.split_paths(data) if isinstance(data, str) and data else []:
            if not os.path.exists(folder):
                raise UsageError(f"data folder {folder} does not exist: {makes.format(folder)} makes it")
            if os.path.isfile(folder):
                raise UsageError(f"data folder {folder} is a file: name a folder that fairseq-preprocess wrote")
            if not os.listdir(folder):
                raise UsageError(f"data folder {folder} is empty: {makes.format(folder)} fills it")
        try:
            return original(cfg, **kwargs)
        except FileNotFoundError as error:
            raise UsageError(f"{error.filename or error} does not exist: fairseq-preprocess writes it") from error
        except NotADirectoryError:
            raise UsageError(f"data folder {data} is a file: name a folder that fairseq-preprocess wrote") from None
        except Exception as error:
            if "Could not infer language pair" not in str(error):
                raise
            raise UsageError(
                f"data folder {data} has no train.SOURCE-TARGET.* files to read the two sides' names off: give "
                "--source-lang and --target-lang, or fill it with fairseq-preprocess"
            ) from None

    @wrap(language_modeling.LanguageModelingTask, "load_dataset")
    def load_dataset(original, self, split, *args, **kwargs):
        try:
            return original(self, split, *args, **kwargs)
        except FileNotFoundError:
            raise UsageError(
                f"data folder {self.args.data} has no {split} split: s2s prepare and fairseq-preprocess --only-source "
                "write it, and --gen-subset, --valid-subset and --train-subset choose among those there"
            ) from None

    @wrap(translation, "load_langpair_dataset")
    def load_langpair_dataset(original, data_path, split, *args, **kwargs):
        try:
            dataset = original(data_path, split, *args, **kwargs)
            if dataset.tgt is not None and len(dataset.src) != len(dataset.tgt):
                raise UsageError(
                    f"data folder {data_path}: {split} has {len(dataset.src)} sources and {len(dataset.tgt)} targets, "
                    f"and needs as many: {REMEDY}"
                )
            return dataset
        except FileNotFoundError:
            raise UsageError(
                f"data folder {data_path} has no {split} split: fairseq-preprocess writes it, and --gen-subset, "
                "--valid-subset and --train-subset choose among those there"
            ) from None


def name_the_data_that_is_damaged() -> None:
    """Say in one line which file of binarised data, or which dictionary, is damaged or belongs to other data.

    fairseq fails with whatever error a wrong byte leads to, at worst in the middle of a training.
    """

    @wrap(data_utils, "load_indexed_dataset")
    def load_indexed_dataset(original, path, dictionary=None, *args, **kwargs):
        try:
            dataset = original(path, dictionary, *args, **kwargs)
            for part in getattr(dataset, "datasets", [dataset]):
                if isinstance(part, indexed_dataset.MMapIndexedDataset):
                    sizes, starts, kind = part._index.sizes, part._index._pointers, np.dtype(part._index.dtype)
                    vocabulary = None if dictionary is None else len(dictionary)
                    check_numbers(part._path, sizes, starts, part._bin_buffer, kind, vocabulary)
            return dataset
        except OSError as error:
            raise UsageError(f"{error.filename or path}: {error.strerror or error}: {REMEDY}") from error
        except MemoryError:
            raise
        except Exception as error:
            usage = usage_error_behind(error)
            if usage is not None:
                raise usage from None
            first = next(iter(str(error).splitlines()), type(error).__name__)[:100]
            raise UsageError(f"{path}.idx or {path}.bin is damaged ({first}): {REMEDY}") from error

    for kind in (indexed_dataset.MMapIndexedDataset, indexed_dataset.MMapIndexedDataset.Index):

        @wrap(kind, "__del__")
        def close(original, self):
            if "_bin_buffer_mmap" in vars(self):  # else it was never opened, and Python prints a traceback
                original(self)

    @wrap(Dictionary, "add_from_file")
    def add_from_file(original, self, f):
        try:
            return original(self, f)
        except OSError:
            raise
        except Exception as error:
            if not isinstance(f, (str, os.PathLike)):
                raise
            first = next(iter(str(error).splitlines()), type(error).__name__)[:150]
            raise UsageError(f"dictionary {f} is damaged ({first}): {REMEDY}") from error


def name_the_targets_that_are_missing() -> None:
    """Say in one line that data without a target side can only be decoded, not trained or validated on."""

    def needs_targets(original, self, sample, *args, **kwargs):
        if sample and "target" in sample and sample["target"] is None:
            raise UsageError(
                f"data folder {getattr(self.cfg, 'data', '')} has no targets, or their .bin or .idx is missing, and "
                f"training and validation need them: {REMEDY}"
            )
        return original(self, sample, *args, **kwargs)

    wrap(fairseq_task.FairseqTask, "train_step")(needs_targets)
    wrap(fairseq_task.FairseqTask, "valid_step")(needs_targets)


def index_proteins_without_a_shell() -> None:
    """Index a ``.fasta`` file in Python.

    fairseq passes the path, which may come from the settings in a checkpoint, to a shell.
    """

    @wrap(FastaDataset, "_build_index")
    def build_index(original, self, path):
        starts, sizes, place = [], [], 0
        with open(fasta_file_path(path), "rb") as lines:
            for line in lines:
                if line.startswith(b">"):
                    starts.append(place)
                    sizes.append(0)
                elif sizes:
                    sizes[-1] += len(line.strip())
                place += len(line)
        return np.array(starts, dtype=np.int64), np.array(sizes, dtype=np.int64)
