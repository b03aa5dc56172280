"""Prepared series as a fairseq dataset: windows in any order, or each series in one row of following batches.

Shape letters: B sequences, S source steps, D source size, T target steps, K target size, F size of the covariates.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from fairseq.data import FairseqDataset
from torch import Tensor

from s2s_plugins.inference.torch.vectors import padded_vectors
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.windows import Window

Sample = Tuple[int, Window]


class WindowDataset(FairseqDataset):
    """The windows of a split.

    Args:
        folder: the prepared data.
        split: its name.
        shuffle: draw the order of each epoch.
        stateful: batch them in :func:`lanes`, in order.

    Attributes:
        shards: processes that batches are dealt to in turn, which have lanes of their own.
    """

    def __init__(self, folder: SeriesFolder, split: str, shuffle: bool = True, stateful: bool = False) -> None:
        self.folder = folder
        self.windows = folder.windows(split)
        self.shuffle = shuffle
        self.shards = 1
        self.sizes = (self.windows[:, 2] - self.windows[:, 1]) + (self.windows[:, 4] - self.windows[:, 3])
        self.continues = continues(self.windows) if stateful else None

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Sample:
        return index, self.folder.window(self.windows[index])

    def num_tokens(self, index: int) -> int:
        """Source and target steps."""
        return int(self.sizes[index])

    size = num_tokens

    def ordered_indices(self) -> np.ndarray:
        """In a random order if shuffled, windows of a length next to each other."""
        order = np.random.permutation(len(self)) if self.shuffle else np.arange(len(self))
        return order[np.argsort(self.sizes[order], kind="mergesort")]

    def batch_by_size(
        self,
        indices: np.ndarray,
        max_tokens: Optional[int] = None,
        max_sentences: Optional[int] = None,
        required_batch_size_multiple: int = 1,
    ) -> Any:
        if self.continues is None:
            return super().batch_by_size(indices, max_tokens, max_sentences, required_batch_size_multiple)
        rows = max_sentences or max(1, (max_tokens or 0) // int(self.sizes.max()))
        return lanes(self.windows, self.continues, rows, self.shards)

    def collater(self, samples: Sequence[Sample]) -> Dict[str, Any]:
        """A batch, sources and targets padded on the right."""
        if not samples:
            return {}
        windows = [window for _, window in samples]
        source, source_mask = padded_vectors([window.source for window in windows])
        covariates, _ = padded_vectors([window.covariates for window in windows])
        target, target_mask = padded_vectors([window.target for window in windows])
        observed = ~(target_mask.unsqueeze(-1) | target.isnan())
        first = torch.from_numpy(np.stack([window.first for window in windows])).unsqueeze(1)
        previous = last_observed(torch.cat([first, target[:, :-1]], dim=1))
        target = target.nan_to_num(0.0)
        net_input: Dict[str, Any] = {
            "source": source,
            "prev_outputs": previous,
            "padding_mask": source_mask if bool(source_mask.any()) else None,
            "covariates": covariates if covariates.size(-1) else None,
        }
        batch = {
            "id": torch.tensor([index for index, _ in samples]),
            "net_input": net_input,
            "target": target,
            "observed": observed,
            "scale": torch.from_numpy(np.stack([window.scale for window in windows])),
            "nsentences": len(windows),
            "ntokens": int((~target_mask).sum()),
        }
        if self.continues is not None:
            batch["continues"] = torch.from_numpy(self.continues[[index for index, _ in samples]])
        return batch

    @property
    def supports_prefetch(self) -> bool:
        return False


def last_observed(values: Tensor) -> Tensor:
    """``values`` (B, T, K) with the last one before it in the place of each NaN; the first ones are none."""
    steps = torch.arange(values.size(1)).view(1, -1, 1).expand_as(values)
    return values.gather(1, steps.masked_fill(values.isnan(), 0).cummax(1).values)


def continues(windows: np.ndarray) -> np.ndarray:
    """Which of ``windows`` (W, 5) begin where the source of another one ends, in the same series: (W,)."""
    ends = {(series, end) for series, _, end, _, _ in windows.tolist()}
    return np.array([(series, begin) in ends for series, begin, _, _, _ in windows.tolist()], dtype=bool)


def lanes(windows: np.ndarray, goes_on: np.ndarray, rows: int, shards: int = 1) -> List[List[int]]:
    """Batches in which each window stands in the row of the one that it goes on from, in the batch before.

    Series are dealt to rows, the longest first; a row's next series begins where the last one ended. Rows that run out
    are the last of a batch, so that the others keep their place.

    Args:
        windows: (W, 5), of :meth:`s2s_plugins.series.store.SeriesFolder.windows`.
        goes_on: of :func:`continues`.
        rows: B, at most.
        shards: every n-th batch goes to the same process, which has rows of its own.
    """
    chains: List[List[int]] = []
    open_ends: Dict[Tuple[int, int], List[int]] = {}  # by series and row; windows that overlap are of several chains
    for index in np.lexsort((windows[:, 1], windows[:, 0])).tolist():
        series, begin, end = windows[index, :3].tolist()
        chain = open_ends.pop((series, begin), None) if goes_on[index] else None
        if chain is None:
            chain = []
            chains.append(chain)
        chain.append(index)
        open_ends[series, end] = chain
    shards_of_lanes: List[List[List[int]]] = [[[] for _ in range(rows)] for _ in range(shards)]
    every = [lane for number in range(rows) for lane in (shard[number] for shard in shards_of_lanes)]
    for chain in sorted(chains, key=len, reverse=True):
        min(every, key=len).extend(chain)
    batches = []
    for shard in shards_of_lanes:
        shard.sort(key=len, reverse=True)
    for step in range(max(map(len, every))):
        batches += [[lane[step] for lane in shard if step < len(lane)] for shard in shards_of_lanes]
    return batches
