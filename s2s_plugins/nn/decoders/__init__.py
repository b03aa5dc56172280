"""The decoders, a module each. They differ in what feeds a step and in what the output sees."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Dict, Iterator, Type

from s2s_plugins.nn.decoder import Decoder

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def _kinds(of: Type[Decoder[Any]]) -> Iterator[Type[Decoder[Any]]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


DECODERS: Dict[str, Type[Decoder[Any]]] = {decoder.kind: decoder for decoder in _kinds(Decoder)}
