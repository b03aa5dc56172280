"""Registering with fairseq, at the import of this package or of fairseq, whichever is second."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import logging
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Iterator, Optional, Sequence

from s2s_plugins.errors import interrupt
from s2s_plugins.extras import require

_started = False


def register() -> None:
    """Register the architectures, tasks and criterions with fairseq, and install the repairs of :mod:`~.compat`.

    A second call does nothing. It is called once fairseq and this package are both imported; call it yourself to be
    sure, for example in a notebook before ``hub_utils.from_pretrained``.

    Raises:
        MissingExtra: fairseq is not installed.
    """
    global _started
    if _started:
        return
    require("fairseq", what="training, or a checkpoint,")
    _started = True
    handle_ctrl_c("fairseq-")
    try:
        with _without_a_log():
            from s2s_plugins import compat, criterions, models, tasks  # noqa: F401
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt and not _is_ours():
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _without_a_log() -> Iterator[None]:
    """Keep fairseq's import from setting up a log at level DEBUG, which a program did not ask for."""
    placeholder = logging.NullHandler()
    if not logging.root.handlers:
        logging.root.addHandler(placeholder)
    try:
        yield
    finally:
        logging.root.removeHandler(placeholder)


def register_with_fairseq() -> None:
    """Register now if fairseq is loaded, else as soon as it is.

    fairseq's ``--user-dir`` skips a package that is already loaded: if it was imported before fairseq, its
    architectures would be unknown.
    """
    if sys.modules.get("fairseq") is not None:  # None: its import is forbidden
        register()
    else:
        sys.meta_path.insert(0, _FairseqFinder())


def _is_ours() -> bool:
    return os.path.basename(sys.argv[0]).startswith(("s2s", "__main__.py"))


def handle_ctrl_c(*commands: str) -> None:
    """Let Ctrl-C end a command with one line instead of a traceback, also during its imports.

    Args:
        commands: beginnings of names; programs with other names are not affected.
    """
    named = os.path.basename(sys.argv[0]).startswith(commands)
    if named and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


class _FairseqFinder(importlib.abc.MetaPathFinder):
    """Finds fairseq as the other finders do, and registers this package once the module has run."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname != "fairseq":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with _without_a_log():
                    execute(module)
                if "s2s_plugins.compat" not in sys.modules:  # else a repair is what imports fairseq
                    register()

            vars(spec.loader)["exec_module"] = exec_module
        return spec
