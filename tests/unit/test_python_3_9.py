"""What uses a model runs on Python 3.9: no syntax, module or argument of a later one."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from test_package import MODULES, room_of

TRAINING = ("comparison", "compat", "criterions", "models", "tasks")  # need fairseq, which there is for 3.11 and 3.12
USING = [path for path in MODULES if room_of(path) not in TRAINING]
TYPES = {"bool", "bytes", "dict", "float", "int", "list", "object", "set", "str", "tuple", "type"}


def later_than_3_9(files):
    """vermin's report; None where it finds nothing later than 3.9."""
    # long: a method of tensors, which vermin takes for Python 2's type
    flags = ["--target=3.9-", "--violations", "--no-tips", "--no-parse-comments", "--exclude", "long"]
    done = subprocess.run(
        [sys.executable, "-c", "import vermin; vermin.main()", *flags, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Minimum required versions" in done.stdout, done.stderr
    return done.stdout if done.returncode else None


def unions(source):
    """Lines of ``X | Y`` of types. In annotations too, which what reads JSON evaluates."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            if any(map(_is_type, (node.left, node.right))):
                yield node.lineno


def _is_type(node):
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id[0].isupper()
    return (isinstance(node, ast.Constant) and node.value is None) or (isinstance(node, ast.Name) and node.id in TYPES)


def test_what_uses_a_model_needs_no_later_python():
    assert later_than_3_9(USING) is None


def test_no_union_of_types_is_written_with_a_bar():
    for path in USING:
        assert not list(unions(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize(
    "line, found",
    [
        ("match 1:\n    case 1:\n        pass", True),
        ("from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n    x: int", True),
        ("list(zip([1], [2], strict=True))", True),
        ("import itertools\nitertools.pairwise([1])", True),
        ("'a'.removeprefix('a')", False),
    ],
)
def test_later_syntax_arguments_and_functions_are_found(line, found, tmp_path):
    path = Path(tmp_path, "a.py")
    path.write_text(f"{line}\n")
    assert (later_than_3_9([path]) is not None) == found


def test_unions_are_found():
    assert sorted(unions("A = int | str\nisinstance(1, str | Path)\nx: List[int] | None = 1 | 2\n")) == [1, 2, 3]
