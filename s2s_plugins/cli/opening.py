"""What ``s2s`` runs: model files, and checkpoints of fairseq-train alike."""

from __future__ import annotations

from typing import Optional, Sequence, Type, TypeVar

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.files.contents import CHECKPOINT, content_of, model_file_of
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.load import Model, load
from s2s_plugins.inference.trained import USES, Trained
from s2s_plugins.inference.translator import Translator
from s2s_plugins.text.spelling import Spelling

T = TypeVar("T", bound=Trained)


def open_translator(
    paths: Sequence[str],
    backend: Optional[str],
    data: Optional[str] = None,
    source: Optional[str] = None,
    target: Optional[str] = None,
) -> Translator:
    """A translator.

    Args:
        paths: of a model file; or of checkpoints, an ensemble.
        backend: of a model file.
        data: of a checkpoint, a folder with its dictionaries.
        source: what a token of the source is; None: what the file says.
        target: the same for the target.

    Raises:
        UsageError: it cannot be used.
    """
    if _is_file(paths, backend):
        if data is not None:
            raise UsageError(f"--data {data} is about checkpoints, {paths[0]} has all it needs: leave it out")
        translator = _of_kind(load(paths[0], backend), Translator)
    else:
        from s2s_plugins.models.translator import load_translator

        translator = load_translator(paths[0], data, ensemble=paths[1:])
    if source is not None and source != translator.source_spelling.level:
        translator.source_spelling = Spelling(source)
    if target is not None and target != translator.target_spelling.level:
        translator.target_spelling = Spelling(target)
    return translator


def open_classifier(path: str, backend: Optional[str]) -> Classifier:
    """A classifier, from a model file or a checkpoint.

    Raises:
        UsageError: it cannot be used.
    """
    if _is_file([path], backend):
        return _of_kind(load(path, backend), Classifier)
    from s2s_plugins.models.classifier import load_classifier

    return load_classifier(path)


def open_forecaster(path: str, backend: Optional[str]) -> Forecaster:
    """A forecaster, from a model file or a checkpoint.

    Raises:
        UsageError: it cannot be used.
    """
    if _is_file([path], backend):
        return _of_kind(load(path, backend), Forecaster)
    from s2s_plugins.models.forecaster import load_forecaster

    return load_forecaster(path)


def open_model(path: str, backend: Optional[str]) -> Model:
    """A model of any kind, of a model file.

    Raises:
        UsageError: it cannot be used, or is a checkpoint.
    """
    if content_of(path) == CHECKPOINT:
        model_file_of(path)  # says what to do with it
    return load(path, backend)


def _is_file(paths: Sequence[str], backend: Optional[str]) -> bool:
    """Whether model files are named, not checkpoints.

    Raises:
        UsageError: there is none, or it stands beside others.
    """
    files = [path for path in paths if content_of(path) != CHECKPOINT]
    if files and len(paths) > 1:
        raise UsageError(
            f"{files[0]} is a whole model, and stands alone: s2s save makes one file of several checkpoints"
        )
    if not files and backend is not None:
        raise UsageError(f"--backend {backend} is about model files, {paths[0]} is none: make one with s2s save")
    return bool(files)


def _of_kind(model: Model, kind: Type[T]) -> T:
    """The model, if it is one of that kind.

    Raises:
        UsageError: it is of another one.
    """
    if not isinstance(model, kind):
        raise UsageError(f"{model.name} is a {model.kind}: s2s {USES[model.kind]} runs it")
    return model
