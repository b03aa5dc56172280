"""``s2s train`` beside yoyodyne's pointer-generator LSTM: the same files and sizes, accuracy and CPU seconds of both.

    python -m venv PEER && PEER/bin/pip install torch==2.13.0 yoyodyne==0.5.27 && PEER/bin/pip uninstall -y torchvision
    python -m benchmarks.peers --peer PEER/bin/python --out DIR turkish-train-medium=turkish-dev --minutes 5 --copy

Files have lines SOURCE<TAB>TARGET or SOURCE<TAB>TARGET<TAB>FEATURES. The peer has an environment of its own; on a
machine without a GPU torchvision, which it does not use, comes built for CUDA and does not load. It trains until its
accuracy on the development file has not risen for ``--patience`` epochs, and its best epoch is scored, greedily; ours
chooses its weights by the same file. Further flags are for ``s2s train``. ``--list`` prints the commands. Re-run the
command to resume.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import time
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from benchmarks.machine import machine
from benchmarks.minutes import known_flags
from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.steps import executable

MODULES = "yoyodyne.models.modules"
COLUMNS = (2, 3)  # of a file, without and with features


class Data(NamedTuple):
    """A training file and the development file that is scored."""

    train: Path
    dev: Path

    @property
    def name(self) -> str:
        return self.train.stem

    @classmethod
    def of(cls, word: str) -> Data:
        """``TRAIN=DEV``.

        Raises:
            UsageError: it is something else, or there is no such file.
        """
        train, separator, dev = word.partition("=")
        if not separator:
            raise UsageError(f"{word} is not TRAIN=DEV: name the development file behind =")
        for file in (train, dev):
            if not Path(file).is_file():
                raise UsageError(f"there is no file {file}")
        return cls(Path(train), Path(dev))

    def rows(self, file: Path) -> List[List[str]]:
        """The cells of each line.

        Raises:
            UsageError: a line has fewer or more columns than the first one, or than can be used.
        """
        found = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        for number, cells in enumerate(found, start=1):
            if len(cells) not in COLUMNS or len(cells) != len(found[0]):
                raise UsageError(f"{file}, line {number}: {len(cells)} columns: use SOURCE, TARGET and maybe FEATURES")
        if not found:
            raise UsageError(f"{file} is empty")
        return found


def config(data: Data, folder: Path, has_features: bool, args: argparse.Namespace) -> Dict[str, Any]:
    """yoyodyne's configuration: encoder of ``--hidden`` a direction, decoder of twice that, as many layers on both."""

    def module(name: str, **values: Any) -> Dict[str, Any]:
        return {"class_path": name, "init_args": values}

    sizes = {"embedding_size": args.embedding, "dropout": args.dropout}
    encoder = module(f"{MODULES}.LSTMEncoder", hidden_size=args.hidden, layers=args.layers, bidirectional=True, **sizes)
    model = {
        "source_encoder": encoder,
        "decoder_hidden_size": 2 * args.hidden,
        "decoder_layers": args.layers,
        "decoder_dropout": args.dropout,
        "embedding_size": args.embedding,
        "label_smoothing": args.label_smoothing,
        "optimizer": module("yoyodyne.optimizers.Adam", lr=args.lr),
    }
    if has_features:
        model["features_encoder"] = module(f"{MODULES}.LinearEncoder", output_size=2 * args.hidden, **sizes)
    stop = {"monitor": "val_accuracy", "mode": "max"}
    early = module("lightning.pytorch.callbacks.EarlyStopping", patience=args.patience, **stop)
    files = {"train": str(data.train), "val": str(data.dev), "predict": str(data.dev), "model_dir": str(folder)}
    return {
        "seed_everything": args.seed,
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": args.epochs,
            "callbacks": [early],
            "enable_progress_bar": False,
            "logger": False,
        },
        "checkpoint": {"dirpath": str(folder / "checkpoints"), "filename": "best", "save_top_k": 1, **stop},
        "prediction": {"path": str(folder / "predictions.txt")},
        "data": {**files, "batch_size": args.batch_size, "features_col": 3 if has_features else 0},
        "model": module("yoyodyne.models.PointerGeneratorLSTMModel", **model),
    }


def timed(command: Sequence[str], log: Path) -> Tuple[float, float]:
    """CPU and wall seconds of a command that runs now; what it prints goes to ``log``.

    Raises:
        WorkError: it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise WorkError(f"{shlex.join(command[:3])} failed with exit code {done.returncode}: see {log}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - began


def peer_commands(peer: Path, folder: Path) -> List[List[str]]:
    """Training and prediction by yoyodyne's command, which stands beside its Python."""
    command = [str(peer.parent / "yoyodyne")]
    settings = ["--config", str(folder / "config.yaml")]
    best = ["--ckpt_path", str(folder / "checkpoints" / "best.ckpt")]
    return [[*command, "fit", *settings], [*command, "predict", *settings, *best]]


def our_command(data: Data, folder: Path, args: argparse.Namespace) -> List[str]:
    """``s2s train``, which chooses its weights by the development file too."""
    command = [executable("s2s"), "train", str(data.train), "--valid", str(data.dev), "--test", str(data.dev)]
    command += ["--out", str(folder), "--task", "pairs", "--seed", str(args.seed)]
    return [*command, *args.flags]


def run_peer(data: Data, folder: Path, args: argparse.Namespace) -> Dict[str, float]:
    """Train and score yoyodyne.

    Raises:
        WorkError: it fails, or predicts another number of lines.
    """
    rows = data.rows(data.dev)
    has_features = len(rows[0]) == max(COLUMNS)
    (folder / "checkpoints" / "best.ckpt").unlink(missing_ok=True)  # else the next one is called otherwise
    # a subset of YAML
    write_whole(folder / "config.yaml", json.dumps(config(data, folder, has_features, args), indent=1) + "\n")
    cpu = wall = 0.0
    for number, command in enumerate(peer_commands(args.peer, folder), start=1):
        seconds = timed(command, folder / f"log-{number}.txt")
        cpu, wall = cpu + seconds[0], wall + seconds[1]
    said = (folder / "predictions.txt").read_text(encoding="utf-8").split("\n")[:-1]
    if len(said) != len(rows):
        raise WorkError(f"{folder / 'predictions.txt'} has {len(said)} lines, {data.dev} {len(rows)}")
    right = sum(text == row[1] for text, row in zip(said, rows))
    return {"accuracy": 100 * right / len(rows), "cpu_seconds": cpu, "wall_seconds": wall}


def run_ours(data: Data, folder: Path, args: argparse.Namespace) -> Dict[str, float]:
    """Train and score our model."""
    cpu, wall = timed(our_command(data, folder, args), folder.parent / "log-ours.txt")
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["scores"]["test"]
    return {"accuracy": 100 - scores["error_rate"], "cpu_seconds": cpu, "wall_seconds": wall}


def measured(data: Data, args: argparse.Namespace) -> Dict[str, Dict[str, float]]:
    """Both systems on one file; what was measured before is read.

    Raises:
        UsageError: it was measured with other settings.
    """
    folder = args.out / f"{data.name}-{args.seed}"
    settings = {key: str(value) for key, value in vars(args).items() if key not in ("out", "peer", "files", "list")}
    found: Dict[str, Dict[str, float]] = {}
    for name, run in (("yoyodyne", run_peer), ("ours", run_ours)):
        kept = folder / f"{name}.json"
        if not kept.exists():
            print(f"{data.name}: {name}", flush=True)
            figures = run(data, folder / name, args)
            write_whole(kept, json.dumps({"settings": settings, "figures": figures}, indent=1) + "\n")
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["settings"] != settings:
            raise UsageError(f"{kept} was measured with other settings: use another --out, or remove it")
        found[name] = known["figures"]
    return found


def table(rows: Dict[str, Dict[str, Dict[str, float]]]) -> str:
    """Both systems in Markdown, and how many times our CPU seconds the peer needs."""
    lines = ["| file | yoyodyne % | CPU s | ours % | CPU s | times |", "|---|---|---|---|---|---|"]
    ratios = []
    for name, row in rows.items():
        ratios.append(row["yoyodyne"]["cpu_seconds"] / row["ours"]["cpu_seconds"])
        both = [f"{row[who]['accuracy']:.2f} | {row[who]['cpu_seconds']:.0f}" for who in ("yoyodyne", "ours")]
        lines.append(f"| {name} | {' | '.join(both)} | {ratios[-1]:.2f} |")
    means = [f"{mean(row[who]['accuracy'] for row in rows.values()):.2f} | " for who in ("yoyodyne", "ours")]
    return "\n".join([*lines, f"| mean of {len(rows)} | {'| '.join(means)}| {mean(ratios):.2f} |"])


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="TRAIN=DEV")
    add("--peer", type=Path, required=True, metavar="PYTHON", help="of the environment with yoyodyne")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--seed", type=int, default=1, metavar="N")
    add("--list", action="store_true", help="print the commands; run nothing")
    peer = parser.add_argument_group("yoyodyne")
    for flag, default in (("embedding", 128), ("hidden", 128), ("layers", 2), ("batch-size", 64), ("epochs", 500)):
        peer.add_argument(f"--{flag}", type=int, default=default, metavar="N", help=f"(default: {default})")
    peer.add_argument("--patience", type=int, default=50, metavar="N", help="epochs (default: 50)")
    for flag, rate in (("lr", 0.001), ("dropout", 0.3), ("label-smoothing", 0.1)):
        peer.add_argument(f"--{flag}", type=float, default=rate, metavar="X", help=f"(default: {rate})")
    args, flags = known_flags(parser, argv)
    args.flags = flags  # for our training
    return args


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    with one_line_errors("benchmarks.peers", args.out, "stopped; re-run the command to resume"):
        data = [Data.of(word) for word in args.files]
        if not os.access(args.peer.parent / "yoyodyne", os.X_OK):
            raise UsageError(f"--peer {args.peer} has no yoyodyne beside it: make the environment as --help says")
        if args.list:
            for one in data:
                folder = args.out / f"{one.name}-{args.seed}"
                commands = [*peer_commands(args.peer, folder / "yoyodyne"), our_command(one, folder / "ours", args)]
                print("\n".join(shlex.join(command) for command in commands))
            return 0
        rows = {one.name: measured(one, args) for one in data}
        print(f"\n{json.dumps(machine())}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
