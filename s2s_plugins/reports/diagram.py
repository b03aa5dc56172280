"""Decoders drawn side by side: what feeds a decoding step, what its output sees, and where its first state comes from.

The arrows follow what the decoder itself says that it ``sees``: the picture says what the code does. It is SVG,
which browsers and READMEs show as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple
from xml.etree import ElementTree

from torch import nn

from s2s_plugins.nn.bridge import CopyBridge, ZeroBridge
from s2s_plugins.nn.decoder import Decoder

# distinct for colour-blind readers (Okabe and Ito, darker)
TOKEN, SOURCE, STATE, FEED, PALE = "#0072B2", "#C24E00", "#1d2733", "#A8477F", "#55606e"
SIGNS = {
    "token": (TOKEN, "y", "t−1"),
    "constant": (SOURCE, "C"),
    "context": (SOURCE, "c", "t"),
    "hidden": (STATE, "s", "t"),
    "feed": (FEED, "a", "t−1"),
}
STARTS = {"zeros": "zeros", "copy": "the encoder's last state", "dense": "a layer over the encoder's states"}
LEGEND = (
    (TOKEN, "y: target tokens"),
    (STATE, "s: the decoder's states"),
    (SOURCE, "h: the encoder's states; C: the source in one vector; c: what attention takes of the states"),
    (FEED, "a: what an output is made of, fed to the next step"),
    (PALE, "dashed: what the first state comes from, and what attention is asked with"),
)

# in pixels: a panel, the middles of its nodes, half a node
WIDTH, HEIGHT, ACROSS = 300, 318, 3
STEPS, SOURCE_AT = (108, 182, 256), 30
OUTPUT_AT, AFTER_AT, STATE_AT, BEFORE_AT, TOKEN_AT, TEXT_AT = 54, 100, 152, 196, 242, 270
HALF, TALL = 17, 11
BEHIND = 34  # distance of a context from its step, to the left
MEMORY_TALL = 3 * TALL + 6
LINE, MARGIN = 18, 12


@dataclass(frozen=True)
class Diagram:
    """The facts about a decoder that its drawing shows.

    Args:
        title: above the drawing.
        step_sees: ``sees.step`` of the :class:`~s2s_plugins.nn.decoder.Decoder`.
        output_sees: ``sees.output`` of the decoder.
        start: the source of the first state: ``"zeros"``, ``"copy"`` (the state of the encoder) or ``"dense"`` (a layer
            over states of the encoder).
    """

    title: str
    step_sees: Tuple[str, ...]
    output_sees: Tuple[str, ...]
    start: str

    @property
    def timing(self) -> str:
        """Whether attention comes ``"before"`` or ``"after"`` a step; empty without attention."""
        return "before" if "context" in self.step_sees else "after" if "context" in self.output_sees else ""


def diagram_of(title: str, model: nn.Module) -> Optional[Diagram]:
    """The diagram of a decoder of this plugin or of fairseq's ``lstm``; None for another model."""
    decoder = model.decoder
    core = getattr(decoder, "core", None)
    if isinstance(core, Decoder):
        start = {ZeroBridge: "zeros", CopyBridge: "copy"}.get(type(core.bridge), "dense")
        return Diagram(title, core.sees.step, core.sees.output, start)
    if hasattr(decoder, "encoder_hidden_proj") and hasattr(decoder, "attention"):  # fairseq's lstm
        output_sees = ("hidden",) if decoder.attention is None else ("context", "hidden")
        return Diagram(
            title, ("token", "feed"), output_sees, "copy" if decoder.encoder_hidden_proj is None else "dense"
        )
    return None


def draw(diagrams: Sequence[Diagram]) -> str:
    """An SVG of all diagrams, three in a row, with a legend."""
    signs = {sign for diagram in diagrams for sign in diagram.step_sees}
    lines = [line for line in LEGEND if line[0] != FEED or "feed" in signs]
    legend = -(-len(diagrams) // ACROSS) * HEIGHT + MARGIN
    width, height = max(2, min(len(diagrams), ACROSS)) * WIDTH, legend + len(lines) * LINE + MARGIN
    picture = ElementTree.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "width": str(width)}
        | {"height": str(height), "font-family": "system-ui, sans-serif", "font-size": "13", "role": "img"}
        | {"aria-label": "; ".join(_in_words(one) for one in diagrams)},
    )
    heads = ElementTree.SubElement(picture, "defs")
    for colour in sorted({TOKEN, SOURCE, STATE, FEED}):
        flags = {"id": _head(colour), "markerWidth": "7", "markerHeight": "7", "refX": "6", "refY": "3.5"}
        head = ElementTree.SubElement(heads, "marker", {**flags, "orient": "auto"})
        ElementTree.SubElement(head, "path", {"d": "M0 0.5 L7 3.5 L0 6.5 z", "fill": colour})
    ElementTree.SubElement(picture, "rect", {"width": str(width), "height": str(height), "fill": "#ffffff"})
    for number, diagram in enumerate(diagrams):
        place = f"translate({number % ACROSS * WIDTH} {number // ACROSS * HEIGHT})"
        _Panel(ElementTree.SubElement(picture, "g", {"transform": place}), diagram).draw()
    for number, (colour, text) in enumerate(lines):
        _text(picture, MARGIN, legend + (number + 0.7) * LINE, [(colour, text, "")])
    return ElementTree.tostring(picture, encoding="unicode") + "\n"


def _in_words(diagram: Diagram) -> str:
    fed, seen = ", ".join(diagram.step_sees), ", ".join(diagram.output_sees)
    return f"{diagram.title}: a step reads {fed}; its output sees {seen}"


def _head(colour: str) -> str:
    return "arrow-" + colour.strip("#")


def _text(parent: ElementTree.Element, x: float, y: float, parts: Sequence[Tuple[str, ...]], **flags: str) -> None:
    """Text in colours: (colour, text), or (colour, text, subscript)."""
    line = ElementTree.SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", **flags})
    line.tail = "\n"
    raise_by = ""
    for colour, text, *below in parts:
        part = ElementTree.SubElement(line, "tspan", {"fill": colour, **({"dy": raise_by} if raise_by else {})})
        part.text, raise_by = text, ""
        if any(below):
            part = ElementTree.SubElement(line, "tspan", {"fill": colour, "dy": "3", "font-size": "10"})
            part.text, raise_by = below[0], "-3"


class _Panel:
    """The drawing of three steps of one decoder."""

    def __init__(self, group: ElementTree.Element, diagram: Diagram) -> None:
        self.group, self.diagram = group, diagram
        self.constant = "constant" in diagram.step_sees + diagram.output_sees
        # the height of the source, and of the line from it to attention
        self.source_at = {"before": BEFORE_AT, "after": AFTER_AT, "": BEFORE_AT if self.constant else STATE_AT}[
            diagram.timing
        ]
        self.lane = self.source_at + (TALL + 11) * (1 if diagram.timing == "before" else -1)

    def draw(self) -> None:
        diagram = self.diagram
        _text(self.group, MARGIN, 22, [(STATE, diagram.title)], **{"font-weight": "600"})
        self._source()
        self._start()
        for number, x in enumerate(STEPS, start=1):
            self._step(number, x)
        lines: Sequence[Tuple[str, List[Tuple[str, ...]]]] = (
            ("a step reads ", [SIGNS[one] for one in diagram.step_sees]),
            ("its output sees ", [SIGNS[one] for one in diagram.output_sees]),
            ("it starts from ", [(PALE if diagram.start == "zeros" else SOURCE, STARTS[diagram.start])]),
        )
        for number, (head, parts) in enumerate(lines):
            joined: List[Tuple[str, ...]] = [(PALE, head)]
            for place, part in enumerate(parts):
                joined += [(PALE, " and " if place == len(parts) - 1 else ", ")] * (place > 0) + [part]
            _text(self.group, MARGIN, TEXT_AT + number * (LINE - 2), joined, **{"font-size": "12"})

    def _source(self) -> None:
        """The source as the decoder gets it, and the lines from it to all steps."""
        end, edge = STEPS[-1] - BEHIND, SOURCE_AT + HALF
        if self.diagram.timing:
            self._box(SOURCE_AT, self.source_at, HALF + 4, MEMORY_TALL, SOURCE)
            for number, place in enumerate((-1, 0, 1), start=1):
                self._node(SOURCE_AT, self.source_at + place * (2 * TALL + 2), "h", str(number), SOURCE)
            self._line([(edge + 4, self.lane), (end, self.lane)], SOURCE, arrow=False)
        else:
            self._node(SOURCE_AT, self.source_at, "C" if self.constant else "h", "", SOURCE)
        if "constant" in self.diagram.step_sees:
            self._line([(edge, BEFORE_AT), (end + 14, BEFORE_AT)], SOURCE, arrow=False)
        if "constant" in self.diagram.output_sees:
            path = [(SOURCE_AT, BEFORE_AT - TALL), (SOURCE_AT, AFTER_AT), (end + 14, AFTER_AT)]
            self._line(path, SOURCE, arrow=False)

    def _start(self) -> None:
        """The source of the first state."""
        first, aside = STEPS[0] - HALF, SOURCE_AT + 8
        if self.diagram.start == "zeros":
            _text(self.group, first - 32, STATE_AT + 4, [(PALE, "0")])
            self._line([(first - 20, STATE_AT), (first, STATE_AT)], STATE, dashed=True)
        elif self.source_at == STATE_AT:
            self._line([(SOURCE_AT + HALF, STATE_AT), (first, STATE_AT)], SOURCE, dashed=True)
        else:
            tall = MEMORY_TALL if self.diagram.timing else TALL
            edge = self.source_at - tall if self.source_at > STATE_AT else self.source_at + tall
            self._line([(aside, edge), (aside, STATE_AT), (first, STATE_AT)], SOURCE, dashed=True)

    def _step(self, number: int, x: int) -> None:
        diagram = self.diagram
        below, above = STATE_AT + TALL, STATE_AT - TALL
        bottom = OUTPUT_AT + TALL
        self._node(x, STATE_AT, "s", str(number), STATE)
        self._node(x, OUTPUT_AT, "y", str(number), TOKEN)
        self._line([(x, above), (x, bottom)], STATE)
        if number > 1:
            self._line([(STEPS[number - 2] + HALF, STATE_AT), (x - HALF, STATE_AT)], STATE)
        if "token" in diagram.step_sees + diagram.output_sees:
            self._node(x, TOKEN_AT, "y", str(number - 1), TOKEN)
        if "token" in diagram.step_sees:
            self._line([(x, TOKEN_AT - TALL), (x, below)], TOKEN)
        if "token" in diagram.output_sees:
            right = x + HALF + 8
            self._line([(x + HALF, TOKEN_AT), (right, TOKEN_AT), (right, bottom + 14), (x + 9, bottom)], TOKEN)
        if "constant" in diagram.step_sees:
            self._line([(x - BEHIND + 14, BEFORE_AT), (x - 9, below)], SOURCE)
        if "constant" in diagram.output_sees:
            self._line([(x - BEHIND + 14, AFTER_AT), (x - 9, bottom)], SOURCE)
        if "feed" in diagram.step_sees and number < len(STEPS):
            right = x + HALF + 8
            self._line(
                [(x + HALF, OUTPUT_AT), (right, OUTPUT_AT), (right, above - 8), (STEPS[number] - 12, above)], FEED
            )
        if diagram.timing:
            self._attention(number, x)

    def _attention(self, number: int, x: int) -> None:
        at, bottom = x - BEHIND, OUTPUT_AT + TALL
        if self.diagram.timing == "before":
            middle, query = BEFORE_AT, (STEPS[number - 2] + 10, STATE_AT + TALL) if number > 1 else None
            self._line([(at, self.lane), (at, middle + TALL)], SOURCE)
            self._line([(at + 11, middle - 4), (x - 9, STATE_AT + TALL)], SOURCE)
            self._line([(at, middle - TALL), (at, bottom + 14), (x - 9, bottom)], SOURCE)
        else:
            middle, query = AFTER_AT, (x - 10, STATE_AT - TALL)
            self._line([(at, self.lane), (at, middle - TALL)], SOURCE)
            self._line([(at + 11, middle - 4), (x - 9, bottom)], SOURCE)
        if query:
            self._line(
                [query, (at + (-9 if query[0] < at else 9), middle + (-6 if query[0] < at else 7))], STATE, dashed=True
            )
        self._node(at, middle, "c", str(number), SOURCE, half=TALL)

    def _node(self, x: float, y: float, sign: str, number: str, colour: str, half: int = HALF) -> None:
        self._box(x, y, half, TALL, colour, round_by=TALL if half == TALL else 4)
        _text(self.group, x, y + 4, [(colour, sign, number)], **{"text-anchor": "middle"})

    def _box(self, x: float, y: float, half: float, tall: float, colour: str, round_by: float = 4) -> None:
        box = {"x": f"{x - half:g}", "y": f"{y - tall:g}", "width": f"{2 * half:g}", "height": f"{2 * tall:g}"}
        ElementTree.SubElement(self.group, "rect", {**box, "rx": f"{round_by:g}", "fill": "#ffffff", "stroke": colour})

    def _line(
        self, points: Sequence[Tuple[float, float]], colour: str, arrow: bool = True, dashed: bool = False
    ) -> None:
        flags = {"points": " ".join(f"{x:g},{y:g}" for x, y in points), "fill": "none", "stroke": colour}
        flags |= {"stroke-width": "1.4"} | ({"marker-end": f"url(#{_head(colour)})"} if arrow else {})
        flags |= {"stroke-dasharray": "4 3"} if dashed else {}
        ElementTree.SubElement(self.group, "polyline", flags).tail = "\n"
