"""``s2s-user-dir``: print the folder that ``--user-dir`` wants, wherever the package is installed."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from typing import List, Optional


def main(argv: Optional[List[str]] = None) -> int:
    description = "Print this package's folder, as in: fairseq-train DATA --user-dir $(s2s-user-dir) --arch peek_lstm"
    argparse.ArgumentParser(prog="s2s-user-dir", description=description).parse_args(argv)
    print(find_spec("s2s_plugins").submodule_search_locations[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
