"""The trials of a search: what they try, how they ended; kept in a journal that an interrupted search resumes from."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from s2s_plugins.extras import library
from s2s_plugins.training.tune.space import Space, Value

STUDY = "tune"
STARTUP, WARMUP = 4, 5  # trials that are never pruned, and validations before one is
FLAGS, WHY = "flags", "why"  # what is noted beside a trial: its words, and why it failed
DONE, PRUNED, FAILED, RUNNING = "done", "pruned", "failed", "running"


@dataclass(frozen=True)
class Outcome:
    """A trial.

    Args:
        number: from 0, the recipe.
        state: ``"done"``, ``"pruned"``, ``"failed"`` or ``"running"``.
        error: at validation, in percent: of a pruned one the last; None if there was none.
        values: by flag.
        validations: errors, in order.
        seconds: that it took.
        why: it failed.
        flags: of its training, beside the recipe's.
    """

    number: int
    state: str
    error: Optional[float]
    values: Mapping[str, Value]
    validations: List[float] = field(default_factory=list)
    seconds: float = 0.0
    why: str = ""
    flags: List[str] = field(default_factory=list)


class Trials:
    """Optuna's study in a journal.

    Args:
        path: of the journal.
        space: what is searched.
        seed: of the search.

    Raises:
        MissingExtra: optuna is not installed.
    """

    def __init__(self, path: Path, space: Space, seed: int) -> None:
        self.optuna: Any = library("optuna", "s2s tune")
        journal = library("optuna.storages.journal", "s2s tune")
        self.optuna.logging.set_verbosity(logging.WARNING)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.space = space
        self.storage = self.optuna.storages.JournalStorage(journal.JournalFileBackend(str(path)))
        self.study = self.optuna.create_study(
            study_name=STUDY, storage=self.storage, direction="minimize", load_if_exists=True
        )
        # another seed after each resume: with the same one the first suggestions would come again
        self.study.sampler = self.optuna.samplers.TPESampler(seed=seed + len(self.study.trials), n_startup_trials=8)
        self.study.pruner = self.optuna.pruners.MedianPruner(STARTUP, WARMUP)

    def ask(self) -> Outcome:
        """A new trial. The first one is the recipe as it is."""
        first = not self.study.trials
        trial = self.study.ask({} if first else self.space.distributions())
        flags = [] if first else self.space.words(trial.params)
        trial.set_user_attr(FLAGS, flags)
        return self.outcomes()[trial.number]

    def note_values(self, number: int, values: Mapping[str, Value]) -> None:
        """Say which values a trial has that was not asked for any."""
        frozen = self.study.trials[number]
        for flag, distribution in self.space.distributions().items():
            if flag in values and flag not in frozen.params:
                internal = distribution.to_internal_repr(values[flag])
                self.storage.set_trial_param(frozen._trial_id, flag, internal, distribution)

    def report(self, number: int, error: float) -> bool:
        """Note a validation; whether the trial is to be pruned. The recipe never is."""
        trial = self._trial(number)
        trial.report(error, len(self.study.trials[number].intermediate_values))
        return number > 0 and bool(trial.should_prune())

    def end(self, number: int, error: Optional[float] = None, why: str = "") -> None:
        """Note the end of a trial: with its error; without one it was pruned, or failed if there is a reason."""
        states = self.optuna.trial.TrialState
        if error is not None:
            self.study.tell(number, error)
        elif why:
            self._trial(number).set_user_attr(WHY, why)
            self.study.tell(number, state=states.FAIL)
        else:
            self.study.tell(number, state=states.PRUNED)

    def _trial(self, number: int) -> Any:
        return self.optuna.trial.Trial(self.study, self.study.trials[number]._trial_id)

    def outcomes(self) -> List[Outcome]:
        """All trials, by number."""
        return [_outcome(frozen) for frozen in self.study.trials]

    def best(self) -> Optional[Outcome]:
        """The one that errs least, of those that came to their end."""
        done = [one for one in self.outcomes() if one.state == DONE]
        return min(done, key=lambda one: (one.error, one.number)) if done else None

    def importances(self) -> Dict[str, float]:
        """How much of the differences in error each flag explains, largest first; empty of few trials."""
        done = [one for one in self.outcomes() if one.state == DONE]
        if len(done) < STARTUP or len({one.error for one in done}) < 2:
            return {}
        importance = self.optuna.importance
        common = [choice.flag for choice in self.space.choices if all(choice.flag in one.values for one in done)]
        varied = [flag for flag in common if len({one.values[flag] for one in done}) > 1]
        if not varied:
            return {}
        found = importance.get_param_importances(
            self.study, evaluator=importance.FanovaImportanceEvaluator(seed=1), params=varied
        )
        return {str(flag): float(share) for flag, share in found.items()}


def _outcome(frozen: Any) -> Outcome:
    states = {"COMPLETE": DONE, "PRUNED": PRUNED, "FAIL": FAILED}
    validations = [float(value) for _, value in sorted(frozen.intermediate_values.items())]
    state = states.get(frozen.state.name, RUNNING)
    ended = frozen.datetime_complete
    return Outcome(
        number=frozen.number,
        state=state,
        error=float(frozen.value) if state == DONE else (validations[-1] if validations else None),
        values=dict(frozen.params),
        validations=validations,
        seconds=0.0 if ended is None else (ended - frozen.datetime_start).total_seconds(),
        why=str(frozen.user_attrs.get(WHY, "")),
        flags=[str(word) for word in frozen.user_attrs.get(FLAGS, [])],
    )
