"""The plan of a training on series of numbers: windows, a forecaster, its scores, and what comes next."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import Any, List, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.series.files import Table, frame_table, npz_keys, read_table
from s2s_plugins.series.planning import Planned, plan_series
from s2s_plugins.series.prepare import LEFT_OUT, prepare_tables
from s2s_plugins.series.store import SeriesFolder, strange_to_series
from s2s_plugins.steps import Step
from s2s_plugins.text.folder import prepared_folder
from s2s_plugins.text.pairs.sources import is_path
from s2s_plugins.training.job import BEST, Job, Save, Training
from s2s_plugins.training.plan import QUIET, SECONDS_AFTER, Plan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Recipe, for_arch, merged, words
from s2s_plugins.training.recipes_series import recipe_for
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import ended_of
from s2s_plugins.training.testing_series import summary, test_series

SECONDS_A_WINDOW = 0.002  # of forecasting
# flags of s2s prepare --series, as s2s train calls them
FLAGS = {"--series-column": "--series", "--target": "--value", "--output-length": "--horizon"}


class SeriesPlan(Plan):
    """The steps from series to a tested forecaster.

    Args:
        data: a path, several of them, each of a series, or a pandas frame.
        name: what the data is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what happens.

    Raises:
        UsageError: data or settings do not fit.
    """

    def __init__(self, data: Any, name: str, out: Path, settings: TrainSettings, screen: Screen) -> None:
        super().__init__(name, out, settings, screen)
        require("pandas", what="training on series")
        if settings.members > 1:
            raise UsageError(f"--members {settings.members} vote on outputs of pairs alone: leave it out for series")
        if settings.arch == "lstm":
            raise UsageError(
                "--arch lstm reads tokens alone: use attention_lstm, peek_lstm, feedback_lstm or basic_lstm"
            )
        self.tables = tables_of(data)
        self.planned: Planned = in_words_of_train(plan_series, self.tables, settings.series_asked)
        reading = {"data": fingerprints(self.tables), "choice": plain(self.planned)}
        training = {"prepare": reading, "settings": settings.plain()}
        self.steps = [
            Step("prepare", "prepare", out / "data", reading, action=self.prepare),
            Step("train", "train", out / "checkpoints", training, action=self.train, makes=[self.model]),
            Step("test", "test", None, training, action=self.test, makes=self.report),
        ]

    def prepare(self) -> None:
        """Cut windows."""
        self.say_all(self.planned.said)
        folder = self.out / "data"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with prepared_folder(str(folder), strange_to_series, "--out") as empty:
            prepared = in_words_of_train(prepare_tables, self.tables, self.planned.choice, empty, True)
        counts = ", ".join(f"{split} {count:,}" for split, count in prepared.windows.items())
        # what is not used was said with the plan
        notes = [note for note in prepared.notes if not note.startswith(LEFT_OUT)]
        self.say_all([f"windows: {counts}", *notes])

    def _recipe(self) -> Recipe:
        return recipe_for(len(SeriesFolder(self.out / "data").windows("train")))

    def train(self) -> None:
        """Train the model, and write its file.

        Raises:
            UsageError: flags, data or settings do not fit.
            WorkError: the training failed.
        """
        recipe, settings = self._recipe(), self.settings
        folder = SeriesFolder(self.out / "data")
        self.screen.say(f"recipe {recipe.name}: {recipe.reason}")
        held_out = sum(len(folder.windows(split)) for split in folder.splits if split != "train")
        flags = recipe.flags if settings.arch is None else for_arch(recipe.flags, settings.arch)
        if not set(_losses(settings.flags)) <= {"quantile"}:
            flags = merged(flags, {"--quantiles": None})  # of the recipe's loss alone
        updates = settings.updates or recipe.updates
        training = Training(
            data=str(self.out / "data"),
            folder=str(self.folder(0)),
            arguments=[*words({**QUIET, **flags, "--seed": settings.seed}), *settings.flags],
            updates=updates,
            seconds=self.seconds_left(SECONDS_AFTER + SECONDS_A_WINDOW * held_out),
            warmup=min(recipe.warmup, max(1, updates // 10)),
            validate="loss" if "valid" in folder.splits else "none",
            precision=settings.precision,
            tensorboard=settings.tensorboard,
        )
        checkpoint, data = str(self.folder(0) / BEST), str(self.out / "data")
        save = Save([checkpoint], data, str(self.model), settings.licence, self.name, pairs=False)
        self.run_jobs([Job([training], save, time.time())], ["model 1"])

    def test(self) -> None:
        """Forecast what was held out and what comes next, and write the report."""
        recipe = self._recipe()
        architecture = self.settings.arch or str(recipe.flags["--arch"])
        ended = [ended_of(self.folder(0))]
        facts = self.facts(f"{recipe.name}: {recipe.reason}", architecture, ended)
        found = test_series(self.tables, self.planned, self.out, self.model, self.folder(0), facts, self.name)
        self.say_all(summary(found))


def _losses(flags: Sequence[str]) -> List[str]:
    """The values of ``--loss`` among flags."""
    words = " ".join(flags).replace("--loss=", "--loss ").split()
    return [value for word, value in zip(words, words[1:]) if word == "--loss"]


def tables_of(data: Any) -> List[Table]:
    """The tables of files or of a pandas frame.

    Raises:
        UsageError: it is nothing of these, or windows that are cut already.
    """
    if hasattr(data, "columns") and hasattr(data, "itertuples"):
        return [frame_table(data, "the frame", "series")]
    paths = [data] if is_path(data) else list(data) if isinstance(data, (list, tuple)) else []
    if not paths or not all(map(is_path, paths)):
        raise UsageError(f"series are a path, several, or a pandas frame, not a {type(data).__name__}")
    for path in map(Path, paths):
        if path.suffix == ".npz" and {"source", "target"} & npz_keys(path):
            raise UsageError(f"{path} holds windows that are cut already: use s2s prepare --series, then fairseq-train")
    return [table for path in paths for table in read_table(os.fspath(path))]


def fingerprints(tables: List[Table]) -> List[Tuple[str, int]]:
    """Name and checksum of each table."""
    found = []
    for table in tables:
        total = 0
        for name, column in table.columns.items():
            total = zlib.crc32(repr((name, column.tolist())).encode("utf-8", "surrogatepass"), total)
        found.append((table.name, total))
    return found


def plain(planned: Planned) -> "dict[str, Any]":
    """What decides how series are cut, as JSON has it."""
    return {"season": planned.season, **vars(planned.choice)}


def in_words_of_train(function: Any, *args: Any) -> Any:
    """Call a function; errors name the flags that ``s2s train`` has.

    Raises:
        UsageError: of the function.
    """
    try:
        return function(*args)
    except UsageError as error:
        message = str(error)
        for other, own in FLAGS.items():
            message = message.replace(other, own)
        raise UsageError(message) from None
