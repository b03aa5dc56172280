"""Writes docs/flags.md from the configuration dataclasses: ``python scripts/document_flags.py``."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import MISSING, Field, fields
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union, get_args, get_origin

from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_DATACLASS_REGISTRY, TASK_REGISTRY

import s2s_plugins
from s2s_plugins.errors import one_line_errors
from s2s_plugins.files import write_whole

PAGE = Path(__file__).resolve().parents[1] / "docs" / "flags.md"
INTRODUCTION = """\
# Flags

This page is generated from the help texts: `python scripts/document_flags.py`. Where fairseq's `lstm` and `lstm_lm`
have such a flag, ours has the same name. `fairseq-train --help --user-dir $(s2s user-dir) --arch NAME` prints them
together with fairseq's own. Why one would use them: [architectures](architectures.md),
[classification](classification.md).

A combination that cannot work is an error of one line that names the flags and the remedy.
"""
PRESETS = """\
## Presets

A preset is an architecture with other defaults: `--arch {example}`. A flag always beats a preset.
"""


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="document_flags.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE", help="the page (default: %(default)s)")
    args = parser.parse_args(argv)
    with one_line_errors("document_flags.py", args.out):
        write_whole(args.out, page())
    return 0


def page() -> str:
    """The page in Markdown."""
    s2s_plugins.register()
    architectures = ours(MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY)
    bases = {name: base_of(name, architectures) for name in architectures}
    models = {name: config for name, config in architectures.items() if bases[name] == name}
    sections = [INTRODUCTION]
    for names, group in by_architecture(models).items():
        every = len(names) == len(models)
        sections.append(section("Every architecture" if every else quoted(names), group))
    for kind, found in (("task", tasks()), ("criterion", criterions())):
        sections += [section(f"`--{kind} {name}`", fields_of(config)) for name, config in found.items()]
    presets = {name: base for name, base in bases.items() if base != name}
    sections.append(PRESETS.format(example=min(presets)) + "\n" + preset_table(presets, architectures))
    return "\n".join(sections)


def ours(configs: Dict[str, type], registered: Dict[str, type]) -> Dict[str, type]:
    """The configuration classes of what this package registered, by name."""
    return {name: configs[name] for name in sorted(configs) if registered[name].__module__.startswith("s2s_plugins.")}


def tasks() -> Dict[str, type]:
    return ours(TASK_DATACLASS_REGISTRY, TASK_REGISTRY)


def criterions() -> Dict[str, type]:
    registry = REGISTRIES["criterion"]
    return ours(registry["dataclass_registry"], registry["registry"])


def base_of(name: str, architectures: Dict[str, type]) -> str:
    """The architecture that a preset is a preset of; an architecture's own name."""
    ancestors = MODEL_REGISTRY[name].__mro__[1:]
    return next((other for other in architectures if MODEL_REGISTRY[other] in ancestors), name)


def fields_of(config: type) -> List[Field]:
    return [field for field in fields(config) if field.metadata.get("help")]


def by_architecture(models: Dict[str, type]) -> Dict[tuple, List[Field]]:
    """Fields grouped by the architectures that have them, the most common first."""
    known: Dict[str, Field] = {}
    owners: Dict[str, List[str]] = {}
    for name, config in models.items():
        for field in fields_of(config):
            known[field.name] = field
            owners.setdefault(field.name, []).append(name)
    groups: Dict[tuple, List[Field]] = {}
    for field in known.values():
        groups.setdefault(tuple(owners[field.name]), []).append(field)
    return dict(sorted(groups.items(), key=lambda item: -len(item[0])))


def section(title: str, group: Sequence[Field]) -> str:
    rows = [f"| {flag(field)} | {values(field)} | {default(field)} | {text(field)} |" for field in group]
    return "\n".join([f"## {title}", "", "| flag | value | default | |", "|---|---|---|---|", *rows, ""])


def preset_table(presets: Dict[str, str], architectures: Dict[str, type]) -> str:
    lines = ["| preset | of | defaults |", "|---|---|---|"]
    for name, base in presets.items():
        usual = {field.name: field.default for field in fields_of(architectures[base])}
        changed = [field for field in fields_of(architectures[name]) if field.default != usual[field.name]]
        flags = ", ".join(f"`{option(field)} {shown(field.default)}`".replace(" True", "") for field in changed)
        lines.append(f"| `{name}` | `{base}` | {flags} |")
    return "\n".join([*lines, ""])


def option(field: Field) -> str:
    return "--" + field.name.replace("_", "-")


def flag(field: Field) -> str:
    positional = field.name == "data"
    return "`DATA`" if positional else f"`{option(field)}`"


def values(field: Field) -> str:
    """What a flag takes; nothing for a switch."""
    kind: Any = field.type
    if get_origin(kind) is Union:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    return {bool: "", int: "integer", float: "number", str: "text"}[kind]


def default(field: Field) -> str:
    """The default; nothing for a switch that is off, and where the help text says what it is."""
    unsaid = any(field.default is value for value in (None, False, MISSING)) or field.default == "???"  # required
    return "" if unsaid else f"`{shown(field.default)}`"


def shown(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def text(field: Field) -> str:
    """The help text, with the flags that it names as code."""
    escaped = field.metadata["help"].replace("|", "\\|").replace("<", "&lt;")
    return re.sub(r"(?<![\w`-])--[a-z][\w-]*", r"`\g<0>`", escaped)


def quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(main())
