"""What is prepared, trained and decoded, with which hyperparameters: the file to change; and the steps of it.

An epoch is a step of its own, so that the prompts are answered between two epochs: fairseq-train goes on from
checkpoint_last.pt with the same batches as in one run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

from flags import Flags, words

from s2s_plugins.steps import Step
from s2s_plugins.text.vectors import make_vectors

from . import answers

ROOT = Path(__file__).resolve().parents[2]
USER_DIR = ["--user-dir", str(ROOT / "s2s_plugins"), "--source-lang", "statement", "--target-lang", "reply"]


@dataclass(frozen=True)
class Size:
    """A size of the whole example.

    Args:
        prepare: flags for prepare.py.
        epochs: of the training.
        vector_epochs: of the word vectors' training.
        embed_dim: of the vectors and of all embeddings.
        hidden: size of the decoder; the encoder has half of it for each direction.
        train: further flags for fairseq-train.
    """

    epochs: int
    vector_epochs: int
    embed_dim: int
    hidden: int
    prepare: Flags = field(default_factory=dict)
    train: Flags = field(default_factory=dict)


SIZES = {
    "default": Size(epochs=7, vector_epochs=5, embed_dim=128, hidden=256),
    "demo": Size(
        epochs=2,
        vector_epochs=2,
        embed_dim=16,
        hidden=32,
        prepare={"--train": 400, "--valid": 40, "--test": 40, "--words": 300},
        train={"--lr": 0.01, "--warmup-updates": 10, "--max-tokens": 400},
    ),
}

TRAIN: Flags = {
    "--arch": "attention_lstm",
    # adaptive_loss and sampled_softmax train faster; but in an adaptive softmax a temperature acts on groups of words,
    # not on words alone, and a sampled training loss does not compare with that of the validation
    "--criterion": "cross_entropy",
    # after the step and with a product: a whole target trains as one fused call
    "--attention": "general",
    "--attention-timing": "after",
    "--encoder-bidirectional": True,
    # one table for statements, replies and the output: a third of the parameters, and the vectors serve all three
    "--share-all-embeddings": True,
    "--dropout": 0.3,
    "--optimizer": "adam",
    "--lr": 0.002,
    "--lr-scheduler": "inverse_sqrt",  # needs no number of updates
    "--warmup-updates": 200,
    "--clip-norm": 1,
    "--max-tokens": 2000,
}

COMMON = {"unkpen": 1000, "max_len_b": 40}  # an answer says no <unk>
DECODINGS: Dict[str, dict] = {
    "greedy": {"beam": 1},
    "beam 5": {"beam": 5},
    "temperature 0.7": {"beam": 1, "sampling": True, "temperature": 0.7},
}
BY_EPOCH = "greedy"  # how the prompts are answered after each epoch


def search_flags(options: dict) -> List[str]:
    """``{"max_len_b": 40}`` -> ``--max-len-b 40``, as fairseq-generate takes it."""
    return words({f"--{name.replace('_', '-')}": value for name, value in options.items()})


class Plan:
    """The steps, each before what needs it.

    Args:
        size: ``default`` or ``demo``.
        seed: of the splits, the vectors, the training and the sampling.
        out: where everything goes.
        cache: where the download is kept; None: below ``out``.

    Attributes:
        data: what prepare.py writes.
        prepare, vectors, perplexity, answers: single steps.
        epochs: a training of one epoch each.
        prompts: what comes after each of them.
        decodes: of the test set, by name.
    """

    def __init__(self, size: str, seed: int, out: Path, cache: Optional[Path] = None) -> None:
        self.size, self.seed, self.out, self.cache = SIZES[size], seed, out, cache
        self.data = out / "data"
        self.best = out / "train" / "checkpoint_best.pt"
        self.prepare = self._prepare()
        self.vectors = self._vectors()
        self.epochs = [self._epoch(number) for number in range(1, self.size.epochs + 1)]
        self.prompts = [self._prompts(number, train) for number, train in enumerate(self.epochs, start=1)]
        self.perplexity = self._perplexity()
        self.decodes = {name: self._decode(name) for name in DECODINGS}
        self.answers = self._answers()

    @property
    def steps(self) -> List[Step]:
        trained = [step for pair in zip(self.epochs, self.prompts) for step in pair]
        return [self.prepare, self.vectors, *trained, self.perplexity, *self.decodes.values(), self.answers]

    def _prepare(self) -> Step:
        flags = {**self.size.prepare, "--seed": self.seed}
        command = [sys.executable, str(ROOT / "examples" / "dialogue" / "prepare.py"), "--out", str(self.data)]
        command += words(flags) + (["--cache", str(self.cache)] if self.cache else [])
        # the download stays, whatever else is made anew
        return Step("prepare", "prepare", self.data, {"flags": flags}, command, keeps=True)

    def _vectors(self) -> Step:
        size, path = self.size, self.out / "vectors" / "vectors.txt"
        settings = {"dim": size.embed_dim, "epochs": size.vector_epochs, "seed": self.seed}
        settings["data"] = self.prepare.settings
        flags = {"dim": size.embed_dim, "epochs": size.vector_epochs, "seed": self.seed}
        flags.update(window=5, lr=0.025, sample=0.001)
        return Step(
            "vectors",
            "vectors",
            path.parent,
            settings,
            action=lambda: make_vectors(self.data / "bin", path, **flags),
        )

    def _epoch(self, number: int) -> Step:
        size, folder = self.size, self.out / "train"
        file, dim = self.out / "vectors" / "vectors.txt", size.embed_dim
        sizes = {"--encoder-embed-dim": dim, "--decoder-embed-dim": dim, "--decoder-out-embed-dim": dim}
        sizes.update({"--encoder-hidden-size": size.hidden // 2, "--decoder-hidden-size": size.hidden})
        flags = {**TRAIN, **sizes, **size.train, "--seed": self.seed}
        command = ["fairseq-train", str(self.data / "bin"), *USER_DIR, "--save-dir", str(folder), *words(flags)]
        command += ["--encoder-embed-path", str(file), "--decoder-embed-path", str(file)]
        command += ["--max-epoch", str(number), "--no-epoch-checkpoints", "--log-format", "json", "--log-interval", "5"]
        # the number of epochs too: checkpoint_best.pt is the best one of all
        settings = {"flags": flags, "epoch": number, "epochs": size.epochs, "vectors": self.vectors.settings}
        # made anew, the first epoch empties the folder, for all
        limits, keeps = {"--max-epoch": number}, number > 1
        return Step(f"epoch-{number}", "train", folder, settings, command, limits=limits, keeps=keeps)

    def _prompts(self, number: int, train: Step) -> Step:
        path, checkpoint = self.out / "prompts" / f"epoch-{number}.json", train.folder / "checkpoint_last.pt"
        searches = {BY_EPOCH: {**COMMON, **DECODINGS[BY_EPOCH]}}
        return Step(
            f"prompts-{number}",
            "prompts",
            None,
            {"searches": searches, "train": train.settings},
            action=lambda: answers.write(checkpoint, searches, self.seed, path),
            output=path,
        )

    def _perplexity(self) -> Step:
        command = ["fairseq-validate", str(self.data / "bin"), *USER_DIR, "--task", "translation"]
        command += ["--path", str(self.best), "--valid-subset", "test", "--max-tokens", "3000", "--log-format", "json"]
        return Step("perplexity", "perplexity", None, {"train": self.epochs[-1].settings}, command)

    def _decode(self, name: str) -> Step:
        flags = search_flags({**COMMON, **DECODINGS[name]}) + ["--seed", str(self.seed)]
        command = ["fairseq-generate", str(self.data / "bin"), *USER_DIR, "--path", str(self.best)]
        command += ["--gen-subset", "test", "--batch-size", "100", *flags]
        word = name.replace(" ", "-")
        settings = {"flags": flags, "train": self.epochs[-1].settings}
        return Step(f"decode-{word}", "decode", None, settings, command, output=self.out / "decoded" / f"{word}.txt")

    def _answers(self) -> Step:
        path = self.out / "prompts" / "answers.json"
        searches = {name: {**COMMON, **options} for name, options in DECODINGS.items()}
        return Step(
            "answers",
            "prompts",
            None,
            {"searches": searches, "train": self.epochs[-1].settings},
            action=lambda: answers.write(self.best, searches, self.seed, path),
            output=path,
        )
