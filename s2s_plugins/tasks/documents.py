"""Documents as fairseq datasets: whole, cut or split; alone, with labels, or as their own target."""

from __future__ import annotations

import logging
from typing import List, Optional

import numpy as np
import torch
from fairseq.data import BaseWrapperDataset, Dictionary, FairseqDataset, LanguagePairDataset, data_utils

from s2s_plugins.errors import UsageError
from s2s_plugins.text.tokens import cut

logger = logging.getLogger(__name__)


class CutDocuments(BaseWrapperDataset):
    """Documents of at most ``limit`` tokens: the head or the tail of longer ones is cut off.

    Args:
        dataset: documents, each ending in the end-of-sentence symbol; so do the cut ones.
        limit: number of tokens, that symbol included.
        truncate: what is cut off, ``"head"`` or ``"tail"``.
    """

    def __init__(self, dataset, limit: int, truncate: str) -> None:
        super().__init__(dataset)
        self.limit = limit
        self.truncate = truncate
        self._sizes = np.minimum(dataset.sizes, limit)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.cat(cut(self.dataset[index], self.limit, self.truncate))

    @property
    def sizes(self) -> np.ndarray:
        return self._sizes

    def num_tokens(self, index: int) -> int:
        return self._sizes[index]

    size = num_tokens


class SplitDocuments(FairseqDataset):
    """Pieces of at most ``limit`` tokens, each ending in the end-of-sentence symbol; nothing is lost.

    Args:
        dataset: documents, each ending in the end-of-sentence symbol.
        limit: number of tokens, that symbol included; 2 or more.
    """

    def __init__(self, dataset, limit: int) -> None:
        self.dataset = dataset
        self.width = limit - 1
        words = np.maximum(np.asarray(dataset.sizes) - 1, 1)  # an empty document is one empty piece
        pieces = -(-words // self.width)
        self.document = np.repeat(np.arange(len(pieces)), pieces)
        first = np.cumsum(pieces) - pieces
        self.start = (np.arange(len(self.document)) - first[self.document]) * self.width
        self.sizes = np.minimum(np.asarray(dataset.sizes)[self.document] - 1 - self.start, self.width) + 1

    def __len__(self) -> int:
        return len(self.document)

    def __getitem__(self, index: int) -> torch.Tensor:
        tokens = self.dataset[int(self.document[index])]
        start = int(self.start[index])
        return torch.cat([tokens[:-1][start : start + self.width], tokens[-1:]])

    def num_tokens(self, index: int) -> int:
        return self.sizes[index]

    size = num_tokens

    @property
    def supports_prefetch(self) -> bool:
        return False


def limited(dataset, limit: Optional[int], truncate: str):
    """``dataset`` with documents of at most ``limit`` tokens.

    Args:
        dataset: documents, each ending in the end-of-sentence symbol.
        limit: number of tokens, the end-of-sentence symbol included; None: no limit.
        truncate: ``"head"``, ``"tail"`` or ``"split"``.
    """
    if limit is None:
        return dataset
    return SplitDocuments(dataset, limit) if truncate == "split" else CutDocuments(dataset, limit, truncate)


def limit_documents(dataset, split: str, limit: Optional[int], truncate: str):
    """:func:`limited`; the number of longer documents goes to the log, under the name ``split``.

    Raises:
        UsageError: the limit is below 2.
    """
    if limit is None:
        return dataset
    if limit < 2:
        raise UsageError(
            f"--max-document-tokens {limit} leaves no word beside the end of sentence: use 2 or more, or leave it out"
        )
    longer = int((np.asarray(dataset.sizes) > limit).sum())
    result = limited(dataset, limit, truncate)
    done = f"split into {len(result)} pieces in all" if truncate == "split" else f"cut at the {truncate}"
    logger.info(f"{split}: {longer} of {len(dataset)} documents are longer than {limit} tokens and are {done}")
    return result


def batch_long_documents(
    dataset: FairseqDataset, indices, max_tokens: Optional[int], max_sentences: Optional[int], multiple: int
) -> List[np.ndarray]:
    """Batches of documents in the order of ``indices``; a document of more than ``max_tokens`` is a batch of its own.

    fairseq raises an error for such a document.
    """
    tokens = np.array([dataset.num_tokens(index) for index in indices], dtype=np.int64)
    return data_utils.batch_by_size(
        indices,
        num_tokens_fn=dataset.num_tokens,
        num_tokens_vec=tokens if max_tokens is None else np.minimum(tokens, max_tokens),
        max_tokens=max_tokens,
        max_sentences=max_sentences,
        required_batch_size_multiple=multiple,
    )


class SelfTargets(LanguagePairDataset):
    """Documents, each of them its own target.

    Args:
        documents: each ending in the end-of-sentence symbol.
        dictionary: of their tokens.
        shuffle: shuffle documents of equal length.
        left_pad_source: pad the source on the left.
    """

    def __init__(self, documents, dictionary: Dictionary, shuffle: bool, left_pad_source: bool) -> None:
        sizes = np.asarray(documents.sizes)
        super().__init__(
            documents,
            sizes,
            dictionary,
            documents,
            sizes,
            dictionary,
            left_pad_source=left_pad_source,
            left_pad_target=False,
            shuffle=shuffle,
        )

    def batch_by_size(self, indices, max_tokens=None, max_sentences=None, required_batch_size_multiple=1):
        return batch_long_documents(self, indices, max_tokens, max_sentences, required_batch_size_multiple)


class LabelledDocuments(FairseqDataset):
    """Documents and their classes.

    Args:
        documents: N, each ending in the end-of-sentence symbol.
        labels: N class numbers from 0.
        dictionary: of the documents' tokens.
        shuffle: shuffle documents of equal length.
    """

    def __init__(self, documents, labels: np.ndarray, dictionary: Dictionary, shuffle: bool) -> None:
        self.documents = documents
        self.labels = labels
        self.dictionary = dictionary
        self.shuffle = shuffle
        self.sizes = np.asarray(documents.sizes)

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> dict:
        return {"id": index, "source": self.documents[index], "label": int(self.labels[index])}

    def collater(self, samples: List[dict]) -> dict:
        """A batch: documents (B, S), padded on the right, and classes (B,)."""
        if not samples:
            return {}
        sources = [sample["source"] for sample in samples]
        lengths = torch.tensor([len(source) for source in sources])
        return {
            "id": torch.tensor([sample["id"] for sample in samples]),
            "nsentences": len(samples),
            "ntokens": int(lengths.sum()),
            "net_input": {
                "src_tokens": data_utils.collate_tokens(sources, self.dictionary.pad(), left_pad=False),
                "src_lengths": lengths,
            },
            "target": torch.tensor([sample["label"] for sample in samples]),
        }

    def num_tokens(self, index: int) -> int:
        return int(self.sizes[index])

    size = num_tokens

    def ordered_indices(self) -> np.ndarray:
        """In the order of length, so that a batch has little padding."""
        order = np.random.permutation(len(self)) if self.shuffle else np.arange(len(self))
        return order[np.argsort(self.sizes[order], kind="mergesort")]

    def batch_by_size(self, indices, max_tokens=None, max_sentences=None, required_batch_size_multiple=1):
        return batch_long_documents(self, indices, max_tokens, max_sentences, required_batch_size_multiple)
