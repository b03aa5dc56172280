"""Work for :func:`in_shares`, which other processes import; as a program, the first of two processes."""

import functools
import os
import signal
import sys
import time
from pathlib import Path

from s2s_plugins.errors import UsageError
from s2s_plugins.text.shares import in_shares


def fail(how, share):
    """The second share goes wrong."""
    if share.number == 1 and how == "error":
        raise UsageError("nothing to read: write some")
    if share.number == 1 and how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return share.number


def idle(folder, share):
    """A minute passes, behind a note of the process."""
    Path(folder, f"{share.number}.new").write_text(str(os.getpid()))
    Path(folder, f"{share.number}.new").rename(Path(folder, str(share.number)))
    time.sleep(60)


if __name__ == "__main__":
    in_shares(functools.partial(idle, sys.argv[1]), 2)
