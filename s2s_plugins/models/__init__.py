"""The registered models. A module is called as its ``--arch``, and registers on import; all are imported here."""

import importlib
import pkgutil

from s2s_plugins.registration import register

register()  # the repairs come before what is registered

from s2s_plugins.models import generator

for _module in pkgutil.iter_modules(__path__):
    if _module.name.endswith("_lstm"):
        importlib.import_module(f"{__name__}.{_module.name}")

generator.generate_with_recurrent_models()
