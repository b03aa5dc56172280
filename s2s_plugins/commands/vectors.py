"""``s2s-vectors``: word vectors of binarised text, for the flags that start an embedding from a file.

Skip-gram with negative sampling, after Mikolov, Sutskever, Chen, Corrado and Dean 2013, arXiv:1310.4546, as gensim
does it.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import check_replaceable, replacing
from s2s_plugins.steps import SECONDS_BETWEEN_LINES, clock

SECONDS_TO_END = 2  # for a thread; one batch of words takes a hundredth of one
LIMITS = {
    "dim": (1, 100_000),
    "window": (1, 10_000),
    "epochs": (1, 1_000_000),
    "seed": (0, 2**32 - 1),
    "workers": (1, 256),
}
LONGEST = 10_000  # gensim leaves out what follows in a longer list of words


class Sentences:
    """The training texts of a folder as lists of symbols, without the end-of-sentence symbol; can be read repeatedly.

    Args:
        folder: what ``fairseq-preprocess`` wrote, of one or of two languages, or ``s2s-prepare`` to ``DIR/pretrain``.

    Attributes:
        tokens: how many there are, ends of sentences included.
        stopped: set it to end all reading.

    Raises:
        UsageError: there is no training text or no dictionary of it, one of the files is damaged, or they do not fit.
    """

    def __init__(self, folder: Path) -> None:
        from fairseq.data import Dictionary, data_utils

        if not folder.is_dir():
            raise UsageError(
                f"{folder} is no folder: name one that s2s-prepare (its pretrain) or fairseq-preprocess wrote"
            )
        self.parts, self.stopped = [], False
        for index in sorted(folder.glob("train*.idx"), key=_order):
            language = _languages(index)[-1] if _languages(index) else None
            dictionary = folder / (f"dict.{language}.txt" if language else "dict.txt")
            if not dictionary.is_file():
                raise UsageError(
                    f"{index} has no {dictionary.name} beside it: name a folder of text and its dictionary"
                )
            symbols = Dictionary.load(str(dictionary))
            texts = data_utils.load_indexed_dataset(str(index.with_suffix("")), symbols)
            if texts is None:
                raise UsageError(f"{index} has no {index.stem}.bin beside it: binarise the text again")
            self.parts.append((texts, symbols))
        self.tokens = sum(int(texts.sizes.sum()) for texts, _ in self.parts)
        if not self.tokens:
            raise UsageError(f"{folder} has no training text: name one with train.bin, or train.A-B.A.bin")

    def __iter__(self) -> Iterator[List[str]]:
        for texts, dictionary in self.parts:
            for index in range(len(texts)):
                if self.stopped:
                    return
                words = [dictionary[token] for token in texts[index].tolist() if token != dictionary.eos()]
                for start in range(0, len(words), LONGEST):
                    yield words[start : start + LONGEST]


def _languages(index: Path) -> List[str]:
    """``train.a-b.a.idx`` -> a, b, a; ``train.idx`` -> nothing."""
    return [part for name in index.stem.split(".")[1:] for part in name.split("-")]


def _order(index: Path) -> Tuple[str, int]:
    """The source's text before the target's."""
    languages = _languages(index)
    return index.name.split(".")[0], languages.index(languages[-1]) if languages else 0


def train(sentences: Sentences, epochs: int, path: Path, **flags) -> int:
    """Train, and write word2vec's text form to ``path``, which appears whole or not at all.

    Args:
        sentences: of training alone.
        epochs: over the sentences.
        path: of the file.
        flags: for gensim's ``Word2Vec``.

    Returns:
        How many vectors there are.

    Raises:
        UsageError: gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
    except ImportError:
        raise UsageError(
            "gensim is not installed, and trains the vectors: pip install 's2s-plugins[vectors]'"
        ) from None
    began = time.monotonic()

    class Progress(CallbackAny2Vec):
        epoch, shown = 0, began

        def on_epoch_end(self, model) -> None:
            self.epoch += 1
            now = time.monotonic()
            if self.epoch == 1 or now - self.shown >= SECONDS_BETWEEN_LINES or self.epoch == epochs:
                self.shown = now
                left = (now - began) / self.epoch * (epochs - self.epoch)
                print(f"    epoch {self.epoch} of {epochs}, {clock(left)} left", flush=True)

    before = set(threading.enumerate())
    try:
        # the dictionary has settled which words count
        model = Word2Vec(sentences, sg=1, min_count=1, epochs=epochs, callbacks=[Progress()], **flags)
    except BaseException:
        # gensim leaves its threads at work; Python's end under them would be a crash with another exit code
        sentences.stopped = True
        for thread in set(threading.enumerate()) - before:
            if thread.is_alive():  # the interrupt may come before a thread has started
                thread.join(SECONDS_TO_END)  # one that waits for work for ever is no harm
        raise
    with replacing(path) as partial:
        model.wv.save_word2vec_format(str(partial), binary=False)
    return len(model.wv)


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="s2s-vectors",
        description="Train word vectors (skip-gram) on the training text of a folder of binarised data, and write "
        "them in word2vec's text form, which --encoder-embed-path and --decoder-embed-path read.",
    )
    parser.add_argument("data", metavar="DATA", help="DIR/pretrain of s2s-prepare, or a folder of fairseq-preprocess")
    parser.add_argument("--out", required=True, metavar="FILE", help="where the vectors go")
    parser.add_argument("--dim", type=int, default=128, metavar="N", help="size of a vector (default: 128)")
    parser.add_argument(
        "--window", type=int, default=10, metavar="N", help="words on either side that a word predicts (default: 10)"
    )
    parser.add_argument("--epochs", type=int, default=5, metavar="N", help="over the text (default: 5)")
    parser.add_argument("--lr", type=float, default=0.05, metavar="X", help="at the start; falls to 0 (default: 0.05)")
    parser.add_argument(
        "--sample",
        type=float,
        default=1e-4,
        metavar="X",
        help="words of a larger share of the text than this are read less often, 0: always (default: 1e-4)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all draws (default: 1)")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="threads; with more than one the vectors vary (default: 1)"
    )
    args = parser.parse_args(argv)
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(args, name) <= most:
            parser.error(f"--{name} {getattr(args, name)} is out of range: use {least} to {most}")
    if not 0 < args.lr < math.inf:
        parser.error(f"--lr {args.lr} is no learning rate: use a number above 0, as 0.05")
    if not 0 <= args.sample < 1:
        parser.error(f"--sample {args.sample} is no share: use 0 or more, below 1")
    return args


def run(args: argparse.Namespace) -> int:
    """What ``args`` of :func:`parse` ask for; the number of vectors.

    Raises:
        UsageError: as :class:`Sentences` and :func:`train`, and ``--out`` is a folder.
        OSError: there can be no file of that name.
    """
    out = Path(args.out)
    check_replaceable(out, "--out")
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(out.parent))
    sentences = Sentences(Path(args.data))
    print(f"    {sentences.tokens:,} tokens", flush=True)
    flags = dict(vector_size=args.dim, window=args.window, alpha=args.lr, sample=args.sample)
    return train(sentences, args.epochs, out, seed=args.seed, workers=args.workers, **flags)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    with one_line_errors("s2s-vectors", args.out, f"stopped; {args.out} is as it was"):
        count = run(args)
    print(
        f"{args.out}: {count:,} vectors, for fairseq-train --decoder-embed-path {args.out} --decoder-embed-dim "
        f"{args.dim}, and with --encoder the same where there is one"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
