"""The decoders, a module each. They differ in what feeds a step and in what the output sees."""

from __future__ import annotations

import importlib
import pkgutil

from s2s_plugins.nn.decoder import DECODERS

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["DECODERS"]
