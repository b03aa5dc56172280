"""A trained model of series as an object: what was observed in, what comes next out, with intervals.

Shape letters: N windows, S source steps, D source size, T predicted steps, K targets, F size of the covariates,
Q quantile levels.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Protocol, Sequence, Tuple, Union, overload

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.trained import Trained
from s2s_plugins.series.arrays import sample_series
from s2s_plugins.series.description import MOST, Description
from s2s_plugins.series.features import in_units
from s2s_plugins.series.forecasts import Forecast, Values
from s2s_plugins.series.table import Series
from s2s_plugins.series.windows import Window, forecast_window

DEFAULT_LEVELS = (0.1, 0.5, 0.9)  # of a distribution that gives any
Float = NDArray[np.float32]


class Model(Protocol):
    """What a :class:`Forecaster` runs.

    Attributes:
        levels: the quantile levels that it was trained for.
        gives_quantiles: whether it predicts more than a number; without levels of its own, at any level.
    """

    levels: Tuple[float, ...]
    gives_quantiles: bool

    def predict(
        self, windows: Sequence[Window], levels: Sequence[float], histories: Sequence[Sequence[Float]] = ()
    ) -> Tuple[Float, Float]:
        """Predict as many steps as the windows have covariates, the same number in all; their targets are not read.

        Args:
            windows: N.
            levels: of the quantiles.
            histories: for each window, if any, the sources (S, D) that the encoder reads first, oldest first.

        Returns:
            Points (N, T, K) and quantiles (N, T, K, Q), in the windows' own scale.
        """


class ForecastArrays(NamedTuple):
    """What comes behind the samples of an array, in the units of the data.

    Attributes:
        values: (N, T, K).
        quantiles: (N, T, K, Q).
    """

    values: Values
    quantiles: Values


class Forecaster(Trained):
    """A trained model of series, or of arrays, ready to predict.

    Args:
        name: of the model, for messages.
        model: what computes.
        description: of the data that it was trained on.
        stateful: its encoder goes on from window to window, so that a forecast reads the whole series.

    Attributes:
        levels: the quantile levels that :meth:`forecast` gives unless others are asked for.
    """

    kind = "forecaster"

    def __init__(self, name: str, model: Model, description: Description, stateful: bool = False) -> None:
        super().__init__(name)
        self.model, self.description, self.stateful = model, description, stateful
        self.levels: Tuple[float, ...] = model.levels or (DEFAULT_LEVELS if model.gives_quantiles else ())

    @overload
    def forecast(
        self,
        series: Sequence[Series],
        length: Optional[int] = None,
        levels: Optional[Sequence[float]] = None,
        batch_size: int = BATCH_SIZE,
    ) -> List[Forecast]: ...

    @overload
    def forecast(
        self,
        series: NDArray[np.floating],
        length: Optional[int] = None,
        levels: Optional[Sequence[float]] = None,
        batch_size: int = BATCH_SIZE,
    ) -> ForecastArrays: ...

    def forecast(
        self,
        series: Union[Sequence[Series], NDArray[np.floating]],
        length: Optional[int] = None,
        levels: Optional[Sequence[float]] = None,
        batch_size: int = BATCH_SIZE,
    ) -> Any:
        """What comes behind the last observed row of each series, or behind arrays.

        Args:
            series: as :func:`s2s_plugins.series.reading.read_series` gives them; or, for a model of arrays or of series
                whose rows are counted, without covariates, an array (N, S, D) in the units of the data, D being the
                columns that are observed; of series at least as many steps as a window has.
            length: number of steps, T; by default as many as in training.
            levels: of the quantiles, between 0 and 1, rising; by default :attr:`levels`.
            batch_size: number of series at a time.

        Returns:
            Of series a list of :class:`~s2s_plugins.series.forecasts.Forecast`; of an array :class:`ForecastArrays`.

        Raises:
            UsageError: ``length`` or ``batch_size`` is below 1, the model does not give these quantiles, a series is
                too short, covariates are missing, or an array does not fit the model.
        """
        if isinstance(series, np.ndarray):
            found = self._forecast(self._as_series(series), length, levels, batch_size)
            return ForecastArrays(np.stack([one.point for one in found]), np.stack([one.quantiles for one in found]))
        if not isinstance(series, Sequence) or not all(isinstance(one, Series) for one in series):
            raise UsageError(
                "a forecast begins behind series, as s2s_plugins.series.reading.read_series gives them, or behind an "
                "array of numpy (samples, steps, columns)"
            )
        return self._forecast(series, length, levels, batch_size)

    def _forecast(
        self, series: Sequence[Series], length: Optional[int], levels: Optional[Sequence[float]], batch_size: int
    ) -> List[Forecast]:
        steps = self.description.output_length if length is None else length
        for name, value in (("--length", steps), ("--batch-size", batch_size)):
            if value < 1:
                raise UsageError(f"{name} {value} is too small: use 1 or more")
        if steps > MOST:
            raise UsageError(f"--length {steps} is too large: use {MOST} or less")
        asked = self.check_levels(levels)
        found: List[Forecast] = []
        for begin in range(0, len(series), batch_size):
            part = series[begin : begin + batch_size]
            origins = [forecast_window(one, self.description, steps, self.stateful) for one in part]
            windows, histories = [one.window for one in origins], [one.history for one in origins]
            point, quantiles = self.predict_windows(windows, asked, histories)
            for place, (one, origin) in enumerate(zip(part, origins)):
                columns = self.description.targets
                found.append(Forecast(one.name, origin.times, columns, point[place], asked, quantiles[place]))
        return found

    def _as_series(self, source: NDArray[np.floating]) -> List[Series]:
        """The samples of an array (N, S, D) as series.

        Raises:
            UsageError: the shape is another, or the data has times or covariates.
        """
        try:
            source = np.asarray(source, dtype=np.float64)
        except (TypeError, ValueError):
            raise UsageError("the source is no array of numbers: (samples, steps, columns) is needed") from None
        columns, shape = len(self.description.observed), source.shape
        if self.description.time is not None or self.description.covariate_size:
            raise UsageError(f"{self.name} was trained on series with times or covariates: give forecast() such series")
        if len(shape) != 3 or shape[2] != columns or not shape[0]:
            raise UsageError(f"the source has the shape {shape}: (samples, steps, {columns}) is needed")
        if np.isnan(source[:, -1:, : len(self.description.targets)]).all(-1).any():
            raise UsageError("a sample ends in a step without a value: end it at the last one that has one")
        return [sample_series(rows, self.description, f"sample {place}") for place, rows in enumerate(source)]

    def check_levels(self, levels: Optional[Sequence[float]]) -> Tuple[float, ...]:
        """The quantile levels to predict; None stands for :attr:`levels`.

        Raises:
            UsageError: the model does not give them.
        """
        if levels is None:
            return self.levels
        asked = tuple(levels)
        if asked and not self.model.gives_quantiles:
            raise UsageError(
                f"{self.name} predicts a number alone, no quantiles of it: train with --loss quantile or gaussian"
            )
        if not all(a < b for a, b in zip((0.0, *asked), (*asked, 1.0))):
            raise UsageError(f"levels {', '.join(map(str, asked))} are not rising numbers between 0 and 1")
        unknown = [level for level in asked if self.model.levels and level not in self.model.levels]
        if unknown:
            trained = ", ".join(map(str, self.model.levels))
            raise UsageError(f"{self.name} gives no quantile {unknown[0]}: choose among {trained}")
        return asked

    def predict_windows(
        self, windows: Sequence[Window], levels: Sequence[float], histories: Sequence[Sequence[Float]] = ()
    ) -> Tuple[Values, Values]:
        """The predictions of windows whose targets have one length.

        Args:
            windows: as :func:`~s2s_plugins.series.windows.make_window` makes them; their targets are not read.
            levels: of the quantiles, as :meth:`check_levels` returns them.
            histories: of a stateful model, what was read before each window.

        Returns:
            Points (N, T, K) and quantiles (N, T, K, Q), in the units of the data.

        Raises:
            UsageError: the model's predictions are not finite.
        """
        point, quantiles = self.model.predict(windows, levels, histories)
        if not (np.isfinite(point).all() and np.isfinite(quantiles).all()):
            raise UsageError(f"{self.name} predicts no finite numbers: its weights or the input are too large")
        location = np.stack([window.location for window in windows])[:, None].astype(np.float64)  # N 1 K
        scale = np.stack([window.scale for window in windows])[:, None].astype(np.float64)
        by_level = [quantiles[..., index] * scale + location for index in range(quantiles.shape[-1])]
        in_order = [in_units(values, self.description) for values in by_level]
        joined = np.stack(in_order, axis=-1) if in_order else np.empty((*point.shape, 0))
        return in_units(point * scale + location, self.description), joined
