"""Recurrent sequence-to-sequence models, small and fast, and semi-supervised text classification.

Importing this package is light. With fairseq it registers its architectures, tasks and criterions
(:func:`register`): as ``--user-dir``, or as soon as both are imported.
"""

if __name__ != "s2s_plugins":
    raise ImportError(f"the folder of this package is called {__name__}, its modules know it as s2s_plugins: rename it")

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any
from typing import Optional as _Optional
from typing import Union as _Union

from s2s_plugins import registration as _registration
from s2s_plugins.registration import register
from s2s_plugins.version import __version__

if _TYPE_CHECKING:
    import os as _os

    from s2s_plugins.inference.load import Model as _Model

__all__ = ["__version__", "load", "register", "train"]


def load(path: "_Union[str, _os.PathLike[str]]", backend: _Optional[str] = None) -> "_Model":
    """A trained model from its file: :func:`s2s_plugins.inference.load.load`."""
    from s2s_plugins.inference.load import load as opens  # numpy alone takes a tenth of a second

    return opens(path, backend)


def train(
    data: "_Any",
    out: "_Optional[_Union[str, _os.PathLike[str]]]" = None,
    progress: bool = True,
    redo: bool = False,
    **settings: "_Any",
) -> "_Model":
    """Train a model on your data, and open it: :func:`s2s_plugins.training.run.train`."""
    from s2s_plugins.training.run import train as trains

    return trains(data, out, progress, redo, **settings)


_registration.handle_ctrl_c("s2s")
_registration.register_with_fairseq()
