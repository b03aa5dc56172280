"""A static folder in which a model runs in the browser."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.files.facts import ClassifierFacts, ForecasterFacts, TranslatorFacts
from s2s_plugins.inference.files.model_file import ModelFile
from s2s_plugins.inference.files.plain import to_plain
from s2s_plugins.inference.files.precision import SCALE, Stored, stored
from s2s_plugins.inference.load import opened
from s2s_plugins.inference.onnx.format import ELEMENT_TYPES, graph_bytes, model_bytes, tensor
from s2s_plugins.inference.onnx.graph import Graph, Node
from s2s_plugins.inference.translator import Translator
from s2s_plugins.text.folder import prepared_folder
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import SPECIAL, SymbolTable
from s2s_plugins.text.words import newer_ranges
from s2s_plugins.web import runtime as javascript

FORMAT = 1  # of model.json
WASM = "'wasm-unsafe-eval'"  # in the page's content security policy
PAGE = Path(__file__).parent / "page"
SERVER = Path(__file__).with_name("server.json")  # in the place of model.json: the page asks the server it came from
DESCRIPTION, GRAPHS, RUNTIME, PIECES = "model.json", "graphs", "runtime", "pieces.model"


def write_page(model: ModelFile, folder: str, runtime: Optional[Path] = None) -> int:
    """Write a folder with a page and all that it needs; it appears whole or not at all.

    Args:
        model: a translator or a classifier.
        folder: to write; an earlier page is replaced.
        runtime: a folder with the files of onnxruntime-web; by default npm fetches them once.

    Returns:
        The size of the folder in bytes.

    Raises:
        UsageError: there is no page for this model, the folder holds other things, or npm is missing.
        WorkError: the files of onnxruntime-web cannot be fetched.
    """
    facts, pieces = facts_of(model), pieces_of(model)
    with prepared_folder(folder, strange_to_page, "--web") as new:
        files = javascript.runtime_files(runtime, pieces is not None)
        for path in PAGE.iterdir():
            shutil.copyfile(path, new / path.name)
        (new / RUNTIME).mkdir()
        for name, content in files.items():
            (new / RUNTIME / name).write_bytes(content)
        if pieces is not None:
            (new / PIECES).write_bytes(pieces)
            # sentencepiece-js makes functions of strings; nothing that is typed, or in the model, is in them
            index = (new / "index.html").read_text(encoding="utf-8")
            (new / "index.html").write_text(index.replace(WASM, f"{WASM} 'unsafe-eval'"), encoding="utf-8")
        (new / GRAPHS).mkdir()
        description = {
            "format": FORMAT,
            "name": Path(model.path).stem,
            "about": to_plain(model.about),
            "precision": model.precision,
            "kind": model.kind,
            model.kind: facts,
            "members": [_write_graphs(model, number, new) for number in range(len(model.members))],
        }
        (new / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
        return sum(path.stat().st_size for path in new.rglob("*") if path.is_file())


def facts_of(model: ModelFile) -> Dict[str, Any]:
    """What the page has to know of a model beside its graphs.

    Raises:
        UsageError: there is no page for it, or it is damaged.
    """
    if isinstance(model.facts, ForecasterFacts):
        raise UsageError(f"{model.path} is a {model.kind}, for which there is no page: s2s forecast runs it")
    ready = opened(model)
    if isinstance(ready, Translator):
        settings = ready.search_settings(beam=1)
        return {
            "source": _side(ready.source_spelling, ready.source),
            "target": _side(ready.target_spelling, ready.target),
            "longest_source": ready.limit,
            "calibration": None if ready.calibration is None else to_plain(ready.calibration),
            "search": {
                "end": settings.end,
                "pad": settings.pad,
                "never": list(settings.never),
                "longest": settings.longest,
                "shortest": settings.shortest,
                "lengthPenalty": settings.length_penalty,
            },
        }
    assert isinstance(ready, Classifier), "there is no other kind that has a page"
    tokenizer = ready.tokenizer
    own = {"level": tokenizer.level, "lowercase": tokenizer.lowercase, "rare": tokenizer.rare}
    return {
        "symbols": _own(ready.symbols),
        "labels": ready.labels,
        "tokenizer": {**own, "newer": newer_ranges() if tokenizer.level == "word" else {}},
        "limit": ready.limit,
        "truncate": ready.truncate,
        "temperature": ready.temperature,
    }


def pieces_of(model: ModelFile) -> Optional[bytes]:
    """The sentencepiece model that makes pieces of what is typed; None if nothing does."""
    facts = model.facts
    if isinstance(facts, TranslatorFacts):
        return facts.source.pieces
    return facts.tokenizer.model if isinstance(facts, ClassifierFacts) else None


def _side(spelling: Spelling, table: SymbolTable) -> Dict[str, Any]:
    """The text of one side of a translator."""
    return {
        "level": spelling.level,
        "form": spelling.form,
        "written": spelling.written,
        "symbols": _own(table),
        "features": spelling.features,
    }


def _own(table: SymbolTable) -> List[str]:
    """All symbols but the special ones."""
    return table.symbols[len(SPECIAL) :]


def _write_graphs(model: ModelFile, number: int, folder: Path) -> Dict[str, str]:
    """Write the graphs of a member; their places in ``folder`` by name."""
    member, places = model.members[number], {}
    found = stored(member.weights, model.precision)
    for name in sorted(member.graphs):
        places[name] = f"{GRAPHS}/{number}-{name}.onnx"
        (folder / places[name]).write_bytes(onnx_as_stored(member.graphs[name], found))
    return places


def onnx_as_stored(graph: Graph, found: Stored) -> bytes:
    """A serialised ModelProto with weights as a model file stores them, which nodes turn into float32.

    ONNX Runtime runs these nodes once, when it opens the model.
    """
    nodes: List[Node] = []
    initializers: List[bytes] = []
    for name in graph.weights:
        values = found[name]
        if values.dtype == np.float32:
            initializers.append(tensor(name, values))
            continue
        small, scale = f"{name}.stored", SCALE.format(name)
        initializers.append(tensor(small, values))
        wide = f"{name}.wide" if scale in found else name
        nodes.append(Node("Cast", (small,), (wide,), {"to": ELEMENT_TYPES["float32"]}))
        if scale in found:
            initializers.append(tensor(scale, found[scale][:, None]))
            nodes.append(Node("Mul", (wide, scale), (name,), {}))
    return model_bytes(graph_bytes(replace(graph, nodes=(*nodes, *graph.nodes)), initializers))


def strange_to_page(folder: Path) -> Optional[str]:
    """What a folder holds that :func:`write_page` did not write; None: nothing."""
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    if not there:
        return None
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        graphs = {f"{GRAPHS}/{place}" for member in description["members"] for place in _names(member)}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return there[0]
    own = {DESCRIPTION, GRAPHS, RUNTIME, PIECES, *graphs}
    own.update(path.name for path in PAGE.iterdir())
    own.update(f"{RUNTIME}/{name}" for package in (javascript.ONNX, javascript.PIECES) for name in package.files)
    return next((name for name in there if name not in own), None)


def _names(member: Dict[str, str]) -> List[str]:
    return [Path(place).name for place in member.values()]
