"""What the models have to beat: seasonal naive, exponential smoothing, ARIMA, and a linear model on lags.

Parameters are fitted on the training part; at each origin the state is updated by the rows that were observed since.
"""

from __future__ import annotations

import itertools
import warnings
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, List, Sequence, Tuple, Union

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import Ridge
from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # type: ignore[import-untyped]
from statsmodels.tsa.statespace.sarimax import SARIMAX  # type: ignore[import-untyped]

from forecast.evaluation import MEDIAN, System, actual, origins
from forecast.recipe import Set
from s2s_plugins.training.recipes_series import LEVELS

FITTED_ROWS = 3000  # ETS and ARIMA are fitted on the last rows of the training part: more hardly change a dozen numbers
SEEN_ROWS = 600  # and at an origin their states come from as many rows before it: older ones have no weight left
DAY, WEEK, YEAR = 24, 168, 365  # the long seasons there are: of hours, and of days
HARMONICS = 3  # of a year of days
ORDERS = tuple(itertools.product((0, 1, 2, 3), (0, 1), (0, 1, 2)))  # of ARIMA: p, d and q
SEASONAL_ORDERS = ((1, 1, 1), (0, 1, 1))
RIDGES = tuple(10.0**power for power in range(-1, 6))
TAIL = 1 - LEVELS[-1] + LEVELS[0]  # outside the interval


def filled(values: np.ndarray) -> np.ndarray:
    """Missing values (R, C) replaced by the one before: nothing of the future is looked at."""
    return pd.DataFrame(values).ffill().bfill().to_numpy(float)


class ErrorQuantiles:
    """Intervals of a point forecast: its errors' quantiles, by step, in the valid part."""

    def __init__(self, one: Set) -> None:
        self.one = one
        self.offsets = np.zeros((one.output_length, len(one.targets), len(LEVELS)))

    def fit(self, table: pd.DataFrame, valid: int, points: Callable[[Sequence[pd.DataFrame]], np.ndarray]) -> float:
        """Learn the offsets from every origin in the valid part; the points' mean absolute error there."""
        rows = origins(self.one, table, valid, len(table), stride=1)
        errors = actual(self.one, table, rows) - points([table.iloc[:row] for row in rows])
        self.offsets = np.moveaxis(np.nanquantile(errors, LEVELS, axis=0), 0, -1)
        self.offsets[..., MEDIAN] = 0  # the point itself is what is scored
        return float(np.nanmean(np.abs(errors)))

    def around(self, points: np.ndarray) -> np.ndarray:
        """Points (O, T, K) -> quantiles (O, T, K, Q)."""
        return points[..., None] + self.offsets


class SeasonalNaive:
    """The value of a season before."""

    def __init__(self, one: Set) -> None:
        self.one, self.intervals = one, ErrorQuantiles(one)

    def points(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        steps = np.arange(self.one.output_length)
        back = self.one.season - steps % self.one.season  # rows before the origin
        # as much of the history as one season and what fills its gaps
        lasts = [
            filled(history[list(self.one.targets)].iloc[-2 * self.one.season :].to_numpy()) for history in histories
        ]
        return np.stack([last[len(last) - back] for last in lasts])

    def fit(self, table: pd.DataFrame, valid: int) -> None:
        self.intervals.fit(table, valid, self.points)

    def forecast(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        return self.intervals.around(self.points(histories))


class Linear:
    """Ridge regression from all values in the window to all steps: as many rows and columns as the models see.

    Its penalty, and whether the targets are taken relative to their last value (Zeng et al. 2023, "Are Transformers
    Effective for Time Series Forecasting?", section 4: NLinear), are chosen on the valid part.
    """

    def __init__(self, one: Set) -> None:
        self.one, self.intervals = one, ErrorQuantiles(one)
        self.relative, self.model = False, Ridge()

    def windows(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        """The last rows of each history, standardised, (O, S, C)."""
        columns = [*self.one.targets, *self.one.past]
        rows = [filled(history[columns].iloc[-self.one.input_length :].to_numpy(float)) for history in histories]
        return (np.stack(rows) - self.means) / self.stds

    def inputs(self, windows: np.ndarray) -> np.ndarray:
        """Windows (O, S, C) -> what the regression reads, (O, S C)."""
        count = len(self.one.targets)
        if self.relative:
            windows = windows.copy()
            windows[..., :count] -= windows[:, -1:, :count]
        return windows.reshape(len(windows), -1)

    def points(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        count = len(self.one.targets)
        windows = self.windows(histories)
        found = self.model.predict(self.inputs(windows)).reshape(len(windows), self.one.output_length, count)
        if self.relative:
            found = found + windows[:, -1:, :count]
        return found * self.stds[:count] + self.means[:count]

    def fit(self, table: pd.DataFrame, valid: int) -> None:
        count, size = len(self.one.targets), self.one.input_length
        values = table[[*self.one.targets, *self.one.past]].iloc[:valid].to_numpy(float)
        self.means, self.stds = np.nanmean(values, axis=0), np.maximum(np.nanstd(values, axis=0), 1e-8)
        scaled = filled((values - self.means) / self.stds)
        cut = sliding_window_view(scaled, size + self.one.output_length, axis=0).swapaxes(1, 2)
        sources, targets = cut[:, :size], cut[:, size:, :count]
        best = np.inf
        for relative in (False, True):
            self.relative = relative
            inputs = self.inputs(sources)
            outputs = (targets - sources[:, -1:, :count] if relative else targets).reshape(len(targets), -1)
            for ridge in RIDGES:
                self.model = Ridge(ridge, solver="cholesky").fit(inputs, outputs)
                error = self.intervals.fit(table, valid, self.points)
                if error < best:
                    best, chosen = error, (relative, self.model)
        self.relative, self.model = chosen
        self.intervals.fit(table, valid, self.points)

    def forecast(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        return self.intervals.around(self.points(histories))


class Means:
    """A season as means by hour of the day or week, or as a curve over the days of a year.

    Args:
        length: rows of the season.
    """

    left = 0  # the season that is left to the model

    def __init__(self, length: int) -> None:
        self.length, self.values = length, np.zeros(length)

    def phase(self, times: pd.DatetimeIndex) -> np.ndarray:
        if self.length == YEAR:
            return np.minimum(times.day_of_year.to_numpy() - 1, YEAR - 1)
        return (times.dayofweek.to_numpy() * 24 + times.hour.to_numpy()) % self.length

    def fit(self, column: pd.Series) -> None:
        phase, values = self.phase(column.index), column.to_numpy(float)
        known = np.isfinite(values)
        if self.length != YEAR:
            self.values = np.array([values[known & (phase == place)].mean() for place in range(self.length)])
            return
        angle = 2 * np.pi * np.arange(YEAR)[:, None] * np.arange(1, HARMONICS + 1) / YEAR
        waves = np.hstack([np.ones((YEAR, 1)), np.sin(angle), np.cos(angle)])
        self.values = waves @ np.linalg.lstsq(waves[phase[known]], values[known], rcond=None)[0]

    def rest(self, column: pd.Series) -> np.ndarray:
        """What is left of a column, (R,)."""
        return column.to_numpy(float) - self.values[self.phase(column.index)]

    def ahead(self, column: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        """What is to be added to a forecast of the rest at these times, which follow the column, (T,)."""
        return self.values[self.phase(times)]


class Difference:
    """A season taken out by seasonal differences."""

    left = 0

    def __init__(self, length: int) -> None:
        self.length = length

    def fit(self, column: pd.Series) -> None:
        """Nothing is to be learned."""

    def rest(self, column: pd.Series) -> np.ndarray:
        values = column.to_numpy(float)
        return values[self.length :] - values[: -self.length]

    def ahead(self, column: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        back = self.length - np.arange(len(times)) % self.length
        values = filled(column.to_numpy(float)[-2 * self.length :, None])[:, 0]
        return values[len(values) - back]


class Whole:
    """No season is taken out.

    Args:
        left: rows of the season that the model itself has; 0: none.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def fit(self, column: pd.Series) -> None:
        """Nothing is to be learned."""

    def rest(self, column: pd.Series) -> np.ndarray:
        return column.to_numpy(float)

    def ahead(self, column: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        return np.zeros(len(times))


class Univariate(ABC):
    """A model of one target, for each target; a season that is too long for it is taken out before.

    If there are several ways to do that, the valid part chooses. Subclasses fit a model, and forecast with it.
    """

    seen_rows: int | None = None  # that a forecast starts from; None: all since the first that the model was fitted on

    def __init__(self, one: Set) -> None:
        self.one = one
        self.fits: List[Tuple[Taken, Any]] = []  # for each target, how the season is taken out, and the model

    @abstractmethod
    def ways(self) -> List[Taken]:
        """How the season may be taken out."""

    @abstractmethod
    def fitted(self, values: np.ndarray, season: int) -> Any:
        """A model of the rows (R,), with a season of ``season`` rows; 0: none."""

    @abstractmethod
    def ahead(self, model: Any, values: np.ndarray) -> np.ndarray:
        """Quantiles (T, Q) of what follows the rows (R,), with the parameters of ``model``."""

    def fit(self, table: pd.DataFrame, valid: int) -> None:
        self.begin = table.index[max(0, valid - FITTED_ROWS)]
        rows = origins(self.one, table, valid, len(table), self.one.output_length)
        for place, name in enumerate(self.one.targets):
            training = table[name].iloc[:valid]
            tried = []
            for way in self.ways():
                way.fit(training)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # an order that does not converge loses by its likelihood
                    tried.append((way, self.fitted(way.rest(training.loc[self.begin :]), way.left)))
            truth = actual(self.one, table, rows)[..., place]
            errors = [0.0] * len(tried)
            if len(tried) > 1:
                found = [[self._one(*fit, table[name].iloc[:row])[:, MEDIAN] for row in rows] for fit in tried]
                errors = [float(np.nanmean(np.abs(truth - np.stack(points)))) for points in found]
            self.fits.append(tried[int(np.argmin(errors))])

    def forecast(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        columns = list(zip(self.one.targets, self.fits))
        return np.stack(
            [np.stack([self._one(*fit, history[name]) for name, fit in columns], axis=1) for history in histories]
        )

    def _one(self, way: Taken, model: Any, column: pd.Series) -> np.ndarray:
        column = column.loc[self.begin :] if self.seen_rows is None else column.iloc[-self.seen_rows :]
        times = pd.date_range(column.index[-1], periods=self.one.output_length + 1, freq=self.one.step)[1:]
        return self.ahead(model, way.rest(column)) + way.ahead(column, times)[:, None]


class ETS(Univariate):
    """Exponential smoothing with additive errors; whether with a damped trend and a season is chosen by AIC.

    After Hyndman et al. 2008, "Forecasting with Exponential Smoothing", section 2.5; intervals of chapter 6.
    """

    def ways(self) -> List[Taken]:
        season = self.one.season
        if season == YEAR:
            return [Means(YEAR)]
        more: List[Taken] = [Whole(DAY), Means(WEEK), Difference(WEEK)] if season == WEEK else []
        return [Whole(season if season > 1 else 0), *more]

    def fitted(self, values: np.ndarray, season: int) -> Any:
        known = pd.Series(filled(values[:, None])[:, 0])  # of a bare array there are no intervals
        found = []
        for damped, seasonal in itertools.product((False, True), (False, True) if season else (False,)):
            form: Dict[str, Any] = {"trend": "add" if damped else None, "damped_trend": damped}
            if seasonal:
                form.update(seasonal="add", seasonal_periods=season)
            if season > DAY:  # as many parameters as hours in a week do not converge
                form["initialization_method"] = "heuristic"
            found.append((ETSModel(known, **form).fit(disp=False), form))
        best, form = min(found, key=lambda one: one[0].aic)
        predicted = best.get_prediction(start=len(known), end=len(known) + self.one.output_length - 1)
        low, high = np.asarray(predicted.pred_int(alpha=TAIL)).T
        middle = np.asarray(predicted.predicted_mean)
        offsets = np.stack([low - middle, np.zeros_like(low), high - middle], axis=1)  # equal at every origin
        return np.asarray(best.params), form, offsets

    def ahead(self, model: Any, values: np.ndarray) -> np.ndarray:
        parameters, form, offsets = model
        result = ETSModel(filled(values[:, None])[:, 0], **form).smooth(parameters)
        return np.asarray(result.forecast(self.one.output_length))[:, None] + offsets


class ARIMA(Univariate):
    """ARIMA whose orders have the least AIC of a small grid; seasonal ones too where the season is 12 rows or less.

    After Hyndman, Khandakar 2008, "Automatic Time Series Forecasting", section 3.2. A longer season is taken out, as
    means or by seasonal differences: states of a day or a week of hours are slow.
    """

    seen_rows = SEEN_ROWS

    def ways(self) -> List[Taken]:
        season = self.one.season
        if season <= 12:
            return [Whole(season if season > 1 else 0)]
        return [Means(YEAR)] if season == YEAR else [Means(season), Difference(season)]

    def fitted(self, values: np.ndarray, season: int) -> Any:
        seasonal_orders = [(*order, season) for order in SEASONAL_ORDERS] if season else [(0, 0, 0, 0)]
        found = []
        for order in ORDERS:
            for seasonal in seasonal_orders:
                form = {"order": order, "seasonal_order": seasonal, "trend": "n" if order[1] or season else "c"}
                result = SARIMAX(values, **form).fit(disp=False, maxiter=60, method="lbfgs")
                found.append((result.aic, form, result.params))
        return min(found, key=lambda one: one[0])[1:]

    def ahead(self, model: Any, values: np.ndarray) -> np.ndarray:
        form, parameters = model
        predicted = SARIMAX(values, **form).filter(parameters).get_forecast(self.one.output_length)
        low, high = np.asarray(predicted.conf_int(alpha=TAIL)).T
        return np.stack([low, np.asarray(predicted.predicted_mean), high], axis=1)


Taken = Union[Means, Difference, Whole]
BASELINES: Dict[str, Callable[[Set], System]] = {
    "naive": SeasonalNaive,
    "ets": ETS,
    "arima": ARIMA,
    "linear": Linear,
}
