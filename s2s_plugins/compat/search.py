"""Repairs to fairseq's search strategies."""

from __future__ import annotations

from fairseq import search

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError


def count_diverse_beams_by_place_in_the_batch() -> None:
    """Let ``--diverse-beam-groups`` decode a test set of more than one batch.

    fairseq looks up the statistics of a batch by the numbers of its sentences in the data set: IndexError from the
    second batch on, and penalties of another sentence in a shuffled first batch.
    """

    @wrap(search.DiverseBeamSearch, "step")
    def step(original, self, step, lprobs, scores, prev_output_tokens=None, original_batch_idxs=None):
        if original_batch_idxs is not None:
            if step == 0:
                self.numbers_in_batch = original_batch_idxs
            same = original_batch_idxs.unsqueeze(1).eq(self.numbers_in_batch.unsqueeze(0))
            original_batch_idxs = same.long().argmax(dim=1)
        return original(self, step, lprobs, scores, prev_output_tokens, original_batch_idxs)


def name_the_beam_that_is_too_wide_for_constraints() -> None:
    """Report in one line a beam that is too wide: ``--constraints`` takes two target symbols for each hypothesis."""

    @wrap(search.LexicallyConstrainedBeamSearch, "step")
    def step(original, self, step, lprobs, *args, **kwargs):
        _, beam_size, vocabulary = lprobs.shape
        if 2 * beam_size > vocabulary:
            raise UsageError(
                f"--beam {beam_size} with --constraints needs {2 * beam_size} target symbols, the dictionary has "
                f"{vocabulary}: use --beam {vocabulary // 2} or less"
            )
        return original(self, step, lprobs, *args, **kwargs)
