"""fairseq evaluates data alone: literals, and the arithmetic of its presets, never code.

fairseq calls ``eval`` on settings in some forty places (``--encoder-layers '[(512, 3)] * 20'``, ``--adam-betas``,
``decoder_attention``). A checkpoint carries its own settings, so a checkpoint could run anything.
"""

from __future__ import annotations

import ast
import importlib.abc
import operator
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Optional

from fairseq.dataclass import utils as dataclass_utils

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError

PACKAGES = ("fairseq", "fairseq_cli")
LONGEST = 200_000  # characters
MOST = 10_000  # elements of all lists, tuples, sets and dictionaries together
LARGEST = 10**18  # largest result of arithmetic on integers

_NUMBERS: Dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SEQUENCES = (list, tuple)


class _Refused(ValueError):
    """The text is no plain value; the message says what is in it."""


def evaluate(text: Any, globals: Optional[dict] = None, locals: Optional[dict] = None) -> Any:
    """The value of ``text``, as ``eval`` would return it; names and calls are refused.

    Takes numbers, strings, True, False, None, lists, tuples, sets and dictionaries of these, signs, ``+ - * /`` between
    numbers, ``+`` between two lists or tuples, and ``*`` between one of those and an integer.

    Args:
        text: an expression.
        globals, locals: ignored; ``eval`` has them.

    Raises:
        TypeError: ``text`` is not a string, as from ``eval``; fairseq then takes its default.
        UsageError: it is anything but a plain value of at most 10,000 elements.
    """
    if not isinstance(text, str):
        raise TypeError(f"evaluate() takes a string, not {type(text).__name__}")
    try:
        if len(text) > LONGEST:
            raise _Refused(f"{len(text):,} characters")
        return _value(ast.parse(text.strip(), mode="eval").body)
    except _Refused as error:
        found = str(error)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        found = "a syntax error"
    except (ArithmeticError, TypeError) as error:
        found = str(error)
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    raise UsageError(
        f"the setting {shown!r} is not evaluated, it holds {found}: write numbers, strings, lists and dictionaries of "
        f"at most {MOST:,} elements, as in '[(512, 3)] * 20'"
    )


def _value(node: ast.AST) -> Any:
    if isinstance(node, ast.Constant) and node.value is not Ellipsis:
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return _small(kind([_value(element) for element in node.elts]))
    if isinstance(node, ast.Dict):
        keys = [key for key in node.keys if key is not None]
        if len(keys) == len(node.keys):  # else there is a **
            return _small({_value(key): _value(value) for key, value in zip(keys, node.values)})
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        number = _number(_value(node.operand))
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.BinOp) and type(node.op) in _NUMBERS:
        return _operation(node.op, _value(node.left), _value(node.right))
    raise _Refused(f"the name {node.id}" if isinstance(node, ast.Name) else f"code ({type(node).__name__})")


def _operation(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Mult) and isinstance(right, _SEQUENCES):
        left, right = right, left
    if isinstance(op, ast.Mult) and isinstance(left, _SEQUENCES):
        if not isinstance(right, int):
            raise _Refused(f"a {type(right).__name__} times a list")
        if (_size(left) - 1) * right > MOST:
            raise _Refused(f"more than {MOST:,} elements")
        return left * right
    if isinstance(op, ast.Add) and isinstance(left, _SEQUENCES) and type(left) is type(right):
        return _small(operator.add(left, right))
    result = _NUMBERS[type(op)](_number(left), _number(right))
    if isinstance(result, int) and abs(result) > LARGEST:
        raise _Refused(f"a number above {LARGEST:,}")
    return result


def _number(value: Any) -> Any:
    if not isinstance(value, (int, float, complex)):
        raise _Refused(f"arithmetic with a {type(value).__name__}")
    return value


def _small(value: Any) -> Any:
    if _size(value) - 1 > MOST:
        raise _Refused(f"more than {MOST:,} elements")
    return value


def _size(value: Any) -> int:
    """Number of elements in ``value``, itself included, at all depths; one that occurs twice counts twice."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return sum(map(_size, value)) + 1 if isinstance(value, (list, tuple, set)) else 1


def evaluate_settings_as_data() -> None:
    """Give every module of fairseq, loaded now or later, :func:`evaluate` in place of ``eval``."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in PACKAGES and isinstance(module, ModuleType):
            vars(module)["eval"] = evaluate
    sys.meta_path.insert(0, _EvaluatingFinder())

    @wrap(dataclass_utils, "eval_str_list")
    def eval_str_list(original, *args, **kwargs):
        try:
            return original(*args, **kwargs)
        except (SyntaxError, MemoryError, RecursionError) as error:  # argparse names the flag only for a ValueError
            raise ValueError(str(error)) from None


class _EvaluatingFinder(importlib.abc.MetaPathFinder):
    """Finds modules of fairseq as the other finders do, and gives them :func:`evaluate` before they run."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in PACKAGES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    self._prepare(spec.loader)
                return spec
        return None

    @staticmethod
    def _prepare(loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            vars(module)["eval"] = evaluate
            execute(module)

        loader.exec_module = exec_module
