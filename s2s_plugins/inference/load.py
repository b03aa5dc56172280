"""Opening a model file."""

from __future__ import annotations

import importlib
import os
from typing import Any, Optional, Sequence, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.files.contents import located
from s2s_plugins.inference.files.facts import ClassifierFacts, Side, TranslatorFacts
from s2s_plugins.inference.files.model_file import REMEDY, ModelFile, read_model_file
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.onnx.folder import is_onnx_folder, read_onnx_folder
from s2s_plugins.inference.trained import BACKENDS
from s2s_plugins.inference.translator import Translator
from s2s_plugins.series.description import Description
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import SPECIAL, SymbolTable
from s2s_plugins.text.tokens import Tokenizer

Model = Union[Translator, Classifier, Forecaster]
COLDEST = 1e-3  # the lowest temperature: logits divided by it are finite


def load(path: Union[str, "os.PathLike[str]"], backend: Optional[str] = None) -> Model:
    """A trained model from its file, ready to use. Nothing in the file is run.

    Args:
        path: of a model file, as ``s2s save`` writes it, of a folder with ``model.safetensors`` in it, or of a folder
            of ``s2s export --onnx``; or the name of an installed package, as ``s2s package`` makes one.
        backend: ``"torch"`` or ``"onnx"``; by default ONNX Runtime, the faster one on a CPU; PyTorch uses a
            GPU if there is one.

    Returns:
        A :class:`~s2s_plugins.inference.translator.Translator` (``predict``), a
        :class:`~s2s_plugins.inference.classifier.Classifier` (``classify``) or a
        :class:`~s2s_plugins.inference.forecaster.Forecaster` (``forecast``).

    Raises:
        UsageError: the file cannot be used, or the backend is unknown or not installed.
    """
    if not is_onnx_folder(path):
        return opened(read_model_file(located(path)), backend)
    if backend not in (None, "onnx"):
        raise UsageError(f"{os.fspath(path)} is a folder of ONNX files, which the backend {backend} does not run")
    model = opened(read_onnx_folder(path), "onnx")
    model.file = None  # its weights are in the ONNX files alone
    return model


def opened(file: ModelFile, backend: Optional[str] = None) -> Model:
    """As :func:`load`, of a file that was read.

    Raises:
        UsageError: as there.
    """
    models, facts = _backend(backend), file.facts
    model: Model
    if isinstance(facts, TranslatorFacts):
        model = _translator(facts, models.translator_model(file), file.path)
    elif isinstance(facts, ClassifierFacts):
        model = _classifier(facts, models.classifier_model(file), file.path)
    else:
        description = Description.from_json(facts.series, f"model {file.path}: series")
        model = Forecaster(file.path, models.forecaster_model(file), description, facts.stateful)
    model.about, model.file = file.about, file
    return model


def _backend(name: Optional[str]) -> Any:
    """The module that makes what a backend runs."""
    if name is None:
        # it is faster on every kind of model that we have, starts in a fraction of the time, and needs less memory
        name = "onnx"
    if name not in BACKENDS:
        raise UsageError(f"there is no backend {name!r}: use one of {', '.join(BACKENDS)}")
    if name == "torch":
        require("torch", what="the backend torch")
    return importlib.import_module(f"s2s_plugins.inference.{name}.backend")


def _translator(facts: TranslatorFacts, model: Any, name: str) -> Translator:
    source, target = facts.source, facts.target
    tables = (_symbols(source.symbols, name), _symbols(target.symbols, name))
    translator = Translator(name, model, *tables, _spelling(source, name), _spelling(target, name))
    translator.calibration, translator.calibrated_on = facts.calibration, facts.calibrated_on
    if facts.calibration is not None:
        _check_temperatures([facts.calibration.temperature, facts.calibration.alone_temperature], name)
    return translator


def _check_temperatures(temperatures: Sequence[float], name: str) -> None:
    """See that temperatures are above 0, and that what is divided by them is a number.

    Raises:
        UsageError: one is not.
    """
    for one in temperatures:
        if not one >= COLDEST:
            raise UsageError(f"model {name} is damaged, its temperature {one:g} is not above {COLDEST}: {REMEDY}")


def _symbols(symbols: Sequence[str], name: str) -> SymbolTable:
    """A dictionary.

    Raises:
        UsageError: two symbols are the same, or one would end a line or a column of output.
    """
    table = SymbolTable()
    for symbol in symbols:
        if not symbol or set(symbol) & set("\n\r\t"):
            raise UsageError(f"model {name} is damaged, its symbol {symbol!r} is no token: {REMEDY}")
        table.add(symbol)
    if len(table) != len(SPECIAL) + len(symbols):
        raise UsageError(f"model {name} is damaged, a symbol of its dictionary stands there twice: {REMEDY}")
    return table


def _spelling(side: Side, name: str) -> Spelling:
    try:
        return Spelling(side.level, side.pieces, side.form, side.written, side.features)
    except UsageError as error:
        raise UsageError(f"model {name} is damaged ({error}): {REMEDY}") from None


def _classifier(facts: ClassifierFacts, model: Any, name: str) -> Classifier:
    try:
        tokens = facts.tokenizer
        tokenizer = Tokenizer(tokens.level, tokens.lowercase, tokens.rare, tokens.model)
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"model {name} is damaged ({error}): {REMEDY}") from None
    for label in facts.labels:
        if len(label.splitlines()) != 1:
            raise UsageError(f"model {name} is damaged, its label {label!r} is no line of text: {REMEDY}")
    if facts.truncate not in ("head", "tail") or facts.limit == 0:
        raise UsageError(f"model {name} is damaged, it cuts documents at {facts.truncate}, {facts.limit}: {REMEDY}")
    symbols = _symbols(facts.symbols, name)
    _check_temperatures([facts.temperature], name)
    classifier = Classifier(name, model, tokenizer, symbols, facts.labels, facts.limit, facts.truncate)
    classifier.temperature = facts.temperature
    return classifier
