"""How many wrong entries ``s2s check`` finds: some of a lexicon's targets are exchanged, or one symbol of each changed.

``python -m benchmarks.check LEXICON --out DIR [--words N] [--wrong N] [--kind exchanged|changed] [--minutes N]``
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.training.check.run import CheckSettings, check
from s2s_plugins.training.settings import TrainSettings

Rows = List[Tuple[str, str]]


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("lexicon", metavar="FILE", help="SOURCE<TAB>TARGET, targets in tokens")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of all that is written")
    add("--words", type=int, metavar="N", help="use so many sources, drawn by chance (default: all)")
    add("--wrong", type=int, default=500, metavar="N", help="number of wrong entries (default: 500)")
    add("--kind", choices=("exchanged", "changed"), default="exchanged", help="targets exchanged, or a symbol changed")
    add("--folds", type=int, default=3, metavar="N")
    add("--minutes", type=float, metavar="N", help="a model (default: the recipe's updates)")
    add("--seed", type=int, default=1, metavar="N", help="of what is wrong, and of the check (default: 1)")
    args = parser.parse_args(argv)
    with one_line_errors("benchmarks.check", args.out):
        rows = [(pair.source, pair.target) for pair in read_pairs(args.lexicon)]
        rows, wrong = spoilt(rows, args.words, args.wrong, args.kind, args.seed)
        lexicon = args.out / "lexicon.tsv"
        write_whole(lexicon, "".join(f"{source}\t{target}\n" for source, target in rows))
        training = TrainSettings(minutes=args.minutes, seed=args.seed)
        found = check(str(lexicon), args.out / "check", None, CheckSettings(args.folds, top=0), training)
        for factor in (1, 2, 4):
            first = [one.line for one in found[: factor * len(wrong)]]
            print(f"of {len(wrong)} wrong entries among the first {len(first):,}: {len(wrong & set(first))}")
    return 0


def spoilt(rows: Rows, words: Optional[int], count: int, kind: str, seed: int) -> "tuple[Rows, set[int]]":
    """A lexicon with wrong entries, and their lines.

    Args:
        rows: source and target.
        words: number of sources to keep; None: all.
        count: number of entries to spoil, of sources with one target.
        kind: ``"exchanged"`` among each other, or one symbol ``"changed"``: replaced, left out or added.
        seed: of the choices.

    Raises:
        UsageError: there are too few sources.
    """
    draw = random.Random(seed)
    if words is not None:
        sources = sorted({source for source, _ in rows})
        if words > len(sources):
            raise UsageError(f"--words {words} is more than the {len(sources):,} sources: use fewer")
        kept = set(draw.sample(sources, words))
        rows = [row for row in rows if row[0] in kept]
    places: Dict[str, List[int]] = {}
    for place, (source, _) in enumerate(rows):
        places.setdefault(source, []).append(place)
    single = [one[0] for one in places.values() if len(one) == 1]
    if not 2 <= count <= len(single):
        raise UsageError(f"--wrong {count} is out of range: use 2 to {len(single):,}")
    chosen = draw.sample(single, count)
    targets = [rows[place][1] for place in chosen]
    symbols = sorted({symbol for _, target in rows for symbol in target.split()})
    new = [*targets[1:], targets[0]] if kind == "exchanged" else [changed(one, symbols, draw) for one in targets]
    made = list(rows)
    for place, target in zip(chosen, new):
        made[place] = (rows[place][0], target)
    return made, {place + 1 for place in chosen}


def changed(target: str, symbols: Sequence[str], draw: random.Random) -> str:
    """A target with one symbol replaced, left out, or added."""
    tokens = target.split()
    place, kind = draw.randrange(len(tokens)), draw.choice(("replaced", "left out", "added"))
    if kind == "left out" and len(tokens) > 1:
        del tokens[place]
    elif kind == "replaced":
        tokens[place] = draw.choice([symbol for symbol in symbols if symbol != tokens[place]])
    else:
        tokens.insert(place, draw.choice(symbols))
    return " ".join(tokens)


if __name__ == "__main__":
    sys.exit(main())
