"""Model files that packages of Python bring: installed by pip, found by name."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Optional, Union

MODEL = "model.safetensors"  # in the package
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")  # of a module, and the normal form of a distribution's name


def installed_model(name: Union[str, "os.PathLike[str]"]) -> Optional[Path]:
    """The model file of an installed package; None if ``name`` is no package with one. The package is not imported.

    Args:
        name: of the package, as it was given to ``s2s package``.
    """
    text = os.fspath(name)
    if not NAME.fullmatch(text) or os.path.exists(text):
        return None
    try:
        spec = importlib.util.find_spec(text)
    except (ImportError, ValueError):  # a module of that name is broken
        return None
    folders = spec.submodule_search_locations if spec is not None else None
    return next((path for path in (Path(folder, MODEL) for folder in folders or ()) if path.is_file()), None)
