"""How windows of series become batches: padding, masks, and rows that go on from one batch to the next."""

import numpy as np
import pytest
import torch

from s2s_plugins.inference.torch.vectors import padded_vectors
from s2s_plugins.series.windows import Window
from s2s_plugins.tasks.windows import WindowDataset, continues, lanes


def pieces(*counts, length=10, stride=10, target=3):
    """Windows (W, 5) of series with so many pieces each."""
    rows, begin = [], 0
    for series, count in enumerate(counts):
        for number in range(count):
            start = begin + number * stride
            rows.append((series, start, start + length, start + length, start + length + target))
        begin += count * stride + length
    return np.array(rows, dtype=np.int64)


@pytest.mark.parametrize("counts", [(5,), (3, 3, 3), (3, 2, 2), (7, 2, 1, 4), (1, 1, 6)])
@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("stride", [10, 5])
def test_a_window_stands_in_the_row_of_the_one_that_it_goes_on_from(counts, rows, shards, stride):
    windows = pieces(*counts, stride=stride)
    goes_on = continues(windows)
    batches = lanes(windows, goes_on, rows, shards)
    assert sorted(index for batch in batches for index in batch) == list(range(len(windows)))
    for shard in range(shards):
        before = []
        for batch in batches[shard::shards]:
            assert len(batch) <= rows
            for row, index in enumerate(batch):
                if goes_on[index]:
                    other = windows[before[row]]
                    assert (other[0], other[2]) == (windows[index][0], windows[index][1])
            before = batch


def test_a_window_goes_on_only_in_its_own_series():
    windows = pieces(2, 2)
    windows[2:, 1:] -= windows[2, 1] - windows[1, 2]  # the second series begins at the row where the first one ends
    assert continues(windows).tolist() == [False, True, False, True]


class Folder:
    """Prepared data in memory, as :class:`s2s_plugins.series.store.SeriesFolder` gives it."""

    def __init__(self, windows):
        self.all = windows

    def windows(self, split):
        length = [len(window.source) for window in self.all]
        return np.array([(0, 0, size, 0, len(one.target)) for size, one in zip(length, self.all)])

    def window(self, row):
        return next(one for one in self.all if (len(one.source), len(one.target)) == (row[2], row[4]))


def window_of(source, target, first=5.0, missing=()):
    values = np.arange(target * 2, dtype=np.float32).reshape(target, 2)
    for place in missing:
        values[place] = np.nan
    both = np.full(2, first, dtype=np.float32)
    return Window(
        np.ones((source, 3), dtype=np.float32),
        np.full((target, 1), 2.0, dtype=np.float32),
        values,
        both,
        both * 0,
        both,
    )


def test_a_batch_is_padded_on_the_right_and_masks_what_is_missing():
    dataset = WindowDataset(Folder([window_of(4, 3, missing=[(1, 0)]), window_of(2, 2)]), "train", shuffle=False)
    batch = dataset.collater([dataset[0], dataset[1]])
    net_input = batch["net_input"]
    assert net_input["padding_mask"].tolist() == [[False] * 4, [False, False, True, True]]
    assert net_input["source"][1, 2:].abs().sum() == 0
    assert batch["observed"][0].tolist() == [[True, True], [False, True], [True, True]]
    assert batch["observed"][1].tolist() == [[True, True], [True, True], [False, False]]
    # what the decoder reads: first, then the target shifted by one, the last observed one where it is missing
    assert net_input["prev_outputs"][0].tolist() == [[5, 5], [0, 1], [0, 3]]
    assert batch["target"][0].tolist() == [[0, 1], [0, 3], [4, 5]]
    assert net_input["covariates"][1].flatten().tolist() == [2, 2, 0]
    assert batch["ntokens"] == 5 and batch["scale"].tolist() == [[5, 5], [5, 5]]
    assert dataset.collater([]) == {}


def test_a_missing_target_is_read_as_the_last_observed_one():
    one = window_of(3, 4, first=7.0, missing=[(0, 1), (1, 1), (2, 0)])
    dataset = WindowDataset(Folder([one]), "train")
    previous = dataset.collater([dataset[0]])["net_input"]["prev_outputs"][0]
    assert previous.tolist() == [[7, 7], [0, 7], [2, 7], [2, 5]]


def test_without_padding_and_covariates_there_is_no_mask_and_none():
    one = window_of(3, 2)._replace(covariates=np.empty((2, 0), dtype=np.float32))
    dataset = WindowDataset(Folder([one]), "train")
    net_input = dataset.collater([dataset[0]])["net_input"]
    assert net_input["padding_mask"] is None and net_input["covariates"] is None


def test_vectors_of_several_lengths_are_padded_with_zeros():
    joined, mask = padded_vectors([np.ones((2, 2)), np.ones((3, 2))])
    assert joined.shape == (2, 3, 2) and joined[0, 2].tolist() == [0, 0]
    assert torch.equal(mask, torch.tensor([[False, False, True], [False] * 3]))
