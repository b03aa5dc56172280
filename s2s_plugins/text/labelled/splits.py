"""The documents of each part of labelled texts, as they are binarised."""

from __future__ import annotations

from typing import Dict, Iterator, Set

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.text.documents import Document, Left
from s2s_plugins.text.labelled.reading import Unlabelled
from s2s_plugins.text.labelled.survey import Survey, text_hash
from s2s_plugins.text.pairs.splitting import PARTS, TRAIN
from s2s_plugins.text.pairs.survey import key_of
from s2s_plugins.text.pairs.tokenizing import squashed


class LabelledSplits:
    """Train, valid and test, and the unlabelled text without what is held out.

    Args:
        surveys: of each file.
        parts: for each file the part that each text belongs to, as bits.
        unlabelled: further text.
        seed: of the texts' hashes.

    Attributes:
        left: what reading files has left out.
        held_out: number of unlabelled texts that are left out, since they are held out.
        labelled: number of those that are left out, since they are training texts.
    """

    def __init__(
        self, surveys: Dict[str, Survey], parts: Dict[str, NDArray[np.uint8]], unlabelled: Unlabelled, seed: int
    ) -> None:
        self.surveys, self.parts, self.seed = surveys, parts, seed
        self._further = unlabelled
        self.left: Left = unlabelled.left
        self.held_out = self.labelled = 0
        self._held: Set[int] = set()
        for name, survey in surveys.items():
            chosen = survey.kept & ((parts[name] & TRAIN) == 0)
            self._held.update(survey.texts[chosen].tolist())
        self._labelled = set(surveys["train"].texts[surveys["train"].kept].tolist())

    def of(self, part: str) -> Iterator[Document]:
        """The documents of a part.

        Raises:
            UsageError: the data is not what it was in the first pass.
        """
        for name, survey in self.surveys.items():
            bits = self.parts[name].tobytes()
            number = -1
            for number, pair in enumerate(survey.pairs):
                if number < len(bits) and bits[number] & PARTS[part]:
                    yield Document(pair.source, key_of(pair.target), pair.where)
            if number + 1 != len(bits):
                raise UsageError(f"{survey.pairs.name} changed while it was read: run the command again")

    def train(self) -> Iterator[Document]:
        """The labelled documents to train on."""
        return self.of("train")

    def valid(self) -> Iterator[Document]:
        """The labelled documents to validate on."""
        return self.of("valid")

    def test(self) -> Iterator[Document]:
        """The labelled documents to test on."""
        return self.of("test")

    def unlabelled(self) -> Iterator[Document]:
        """The further documents, without empty ones and without those that have a label elsewhere."""
        held = labelled = 0
        for document in self._further:
            try:
                found = text_hash(document.text, self.seed)
            except UnicodeEncodeError:
                raise UsageError(f"{document.where}: half a character, or not UTF-8: correct or remove it") from None
            if found in self._held:
                held += 1
            elif found in self._labelled:
                labelled += 1
            elif squashed(document.text):
                yield document
        self.held_out, self.labelled = held, labelled

    def texts(self) -> Iterator[str]:
        """The texts that the dictionary is made of."""
        for document in self.unlabelled():
            yield document.text
        for document in self.train():
            yield document.text
