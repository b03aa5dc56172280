"""How good forecasts are, beside those of the seasonal naive method.

Shape letters: N origins, T steps, K targets, Q quantile levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.translations import as_text

Values = NDArray[np.float64]
SMALLEST = 1e-12  # of a scale


@dataclass(frozen=True)
class ForecastEvaluation:
    """Scores of forecasts from several origins; means over what was observed, then over targets.

    Attributes:
        targets: names of the columns.
        origins: number of forecasts.
        season: of the naive method, in steps.
        mase: mean absolute error of the point forecast, divided by that of the naive method in the training part
            (Hyndman, Koehler 2006, "Another look at measures of forecast accuracy", section 3).
        naive_mase: the same of the naive method.
        smape: symmetric mean absolute percentage error, 0 to 200.
        naive_smape: the same of the naive method.
        coverage: percent of the values between the outermost quantiles; None of a model without.
        nominal: what it should be.
        interval_score: of these, on MASE's scale (Gneiting, Raftery 2007, section 6.2); lower is better.
        by_step: MASE of each step.
        by_target: MASE of each target.
    """

    kind: ClassVar[str] = "forecaster"
    targets: Tuple[str, ...]
    origins: int
    season: int
    mase: float
    naive_mase: float
    smape: float
    naive_smape: float
    coverage: Optional[float]
    nominal: Optional[float]
    interval_score: Optional[float]
    by_step: Tuple[float, ...]
    by_target: Dict[str, float]

    def figures(self) -> Dict[str, Any]:
        """All figures, as what JSON can say."""
        return {"kind": self.kind, **vars(self)}

    def numbers(self) -> Dict[str, float]:
        """The main figures by name."""
        found = {
            "MASE": self.mase,
            "MASE of seasonal naive": self.naive_mase,
            "sMAPE %": self.smape,
            "sMAPE % of seasonal naive": self.naive_smape,
        }
        if self.coverage is not None and self.interval_score is not None and self.nominal is not None:
            found[f"coverage % of the {self.nominal:g} % interval"] = self.coverage
            found["interval score"] = self.interval_score
        found["origins"] = self.origins
        return {name: round(value, 4) for name, value in found.items()}

    def rows(self) -> List[Tuple[str, str, str]]:
        """The main figures: name, value, and what stands beside it."""
        return [(name, f"{value:g}", "") for name, value in self.numbers().items()]

    def __str__(self) -> str:
        return as_text(self.rows())


def forecast_evaluation_of(
    targets: Sequence[str],
    truth: Values,
    point: Values,
    quantiles: Values,
    levels: Sequence[float],
    naive: Values,
    scale: Values,
    season: int,
) -> ForecastEvaluation:
    """Score forecasts.

    Args:
        targets: names of the K columns.
        truth: what was observed, (N, T, K), NaN where it was not.
        point: forecasts, (N, T, K).
        quantiles: (N, T, K, Q).
        levels: of the quantiles, Q of them or none.
        naive: forecasts of the seasonal naive method, (N, T, K).
        scale: mean absolute errors of that method in the training part, (N, K).
        season: of the method.

    Raises:
        UsageError: nothing was observed.
    """
    if not np.isfinite(truth).any():
        raise UsageError("there is nothing to evaluate: no value was observed behind an origin")
    unit = np.maximum(scale, SMALLEST)[:, None]
    error, naive_error = np.abs(truth - point) / unit, np.abs(truth - naive) / unit
    coverage = score = nominal = None
    if len(levels) > 1:
        low, high, inside = quantiles[..., 0], quantiles[..., -1], levels[-1] - levels[0]
        held = np.where(np.isnan(truth), np.nan, (truth >= low) & (truth <= high))
        missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
        coverage, nominal = 100 * _mean(held), round(100 * inside, 6)
        score = _mean(np.where(np.isnan(truth), np.nan, (high - low + 2 / (1 - inside) * missed) / unit))
    return ForecastEvaluation(
        targets=tuple(targets),
        origins=len(truth),
        season=season,
        mase=_mean(error),
        naive_mase=_mean(naive_error),
        smape=_mean(_smape(truth, point)),
        naive_smape=_mean(_smape(truth, naive)),
        coverage=coverage,
        nominal=nominal,
        interval_score=score,
        by_step=tuple(_mean(error[:, step : step + 1]) for step in range(error.shape[1])),
        by_target={name: _mean(error[..., place : place + 1]) for place, name in enumerate(targets)},
    )


def _smape(truth: Values, forecast: Values) -> Values:
    """In percent; 0 where both are 0."""
    size = np.abs(truth) + np.abs(forecast)
    found: Values = 200 * np.abs(truth - forecast) / np.where(size == 0, 1, size)
    return found


def _mean(values: Values) -> float:
    """The mean of what is known, (N, T, K), of each target and then of these."""
    known = ~np.isnan(values)
    counts = known.sum(axis=(0, 1))
    sums = np.where(known, values, 0).sum(axis=(0, 1))
    return float(np.mean(sums[counts > 0] / counts[counts > 0])) if counts.any() else float("nan")


def seasonal_naive(history: Values, steps: int, season: int) -> Values:
    """The values of a season before, (T, K); where one is missing, the last one that was observed before it.

    Args:
        history: up to the origin, (R, K), NaN where a value is missing.
        steps: T.
        season: in steps; of a shorter history, its last value.
    """
    filled = _filled(history[-2 * season :])
    if len(filled) < season:
        return np.repeat(filled[-1:], steps, axis=0)
    found: Values = filled[len(filled) - season + np.arange(steps) % season]
    return found


def naive_scale(training: Values, season: int) -> Values:
    """The mean absolute error of the seasonal naive method over a training part (R, K), (K,)."""
    season = season if len(training) > season else 1
    errors = np.abs(training[season:] - training[:-season]) if len(training) > season else np.abs(training)
    known = ~np.isnan(errors)
    found: Values = np.where(known, errors, 0).sum(0) / np.maximum(known.sum(0), 1)
    return found


def _filled(values: Values) -> Values:
    """Missing values replaced by the one before; nothing of the future is looked at but at the beginning."""
    places = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    places = np.maximum.accumulate(places, axis=0)
    first = np.argmax(~np.isnan(values), axis=0)
    places = np.where(places < 0, first, places)
    return np.take_along_axis(values, places, axis=0)
