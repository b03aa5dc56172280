"""Which kind of model a file asks for, and the plan that makes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator as AnIterator
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.kinds import Kind, kind_of
from s2s_plugins.text.pairs.sources import is_frame, is_path, read_pairs
from s2s_plugins.text.pairs.times import series_in
from s2s_plugins.training.classes import ClassesPlan
from s2s_plugins.training.pairs import PairsPlan
from s2s_plugins.training.plan import Plan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.settings import TrainSettings

# what says of which kind the data is
OWN: Dict[str, Tuple[str, ...]] = {
    "pairs": (
        *("source", "target", "target_level", "vocab_size", "longest", "start", "ngrams", "ngrams_weight"),
        *("features", "features_separator", "features_as", "copy"),
    ),
    "classes": ("text", "label", "unlabelled", "pretrain"),
    "series": ("time", "value", "horizon", "series", "past", "known", "static", "step"),
}
TAKEN = {"pairs": "pairs of source and target", "classes": "labelled texts", "series": "series of numbers"}


def plan_for(data: Any, name: str, out: Path, settings: TrainSettings, screen: Screen) -> Plan:
    """The plan for the data, by the settings that are for one kind, and by what the data looks like.

    Args:
        data: as :func:`s2s_plugins.training.run.train` takes it.
        name: what it is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what it is taken for.

    Raises:
        UsageError: the settings are for several kinds, the data cannot be read, or looks like a series and nothing
            says that it is something else.
    """
    task = settings.task or _named(settings)
    _check_own(task, settings)
    if task == "series":
        from s2s_plugins.training.series import SeriesPlan  # of tables, by pandas

        return SeriesPlan(data, name, out, settings, screen)
    if task is None:
        if isinstance(data, AnIterator):  # read once: an iterator gives its pairs only once
            data = read_pairs(data, settings.options.columns)
        found = _recognised(data, name, settings)
        task = found.name
        if task == "classes":
            remedy = "if they are pairs to be translated, give --task pairs"
            screen.say(f"{name} is taken for labelled texts: {found.reason}; {remedy}")
            settings = settings.but(text=found.text, label=found.label)
    elif task == "pairs" and not settings.task:
        _doubt(data, name, settings, screen)
    if task == "classes":
        return ClassesPlan(data, name, out, settings, screen)
    return PairsPlan(data, name, out, settings, screen)


def _recognised(data: Any, name: str, settings: TrainSettings) -> Kind:
    """Pairs or classes.

    Raises:
        UsageError: the data cannot be read, or looks like a series.
    """
    looks = series_in(data)
    if looks is not None:
        raise UsageError(f"{name} {looks.found}: {looks.flags}, or --task pairs if it is no series")
    try:
        return kind_of(data, settings.options.columns)
    except UsageError as error:
        two = "--source and --target"
        raise UsageError(str(error).replace(two, f"{two}, or for classes with --text and --label")) from None


def _doubt(data: Any, name: str, settings: TrainSettings, screen: Screen) -> None:
    """Say so if two columns that are named as source and target look like something else than pairs."""
    columns = settings.options.columns
    if not any(columns) or not (is_frame(data) or is_path(data)):
        return
    looks = series_in(data)
    if looks is not None and columns.source in (looks.time, str(looks.place)):
        screen.say(f"{name} {looks.found}; it is taken for pairs all the same. For forecasts {looks.flags} instead")
    found = kind_of(data, columns)
    if found.name == "classes" and found.text and found.label:
        flags = f"--text {shlex.quote(found.text)} --label {shlex.quote(found.label)}"
        screen.say(
            f"{name} has {found.reason}; it is taken for pairs all the same. For a classifier give {flags} instead"
        )


def _named(settings: TrainSettings) -> Optional[str]:
    """The kind that the settings are for; None: any.

    Raises:
        UsageError: they are for several.
    """
    kinds = {kind: settings.given(names) for kind, names in OWN.items()}
    found = [kind for kind, flags in kinds.items() if flags]
    if len(found) > 1:
        one, other = found[:2]
        raise UsageError(
            f"{kinds[one][0]} is for {TAKEN[one]} and {kinds[other][0]} for {TAKEN[other]}: leave one of them out"
        )
    return found[0] if found else None


def _check_own(task: Optional[str], settings: TrainSettings) -> None:
    """Check that no setting is given that is for another kind than the one asked for.

    Raises:
        UsageError: one is.
    """
    for kind, names in OWN.items():
        given = settings.given(names)
        if task is not None and kind != task and given:
            raise UsageError(f"{given[0]} is for {TAKEN[kind]}, and --task {task} for {TAKEN[task]}: leave it out")
