"""The registered models, and what makes them of checkpoints. A model registers on import; all modules are imported."""

import importlib
import pkgutil

from s2s_plugins.registration import register

register()  # the repairs come before what is registered

from s2s_plugins.models import generator, slotted

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

generator.generate_with_recurrent_models()
slotted.print_what_slots_stand_for()
