"""Pictures and pages about models, by matplotlib and jinja2, which are imported where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from s2s_plugins.errors import UsageError

if TYPE_CHECKING:
    from jinja2 import Environment

EXTRA = "pip install 's2s-plugins[report]'"


def library(name: str) -> ModuleType:
    """The module ``name`` of an optional package.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(f"{name} is not installed, and reports need it: {EXTRA}") from None


def templates(package: str) -> "Environment":
    """jinja2's environment for the templates of ``package``.

    Raises:
        UsageError: jinja2 is not installed.
    """
    jinja2 = library("jinja2")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment
