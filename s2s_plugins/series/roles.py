"""Which column is what: from flags and the columns of a table to a description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import CALENDAR, MOST, Description, are_integers
from s2s_plugins.series.files import Table
from s2s_plugins.series.times import ALIASES, check_step, infer_step

MISSING = ("error", "mask")


@dataclass(frozen=True)
class Choice:
    """How series are prepared: the flags of ``s2s prepare --series``, which say what each is.

    Raises:
        UsageError: values that make no sense, or not together.
    """

    input_length: Optional[int] = None
    output_length: Optional[int] = None
    stride: int = 1
    eval_stride: Optional[int] = None
    time: Optional[str] = None
    step: Optional[str] = None
    series_column: Optional[str] = None
    target: Tuple[str, ...] = ()
    past: Tuple[str, ...] = ()
    known: Tuple[str, ...] = ()
    static: Tuple[str, ...] = ()
    calendar: Tuple[str, ...] = ()
    valid: Optional[str] = None
    test: Optional[str] = None
    valid_fraction: Optional[float] = None
    test_fraction: Optional[float] = None
    valid_from: Optional[str] = None
    test_from: Optional[str] = None
    missing: str = "error"
    per_window: bool = False

    def __post_init__(self) -> None:
        for name in ("input_length", "output_length", "stride", "eval_stride"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST:
                raise UsageError(f"{_flag(name)} {value} is not a number of steps: use 1 or more, and at most {MOST}")
        for split in ("valid", "test"):
            value = getattr(self, f"{split}_fraction")
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"--{split}-fraction {value} is not a share: use 0 or more, and less than 1")
            given = [name for name in (split, f"{split}_fraction", f"{split}_from") if getattr(self, name) is not None]
            if len(given) > 1:
                raise UsageError(f"{_flag(given[0])} settles {_flag(given[1])}: leave one of them out")
        if self.fraction("valid") + self.fraction("test") >= 1:
            raise UsageError("--valid-fraction and --test-fraction leave no row to train on: use smaller ones")
        if self.missing not in MISSING:
            raise UsageError(f"--missing {self.missing} is unknown: use {' or '.join(MISSING)}")
        for unit in self.calendar:
            if unit not in CALENDAR:
                raise UsageError(f"--calendar {unit} is unknown: use {', '.join(CALENDAR)}")
        if self.step is not None:
            check_step(self.step)

    def fraction(self, split: str) -> float:
        """Share of the rows, or samples, that are held out for ``split``."""
        if getattr(self, split) is not None or getattr(self, f"{split}_from") is not None:
            return 0.0
        given: Optional[float] = getattr(self, f"{split}_fraction")
        return HELD_OUT if given is None else given

    @property
    def lengths(self) -> Tuple[int, int]:
        """Number of steps in and out, S and T.

        Raises:
            UsageError: one is not given.
        """
        if self.input_length is None or self.output_length is None:
            name = "--input-length" if self.input_length is None else "--output-length"
            raise UsageError(f"{name} is missing: give the number of steps that a model reads and predicts")
        return self.input_length, self.output_length

    @property
    def strides(self) -> Tuple[int, int]:
        """Number of rows between two windows: to train on, and of the other splits."""
        return self.stride, self.eval_stride or self.lengths[1]

    def check_for_series(self) -> None:
        """Check the flags for series that windows are cut from.

        Raises:
            UsageError: a flag is missing, or makes no sense with these.
        """
        if sum(self.lengths) > MOST:
            raise UsageError(f"--input-length and --output-length make {sum(self.lengths)} steps: {MOST} at most")
        for split in ("valid", "test"):
            if getattr(self, split) is not None:
                raise UsageError(
                    f"--{split} is for windows that are cut already, of an .npz with the keys source and target: use "
                    f"--{split}-fraction or --{split}-from"
                )
        if self.calendar and self.time is None:
            raise UsageError("--calendar needs the times: name their column with --time")
        if self.step is not None and self.time is None:
            raise UsageError("--step is of times: name their column with --time")
        named = [*self.target, *self.past, *self.known, *self.static]
        named += [name for name in (self.time, self.series_column) if name is not None]
        for name in named:
            if named.count(name) > 1:
                raise UsageError(f"column {name!r} has two roles, or is named twice: leave one of them out")

    def check_for_arrays(self) -> None:
        """Check that no flag is given that is of series alone.

        Raises:
            UsageError: one is.
        """
        plain = Choice()
        for name in OF_SERIES:
            if getattr(self, name) != getattr(plain, name):
                raise UsageError(f"{_flag(name)} is for series: the windows of an .npz with source and target are cut")


HELD_OUT = 0.1  # share of the rows that valid and test have by default
OF_SERIES = (
    *("input_length", "output_length", "stride", "eval_stride", "time", "step", "series_column", "target", "past"),
    *("known", "static", "calendar", "valid_from", "test_from", "per_window"),
)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def describe(tables: Sequence[Table], choice: Choice) -> Tuple[Description, List[str]]:
    """The description of tables but for means and deviations, and the columns that have no role.

    Without ``--target``, each column that has no other role is one.

    Raises:
        UsageError: a column is missing or not as its role needs it, or the times show no step.
    """
    first = tables[0]
    if choice.time is not None:
        first.column(choice.time, "--time")
    others = {*choice.past, *choice.known, *choice.static, choice.time, choice.series_column}
    rest = [name for name in first.columns if name not in others and name not in choice.target]
    targets = choice.target or tuple(rest)
    if not targets:
        raise UsageError(f"{first.where} has no column left to predict: name one with --target")
    if not choice.target:
        _check_default_targets(first, rest, choice)
        for table in tables[1:]:
            more = [name for name in table.columns if name not in others and name not in rest]
            if more:
                remedy = "name the columns to predict with --target"
                raise UsageError(f"{table.where} has a column {more[0]!r} that {first.where} lacks: {remedy}")
    categories: Dict[str, Tuple[str, ...]] = {}
    for name in choice.static:
        first.column(name, "--static")
        if not all(table.is_numeric(name) for table in tables):
            categories[name] = tuple(sorted({text for table in tables for text in table.texts(name, "--static")}))
    description = Description(
        "series",
        targets=targets,
        input_length=choice.lengths[0],
        output_length=choice.lengths[1],
        past=choice.past,
        known=choice.known,
        calendar=choice.calendar,
        static=choice.static,
        categories=categories,
        time=choice.time,
        step=_step(tables, choice),
        series=choice.series_column,
        missing=choice.missing == "mask",
        per_window=choice.per_window,
    )
    return description, rest if choice.target else []


def _check_default_targets(table: Table, names: Sequence[str], choice: Choice) -> None:
    """Check that the columns without a role are numbers.

    Raises:
        UsageError: one is text.
    """
    for name in names:
        if not table.is_numeric(name):
            is_time = "if it holds the times, give --time; " if choice.time is None else ""
            remedy = f"{is_time}name the columns to predict with --target"
            raise UsageError(f"{table.where}: column {name!r} has no role and is not of numbers: {remedy}")


def _step(tables: Sequence[Table], choice: Choice) -> Optional[str]:
    """The step of the times: the one given, or the one that the first series shows.

    Raises:
        UsageError: there is none.
    """
    if choice.time is None:
        return None
    step = choice.step or _shown_step(tables, choice)
    if choice.calendar and are_integers(step):
        raise UsageError("--calendar needs times as 2024-03-31: those of --time are integers; give --step if not")
    return step


def _shown_step(tables: Sequence[Table], choice: Choice) -> str:
    """The step that the times of the first series show which has three.

    Raises:
        UsageError: they show none.
    """
    column, apart = str(choice.time), choice.series_column
    for table in tables:
        times = table.times(column, None)
        names = [None] * len(times) if apart is None else table.texts(apart, "--series-column").tolist()
        for name in dict.fromkeys(names):
            own = times[[one == name for one in names]] if name is not None else times
            if len(own) < 3:
                continue
            if not (own[1:] > own[:-1]).all():
                return "1" if own.dtype.kind == "i" else "D"  # no matter which: the order is checked before the step
            step = infer_step(own)
            if step is None:
                raise UsageError(f"{table.where}: the times of column {column!r} show no step: give --step, {ALIASES}")
            return step
    raise UsageError(f"{tables[0].where}: no series has three rows, which would show a step: give more, or --step")
