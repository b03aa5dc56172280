"""What the report of a forecaster shows: forecasts of what was held out beside what came, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.evaluation.forecasts import ForecastEvaluation
from s2s_plugins.extras import library
from s2s_plugins.reports.training import plots

Values = NDArray[np.float64]
Times = NDArray[Any]  # datetime64[ns], or int64
FEW = 20  # forecasts, up to which their mean error is not known well
ALIKE = 2.0  # percent by which errors differ at least
OFF = 10.0  # points by which an interval holds too few or too many values


class Stretch(NamedTuple):
    """A forecast from one origin, in the units of the data.

    Attributes:
        times: (T,).
        point: (T,).
        low: the lowest quantile, (T,); None of a model without.
        high: the highest one, likewise.
        naive: forecast of the seasonal naive method, (T,); None: not shown.
    """

    times: Times
    point: Values
    low: Optional[Values] = None
    high: Optional[Values] = None
    naive: Optional[Values] = None


class Panel(NamedTuple):
    """A series with forecasts of it.

    Attributes:
        name: of the series and of what is forecast.
        times: of what was observed, (R,).
        observed: (R,), NaN where nothing was.
        stretches: the forecasts.
    """

    name: str
    times: Times
    observed: Values
    stretches: Sequence[Stretch]


@dataclass(frozen=True)
class Forecasts:
    """What a forecaster said.

    Attributes:
        scores: by part, ``"test"`` and ``"valid"``, as far as it was held out.
        held_out: some series of the part that is shown.
        columns: of the table of all forecasts of that part.
        rows: of this table.
        ahead: some series with what comes next.
        file: the file of what comes next, beside the page; empty: it could not be forecast.
        why: it could not.
    """

    scores: Mapping[str, ForecastEvaluation] = field(default_factory=dict)
    held_out: Sequence[Panel] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    ahead: Sequence[Panel] = ()
    file: str = ""
    why: str = ""

    @property
    def shown(self) -> Optional[ForecastEvaluation]:
        """The scores that the page shows: of the test part if there is one."""
        return self.scores.get("test", self.scores.get("valid"))

    @property
    def part(self) -> str:
        """The name of the part that they are of; empty without scores."""
        return "test" if "test" in self.scores else "validation" if self.scores else ""

    def headline(self) -> str:
        """What the error is, beside that of the seasonal naive method; empty without scores."""
        scores = self.shown
        if scores is None:
            return ""
        return (
            f"is the mean absolute scaled error (MASE) of {scores.origins:,} forecasts of the {self.part} part; "
            f"{naive_method(scores.season)} has {scores.naive_mase:.3f} there. Lower is better."
        )

    def table(self) -> List[Tuple[str, str, str]]:
        """The main figures: name, value of the model, value of the seasonal naive method."""
        scores = self.shown
        if scores is None:
            return []
        found = [
            ("MASE", f"{scores.mase:.3f}", f"{scores.naive_mase:.3f}"),
            ("sMAPE", f"{scores.smape:.1f} %", f"{scores.naive_smape:.1f} %"),
        ]
        if scores.coverage is not None and scores.nominal is not None:
            found.append((f"values in the interval of {scores.nominal:g} %", f"{scores.coverage:.1f} %", "–"))
        if scores.interval_score is not None:
            found.append(("interval score", f"{scores.interval_score:.3f}", "–"))
        if len(scores.by_target) > 1:
            found += [(f"MASE of {name}", f"{value:.3f}", "–") for name, value in scores.by_target.items()]
        return [*found, ("forecasts", f"{scores.origins:,}", f"{scores.origins:,}")]

    def advice(self) -> List[str]:
        """What a reader may conclude."""
        scores = self.shown
        if scores is None:
            return []
        found = [*_about_the_part(self.part, scores), _about_naive(scores)]
        if scores.coverage is not None and scores.nominal is not None and abs(scores.coverage - scores.nominal) > OFF:
            narrow = "narrow: take it as wider" if scores.coverage < scores.nominal else "wide: take it as narrower"
            found.append(
                f"The interval of {scores.nominal:g} % holds {scores.coverage:.0f} % of the values: it is too {narrow}."
            )
        return found


def naive_method(season: int) -> str:
    """The seasonal naive method, in words."""
    repeats = f"the values of the {season} steps before" if season > 1 else "the last value"
    return f"the seasonal naive method, which repeats {repeats},"


def _about_the_part(part: str, scores: ForecastEvaluation) -> List[str]:
    found = []
    if part != "test":
        found.append(
            "There is no test part: these are the scores of the validation part, by which this model was chosen among "
            "those of the training. On new data, expect somewhat larger errors."
        )
    if scores.origins < FEW:
        found.append(f"Only {scores.origins:,} forecasts were compared with what came: the error is not known well.")
    return found


def _about_naive(scores: ForecastEvaluation) -> str:
    share = 100 * (1 - scores.mase / max(scores.naive_mase, 1e-12))
    if share > ALIKE:
        return f"The error is {share:.0f} % lower than that of the seasonal naive method."
    verdict = "no lower than" if share > -ALIKE else "higher than"
    return (
        f"The error is {verdict} that of the seasonal naive method: use that method instead, or train longer, on more "
        "rows, or with columns that say more about the future (--known, --past)."
    )


def panel(part: str, number: int, one: Panel) -> str:
    """The plot of a series and its forecasts, as SVG.

    Args:
        part: of the page.
        number: of the panel there, from 1.
        one: what to draw.
    """

    def draw(axis: Any) -> None:
        if len(one.times):
            marker = "." if np.isfinite(one.observed).sum() < 3 else None
            axis.plot(one.times, one.observed, color=plots.INK, linewidth=1.2, marker=marker, label="observed")
        for place, stretch in enumerate(one.stretches):
            _stretch(axis, stretch, first=place == 0)
        if one.stretches and one.stretches[0].times.dtype.kind == "M":
            dates = library("matplotlib.dates")
            locator = dates.AutoDateLocator(minticks=3, maxticks=6)
            axis.xaxis.set_major_locator(locator)
            axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        else:
            axis.xaxis.set_major_locator(library("matplotlib.ticker").MaxNLocator(5, integer=True))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")  # without an offset above the axis
        above: Dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4, "borderaxespad": 0}
        axis.legend(**above, columnspacing=1, handlelength=1.4)

    return plots.svg(f"{part}-{number}", "what was observed, and forecasts", draw)


def _stretch(axis: Any, stretch: Stretch, first: bool) -> None:
    """A forecast; only the first of a plot is named."""
    labels = ("forecast", "interval", "seasonal naive") if first else (None, None, None)
    marker = "o" if len(stretch.times) == 1 else None
    look: Dict[str, Any] = {"linewidth": 1.6, "marker": marker, "markersize": 3}
    if stretch.low is not None and stretch.high is not None:
        shade: Dict[str, Any] = {"color": plots.COLOURS[0], "alpha": 0.22, "linewidth": 0, "label": labels[1]}
        if marker:
            axis.vlines(stretch.times, stretch.low, stretch.high, **{**shade, "linewidth": 4})
        else:
            axis.fill_between(stretch.times, stretch.low, stretch.high, **shade)
    if stretch.naive is not None:
        dotted = {**look, "linewidth": 1.0, "linestyle": ":"}
        axis.plot(stretch.times, stretch.naive, color=plots.COLOURS[1], label=labels[2], **dotted)
    axis.plot(stretch.times, stretch.point, color=plots.COLOURS[0], label=labels[0], **look)


def by_step(scores: ForecastEvaluation) -> Optional[str]:
    """The error of each step ahead, as SVG; None of a single step."""
    if len(scores.by_step) < 2:
        return None

    def draw(axis: Any) -> None:
        marker = "o" if len(scores.by_step) <= 48 else None
        steps = range(1, len(scores.by_step) + 1)
        axis.plot(steps, scores.by_step, color=plots.COLOURS[0], marker=marker, markersize=3.5, linewidth=1.5)
        axis.set(xlabel="steps ahead", ylabel="MASE")
        axis.set_ylim(0, 1.08 * np.nanmax(scores.by_step) or None)
        axis.xaxis.set_major_locator(library("matplotlib.ticker").MaxNLocator(8, integer=True))

    return plots.svg("by-step", "error against the number of steps ahead", draw)
