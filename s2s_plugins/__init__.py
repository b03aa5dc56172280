"""Recurrent sequence-to-sequence models, small and fast, and semi-supervised text classification.

Importing this package is light. With fairseq it registers its architectures, tasks and criterions
(:func:`register`): as ``--user-dir``, or as soon as both are imported.
"""

if __name__ != "s2s_plugins":
    raise ImportError(f"the folder of this package is called {__name__}, its modules know it as s2s_plugins: rename it")

from s2s_plugins import registration as _registration
from s2s_plugins.registration import register
from s2s_plugins.version import __version__

__all__ = ["__version__", "register"]

_registration.handle_ctrl_c("s2s")
_registration.register_with_fairseq()
