"""Pictures and pages about models, by matplotlib and jinja2, which are imported where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s2s_plugins.extras import library

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(package: str) -> "Environment":
    """jinja2's environment for the templates of ``package``.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    jinja2 = library("jinja2", "a report")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment
