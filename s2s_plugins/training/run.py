"""``s2s train`` and :func:`s2s_plugins.train`: from data to a model that is ready to use."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.load import Model, load
from s2s_plugins.steps import Runner
from s2s_plugins.training.choices import FAIRSEQS
from s2s_plugins.training.kinds import plan_for
from s2s_plugins.training.plan import MODEL_FILE
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.settings import TrainSettings


def train(
    data: Any,
    out: Optional[Union[str, "os.PathLike[str]"]] = None,
    progress: bool = True,
    redo: bool = False,
    **settings: Any,
) -> Model:
    """Train a model, and open it.

    Args:
        data: pairs of source and target, or texts and their labels: a path of TSV, CSV or JSON lines, two paths of
            text, a folder with a folder of texts for each class, a pandas frame, or an iterable of pairs, of triples
            ``("walk", "walked", "V;PST")`` with features, or of mappings.
            Or series of numbers: a path of CSV or Parquet, several, or a pandas frame, with ``time`` or ``value``.
        out: folder of the model and all results, in which an interrupted training resumes; None: a temporary one, which
            is removed: keep the model with its ``save``.
        progress: whether to print how far it is.
        redo: train again what the folder has with other settings.
        settings: the fields of :class:`~s2s_plugins.training.settings.TrainSettings`, as ``minutes=5``.

    Returns:
        The model, as :func:`s2s_plugins.load` gives it.

    Raises:
        UsageError: data or settings do not fit.
        WorkError: the training failed.
    """
    unknown = [name for name in settings if name not in TrainSettings.__dataclass_fields__]
    if unknown:
        raise UsageError(f"train takes no {unknown[0]}: use {', '.join(TrainSettings.__dataclass_fields__)}")
    checked = TrainSettings(**settings)
    if checked.arch == FAIRSEQS:
        raise UsageError(
            f"arch={FAIRSEQS!r} has no model file to open: use s2s train --arch {FAIRSEQS}, or another one"
        )
    with _folder(out) as folder:
        train_in(data, folder, checked, redo, progress)
        return load(folder / MODEL_FILE)


@contextlib.contextmanager
def _folder(out: Optional[Union[str, "os.PathLike[str]"]]) -> Iterator[Path]:
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory(prefix="s2s-train-") as folder:
        yield Path(folder)


def train_in(data: Any, out: Path, settings: TrainSettings, redo: bool = False, shown: bool = True) -> None:
    """Train in a folder, or resume what was interrupted there.

    Args:
        data: as :func:`train` takes it.
        out: the folder.
        settings: of the training.
        redo: train again what the folder has with other settings.
        shown: whether to print how far it is.

    Raises:
        UsageError: data or settings do not fit.
        WorkError: the training failed.
    """
    require("torch", "fairseq", what="training")
    if settings.ngrams:
        require("phonetisaurus", what="--ngrams")
    screen = Screen(sys.stdout if shown else None)
    plan = plan_for(data, name_of(data), out, settings, screen)
    Runner(out, redo, quiet=not shown).run(plan.steps)
    if plan.model.exists():
        note_licence(plan.model, settings.licence)
        screen.say(f"model: {plan.model}")
    else:
        screen.say(f"--arch {FAIRSEQS} has no model file; report: {out / 'report.html'}")


def note_licence(model: Path, licence: str) -> None:
    """Write a licence into a model file that has another one."""
    file = read_model_file(model)
    if licence and file.about.licence != licence:
        replace(file, about=replace(file.about, licence=licence)).write(model)


def name_of(data: Any) -> str:
    """What data is called in a model file."""
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    if isinstance(data, Sequence) and all(isinstance(one, (str, os.PathLike)) for one in data):
        return " and ".join(os.fspath(one) for one in data)
    return f"a {type(data).__name__}"
