"""A trained model as a system to be evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import numpy as np
import pandas as pd

from forecast.recipe import Set
from s2s_plugins.models.forecaster import load_forecaster
from s2s_plugins.series.forecasts import Forecast
from s2s_plugins.series.table import Series
from s2s_plugins.training.recipes_series import LEVELS


def series_of(one: Set, history: pd.DataFrame, name: str = "") -> Series:
    """The end of a table, as long as a model reads, as the library takes it."""
    rows = history.iloc[-one.input_length :]
    columns = [*one.targets, *one.past]
    return Series(
        name, rows.index.to_numpy("datetime64[ns]"), {column: rows[column].to_numpy(float) for column in columns}, {}
    )


class Trained:
    """A model that fairseq-train made; it was fitted before.

    Args:
        one: the set.
        checkpoint: of the model.
    """

    def __init__(self, one: Set, checkpoint: Path) -> None:
        self.one, self.forecaster = one, load_forecaster(str(checkpoint))

    def fit(self, table: pd.DataFrame, valid: int) -> None:
        """Nothing: the training was a step of its own."""

    def forecast(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        series: List[Series] = [series_of(self.one, history) for history in histories]
        found = self.forecaster.forecast(series)
        return np.stack([self._levels(one) for one in found])

    def _levels(self, one: Forecast) -> np.ndarray:
        return np.stack([one.quantiles[..., list(one.levels).index(level)] for level in LEVELS], axis=-1)
