"""Forecasts of series of numbers: prepares, trains, forecasts from rolling origins, scores and draws.

run.py                                            six sets from PyPI, every system
run.py --csv FILE --time COLUMN --target COLUMN   your own table: a model, its scores, a forecast and a picture

Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import engine
from common.recipe import DEFAULT, DEMO
from forecast.plan import BASELINES, Plan
from forecast.recipe import DEMO_MODELS, DEMO_SETS, MODELS, OWN_MODELS, PEER_REQUIREMENT, SEEDS, SETS
from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.steps import Runner, Step

# flags that describe a user's own table, by field name
OF_TABLE = ("time", "target", "past", "calendar", "step", "season", "window", "horizon")
NUMBERS = ("season", "window", "horizon", "seeds", "seed", "updates")


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = engine.parser(__doc__, "forecast-results; with --csv forecast-FILE")
    add = parser.add_argument
    add("--sets", metavar="A,B,...", help=f"some of {', '.join(SETS)} (default: all)")
    add("--baselines", metavar="A,B,...", help=f"some of {', '.join(BASELINES)} (default: all)")
    help = f"some of {', '.join(MODELS)} (default: all; with --csv {','.join(OWN_MODELS)})"
    add("--archs", metavar="A,B,...", help=help)
    add("--seed", type=int, default=1, metavar="N", help="first random seed of the trainings (default: 1)")
    add("--seeds", type=int, metavar="N", help=f"trainings of each model (default: {SEEDS}; 1 with --csv or --demo)")
    add("--updates", type=int, metavar="N", help="updates of each training (default: the recipe's)")
    add("--cache", type=Path, metavar="DIR", help="where downloads are kept (default: OUT/data/download)")
    help = f"a Python with {PEER_REQUIREMENT}, whose LSTM takes part (default: none)"
    add("--peer", type=Path, metavar="PYTHON", help=help)
    add = parser.add_argument_group("your own table").add_argument
    add("--csv", type=Path, metavar="FILE", help="a CSV file with a header, a row for each time")
    add("--time", metavar="COLUMN", help="the column of times")
    add("--target", metavar="A,B,...", help="the columns to forecast")
    add("--past", metavar="A,B,...", help="columns that are read too, and are not known in the future")
    add("--calendar", metavar="A,B,...", help="what is made of the time, as for s2s prepare (default: by the step)")
    add("--step", metavar="STEP", help="between rows, an alias of pandas as MS, D, h (default: found)")
    add("--season", type=int, metavar="N", help="rows after which the series resembles itself (default: by the step)")
    add("--window", type=int, metavar="N", help="rows that the model sees (default: two seasons, at most 168)")
    add("--horizon", type=int, metavar="N", help="rows to forecast (default: a season)")
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """See that the arguments belong together, and that what the work needs is installed.

    Raises:
        UsageError: they do not, or it is not.
    """
    require("pandas", "statsmodels", "matplotlib", what="this example")
    if args.csv is None:
        for name in OF_TABLE:
            if getattr(args, name) is not None:
                raise UsageError(f"--{name} is for your own table: give --csv FILE too")
    elif args.time is None or args.target is None:
        raise UsageError("--csv needs --time and --target: name the column of times, and those to forecast")
    elif args.sets is not None:
        raise UsageError("--sets does not go with --csv: leave one of them out")
    for name in NUMBERS:
        value = getattr(args, name)
        if value is not None and value < (0 if name == "seed" else 1):
            raise UsageError(f"--{name} {value} is too small: use {0 if name == 'seed' else 1} or more")
    if args.peer is not None and not args.peer.is_file():
        raise UsageError(f"--peer {args.peer} is no file: name a Python that has {PEER_REQUIREMENT}")


def chosen(known: List[str], wanted: Optional[str], flag: str) -> List[str]:
    """The names in ``wanted``, all of ``known`` if it is None.

    Raises:
        UsageError: one is not known.
    """
    names = known if wanted is None else [name for name in wanted.split(",") if name]
    for name in names:
        if name not in known:
            raise UsageError(f"{flag} {name} is not known: use some of {', '.join(known)}")
    return names


def plan_of(args: argparse.Namespace, out: Path) -> Plan:
    """The steps that the arguments ask for."""
    check(args)
    baselines = chosen(list(BASELINES), args.baselines, "--baselines")
    archs, few = chosen(list(MODELS), args.archs, "--archs"), args.csv is not None or args.demo
    tables: Dict[str, Path] = {}
    if args.csv is not None:
        from forecast import own

        one = own.set_of(args)
        sets = {args.csv.stem: own.demo(one) if args.demo else one}
        tables = {args.csv.stem: args.csv}
        archs = archs if args.archs else list(OWN_MODELS)
    else:
        names = chosen(list(SETS), args.sets, "--sets")
        sets = {name: SETS[name] for name in names if args.sets or not args.demo or name in DEMO_SETS}
        archs = archs if args.archs or not args.demo else list(DEMO_MODELS)
        baselines = baselines if args.baselines or not args.demo else ["naive", "linear"]
    models = {name: MODELS[name] for name in archs}
    size, seeds = DEMO if args.demo else DEFAULT, args.seeds or (1 if few else SEEDS)
    return Plan(sets, baselines, models, out, args.seed, seeds, size, tables, args.cache, args.peer, args.updates)


def work(args: argparse.Namespace, out: Path) -> engine.Work:
    """The work, and what is said at its end."""
    plan = plan_of(args, out)
    from forecast import report

    scored = {one.step.name for one in plan.forecastings}

    def after(runner: Runner, step: Step) -> None:
        if step.name in scored:
            report.print_score(runner, step)
            report.write(plan, runner)

    def final(runner: Runner) -> str:
        text = report.write(plan, runner)
        pictures = report.write_pictures(plan, runner)
        where = f"tables: {out / 'table.md'}, numbers: {out / 'results.json'}"
        where += f", {len(pictures)} pictures: {out / 'pictures'}"
        for name in plan.models if args.csv else ():
            where += f"\nwhat comes next: {out / name}.csv and {out / name}.png"
        return f"{text}\n\n{where}"

    return engine.Work(plan.steps, final, after, report.figures(plan))


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    out = Path(args.out or (f"forecast-{args.csv.stem}" if args.csv else "forecast-results"))
    return engine.run(args, out, lambda: work(args, out))


if __name__ == "__main__":
    sys.exit(main())
