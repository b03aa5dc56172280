"""The plots of a report as SVG, in the colours of the page that they stand in."""

from __future__ import annotations

import io
import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from s2s_plugins.evaluation.calibration import Bin
from s2s_plugins.evaluation.lengths import LengthGroup
from s2s_plugins.extras import library
from s2s_plugins.reports.training.points import Point

# distinct for colour-blind readers (Okabe and Ito), and visible on white and on black
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# what matplotlib draws in these becomes the page's own colour, light or dark
OWN = {"#010203": "currentColor", "#040506": "var(--soft)", "#070809": "var(--rule)"}
INK, SOFT, RULE = OWN
SECONDS_SHOWN = 180  # of training, from which it is shown in minutes
SIZE = (5.0, 3.1)  # inches: two stand side by side, and one fits a telephone
STYLE: Dict[str, Any] = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def svg(name: str, alt: str, draw: Callable[[Any], None]) -> str:
    """An SVG element of what ``draw`` draws.

    Args:
        name: of the plot, apart from all others on the page.
        alt: what it shows, in words.
        draw: gets the axes.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    matplotlib = library("matplotlib", "a report")
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = library("matplotlib.figure").Figure(figsize=SIZE, layout="constrained")
        axis = figure.add_subplot()
        draw(axis)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for colour, own in OWN.items():
        text = text.replace(colour, own)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # of several plots on a page, the same
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{alt}" ', 1)


def losses(histories: Sequence[Sequence[Point]]) -> Optional[str]:
    """Losses of training and validation against updates; None without any."""
    if not any(point.train_loss is not None or point.valid_loss is not None for one in histories for point in one):
        return None

    def draw(axis: Any) -> None:
        for place, history in enumerate(histories):
            colour = COLOURS[place % len(COLOURS)]
            for field, look, word in (("train_loss", "-", "training"), ("valid_loss", "--", "validation")):
                points = [(point.updates, getattr(point, field)) for point in history]
                points = [point for point in points if point[1] is not None]
                if points:
                    marker = "o" if len(points) < 3 else None
                    label = _label(word, place, len(histories))
                    axis.plot(*zip(*points), linestyle=look, color=colour, marker=marker, linewidth=1.5, label=label)
        axis.set_ylabel("loss")
        _updates(axis)
        _legend(axis, len(histories))

    return svg("losses", "loss of training and validation against updates", draw)


def errors(histories: Sequence[Sequence[Point]]) -> Optional[str]:
    """The validation error against updates, with the time above; None without any."""
    if not any(point.valid_error is not None for one in histories for point in one):
        return None

    def draw(axis: Any) -> None:
        stars: List[Tuple[float, int]] = []
        for place, history in enumerate(histories):
            points = [point for point in history if point.valid_error is not None]
            if not points:
                continue
            colour = COLOURS[place % len(COLOURS)]
            values = [point.valid_error or 0.0 for point in points]
            updates = [point.updates for point in points]
            label = _label("validation", place, len(histories))
            axis.plot(updates, values, color=colour, marker="o", markersize=3, linewidth=1.5, label=label)
            best = values.index(min(values))
            axis.plot([updates[best]], [values[best]], "*", color=colour, markersize=11)
            stars.append((values[best], updates[best]))
        value, update = min(stars)
        axis.annotate(f"{value:.1f} %", (update, value), (0, 8), textcoords="offset points", ha="center")
        axis.set_ylabel("validation error, %")
        axis.set_ylim(0, None)
        _updates(axis)
        _clock(axis, histories[0])
        if len(histories) > 1:
            _legend(axis, len(histories))

    return svg("errors", "validation error against updates", draw)


def _label(word: str, place: int, members: int) -> str:
    return word if members == 1 else f"{word}, member {place + 1}"


def _legend(axis: Any, members: int) -> None:
    if members <= len(COLOURS):  # more lines than colours: a legend would say nothing
        axis.legend()


def _updates(axis: Any) -> None:
    axis.set_xlabel("updates")
    axis.xaxis.set_major_formatter(library("matplotlib.ticker").StrMethodFormatter("{x:,.0f}"))
    axis.xaxis.set_major_locator(library("matplotlib.ticker").MaxNLocator(5, integer=True))


def _clock(axis: Any, history: Sequence[Point]) -> None:
    """The time at each place, above; of the first member."""
    numpy = library("numpy")
    low, high = axis.get_xlim()
    ticks = [tick for tick in axis.get_xticks() if low <= tick <= high and tick > 0]
    if not ticks or not history or not history[-1].seconds:
        return
    known = [(0, 0.0), *((point.updates, point.seconds) for point in history)]
    ticks = [tick for tick in ticks if tick <= history[-1].updates]
    unit, labels = times_of(numpy.interp(ticks, *zip(*known)).tolist())
    above = axis.secondary_xaxis("top")
    above.set_xticks(ticks)
    above.set_xticklabels(labels)
    above.set_xlabel(unit)
    above.spines["top"].set_visible(False)


def times_of(seconds: Sequence[float]) -> Tuple[str, List[str]]:
    """A unit, and rising times in it: with as many digits as tell them apart, and round none by more than a 20th."""
    if not seconds or seconds[-1] >= SECONDS_SHOWN:
        unit, values = "minutes", [second / 60 for second in seconds]
    else:
        unit, values = "seconds", list(seconds)
    for digits in range(3):
        labels = [f"{value:,.{digits}f}" for value in values]
        near = all(abs(round(value, digits) - value) <= value / 20 for value in values)
        if near and len(set(labels)) == len(labels):
            break
    return unit, labels


def by_length(groups: Sequence[LengthGroup]) -> str:
    """The error rate of sources by their length, with its interval; bars say how many there are."""

    def draw(axis: Any) -> None:
        places = list(range(len(groups)))
        most = max(group.sources for group in groups)
        behind = axis.twinx()
        behind.bar(places, [group.sources for group in groups], color=RULE, width=0.8)
        behind.set(ylim=(0, 2.2 * most), yticks=[])
        behind.grid(False)
        behind.spines[:].set_visible(False)
        for place, group in zip(places, groups):
            text = {"ha": "center", "va": "bottom", "fontsize": 7, "color": SOFT}
            behind.annotate(f"{group.sources:,}", (place, 0), (0, 2), textcoords="offset points", **text)
        axis.set_zorder(behind.get_zorder() + 1)
        rates = [group.error_rate for group in groups]
        spread: List[List[float]] = [
            [max(0.0, group.error_rate - group.error_interval.low) for group in groups],
            [max(0.0, group.error_interval.high - group.error_rate) for group in groups],
        ]
        look: Dict[str, Any] = {"color": COLOURS[0], "marker": "o", "markersize": 4, "linewidth": 1.5, "capsize": 2}
        axis.errorbar(places, rates, yerr=spread, **look)
        tilt = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(groups) > 8 else {}
        axis.set_xticks(places, [range_of(group) for group in groups], **tilt)
        axis.set_xlabel("tokens of the source")
        axis.set_ylabel("error rate, %")
        axis.set_ylim(0, None)

    return svg("by-length", "error rate against the length of the source", draw)


def range_of(group: LengthGroup) -> str:
    """``5`` or ``5–7``."""
    return str(group.shortest) if group.shortest == group.longest else f"{group.shortest}–{group.longest}"


def calibration(bins: Sequence[Bin]) -> str:
    """The share of right predictions against their probability; bars say how many there are."""

    def draw(axis: Any) -> None:
        total = max(1, sum(one.predictions for one in bins))
        middles = [(one.low + one.high) / 2 for one in bins]
        shares = [one.predictions / total for one in bins]
        axis.bar(middles, shares, color=RULE, width=0.09)
        for one, middle, share in zip(bins, middles, shares):
            text = {"ha": "center", "va": "bottom", "fontsize": 7, "color": SOFT}
            axis.annotate(f"{one.predictions:,}", (middle, share), (0, 1), textcoords="offset points", **text)
        axis.plot([0, 1], [0, 1], color=SOFT, linestyle=":", linewidth=1.2)
        full = [one for one in bins if one.predictions]
        means = [one.probability for one in full]
        right: List[Any] = [one.right for one in full]
        axis.plot(means, right, color=COLOURS[0], marker="o", markersize=4, linewidth=1.5)
        axis.set(xlim=(0, 1), ylim=(0, 1.05), xlabel="probability", ylabel="share of right predictions")

    return svg("calibration", "share of right predictions against their probability", draw)
