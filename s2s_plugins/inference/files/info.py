"""A model file in words."""

from __future__ import annotations

import math
from typing import Any, List, Tuple

from s2s_plugins.inference.files.facts import ClassifierFacts, ForecasterFacts, Side, TranslatorFacts
from s2s_plugins.inference.files.model_file import ModelFile
from s2s_plugins.nn.settings import ClassifierSettings, Seq2SeqSettings, StackSettings
from s2s_plugins.text.slots import SLOTS
from s2s_plugins.text.symbols import FILLER

SHOWN = 30  # symbols or labels


def as_text(model: ModelFile, size: int) -> str:
    """A line for each fact.

    Args:
        model: what was read.
        size: of the file, in bytes.
    """
    about = model.about
    rows = [
        ("model", f"{model.kind}, {about.architecture}" + _times(len(model.members))),
        ("file", f"{size_of(size)}, {_count(model):,} weights in {model.precision}"),
        *_facts(model),
        *(("layers", text) for text in _layers(model.members[0].settings)),
        ("trained on", about.data or "(not said)"),
        ("licence", about.licence or "(not said)"),
        *((name, f"{value:g}" if isinstance(value, float) else value) for name, value in about.figures.items()),
        ("written by", f"s2s-plugins {about.written_by}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{line(name):<{width}}  {line(text)}" for name, text in rows)


def size_of(size: int) -> str:
    """A number of bytes, as ``4.2 MB`` or ``38.1 kB``."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _times(members: int) -> str:
    return f", an ensemble of {members}" if members > 1 else ""


def _count(model: ModelFile) -> int:
    each = (
        {name: shape for graph in member.graphs.values() for name, shape in graph.weights.items()}
        for member in model.members
    )
    return sum(math.prod(shape) for shapes in each for shape in shapes.values())


def _facts(model: ModelFile) -> List[Tuple[str, str]]:
    facts = model.facts
    if isinstance(facts, TranslatorFacts):
        sides = (("source", facts.source, facts.longest_source), ("target", facts.target, facts.longest_target))
        rows = [
            (name, f"{_spelled(side)}, {len(own):,} symbols, at most {longest:,} tokens: {_some(own)}")
            for name, side, longest in sides
            for own in (_own(side.symbols),)
        ]
        if SLOTS[0] in facts.source.symbols:
            rows.append(("copying", f"up to {len(SLOTS)} symbols of a source that are unknown"))
        return [*rows, ("probabilities", _probabilities(facts))]
    if isinstance(facts, ClassifierFacts):
        text = f"{facts.tokenizer.level}, {len(_own(facts.symbols)):,} symbols"
        labels = f"{len(facts.labels)}: {_some(facts.labels)}"
        return [("labels", labels), ("text", text), ("temperature", f"{facts.temperature:g}")]
    assert isinstance(facts, ForecasterFacts)
    series = facts.series
    names = ("targets", "past", "known", "calendar", "static")
    columns = [(name, ", ".join(map(str, series[name]))) for name in names if series.get(name)]
    lengths = f"reads {series.get('input_length')} steps, predicts {series.get('output_length')}"
    return [*columns, ("lengths", lengths + (", stateful" if facts.stateful else ""))]


def _probabilities(facts: TranslatorFacts) -> str:
    """Whether they are calibrated, and by how much data."""
    on = f" on {facts.calibrated_on:,} sources" if facts.calibrated_on else ""
    if facts.calibration is not None:
        return f"calibrated{on}"
    return f"the model's own, which do as well as calibrated ones{on}" if on else "the model's own"


def _spelled(side: Side) -> str:
    """What a token is, and the Unicode forms."""
    forms = (side.form, None if side.written in (None, side.form) else f"written in {side.written}")
    beside = [] if side.features is None else [f"features with {side.features!r} between them"]
    return ", ".join([side.level, *(form for form in forms if form is not None), *beside])


def _own(symbols: Tuple[str, ...]) -> Tuple[str, ...]:
    """The symbols of the data, without slots and those that fill a dictionary up."""
    return tuple(symbol for symbol in symbols if symbol not in SLOTS and not symbol.startswith(FILLER))


def _some(names: Tuple[str, ...]) -> str:
    return " ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")


def _layers(settings: Any) -> List[str]:
    if isinstance(settings, ClassifierSettings):
        head = settings.head
        return [_stack("reader", settings.reader.stack, head.bidirectional), f"head: {head.pooling} of the outputs"]
    assert isinstance(settings, Seq2SeqSettings)
    decoder = settings.decoder
    attention = decoder.attention
    hard = attention is not None and attention.alignment != "soft"
    kind = f"{attention.alignment} attention" if attention is not None and hard else decoder.kind
    found = [_stack("encoder", settings.encoder), _stack(f"{kind} decoder", decoder.stack)]
    if attention is not None:
        found.append(f"attention: {attention.score}, {attention.alignment}, {attention.timing} the step")
    return found


def _stack(name: str, stack: StackSettings, also_backwards: bool = False) -> str:
    both = ", both directions" if stack.bidirectional or also_backwards else ""
    return f"{name}: {stack.layers} x {stack.cell} of {stack.hidden_size}, embeddings of {stack.embed_dim}{both}"


def line(text: str) -> str:
    """A text of a file, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
