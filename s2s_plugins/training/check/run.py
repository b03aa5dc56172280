"""``s2s check``: from a lexicon to its improbable entries, the worst first."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.files import replacing
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.evaluation import check_features
from s2s_plugins.inference.files.contents import CHECKPOINT, ONNX, content_of, located, model_file_of
from s2s_plugins.inference.load import load
from s2s_plugins.inference.translator import Translator
from s2s_plugins.steps import Runner, Step, checksum
from s2s_plugins.text.pairs.pair import Columns, Left, Pair, Pairs
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.text.pairs.survey import progress
from s2s_plugins.training.check.folds import Complement, fold_of
from s2s_plugins.training.check.judging import Entries, Judged, judge
from s2s_plugins.training.check.seen import seen
from s2s_plugins.training.check.table import TABLE, shown, write_table
from s2s_plugins.training.pairs import PairsPlan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.settings import TrainSettings

FEWEST_FOLDS, MOST_FOLDS = 2, 20
FEWEST = 10  # sources of a part


@dataclass(frozen=True)
class CheckSettings:
    """How a lexicon is checked.

    Args:
        folds: number of parts, and of models that are trained.
        batch_size: number of sources that are judged at a time.
        top: number of entries to print.

    Raises:
        UsageError: a number is out of range.
    """

    folds: int = 3
    batch_size: int = BATCH_SIZE
    top: int = 20

    def __post_init__(self) -> None:
        limits = (("folds", FEWEST_FOLDS, MOST_FOLDS), ("batch_size", 1, 10**6), ("top", 0, 10**6))
        for name, least, most in limits:
            value = getattr(self, name)
            if not least <= value <= most:
                flag = f"--{name.replace('_', '-')} {value}"
                raise UsageError(f"{flag} is out of range: use {least} to {most:,}")


def check(
    data: Any,
    out: Path,
    model: Optional[str] = None,
    settings: Optional[CheckSettings] = None,
    training: Optional[TrainSettings] = None,
    redo: bool = False,
    progress: bool = True,
) -> List[Judged]:
    """Judge the entries of a lexicon, and write ``OUT/check.tsv``; an interrupted check resumes.

    Args:
        data: pairs, as :func:`s2s_plugins.train` takes them.
        out: folder of the models and the result.
        model: a model file; None: models are trained on parts of the data, and each judges the part that it has not
            seen.
        settings: of the check.
        training: of the models.
        redo: do again what the folder has with other settings.
        progress: whether to print how far it is.

    Returns:
        The entries, the most improbable first.

    Raises:
        UsageError: data or settings do not fit.
        WorkError: a training failed.
    """
    plan = CheckPlan(data, Path(out), model, settings or CheckSettings(), training or TrainSettings(), progress)
    Runner(plan.out, redo, quiet=not progress).run(plan.steps)
    return plan.show()


class CheckPlan:
    """The steps of a check.

    Args:
        data: pairs, as :func:`s2s_plugins.train` takes them.
        out: folder of all that is written.
        model: a model file, or None.
        settings: of the check.
        training: of the models.
        progress: whether to print how far it is.

    Attributes:
        steps: in order.
    """

    def __init__(
        self,
        data: Any,
        out: Path,
        model: Optional[str],
        settings: CheckSettings,
        training: TrainSettings,
        progress: bool = True,
    ) -> None:
        self.out, self.model, self.settings, self.training = out, model, settings, training
        self.screen = Screen(sys.stdout if progress else None)
        self.opened = None if model is None else opened(model)  # before a folder is made
        self.pairs: Pairs = pairs_of(data, training.options.columns, out)
        if self.opened is not None:
            separator = self.opened.source_spelling.features
            check_features(self.pairs, separator is not None)
            if separator is not None and self.pairs.features is None:
                raise UsageError(
                    f"{self.pairs.name} has no features, and {self.opened.name} needs them: name their column with "
                    "--features"
                )
        self.entries: Optional[Entries] = None
        self.steps = self._with_folds() if model is None else self._with_model(model)
        needed = {step.name: step.settings for step in self.steps}
        self.steps.append(Step("table", "table", None, needed, action=self.write))

    def _with_model(self, model: str) -> List[Step]:
        judging = {"data": self.pairs.fingerprint(), "checksum of the model": checksum_of(model)}
        return [Step("judge", "judge", None, judging, action=self.judge_all)]

    def _with_folds(self) -> List[Step]:
        require("fairseq", what="a check that trains models")
        folds, seed = self.settings.folds, self.training.seed
        if self.training.test is not None:
            raise UsageError("a check trains on all but the part that is judged: leave the test part out")
        if self.training.arch == "lstm":
            raise UsageError("--arch lstm writes no model file to check with: use one of this plugin's")
        steps: List[Step] = []
        for fold in range(folds):
            pairs, folder = Complement(self.pairs, fold, folds, seed), self._folder(fold)
            plan = PairsPlan(pairs, self.pairs.name, folder, self.training.but(test=0), self.screen)
            steps += [replace(one, name=f"{one.name}-{fold + 1}", action=_timed(plan, one)) for one in plan.steps[:2]]
            judging = {**plan.steps[1].settings, "folds": folds}
            steps.append(Step(f"judge-{fold + 1}", "judge", None, judging, action=self._judging(fold, plan.model)))
        return steps

    def _judging(self, fold: int, model: Path) -> Any:
        return lambda: self.judge_fold(fold, model)

    def _folder(self, fold: int) -> Path:
        return self.out / f"model-{fold + 1}"

    def judge_fold(self, fold: int, model: Path) -> None:
        """Judge a part by the model that has not seen it."""
        folds, seed = self.settings.folds, self.training.seed
        groups = [group for key, group in self._entries().items() if fold_of(key, folds, seed) == fold]
        self._judge(opened(model), groups, self._judged_file(fold))

    def judge_all(self) -> None:
        """Judge all entries by the user's model."""
        assert self.opened is not None
        self._judge(self.opened, list(self._entries().values()), self._judged_file(0))

    def _entries(self) -> Dict[str, List[Pair]]:
        if self.entries is None:
            self.entries = Entries(self.pairs)
        if not len(self.entries):
            raise UsageError(f"{self.pairs.name} has no entries to check: name a file of pairs")
        return self.entries.by_source

    def _judge(self, model: Translator, groups: Sequence[Sequence[Pair]], path: Path) -> None:
        left = Left()
        with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
            for one in judge(model, progress(groups, "judge"), left, self.settings.batch_size):
                file.write(json.dumps(one) + "\n")
        for line in left.lines():
            self.screen.say(line)

    def _judged_file(self, fold: int) -> Path:
        return self.out / "judged" / f"part-{fold + 1}.jsonl"

    def result(self) -> List[Judged]:
        """All entries that were judged, the most improbable first."""
        parts = 1 if self.model is not None else self.settings.folds
        found = [one for part in range(parts) for one in read_judged(self._judged_file(part))]
        return sorted(found, key=lambda one: (-one.score, one.line))

    def write(self) -> None:
        """Write the table."""
        write_table(self.out / TABLE, self.result())

    def show(self) -> List[Judged]:
        """Print what was left out, warnings, the head of the table and where it is: of a check that was done before
        too.

        Returns:
            All entries that were judged, the most improbable first.
        """
        result = self.result()
        self._entries()
        assert self.entries is not None
        lines = [*self.pairs.left.lines(), *self.entries.left.lines()]
        if self.opened is not None:
            lines += [f"warning: {line}" for line in seen(self.opened, self.pairs.fingerprint(), result)]
        lines += shown(result, self.settings.top)
        for line in [*lines, f"all {len(result):,} entries, the most improbable first: {self.out / TABLE}"]:
            self.screen.say(line)
        return result


def opened(path: Any) -> Translator:
    """A model of pairs.

    Raises:
        UsageError: it is something else.
    """
    try:
        content = content_of(path)
    except UsageError as error:  # as of a second file of text
        raise UsageError(f"{error}; what is named behind the lexicon is a MODEL, no second part of it") from None
    if content == CHECKPOINT:
        model_file_of(path)  # says what makes a model file of it
    model = load(path)
    if not isinstance(model, Translator):
        raise UsageError(f"{model.name} is a {model.kind}, which writes no targets: use a model of pairs")
    return model


def checksum_of(model: str) -> Any:
    """A checksum of a model file, or of each file in a folder of ONNX files."""
    if content_of(model) == ONNX:
        files = sorted(path for path in Path(model).rglob("*") if path.is_file())
        return {path.relative_to(model).as_posix(): checksum(path) for path in files}
    return checksum(located(model))


def pairs_of(data: Any, columns: Columns, out: Path) -> Pairs:
    """The pairs of a lexicon; what an iterator gives is kept in the folder.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return read_pairs(data, columns, out)
    except UsageError as error:  # whoever trains may give a file of each side
        raise UsageError(str(error).replace(", or give two files", "")) from None


def _timed(plan: PairsPlan, step: Step) -> Callable[[], object]:
    """The step's action; the minutes of its training are counted from its own start, not from that of the check."""

    def act() -> object:
        plan.began = time.monotonic()
        assert step.action is not None
        return step.action()

    return act


def read_judged(path: Path) -> Iterator[Judged]:
    """The entries of a part."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Judged(*json.loads(line))
