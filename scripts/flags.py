"""Flags of a command, as the plans of the examples write them."""

from __future__ import annotations

from typing import Dict, List, Union

Flags = Dict[str, Union[str, int, float, bool, None]]


def words(flags: Flags) -> List[str]:
    """``{"--lr": 0.1, "--linear-gain": True, "--x": None}`` -> ``--lr 0.1 --linear-gain``."""
    line: List[str] = []
    for flag, value in flags.items():
        if value is True:
            line.append(flag)
        elif value is not None and value is not False:
            line += [flag, str(value)]
    return line
