"""What a model of numbers reads and predicts: the columns, in their order, and how they were standardised."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from s2s_plugins.errors import UsageError

KINDS = ("series", "arrays")
# units of time, by the name of a covariate made from them: each is a phase between 0 and 1 (times.phase)
CALENDAR = ("minute", "hour", "weekday", "day", "dayofyear", "month", "quarter")
MOST = 1_000_000  # of steps and of columns: a file that says more is damaged
MADE_BY = "prepare the data again with s2s prepare --series"


@dataclass(frozen=True)
class Description:
    """The columns of a data set, and the values that standardise them.

    An encoder reads at each step, in this order: targets, past, [with ``missing``: an indicator for each of these],
    known, calendar, static. A decoder reads, beside its previous outputs: known, calendar, static.

    Args:
        kind: ``"series"``: windows of series, whose encoder reads the earlier values of what is predicted;
            ``"arrays"``: pairs of arrays, whose ``past`` is the source and ``targets`` the target.
        targets: names of the columns that are predicted.
        input_length: number of steps that an encoder reads; of arrays, at most.
        output_length: number of steps that a decoder predicts; of arrays, at most.
        past: covariates that are known up to the origin of a forecast.
        known: covariates that are known in the future too, from the table.
        calendar: covariates made from the time, each as a sine and a cosine: among :data:`CALENDAR`.
        static: columns that are constant in a series.
        categories: the values of each static column of text; others are numbers.
        time: column of the times; None: rows are only counted.
        step: distance of two rows: an alias of pandas, as ``"MS"``; of times that are integers, a number.
        series: column that tells series apart; None: there is none.
        means: by column of numbers, over the rows of the training part.
        stds: likewise, none of them 0.
        missing: values may be missing: an encoder reads 0 and an indicator of 1, and the loss leaves them out.
        per_window: each window is scaled by the mean and deviation of the targets in its source.
    """

    kind: str
    targets: Tuple[str, ...]
    input_length: int
    output_length: int
    past: Tuple[str, ...] = ()
    known: Tuple[str, ...] = ()
    calendar: Tuple[str, ...] = ()
    static: Tuple[str, ...] = ()
    categories: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    time: Optional[str] = None
    step: Optional[str] = None
    series: Optional[str] = None
    means: Mapping[str, float] = field(default_factory=dict)
    stds: Mapping[str, float] = field(default_factory=dict)
    missing: bool = False
    per_window: bool = False

    @property
    def observed(self) -> Tuple[str, ...]:
        """The columns that an encoder alone reads: their values, and with ``missing`` their indicators."""
        return self.past if self.kind == "arrays" else (*self.targets, *self.past)

    @property
    def source_size(self) -> int:
        """Number of values that an encoder reads at each step, D."""
        return len(self.observed) * (2 if self.missing else 1) + self.covariate_size

    @property
    def covariate_size(self) -> int:
        """Number of values that a decoder reads at each step beside its previous outputs, F."""
        static = sum(len(self.categories[name]) if name in self.categories else 1 for name in self.static)
        return len(self.known) + 2 * len(self.calendar) + static

    @property
    def target_size(self) -> int:
        """Number of values that are predicted at each step, K."""
        return len(self.targets)

    @property
    def numeric(self) -> Tuple[str, ...]:
        """The columns that are standardised."""
        static = (name for name in self.static if name not in self.categories)
        return (*self.targets, *self.past, *self.known, *static)

    def to_json(self) -> Dict[str, Any]:
        """The fields as JSON holds them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: object, where: str = "series.json") -> "Description":
        """The description that :meth:`to_json` gave; the file that it comes from is data, and every field is checked.

        Args:
            values: what was read.
            where: the file, for messages.

        Raises:
            UsageError: a field is missing, unknown, or has a value that it cannot have.
        """
        if not isinstance(values, dict):
            raise UsageError(f"{where} describes no series: {MADE_BY}")
        if set(values) != set(FIELDS):
            odd = sorted(set(values) ^ set(FIELDS))
            raise UsageError(f"{where}: field {odd[0]!r} is {_missing_or_unknown(odd[0], values)}: {MADE_BY}")
        for name, is_sound in FIELDS.items():
            if not is_sound(values[name]):
                raise UsageError(f"{where}: field {name!r} cannot be {_short(values[name])}: {MADE_BY}")
        fields: Dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        fields["categories"] = {name: tuple(found) for name, found in values["categories"].items()}
        description = cls(**fields)
        _check_whole(description, where)
        return description


def _missing_or_unknown(name: str, values: Mapping[str, object]) -> str:
    return "unknown" if name in values else "missing"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def are_integers(step: Optional[str]) -> bool:
    """Whether times with this step are integers."""
    return step is None or step.isdecimal()


def _is_length(value: object) -> bool:
    return type(value) is int and 1 <= value <= MOST


def _is_optional_name(value: object) -> bool:
    return value is None or isinstance(value, str)


def _are_names(value: object) -> bool:
    names = isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)
    return names and len(set(value)) == len(value) <= MOST  # type: ignore[call-overload, arg-type]


def _are_numbers(value: object) -> bool:
    def is_number(item: object) -> bool:
        return type(item) in (int, float) and math.isfinite(item)  # type: ignore[arg-type]

    return isinstance(value, dict) and all(isinstance(name, str) and is_number(item) for name, item in value.items())


def _are_deviations(value: object) -> bool:
    return _are_numbers(value) and all(item > 0 for item in value.values())  # type: ignore[attr-defined]


def _are_categories(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) and _are_names(names) for name, names in value.items())


FIELDS: Dict[str, Callable[[object], bool]] = {
    "kind": lambda value: value in KINDS,
    "targets": lambda value: _are_names(value) and bool(value),
    "input_length": _is_length,
    "output_length": _is_length,
    "past": _are_names,
    "known": _are_names,
    "calendar": lambda value: _are_names(value) and set(value) <= set(CALENDAR),  # type: ignore[call-overload]
    "static": _are_names,
    "categories": _are_categories,
    "time": _is_optional_name,
    "step": _is_optional_name,
    "series": _is_optional_name,
    "means": _are_numbers,
    "stds": _are_deviations,
    "missing": lambda value: isinstance(value, bool),
    "per_window": lambda value: isinstance(value, bool),
}


def _check_whole(description: Description, where: str) -> None:
    """Check that the fields fit together.

    Raises:
        UsageError: they do not.
    """
    named = [*description.targets, *description.past, *description.known, *description.static]
    wrong: List[Tuple[bool, str]] = [
        (len(set(named)) < len(named), "a column has two roles"),
        (not set(description.categories) <= set(description.static), "categories are of a column that is not static"),
        (set(description.means) != set(description.numeric), "means are not those of the columns"),
        (set(description.stds) != set(description.numeric), "stds are not those of the columns"),
        ((description.time is None) != (description.step is None), "time and step go together"),
        (bool(description.calendar) and are_integers(description.step), "a calendar needs times that are no integers"),
        (not description.observed, "there is nothing to encode"),
    ]
    if description.kind == "arrays":
        more = description.covariate_size or description.time or description.series or description.per_window
        wrong.append((bool(more), "arrays have no covariates, times, or scale of a window"))
    for is_wrong, what in wrong:
        if is_wrong:
            raise UsageError(f"{where}: {what}: {MADE_BY}")
