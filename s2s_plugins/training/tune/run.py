"""``s2s tune``: trials in parallel processes, bad ones ended early, the best one as a command."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import require
from s2s_plugins.files import write_whole
from s2s_plugins.steps import Runner, Step
from s2s_plugins.text.pairs.prepared import Prepared, read_prepared
from s2s_plugins.training.job import CHOSEN, Ended, Event, Job, Progress, Training, Validation
from s2s_plugins.training.pairs import PairsPlan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Recipe, recipe_for
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.tune.report import write_page, write_table
from s2s_plugins.training.tune.space import Space, space_for
from s2s_plugins.training.tune.trials import RUNNING, Outcome, Trials
from s2s_plugins.training.workers import Workers

MOST_JOBS = 4  # by default
COMMAND = "best.sh"


@dataclass(frozen=True)
class TuneSettings:
    """How a search runs.

    Args:
        trials: number of trainings, those of earlier runs in the same folder included.
        jobs: number of them at a time; None: one for each core, at most four.

    Raises:
        UsageError: a number is out of range.
    """

    trials: int = 30
    jobs: Optional[int] = None

    def __post_init__(self) -> None:
        for name, most in (("trials", 100_000), ("jobs", 1000)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise UsageError(f"--{name} {value} is out of range: use 1 to {most:,}")

    @property
    def together(self) -> int:
        """The number of trainings at a time."""
        return min(self.jobs or min(MOST_JOBS, os.cpu_count() or 1), self.trials)


def tune(
    data: Any,
    name: str,
    out: Path,
    settings: Optional[TuneSettings] = None,
    training: Optional[TrainSettings] = None,
    command: str = "",
    redo: bool = False,
    progress: bool = True,
) -> Outcome:
    """Search for the settings that err least on the validation part; an interrupted search resumes.

    Args:
        data: pairs, as :func:`s2s_plugins.train` takes them.
        name: what the data is called.
        out: folder of the trials and their results.
        settings: of the search.
        training: what all trials have in common.
        command: what trains a model on the data, without further flags; the best trial's are added to it.
        redo: do again what the folder has with other settings.
        progress: whether to print how far it is.

    Returns:
        The best trial.

    Raises:
        UsageError: data or settings do not fit.
        WorkError: all trials failed.
    """
    require("fairseq", "optuna", "sklearn", "matplotlib", "jinja2", what="s2s tune")
    search = Search(data, name, Path(out), settings or TuneSettings(), training or TrainSettings(), command, progress)
    runner = Runner(search.out, redo, quiet=not progress)
    last = search.steps[-1]
    state = runner.read(last)
    if state.get("done"):  # there may be trials to add
        runner.write(last, {**state, "done": False})
    runner.run(search.steps)
    best = search.trials.best()
    assert best is not None
    return best


class Search:
    """The steps of a search.

    Args:
        data: pairs.
        name: what they are called.
        out: folder of all that is written.
        settings: of the search.
        training: what all trials have in common.
        command: what trains, without the flags of a trial.
        progress: whether to print how far it is.

    Attributes:
        steps: in order.
        trials: once the search runs.
    """

    trials: Trials
    space: Space
    recipe: Recipe
    prepared: Prepared

    def __init__(
        self,
        data: Any,
        name: str,
        out: Path,
        settings: TuneSettings,
        training: TrainSettings,
        command: str,
        progress: bool = True,
    ) -> None:
        self.out, self.settings, self.training, self.command = out, settings, training, command
        self.screen = Screen(sys.stdout if progress else None)
        if training.members > 1:
            raise UsageError(f"a trial is one model: leave --members {training.members} out, and give it to s2s train")
        self.plan = PairsPlan(data, name, out, training, self.screen)
        prepare, train, _ = self.plan.steps
        search = Step("tune", "tune", out / "trials", {**train.settings, "search": "flags"}, action=self.run)
        self.steps = [prepare, search]
        self.running: Dict[int, int] = {}  # number of the worker -> that of its trial
        self.names: List[str] = []

    def run(self) -> None:
        """Do the trials that are left, and write the results.

        Raises:
            WorkError: all of them failed.
        """
        self._open()
        with Workers() as workers, self.screen.of(self.names):
            self._fill(workers)
            while self.running:
                number, event = workers.next()
                if event is None:
                    self._ended(number, workers)
                    self._fill(workers)
                else:
                    self._hear(number, event, workers)
        self._finish()

    def _open(self) -> None:
        self.prepared = read_prepared(self.out / "data")
        if not self.prepared.valid_held_out:
            raise UsageError("there are too few sources to hold some out: give --valid FILE to compare trials on")
        self.recipe = recipe_for(self.prepared)
        arguments = self._training(0, []).arguments
        self.space = space_for(arguments, self.recipe.name, self.training.flags)
        if not self.space.choices:
            raise UsageError("the flags behind -- leave nothing to search: leave some out")
        self.trials = Trials(self.out / "trials" / "journal.jsonl", self.space, self.training.seed)
        self.left = [one for one in self.trials.outcomes() if one.state == RUNNING]  # of an interrupted search
        self.screen.say(f"recipe {self.recipe.name}: {self.recipe.reason}; {self.settings.together} at a time")
        self.screen.say("searched: " + " ".join(choice.flag for choice in self.space.choices))

    def _training(self, trial: int, flags: List[str]) -> Training:
        """The training of a trial: as s2s train does it with these flags."""
        cores, together = os.cpu_count() or 1, self.settings.together
        self.plan.began = time.monotonic()
        seconds, threads = self.plan.seconds(self.prepared, 1), None if together == 1 else max(1, cores // together)
        training = self.plan.training(self.prepared, self.recipe, 0, seconds, threads)
        return replace(
            training,
            folder=str(self._folder(trial)),
            arguments=[*training.arguments, *flags],
            hurried=[replace(one, arguments=[*one.arguments, *flags]) for one in training.hurried],
        )

    def _arguments(self, trial: int) -> List[str]:
        """Those of the recipe that runs as this trial: in a short time it changes by the speed of the machine."""
        path = self._folder(trial) / CHOSEN
        if not path.exists():
            return self._training(trial, []).arguments
        chosen: List[str] = json.loads(path.read_text(encoding="utf-8"))
        return chosen

    def _folder(self, trial: int) -> Path:
        return self.out / "trials" / f"trial-{trial:03d}"

    def _fill(self, workers: Workers) -> None:
        """Start trials until as many run as may."""
        while len(self.running) < self.settings.together:
            if self.left:
                trial = self.left.pop(0)
            elif len(self.trials.study.trials) < self.settings.trials:
                trial = self.trials.ask()
            else:
                return
            job = Job([self._training(trial.number, trial.flags)], None, time.time())
            self.names.append(f"trial {trial.number}")
            (worker,) = workers.start([(job, self.out / "logs" / f"trial-{trial.number:03d}.log")])
            self.running[worker] = trial.number

    def _hear(self, worker: int, event: Event, workers: Workers) -> None:
        trial = self.running[worker]
        if isinstance(event, Progress):
            self.screen.show(worker, event)
        elif isinstance(event, Validation):
            if trial == 0:
                self.trials.note_values(0, self.space.values_of(self._arguments(trial)))
            if self.trials.report(trial, event.error):
                workers.stop(worker)
        elif isinstance(event, Ended):
            self.trials.end(trial, event.error)

    def _ended(self, worker: int, workers: Workers) -> None:
        """A worker's end: its trial has ended, was pruned, or failed.

        Raises:
            UsageError: the recipe itself cannot be trained: flags or data do not fit.
        """
        trial, error = self.running.pop(worker), workers.error(worker)
        self.screen.bars.pop(worker, None)
        if self.trials.outcomes()[trial].state == RUNNING:
            failed = not isinstance(error, KeyboardInterrupt)
            self.trials.end(trial, why=str(error or "it ended without a result") if failed else "")
        for path in self._folder(trial).glob("*.pt"):
            path.unlink()
        outcome = self.trials.outcomes()[trial]
        self.screen.say(described(outcome, self.trials.best()))
        write_table(self.out, self.trials)
        if trial == 0 and isinstance(error, UsageError):
            raise error

    def _finish(self) -> None:
        best = self.trials.best()
        if best is None:
            why = next((one.why for one in self.trials.outcomes() if one.why), "all were pruned")
            raise WorkError(f"no trial came to its end ({why}): see {self.out / 'logs'}")
        command = best_command(self.command, self.training.flags, best)
        write_table(self.out, self.trials)
        write_page(self.out, self.trials, f"Trials on {self.plan.name}", command)
        write_whole(self.out / COMMAND, f"{command}\n")
        self.screen.say(f"best: trial {best.number} of {len(self.trials.outcomes())}, {best.error:.2f} % wrong")
        self.screen.say(f"all trials: {self.out / 'trials.tsv'}, {self.out / 'report.html'}")
        self.screen.say(f"to train it ({self.out / COMMAND}):")
        self.screen.say(command)


def described(outcome: Outcome, best: Optional[Outcome]) -> str:
    """A trial's end in a line."""
    words = " ".join(outcome.flags) or "the recipe"
    if outcome.why:
        return f"trial {outcome.number}: failed, {outcome.why} ({words})"
    mark = ", the best so far" if best is not None and best.number == outcome.number else ""
    error = "no validation" if outcome.error is None else f"{outcome.error:.2f} % wrong"
    return f"trial {outcome.number}: {outcome.state}, {error}{mark} ({words})"


def best_command(command: str, flags: Sequence[str], best: Outcome) -> str:
    """The command that trains the best trial."""
    behind = [*best.flags, *flags]
    return f"{command} -- {shlex.join(behind)}" if behind else command
