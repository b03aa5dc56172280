"""Recurrent sequence-to-sequence models for fairseq, the ``--user-dir`` entry.

Importing this package registers its architectures, tasks and criterions, and installs the repairs of
:mod:`s2s_plugins.compat`.
"""

import importlib.util as _importlib_util
import logging as _logging
import os as _os
import signal as _signal
import sys as _sys

from s2s_plugins.errors import end_at_once as _end_at_once

__version__ = "0.1.0"

if __name__ != "s2s_plugins":
    raise ImportError(f"the folder of this package is called {__name__}, its modules know it as s2s_plugins: rename it")

# Ctrl-C in the seconds that the imports of a command take ends it in one line, without a traceback
_imports_alone = (
    _os.path.basename(_sys.argv[0]).startswith(("s2s-", "fairseq-"))
    and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
)
if _imports_alone:
    _signal.signal(_signal.SIGINT, _end_at_once)

if _importlib_util.find_spec("fairseq") is None:
    _fairseq = "ve-fairseq==0.12.3" if _sys.version_info >= (3, 11) else "fairseq==0.12.2"
    raise ImportError(
        f"s2s_plugins is a plugin of fairseq, which is not installed: pip install '{_fairseq}', or "
        "pip install 's2s-plugins[fairseq]', which picks it by Python version"
    )

# importing fairseq sets up a log of everything down to DEBUG, unless there is one: none of a program's own choice
_placeholder = _logging.NullHandler()
if not _logging.root.handlers:
    _logging.root.addHandler(_placeholder)

from s2s_plugins import compat as _compat  # noqa: E402

_compat.install()

from s2s_plugins import criterions as _criterions  # noqa: E402, F401
from s2s_plugins import generator as _generator  # noqa: E402
from s2s_plugins import models as _models  # noqa: E402, F401
from s2s_plugins import tasks as _tasks  # noqa: E402, F401

_generator.generate_with_recurrent_models()
_logging.root.removeHandler(_placeholder)
if _imports_alone and _os.path.basename(_sys.argv[0]).startswith("fairseq-"):
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # s2s-* do it where they begin to work
