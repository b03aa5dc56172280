"""Repairs to how fairseq batches data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from fairseq.data import data_utils
from fairseq.tasks import fairseq_task

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError

REMEDY = (
    "raise --max-tokens, --max-source-positions or --max-target-positions, or for a language model lower "
    "--tokens-per-sample"
)


def know_numpy_2() -> None:
    """Let ``--sample-break-mode eos`` and ``--num-batch-buckets`` run: they use a name that numpy 2.0 removed."""
    if not hasattr(np, "compat"):
        vars(np)["compat"] = SimpleNamespace(long=int)


def keep_the_last_batch() -> None:
    """Keep the sentences after the last whole multiple of ``--required-batch-size-multiple``.

    fairseq 0.12.2 drops the last batch unless its size is a multiple (default 8), in training, validation and
    generation: sentences are lost silently, and a corpus of under 8 trains on nothing (fairseq issues 5036, 5351).
    """

    @wrap(data_utils, "batch_by_size")
    def batch_by_size(original, indices, *args, **kwargs):
        if not isinstance(indices, np.ndarray):
            indices = np.fromiter(indices, dtype=np.int64, count=-1)
        if len(indices) == 0:
            return []
        batches = original(indices, *args, **kwargs)
        if kwargs.get("fixed_shapes") is not None:
            return batches
        kept = sum(len(batch) for batch in batches)  # batches are consecutive slices of indices
        return batches if kept == len(indices) else [*batches, indices[kept:]]


def resume_with_the_same_batches() -> None:
    """Give a resumed training the batches of an uninterrupted one.

    fairseq groups sentences into batches once, with a seed that depends on the epoch, and keeps the groups in later
    epochs. A training resumed in epoch 7 groups them with the seed of epoch 7, and ends with other weights.
    """

    @wrap(fairseq_task.FairseqTask, "get_batch_iterator")
    def get_batch_iterator(original, self, dataset, *args, epoch=1, disable_iterator_cache=False, **kwargs):
        kept_for_all_epochs = (
            self.can_reuse_epoch_itr(dataset)
            and not disable_iterator_cache
            and not kwargs.get("update_epoch_batch_itr", False)
        )
        kwargs["disable_iterator_cache"] = disable_iterator_cache
        if not kept_for_all_epochs or dataset in self.dataset_to_epoch_iter:
            return original(self, dataset, *args, epoch=epoch, **kwargs)
        iterator = original(self, dataset, *args, epoch=1, **kwargs)
        iterator.epoch = max(epoch, 1)
        dataset.set_epoch(epoch)
        return iterator


def name_the_sentence_that_is_too_long() -> None:
    """Say in one line which sentence is longer than the model takes, and what can be done."""

    @wrap(data_utils, "batch_by_size")
    def batch_by_size(original, indices, *args, **kwargs):
        try:
            return original(indices, *args, **kwargs)
        except AssertionError as error:
            if "max_tokens" not in str(error):
                raise
            raise UsageError(f"{error}: {REMEDY}") from None

    @wrap(fairseq_task.FairseqTask, "filter_indices_by_size")
    def filter_indices_by_size(original, self, indices, dataset, max_positions=None, ignore_invalid_inputs=False):
        try:
            kept = original(self, indices, dataset, max_positions, ignore_invalid_inputs)
        except Exception as error:
            if "Size of sample" not in str(error):
                raise
            _, ignored = dataset.filter_indices_by_size(indices, max_positions)
            raise UsageError(
                f"sentence {ignored[0]} is too long: (source, target) tokens are {dataset.size(ignored[0])}, the limit "
                f"is {max_positions}: {REMEDY}, or skip such sentences with --skip-invalid-size-inputs-valid-test"
            ) from None
        if len(kept) == 0 and len(indices) > 0:
            raise UsageError(
                f"all {len(indices)} sentences are too long: the limit is {max_positions} (source, target) tokens: "
                f"{REMEDY}"
            )
        return kept
