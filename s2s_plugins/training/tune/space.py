"""What trials differ in: flags of the recipe, and the values that they may have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

Value = Union[str, int, float]


@dataclass(frozen=True)
class Choice:
    """A flag, and its values.

    Args:
        flag: of fairseq-train.
        values: to choose from; or two numbers, the lowest and the highest.
        step: of numbers between; None: of ``values`` one is chosen, or a number on a logarithmic scale.
        absent: the value of a recipe that has no such flag; None: then it is not part of the search.
        together: further flags that get the same value.
        scales: the values are factors of the recipe's own value.
    """

    flag: str
    values: Tuple[Value, ...]
    step: Optional[float] = None
    absent: Optional[Value] = None
    together: Sequence[str] = ()
    scales: bool = False

    def around(self, word: str) -> Tuple[Value, ...]:
        """The values, where the recipe has this one."""
        if not self.scales:
            return self.values
        return tuple(sorted({max(1, round(float(factor) * int(word))) for factor in self.values}))

    @property
    def is_categorical(self) -> bool:
        """Whether one of :attr:`values` is chosen, and nothing between them."""
        return self.step is None and self.flag != "--lr"

    def distribution(self) -> Any:
        """As optuna has it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        if self.is_categorical:
            return CategoricalDistribution(self.values)
        low, high = (float(value) for value in self.values)
        return FloatDistribution(low, high, log=self.step is None, step=self.step)

    def read(self, word: str) -> Optional[Value]:
        """The value that a word of a command is; None if it is not among them."""
        if self.is_categorical:
            return next((value for value in self.values if str(value) == word), None)
        try:
            value = float(word)
        except ValueError:
            return None
        low, high = (float(one) for one in self.values)
        on_grid = self.step is None or abs((value - low) / self.step - round((value - low) / self.step)) < 1e-6
        return value if low <= value <= high and on_grid else None

    def words(self, value: Value) -> List[str]:
        """The flags with a value."""
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        return [word for flag in (self.flag, *self.together) for word in (flag, text)]


SIZES, AMOUNTS = (0.25, 0.5, 1, 2), (0.25, 0.5, 1, 2, 4)
CHOICES = (
    Choice("--lr", (0.0005, 0.03)),
    Choice("--dropout", (0.0, 0.6), step=0.05, absent=0.1),
    Choice("--batch-size", AMOUNTS, scales=True),
    Choice("--max-tokens", AMOUNTS, scales=True),
    Choice("--encoder-embed-dim", SIZES, together=("--decoder-embed-dim",), scales=True),
    Choice("--encoder-hidden-size", SIZES, scales=True),
    Choice("--decoder-hidden-size", SIZES, scales=True),
    Choice("--encoder-layers", (1, 2, 3), absent=1),
    Choice("--label-smoothing", (0.0, 0.2), step=0.05, absent=0.0),
    Choice("--attention", ("additive", "general")),
    # a model of large vocabularies would sum over an output of each source token
    Choice("--attention-alignment", ("soft", "hard", "monotonic"), absent="soft"),
)
OF_ATTENTION = ("--attention", "--attention-alignment")


@dataclass(frozen=True)
class Space:
    """The flags that trials differ in.

    Args:
        choices: the flags.
        fixed: flags that the user decides.
    """

    choices: Sequence[Choice] = CHOICES
    fixed: Sequence[str] = field(default_factory=tuple)

    def values_of(self, arguments: Sequence[str]) -> Dict[str, Value]:
        """The values of a training's arguments, by flag; of those alone that the space has."""
        given = dict(zip(arguments, arguments[1:]))  # of a flag that stands there twice, the last one
        found: Dict[str, Value] = {}
        for choice in self.choices:
            value = choice.read(given[choice.flag]) if choice.flag in given else choice.absent
            if value is not None:
                found[choice.flag] = value
        return found

    def words(self, values: Mapping[str, Value]) -> List[str]:
        """The values as words of a command."""
        by_flag = {choice.flag: choice for choice in self.choices}
        return [word for flag, value in values.items() for word in by_flag[flag].words(value)]

    def distributions(self) -> Dict[str, Any]:
        """As optuna has them."""
        return {choice.flag: choice.distribution() for choice in self.choices}


def space_for(arguments: Sequence[str], recipe: str, flags: Sequence[str]) -> Space:
    """What is searched.

    Args:
        arguments: of the recipe's training, the user's flags included.
        recipe: its name.
        flags: of the user: they stay as they are.
    """
    fixed = [word.partition("=")[0] for word in flags if word.startswith("--")]
    given = dict(zip(arguments, arguments[1:]))
    has_attention = given.get("--arch", "").startswith("attention_lstm")
    choices = []
    for choice in CHOICES:
        of_attention = choice.flag in OF_ATTENTION
        if choice.flag in fixed or (of_attention and not has_attention):
            continue
        if choice.flag == "--attention-alignment" and recipe == "text":
            continue
        if choice.flag not in given and choice.absent is None:
            continue
        together = [flag for flag in choice.together if flag in given and flag not in fixed]
        values = choice.around(given.get(choice.flag, ""))
        choices.append(Choice(choice.flag, values, choice.step, choice.absent, together))
    return Space(tuple(choices), tuple(fixed))
