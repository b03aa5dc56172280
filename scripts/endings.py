"""How a script of the examples ends when something is wrong with its data: one line, and an exit code.

As ``s2s_plugins.errors``, without the seconds that importing fairseq takes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Optional


class DataError(Exception):
    """Something about a file, a line or a size that the user chose; the message names it and says what to do."""

    code = 2


class FetchError(DataError):
    """Something about a package that is fetched, or a file in it, or a program that failed."""

    code = 1


def run(main: Callable[[], None], name: Optional[str] = None) -> int:
    """``main``, with what goes wrong in it as one line that begins with ``name``; the exit code."""
    name = name or Path(sys.argv[0]).name
    try:
        main()
    except DataError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return error.code
    except OSError as error:
        named = [str(error.filename)] if error.filename is not None else []
        print(": ".join([name, "error", *named, error.strerror or str(error)]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: stopped", file=sys.stderr)
        return 130
    return 0
