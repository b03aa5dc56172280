"""What preparing pairs of source and target takes: split them, write them, binarise them."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterable, Mapping, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.steps import executable
from s2s_plugins.text.tokens import SPACE

Pair = Tuple[str, str]  # source and target, tokens separated by spaces
Splits = Mapping[str, Iterable[Pair]]  # "train", "valid", "test", and further ones to decode


def letters(text: str) -> str:
    """``bad day`` -> ``b a d ▁ d a y``."""
    return " ".join(SPACE if letter == " " else letter for letter in text)


def held_out(items: Sequence, sizes: Dict[str, int], seed: int) -> Dict[str, list]:
    """``items`` in an order drawn with ``seed``: the number that ``sizes`` gives for each split, the rest to train.

    Raises:
        UsageError: more than half of them would be held out.
    """
    if 2 * sum(sizes.values()) > len(items):
        wanted = ", ".join(f"{count} for {name}" for name, count in sizes.items())
        raise UsageError(f"{wanted} are more than half of the {len(items)} there are: ask for fewer")
    order = list(items)
    random.Random(seed).shuffle(order)
    splits, start = {}, 0
    for name, count in sizes.items():
        splits[name] = order[start : start + count]
        start += count
    return {"train": order[start:], **splits}


def write(out: Path, splits: Splits, source_lang: str, target_lang: str, flags: Sequence[str] = ()) -> None:
    """``out/text/SPLIT.LANG`` and ``out/bin``, binarised; both appear whole or not at all.

    The binarised names of the splits after ``train`` and ``valid`` are ``test``, ``test1``, ... in their order.

    Args:
        out: the folder.
        splits: by name; ``train`` and ``valid`` are among them.
        source_lang: what the source is called in file names.
        target_lang: what the target is called in file names.
        flags: for fairseq-preprocess.

    Raises:
        WorkError: fairseq-preprocess fails.
    """
    text, partial = out / "text", out / "text.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, pairs in splits.items():
        paths = [partial / f"{name}.{lang}" for lang in (source_lang, target_lang)]
        count = 0
        with paths[0].open("w", encoding="utf-8") as sources, paths[1].open("w", encoding="utf-8") as targets:
            for source, target in pairs:
                sources.write(source + "\n")
                targets.write(target + "\n")
                count += 1
        print(f"{name}: {count} pairs", flush=True)
    tests = [name for name in splits if name not in ("train", "valid")]
    command = [executable("fairseq-preprocess")]
    command += ["--source-lang", source_lang, "--target-lang", target_lang, "--destdir", str(partial / "bin")]
    command += ["--trainpref", str(partial / "train"), "--validpref", str(partial / "valid")]
    command += ["--testpref", ",".join(str(partial / name) for name in tests), *flags]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise WorkError(f"fairseq-preprocess failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    for path, new in ((out / "bin", partial / "bin"), (text, partial)):
        shutil.rmtree(path, ignore_errors=True)
        os.replace(new, path)


def parser(description: Optional[str], sizes: Dict[str, int]) -> argparse.ArgumentParser:
    """The arguments of a prepare.py: ``--out``, ``--seed`` and the sizes of the splits that are drawn."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--out", required=True, metavar="DIR", help="where text and binarised data go")
    result.add_argument("--seed", type=int, default=1, help="random seed of the splits (default: 1)")
    for name, count in sizes.items():
        result.add_argument(f"--{name}", type=int, default=count, metavar="N", help=f"pairs to make (default: {count})")
    return result


def checked(args: argparse.Namespace, names: Iterable[str]) -> None:
    """See that the sizes are at least 1.

    Raises:
        UsageError: one is below 1.
    """
    for name in names:
        if getattr(args, name) < 1:
            raise UsageError(f"--{name} {getattr(args, name)} is not a number of pairs: use 1 or more")
