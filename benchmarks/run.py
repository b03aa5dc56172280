"""Measures our architectures beside fairseq's own ``lstm``, in turn in one run, on the machine at hand.

    python -m benchmarks.run --out bench

Writes OUT/results.txt, OUT/results.json and a PNG for each part. Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List, NoReturn, Optional

from benchmarks import report
from benchmarks.bench import Bench, Progress
from benchmarks.machine import code, machine, versions
from benchmarks.parts import PARTS
from benchmarks.systems import FULL, QUICK
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import write_whole


class Parser(argparse.ArgumentParser):
    """Reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = Parser(prog="benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="bench", metavar="DIR", help="where everything goes (default: bench)")
    parser.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)} (default: all)")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each pair is measured (default: 3)")
    parser.add_argument("--threads", type=int, metavar="N", help="of each process (default: the number of cores)")
    parser.add_argument("--g2p-bin", metavar="DIR", help="a folder of fairseq-preprocess (default: CMUdict, fetched)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, made-up data: does everything still work?")
    args = parser.parse_args(argv)
    args.parts = list(PARTS) if args.only is None else args.only.split(",")
    for part in args.parts:
        if part not in PARTS:
            parser.error(f"--only {part} is not a part: choose from {','.join(PARTS)}")
    for name in ("rounds", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name} {value} is too few: use 1 or more")
    if args.g2p_bin is not None:
        folder = Path(args.g2p_bin)
        for split in ("train", "test"):
            if not list(folder.glob(f"{split}.*-*.*.idx")):
                parser.error(f"--g2p-bin {folder} has no {split} split: name a folder that fairseq-preprocess wrote")
        args.g2p_bin = str(folder.resolve())
    args.out = Path(args.out).resolve()
    return args


def settings_of(args: argparse.Namespace) -> dict:
    """The settings that results depend on, as JSON stores them."""
    scale = QUICK if args.quick else FULL
    return json.loads(
        json.dumps(
            {
                "quick": args.quick,
                "rounds": args.rounds or scale.rounds,
                "threads": args.threads or os.cpu_count(),
                "g2p_bin": args.g2p_bin,
                "cpu": machine()["cpu"],
                "versions": versions(),
                "code": code(),
                "scale": asdict(scale),
            }
        )
    )


def previous(out: Path, settings: dict) -> dict:
    """Results of an earlier start, or an empty set.

    Raises:
        UsageError: they were made with other settings.
    """
    path = out / "results.json"
    if not path.exists():
        return {"settings": settings, "machine": machine(), "parts": {}}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        before = results["settings"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is not a file of results: choose another --out, or remove it") from None
    for name, value in settings.items():
        if before.get(name) != value:
            shown = (f"{name} {before.get(name)}, now {value}") if name != "scale" else "other sizes"
            raise UsageError(f"{path} holds results with other settings ({shown}): choose another --out, or remove it")
    return results


def save(results: dict, out: Path) -> None:
    """Write results.json whole, or leave the old one."""
    results["date"] = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    write_whole(out / "results.json", json.dumps(results, indent=1) + "\n")


def measure(args: argparse.Namespace, results: dict, todo: List[str]) -> None:
    """Run the parts, saving after each."""
    scale, settings = (QUICK if args.quick else FULL), results["settings"]
    expected = dict(scale.expected)
    progress = Progress({part: expected[part] * settings["rounds"] / scale.rounds for part in todo})
    g2p_bin = Path(args.g2p_bin) if args.g2p_bin else None
    bench = Bench(args.out, scale, settings["threads"], settings["rounds"], args.quick, g2p_bin, progress)
    results["load"] = round(os.getloadavg()[0], 1)
    if results["load"] > 0.5 and not args.quick:
        print(
            f"warning: the machine is busy, its load is {results['load']}: idle, it gives steadier numbers", flush=True
        )
    try:
        bench.start()
        results["device"] = bench.hello[True]["device"]
        results["workers"] = {"ours": bench.hello[True], "baseline": bench.hello[False]}
        for part in todo:
            progress.start(part)
            results["parts"][part] = {"results": PARTS[part](bench)}
            save(results, args.out)
            progress.finish()
    finally:
        bench.stop()


def show(results: dict, out: Path) -> None:
    """Write the table and the plots."""
    from benchmarks.plots import draw  # matplotlib is large, and measuring should start from a small process

    text = report.text(results)
    write_whole(out / "results.txt", text)
    drawn = draw(results, out)
    print(text)
    print("written:", ", ".join(str(path) for path in [out / "results.txt", out / "results.json", *drawn]))


def run(args: argparse.Namespace) -> dict:
    """Measure the parts that are not done yet; the results of all.

    Raises:
        UsageError: the folder cannot be made, or has results with other settings.
        WorkError: a worker or a command failed.
    """
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {args.out} cannot be made a folder ({error.strerror}): choose another") from None
    results = previous(args.out, settings_of(args))
    todo = [part for part in PARTS if part in args.parts and part not in results["parts"]]
    for part in args.parts:
        if part not in todo:
            print(f"{part}: already done, in {args.out / 'results.json'}")
    if todo:
        measure(args, results, todo)
    if todo or not (args.out / "results.txt").exists():
        show(results, args.out)
    return results


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends this process ends its children
    stopped = f"stopped; the finished parts are in {args.out}: re-run the command to resume"
    with one_line_errors("benchmarks.run", args.out, stopped):
        results = run(args)
    failed = [row for row in results["parts"].get("same", {}).get("results", {"rows": []})["rows"] if not row["passed"]]
    for row in failed:
        print(f"benchmarks.run: {row['system']}: {row['check']}: {row['difference']}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
