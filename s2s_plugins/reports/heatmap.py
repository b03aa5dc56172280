"""Heat maps of attention: which source tokens the model looked at when it produced each token of the output.

A sentence becomes a PNG (:func:`draw`), or a piece of HTML that shows the weight under the pointer (:func:`fragment`).
A page of sentences is one file that needs no network (:func:`page`).

Shape letters: T target tokens, S source tokens.
"""

from __future__ import annotations

import textwrap
import unicodedata
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from s2s_plugins.extras import library
from s2s_plugins.files import replacing
from s2s_plugins.reports import fonts, templates
from s2s_plugins.reports.webfonts import with_fonts

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

END = "</s>"
GENERATOR = "s2s_plugins.reports.heatmap"  # marks a page as written by this module
COLOURS = ("#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")  # of the weights 0 to 1, in equal steps
GRID, INK, UNKNOWN = "#e2e5ea", "#1f2933", "#b42318"
COPIED = "copied"  # above the probabilities of copying
VISIBLE = 0.004  # smaller weights look white, and most weights of a long sentence are smaller
LONGEST_LABEL = 24  # letters; longer tokens are shown whole by the pointer and above the map

# of the picture, in inches
CELL, LARGEST, BAR = 0.3, 48.0, 0.13
DPI = 110
SLANTED: Dict[str, Any] = {"rotation": 60, "rotation_mode": "anchor", "ha": "left", "va": "center"}
# of the page, in pixels
CELL_SIDE, LETTER, SLANT = 26, 8.2, 0.87  # a letter's width at 14 pixels; the sine of the labels' 60 degrees


@dataclass
class Alignment:
    """The output of a model for one sentence, and its attention weights.

    Attributes:
        source: the source tokens, ``</s>`` included.
        target: the output tokens, ``</s>`` included if the output ended with it.
        weights: (T, S), an array or lists; a row for each token of ``target``, each adding up to 1.
        reference: the expected output, without ``</s>``; None if it is not known.
        unknown: the positions of source tokens that the dictionary lacks.
        copied: of each token of ``target``, how probable it is that it was copied; None of a model that does not copy.

    Raises:
        ValueError: the weights are not one for each pair of tokens, or ``copied`` not one for each token.
    """

    source: List[str]
    target: List[str]
    weights: np.ndarray
    reference: Optional[List[str]] = None
    unknown: Sequence[int] = ()
    copied: Optional[Sequence[float]] = None

    def __post_init__(self) -> None:
        self.weights = np.asarray(self.weights, dtype=np.float32)
        expected = (len(self.target), len(self.source))
        if self.weights.shape != expected:
            raise ValueError(f"weights of shape {self.weights.shape} for (target, source) tokens {expected}")
        if self.copied is not None and len(self.copied) != len(self.target):
            raise ValueError(f"{len(self.copied)} probabilities of copying for {len(self.target)} target tokens")

    @property
    def map(self) -> np.ndarray:
        """The weights (T, S), and of a model that copies, behind a gap of one column, ``copied``: (T, S + 2)."""
        if self.copied is None:
            return self.weights
        return np.column_stack([self.weights, np.full(len(self.target), np.nan), self.copied])

    @property
    def output(self) -> List[str]:
        """``target`` without the end of sentence."""
        return self.target[:-1] if self.target[-1:] == [END] else self.target

    @property
    def is_right(self) -> Optional[bool]:
        """Whether the output is the reference; None without one."""
        return None if self.reference is None else self.output == list(self.reference)

    def lines(self) -> List[Tuple[str, List[str]]]:
        """The lines above the map: pairs of a name and tokens."""
        source = self.source[:-1] if self.source[-1:] == [END] else self.source
        found = [("source", source), ("output", self.output)]
        return found if self.reference is None else [*found, ("reference", list(self.reference))]

    def verdict(self) -> str:
        """Whether the output is right, in words; empty without a reference."""
        return {None: "", True: "= the reference", False: "not the reference"}[self.is_right]


def draw(alignment: Alignment, path: Union[str, Path], title: str = "") -> None:
    """Write a PNG, whole or not at all: source tokens along the top, output tokens down the side.

    Args:
        alignment: of one sentence.
        path: of the file.
        title: above the sentence, for example its number.

    Raises:
        UsageError: matplotlib is not installed.
    """
    matplotlib = library("matplotlib")
    rows, columns = alignment.map.shape
    cell = min(CELL, LARGEST / max(rows, columns, 1))
    width, height = cell * max(columns, 1), cell * max(rows, 1)
    names = fonts.families("".join(text for _, line in alignment.lines() for text in line) + END + title)
    with matplotlib.rc_context({"font.family": names, "font.size": 10, "text.color": INK, "text.parse_math": False}):
        figure = library("matplotlib.figure").Figure(figsize=(width, height), dpi=DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        image = axes.imshow(alignment.map, cmap=_colours(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        _grid(axes, alignment, cell)
        tall = min(max(height, 0.8), 2.0)
        bar = axes.inset_axes((1 + 0.2 / width, 1 - tall / height, BAR / width, tall / height))
        figure.colorbar(image, cax=bar, ticks=[0, 0.5, 1]).ax.tick_params(labelsize=8)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # reported before, with the remedy
            _save(figure, _write(axes, bar, alignment, title, cell), Path(path))


def _save(figure: "Figure", box: "Bbox", path: Path) -> None:
    """Write the part ``box`` (inches) of ``figure`` to a temporary name, then rename."""
    with replacing(path) as partial:
        figure.savefig(partial, format="png", bbox_inches=box)


def _grid(axes: "Axes", alignment: Alignment, cell: float) -> None:
    """Thin lines around the cells, no ticks."""
    line: Dict[str, Any] = {"colors": GRID, "linewidth": min(0.6, cell * 2), "clip_on": False}
    rows, columns = alignment.weights.shape
    parts = [(0, columns)] if alignment.copied is None else [(0, columns), (columns + 1, columns + 2)]
    for first, last in parts:
        axes.vlines(np.arange(first, last + 1) - 0.5, -0.5, rows - 0.5, **line)
        axes.hlines(np.arange(rows + 1) - 0.5, first - 0.5, last - 0.5, **line)
    axes.set(xticks=[], yticks=[], frame_on=False)


def _write(axes: "Axes", bar: "Axes", alignment: Alignment, title: str, cell: float) -> "Bbox":
    """Write tokens beside the map and the sentence above it; returns the box around all of it, in inches.

    The tick labels and tight layout of matplotlib measure each label a dozen times: a sentence of 300 tokens would take
    a minute. A unit of the axes' coordinates is a cell, so ``inches / cell`` is a distance.
    """
    figure = axes.figure
    renderer = library("matplotlib.backends.backend_agg").FigureCanvasAgg(figure).get_renderer()
    bbox = library("matplotlib.transforms").Bbox
    size = max(min(10.0, cell * 72 * 0.7), 6.0)
    step = max(1, round(size * 1.15 / (cell * 72)))  # where cells are too small, every second, third, ... token
    source, target = [shorten(token) for token in alignment.source], [shorten(token) for token in alignment.target]
    rotation = SLANTED if _slant(source) else {"ha": "center", "va": "baseline"}
    top = -0.5 - 0.07 / cell
    above = [
        axes.text(
            place, top, source[place], fontsize=size, color=UNKNOWN if place in alignment.unknown else INK, **rotation
        )
        for place in range(0, len(source), step)
    ]
    beside = [
        axes.text(-0.5 - 0.06 / cell, place, target[place], fontsize=size, ha="right", va="center_baseline")
        for place in range(0, len(target), step)
    ]
    if alignment.copied is not None:
        above.append(axes.text(len(source) + 1, top, COPIED, fontsize=size, **SLANTED))
    boxes = [label.get_window_extent(renderer) for label in [*above, *beside]]
    labels = max((box.y1 for box in boxes[: len(above)]), default=0.0) / DPI - axes.bbox.y1 / DPI  # their height
    heading = _heading(alignment, title, axes.bbox.width / DPI)
    text = axes.text(-0.5, -0.5 - (labels + 0.12) / cell, heading, ha="left", va="bottom")
    around = [*boxes, text.get_window_extent(renderer), axes.bbox, bar.get_tightbbox(renderer)]
    whole = bbox.union([box for box in around if box is not None])
    return whole.transformed(figure.dpi_scale_trans.inverted()).padded(0.15)


def _slant(source: Sequence[str]) -> bool:
    """Whether the labels of ``source`` are too wide to stand side by side; the end of sentence has room."""
    return any(letters(token) > 2 for token in source if token != END)


def _heading(alignment: Alignment, title: str, width: float) -> str:
    """The lines above a picture of ``width`` inches, folded."""
    folded = [title] if title else []
    for name, tokens in alignment.lines():
        text = f"{name}: {' '.join(tokens) or '(empty)'}"
        if name == "output" and alignment.is_right is not None:
            text += f"   ({alignment.verdict()})".replace(" ", "\u00a0")  # folded before it, not in it
        if any(letters(token) > len(token) for token in tokens):  # Chinese and similar scripts: twice as wide
            width_in_letters = max(int(width * 8), 50)
        else:
            width_in_letters = max(int(width * 12), 60)
        folded += textwrap.wrap(text, width_in_letters, subsequent_indent="    ")
    if alignment.unknown:
        folded.append("red: not in the source dictionary, read as <unk>")
    return "\n".join(folded)


@lru_cache(maxsize=1)
def _colours() -> "LinearSegmentedColormap":
    colormap: LinearSegmentedColormap = library("matplotlib.colors").LinearSegmentedColormap.from_list("s2s", COLOURS)
    return colormap


def colour(weight: float) -> str:
    """The colour of a weight from 0 to 1, as ``#rrggbb``: between the two of :data:`COLOURS` beside it."""
    place = min(max(float(weight), 0.0), 1.0) * (len(COLOURS) - 1)
    below = min(int(place), len(COLOURS) - 2)
    pairs = zip(bytes.fromhex(COLOURS[below][1:]), bytes.fromhex(COLOURS[below + 1][1:]))
    return "#" + bytes(round(low + (high - low) * (place - below)) for low, high in pairs).hex()


def letters(text: str) -> float:
    """The approximate width of ``text`` in Latin letters: a Chinese character counts 2, a combining accent 0."""
    wide = sum(1.0 for character in text if unicodedata.east_asian_width(character) in "WF")
    return wide + sum(1.0 for character in text if not unicodedata.combining(character))


def shorten(token: str) -> str:
    """``token`` as a label: its beginning, if it is long."""
    return token if len(token) <= LONGEST_LABEL else token[: LONGEST_LABEL - 1] + "…"


class Cell(NamedTuple):
    """A cell of the map that is not white."""

    x: int
    y: int
    colour: str


class Label(NamedTuple):
    """A token beside the map."""

    text: str
    place: float
    unknown: bool


def fragment(alignment: Alignment, title: str = "", assets: bool = True) -> str:
    """HTML of one sentence, for use in another page; hovering shows source token, output token and weight.

    Args:
        alignment: of one sentence.
        title: above the sentence, for example its number.
        assets: include style and script; a page of several sentences needs them once, see :func:`page`.

    Raises:
        UsageError: jinja2 is not installed.
    """
    source, target = [shorten(token) for token in alignment.source], [shorten(token) for token in alignment.target]
    slanted = _slant(source)
    slanted = slanted or alignment.copied is not None
    longest = max(map(letters, [*source, *([COPIED] if alignment.copied is not None else [])]), default=1) * LETTER
    shown = alignment.map
    drawn = np.argwhere(shown >= VISIBLE)
    return (
        _templates()
        .get_template("fragment.html")
        .render(
            alignment=alignment,
            title=title,
            assets=assets,
            side=CELL_SIDE,
            named=COPIED,
            width=shown.shape[1] * CELL_SIDE + 4,
            slanted=slanted,
            overhang=round(longest / 2) if slanted else 12,
            above=round(longest * SLANT) + 22 if slanted else CELL_SIDE,
            beside=round(max(map(letters, target), default=1) * LETTER) + 14,
            sources=[
                Label(token, (place + 0.5) * CELL_SIDE, place in alignment.unknown)
                for place, token in enumerate(source)
            ],
            targets=[Label(token, (place + 0.5) * CELL_SIDE, False) for place, token in enumerate(target)],
            cells=[
                Cell(column * CELL_SIDE, row * CELL_SIDE, colour(shown[row, column])) for row, column in drawn.tolist()
            ],
            data={
                "source": list(alignment.source),
                "target": list(alignment.target),
                "weights": [[round(float(weight), 4) for weight in row] for row in alignment.weights],
                "copied": None if alignment.copied is None else [round(share, 4) for share in alignment.copied],
            },
        )
    )


def page(alignments: Sequence[Alignment], title: str) -> str:
    """A page of sentences, in one file that needs no network.

    Args:
        alignments: one for each sentence.
        title: of the page.

    Raises:
        UsageError: jinja2 is not installed.
    """
    known = [alignment.is_right for alignment in alignments if alignment.is_right is not None]
    text = (
        _templates()
        .get_template("page.html")
        .render(
            title=title,
            fragments=[fragment(alignment, str(n), assets=False) for n, alignment in enumerate(alignments, start=1)],
            unknown=any(len(alignment.unknown) for alignment in alignments),
            copied=any(alignment.copied is not None for alignment in alignments),
            right=sum(known),
            known=len(known),
            colours=COLOURS,
            generator=GENERATOR,
        )
    )
    return with_fonts(text)


@lru_cache(maxsize=1)
def _templates() -> "Environment":
    environment = templates(__package__)
    markup = library("markupsafe").Markup
    environment.filters["html"] = markup  # for fragments of this module alone, which are escaped already
    return environment
