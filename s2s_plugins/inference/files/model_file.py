"""The model file: one ``.safetensors`` with the weights, and as JSON in its metadata all else that a model is.

``docs/model-file.md`` describes the format.
"""

from __future__ import annotations

import json
import os
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.files import replacing
from s2s_plugins.inference.files import sizes
from s2s_plugins.inference.files.facts import KINDS, About, ClassifierFacts, Facts, TranslatorFacts
from s2s_plugins.inference.files.plain import from_plain, to_plain
from s2s_plugins.inference.files.precision import PRECISIONS, SCALE, restored, stored, weight_names
from s2s_plugins.inference.onnx import contract
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.settings import ClassifierSettings, Seq2SeqSettings

FORMAT = 1
KEY = "s2s_plugins"  # of the metadata
SECTIONS = ("format", "about", "kind", "precision", "members", "graphs")  # of what stands there, and one for the kind
SUFFIX = ".safetensors"
REMEDY = "use one that s2s save wrote"
_KINDS = {"F32": "<f4", "F16": "<f2", "I8": "<i1"}  # numpy's name for the type of a tensor

Settings = Union[Seq2SeqSettings, ClassifierSettings]
Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Member:
    """One model; several are an ensemble.

    Args:
        settings: what it is made of.
        graphs: what ONNX Runtime runs, by name.
        weights: in float32, by the names of the module's parameters and buffers; those of a file are read when they
            are asked for.
    """

    settings: Settings
    graphs: Mapping[str, Graph]
    weights: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ModelFile:
    """A trained model, whole.

    Args:
        facts: what it is beside its weights; their type says which kind of model it is.
        about: what a user may want to know.
        members: one model, or several.
        precision: of the weights in the file, one of :data:`s2s_plugins.inference.files.precision.PRECISIONS`.
        path: of the file, for messages.
    """

    facts: Facts
    about: About
    members: Tuple[Member, ...]
    precision: str = "float32"
    path: str = ""

    @property
    def kind(self) -> str:
        """``"translator"``, ``"classifier"`` or ``"forecaster"``."""
        return self.facts.kind

    def rounded(self, precision: str) -> ModelFile:
        """The same with weights as a file of that precision gives them."""
        members = tuple(replace(member, weights=restored(stored(member.weights, precision))) for member in self.members)
        return replace(self, members=members, precision=precision)

    def write(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write the file ``path``, which appears whole or not at all; the same model gives the same bytes.

        Raises:
            UsageError: ``path`` is no regular file or does not end in ``.safetensors``; the weights are too large for
                the precision; or what is said of the model can not be read again.
        """
        from safetensors.numpy import save

        check_suffix(path)
        tensors: Dict[str, NDArray[np.generic]] = {}
        for number, member in enumerate(self.members):
            for name, values in stored(member.weights, self.precision).items():
                tensors[f"{number}.{name}"] = values
        description = json.dumps(self.metadata(), ensure_ascii=False)
        from_metadata(json.loads(description), str(path))  # what is written can be read
        with replacing(path) as partial:
            # save_file makes a file that nobody else may read, whatever the umask
            partial.write_bytes(save(tensors, {KEY: description}))

    def metadata(self) -> Dict[str, Any]:
        """All but the weights, as JSON has it. Members of the same settings share their graphs."""
        graphs: List[Dict[str, Any]] = []
        members = []
        for member in self.members:
            own = {name: graph.to_json() for name, graph in member.graphs.items()}
            if own not in graphs:
                graphs.append(own)
            members.append({"settings": to_plain(member.settings), "graphs": graphs.index(own)})
        return {
            "format": FORMAT,
            "about": to_plain(self.about),
            "kind": self.kind,
            "precision": self.precision,
            self.kind: to_plain(self.facts),
            "members": members,
            "graphs": graphs,
        }


def check_suffix(path: Union[str, "os.PathLike[str]"]) -> None:
    """See that a name is one of a model file.

    Raises:
        UsageError: it is not.
    """
    if not str(path).endswith(SUFFIX):
        raise UsageError(f"a model file is named MODEL{SUFFIX}, not {path}")


def read_model_file(path: Union[str, Path]) -> ModelFile:
    """Read the file ``path``. Nothing in it is run, and every shape is checked before a weight is read.

    Weights are read when they are asked for, and checked then.

    Raises:
        UsageError: it is missing, damaged, of a newer release, or no model file.
    """
    from safetensors import SafetensorError, safe_open

    path = str(path)
    if not os.path.isfile(path):
        raise UsageError(f"model {path} {'is no regular file' if os.path.exists(path) else 'does not exist'}: {REMEDY}")
    try:
        with safe_open(path, framework="np") as file:  # checks the header, and that the tensors fill the file
            model = from_metadata(_metadata(path, file.metadata()), path)
            there = {name: _shape(path, name, file.get_slice(name)) for name in file.keys()}
        _check_shapes(model, there)
    except (SafetensorError, ValueError) as error:  # of lengths that do not fit
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"model {path} is damaged, or no model file ({_first_line(error)}): {REMEDY}") from None
    tensors = _Tensors(path)
    members = (
        replace(member, weights=_FileWeights(tensors, number, weight_names(_own(there, number))))
        for number, member in enumerate(model.members)
    )
    return replace(model, members=tuple(members))


class _Tensors:
    """The tensors of a file whose header is sound, each read when it is asked for.

    safetensors maps the file into memory, where what was read stays beside its copy.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self.path, self.file = path, open(path, "rb")
        weakref.finalize(self, self.file.close)
        size = int.from_bytes(self.file.read(8), "little")
        self.header = json.loads(self.file.read(size))
        self.begin = 8 + size

    def __contains__(self, name: str) -> bool:
        return name in self.header

    def read(self, name: str) -> NDArray[np.generic]:
        """A tensor, as it is stored."""
        about = self.header[name]
        begin, end = about["data_offsets"]
        self.file.seek(self.begin + begin)
        kind = _KINDS[about["dtype"]]
        found = np.fromfile(self.file, kind, (end - begin) // np.dtype(kind).itemsize)
        return found.reshape(about["shape"])


class _FileWeights(Mapping[str, NDArray[np.float32]]):
    """The weights of one member in an open file, each read when it is asked for: a model in use holds them in a form of
    its own, and two of each would be most of a process's memory.

    Args:
        tensors: of the file.
        member: its number.
        names: of the weights.
    """

    def __init__(self, tensors: _Tensors, member: int, names: Sequence[str]) -> None:
        self.tensors, self.member, self.names = tensors, member, frozenset(names)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The weight.

        Raises:
            UsageError: a number is not finite.
        """
        if name not in self.names:
            raise KeyError(name)
        places = {one: f"{self.member}.{one}" for one in (name, SCALE.format(name))}
        found = {one: self.tensors.read(place) for one, place in places.items() if place in self.tensors}
        weight = restored(found)[name]
        if not np.isfinite(weight).all():
            raise UsageError(f"model {self.tensors.path}: the weight {name} has numbers that are not finite: {REMEDY}")
        return weight

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.names))

    def __len__(self) -> int:
        return len(self.names)


def _metadata(path: str, metadata: Optional[Mapping[str, str]]) -> Dict[str, Any]:
    """What stands in the file's metadata as JSON."""
    if not metadata or KEY not in metadata:
        raise UsageError(f"{path} is no model of s2s_plugins, it does not say what it is: {REMEDY}")
    try:
        values = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
        raise UsageError(f"model {path} is damaged, its description is no JSON: {REMEDY}") from None
    if not isinstance(values, dict) or type(values.get("format")) is not int:
        raise UsageError(f"model {path} is damaged, it does not say of which format it is: {REMEDY}")
    return values


def from_metadata(values: Mapping[str, Any], path: str, more: Sequence[str] = ()) -> ModelFile:
    """The model of :meth:`ModelFile.metadata`, without weights.

    Args:
        values: what was read.
        path: of the file, for messages.
        more: names of values that a folder has beside those of a file.

    Raises:
        UsageError: it is damaged, or of a newer release.
    """
    if values["format"] < 1 or set(values) - {*SECTIONS, str(values.get("kind")), *more}:
        raise UsageError(f"model {path} is damaged, its description has fields that no release writes: {REMEDY}")
    if values["format"] > FORMAT:
        about = values.get("about")
        release = about.get("written_by") if isinstance(about, dict) else None
        raise UsageError(
            f"model {path} is of format {values['format']}, this release reads {FORMAT}: install s2s-plugins "
            f"{release if isinstance(release, str) else 'of a newer release'} or a later one"
        )
    kind, precision = values.get("kind"), values.get("precision")
    if not isinstance(kind, str) or kind not in KINDS or precision not in PRECISIONS:
        raise UsageError(f"model {path} is damaged, it does not say what kind of model it is: {REMEDY}")
    facts = from_plain(KINDS[kind], values.get(kind), f"model {path}: {kind}")
    graphs = _list(values, "graphs", path)
    read = [
        {name: Graph.from_json(graph, f"model {path}: graphs[{place}].{name}") for name, graph in own.items()}
        for place, own in enumerate(graphs)
    ]
    members = []
    for place, member in enumerate(_list(values, "members", path)):
        index = member.get("graphs")
        if set(member) != {"settings", "graphs"} or type(index) is not int or not 0 <= index < len(read):
            raise UsageError(f"model {path} is damaged, members[{place}] has not settings and graphs: {REMEDY}")
        settings = from_plain(facts.settings, member.get("settings"), f"model {path}: members[{place}].settings")
        contract.check(kind, read[index], f"model {path}: members[{place}]")
        sizes.check(_sizes(facts, settings, path), read[index], f"model {path}: members[{place}]")
        members.append(Member(settings, read[index], {}))
    if not members:
        raise UsageError(f"model {path} is damaged, it has no members: {REMEDY}")
    about = from_plain(About, values.get("about"), f"model {path}: about")
    return ModelFile(facts, about, tuple(members), str(precision), path)


def _sizes(facts: Facts, settings: Any, path: str) -> sizes.Sizes:
    """Sizes that facts and settings both have."""
    if isinstance(facts, TranslatorFacts):
        return sizes.of_translator(len(facts.source.symbols), len(facts.target.symbols), settings)
    if isinstance(facts, ClassifierFacts):
        return sizes.of_classifier(len(facts.symbols), len(facts.labels), settings)
    return sizes.of_forecaster(facts.series, settings, f"model {path}: series")


def _list(values: Mapping[str, Any], name: str, path: str) -> List[Dict[str, Any]]:
    """A list of objects."""
    found = values.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UsageError(f"model {path} is damaged, its {name} are no list of objects: {REMEDY}")
    return found


def _shape(path: str, name: str, tensor: Any) -> Shape:
    """The shape of a tensor in a file, which is not read yet."""
    if tensor.get_dtype() not in _KINDS:
        raise UsageError(f"model {path}: the weight {name} is of type {tensor.get_dtype()}: {REMEDY}")
    return tuple(tensor.get_shape())


def _own(tensors: Mapping[str, Any], number: int) -> Dict[str, Any]:
    """Those of one member, without the number before their names."""
    prefix = f"{number}."
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _check_shapes(model: ModelFile, there: Mapping[str, Shape]) -> None:
    """See that the file has the weights that the graphs name, in their shapes, and no others.

    Raises:
        UsageError: it has not.
    """
    known = 0
    for number, member in enumerate(model.members):
        own = _own(there, number)
        known += len(own)
        expected = {name: shape for graph in member.graphs.values() for name, shape in graph.weights.items()}
        found = {name: own[name] for name in weight_names(own)}
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                raise UsageError(
                    f"model {model.path} is damaged, the weight {name} of member {number} is {found.get(name)}, its "
                    f"graphs have {expected.get(name)}: {REMEDY}"
                )
        for name in own.keys() - found.keys():
            weight = name.rpartition(".")[0]
            if name != SCALE.format(weight) or own[name] != own[weight][:1]:
                raise UsageError(f"model {model.path} is damaged, {name} is no scale of {weight}: {REMEDY}")
    if known < len(there):
        raise UsageError(f"model {model.path} is damaged, it has weights of no member: {REMEDY}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:120]
