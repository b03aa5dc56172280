"""Word vectors of binarised text, for the flags that load an embedding from a file.

Skip-gram with negative sampling, after Mikolov, Sutskever, Chen, Corrado and Dean 2013, arXiv:1310.4546, by gensim.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import naming_extras
from s2s_plugins.files import check_replaceable, replacing
from s2s_plugins.steps import SECONDS_BETWEEN_LINES, clock
from s2s_plugins.text.indexed import IndexedTexts
from s2s_plugins.text.symbols import EOS, SymbolTable

SECONDS_TO_END = 2  # for a thread; a batch of words takes a hundredth of a second
LIMITS = {
    "dim": (1, 100_000),
    "window": (1, 10_000),
    "epochs": (1, 1_000_000),
    "seed": (0, 2**32 - 1),
    "workers": (1, 256),
}
UNMEASURED = 2_000_000  # tokens of all passes that take seconds, whatever the machine
LATE = 1.2  # of the seconds that there are, before passes are left out
PROBED = 200_000  # tokens that the speed is measured with
LONGEST = 10_000  # gensim ignores the rest of a longer list of words


def indented(line: str) -> None:
    """Print a line below a step's name."""
    print(f"    {line}", flush=True)


class Sentences:
    """The training texts of a folder as lists of symbols, without the end-of-sentence symbol; can be read repeatedly.

    Args:
        folder: written by ``fairseq-preprocess``, of one or of two languages, or ``DIR/pretrain`` of ``s2s prepare``.

    Attributes:
        tokens: number of tokens, with the ends of sentences.
        every: only each so many-th text is read.
        stopped: set it to end all reading.

    Raises:
        UsageError: there is no training text or no dictionary of it, one of the files is damaged, or they do not fit.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(
                f"{folder} is no folder: name DIR/pretrain of s2s prepare, or a folder of fairseq-preprocess"
            )
        self.parts: List[Tuple[IndexedTexts, List[str]]] = []
        self.stopped = False
        self.every = 1
        for index in sorted(folder.glob("train*.idx"), key=_order):
            language = _languages(index)[-1] if _languages(index) else None
            dictionary = folder / (f"dict.{language}.txt" if language else "dict.txt")
            if not dictionary.is_file():
                raise UsageError(
                    f"{index} has no {dictionary.name} beside it: name a folder of text and its dictionary"
                )
            if not index.with_suffix(".bin").is_file():
                raise UsageError(f"{index} has no {index.stem}.bin beside it: binarise the text again")
            table = SymbolTable.load(dictionary)
            self.parts.append((IndexedTexts(index.with_suffix(""), len(table)), table.symbols))
        self.tokens = sum(int(texts.sizes.sum()) for texts, _ in self.parts)
        if not self.tokens:
            raise UsageError(f"{folder} has no training text: name a folder with train.bin, or train.A-B.A.bin")

    def __iter__(self) -> Iterator[List[str]]:
        for texts, symbols in self.parts:
            for place in range(0, len(texts), self.every):
                if self.stopped:
                    return
                words = [symbols[number] for number in texts[place] if number != EOS]
                for start in range(0, len(words), LONGEST):
                    yield words[start : start + LONGEST]


def _languages(index: Path) -> List[str]:
    """``train.a-b.a.idx`` -> a, b, a; ``train.idx`` -> nothing."""
    return [part for name in index.stem.split(".")[1:] for part in name.split("-")]


def _order(index: Path) -> Tuple[str, int]:
    """The source's text before the target's."""
    languages = _languages(index)
    return index.name.split(".")[0], languages.index(languages[-1]) if languages else 0


def make_vectors(
    data: Path,
    out: Path,
    dim: int = 128,
    window: int = 10,
    epochs: int = 5,
    lr: float = 0.05,
    sample: float = 1e-4,
    seed: int = 1,
    workers: int = 1,
    seconds: Optional[float] = None,
    say: Callable[[str], object] = indented,
) -> int:
    """Train word vectors on a folder of binarised text.

    Args:
        data: ``DIR/pretrain`` of ``s2s prepare``, or a folder of ``fairseq-preprocess``.
        out: the file of the vectors, in word2vec's text form.
        dim: size of a vector.
        window: number of words on either side that a word predicts.
        epochs: number of passes over the text.
        lr: initial learning rate; it falls to 0.
        sample: words with a larger share of the text are sampled less often; 0 = never.
        seed: random seed.
        workers: number of threads; with more than one the vectors vary.
        seconds: that it may take, about: of much text fewer passes are made, or a part of it is used; None: no limit.
        say: shows a line of progress.

    Returns:
        The number of vectors.

    Raises:
        UsageError: a number is out of range, ``out`` is not a file, gensim is missing, or as :class:`Sentences`.
        OSError: ``out`` cannot be written.
    """
    given = {"dim": dim, "window": window, "epochs": epochs, "seed": seed, "workers": workers}
    for name, (least, most) in LIMITS.items():
        if not least <= given[name] <= most:
            raise UsageError(f"--{name} {given[name]} is out of range: use {least} to {most}")
    if not 0 < lr < math.inf:
        raise UsageError(f"--lr {lr} is not a learning rate: use a number above 0, as 0.05")
    if not 0 <= sample < 1:
        raise UsageError(f"--sample {sample} is not a share: use 0 or more, below 1")
    check_replaceable(out, "--out")
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(out.parent))
    sentences = Sentences(data)
    say(f"{sentences.tokens:,} tokens")
    flags = dict(vector_size=dim, window=window, alpha=lr, sample=sample, seed=seed, workers=workers)
    if seconds is not None and sentences.tokens * epochs > UNMEASURED:
        epochs, sentences.every = _planned(sentences, epochs, seconds, flags)
        if sentences.every > 1:
            say(f"the time suffices for one text of {sentences.every}")
    return train(sentences, epochs, out, say, seconds, **flags)


def _planned(sentences: Sentences, epochs: int, seconds: float, flags: Mapping[str, float]) -> Tuple[int, int]:
    """The number of passes that ``seconds`` suffice for; and if not for one, which part of the texts is read."""
    with naming_extras("s2s vectors"):
        from gensim.models import Word2Vec
    sentences.every = max(1, sentences.tokens // PROBED)
    with _ending_threads(sentences):
        model = Word2Vec(sg=1, min_count=1, **flags)
        model.build_vocab(sentences)
        started = time.monotonic()
        model.train(sentences, total_examples=model.corpus_count, epochs=1)
    speed = sentences.tokens / sentences.every / max(time.monotonic() - started, 1e-6)
    passes = seconds * speed / sentences.tokens
    return max(1, min(epochs, int(passes))), max(1, math.ceil(1 / max(passes, 1e-6)))


@contextlib.contextmanager
def _ending_threads(sentences: Sentences) -> Iterator[None]:
    """End the threads that gensim starts inside if the block fails.

    gensim leaves them running; they would crash when Python ends, with another exit code.
    """
    before = set(threading.enumerate())
    try:
        yield
    except BaseException:
        sentences.stopped = True
        for thread in set(threading.enumerate()) - before:
            if thread.is_alive():  # the interrupt may come before a thread has started
                thread.join(SECONDS_TO_END)  # a thread that waits for work forever does no harm
        raise


class _TimeIsUp(Exception):
    """A further pass would take too long."""


def train(
    sentences: Sentences,
    epochs: int,
    path: Path,
    say: Callable[[str], object] = indented,
    seconds: Optional[float] = None,
    **flags: float,
) -> int:
    """Train, and write word2vec's text form to ``path``, which appears whole or not at all.

    Args:
        sentences: of the training split.
        epochs: number of passes over the sentences.
        path: file to write.
        say: shows a line of progress.
        seconds: after which no pass begins that would end much later; None: no limit.
        flags: for gensim's ``Word2Vec``.

    Returns:
        The number of vectors.

    Raises:
        MissingExtra: gensim is not installed.
    """
    with naming_extras("s2s vectors"):
        from gensim.models import Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
    began = time.monotonic()

    class Progress(CallbackAny2Vec):
        epoch, shown = 0, began

        def on_epoch_end(self, model: Word2Vec) -> None:
            self.epoch += 1
            now = time.monotonic()
            if self.epoch == 1 or now - self.shown >= SECONDS_BETWEEN_LINES or self.epoch == epochs:
                self.shown = now
                left = (now - began) / self.epoch * (epochs - self.epoch)
                say(f"epoch {self.epoch} of {epochs}, {clock(left)} left")
            next_end = (now - began) / self.epoch * (self.epoch + 1)
            if seconds is not None and self.epoch < epochs and next_end > LATE * seconds:
                raise _TimeIsUp  # between passes, when gensim's threads have ended

    with _ending_threads(sentences):
        # rare words are not in the dictionary: min_count would drop others
        model = Word2Vec(sg=1, min_count=1, **flags)
        model.build_vocab(sentences)
        with contextlib.suppress(_TimeIsUp):
            total = {"total_examples": model.corpus_count, "epochs": epochs}
            model.train(sentences, callbacks=[Progress()], **total)
    with replacing(path) as partial:
        model.wv.save_word2vec_format(str(partial), binary=False)
    return len(model.wv)
