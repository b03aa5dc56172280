"""The steps: prepare, word vectors, each epoch and its answers, the test perplexity and the decodings.

An epoch is a step of its own, so that the prompts are answered between two epochs: fairseq-train resumes from
checkpoint_last.pt with the same batches as in one run.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

from common.engine import USER_DIR, prepare_step, train_command
from common.recipe import Flags, merged, number, options, words
from dialogue import answers
from dialogue.recipe import BY_EPOCH, DATA, DECODINGS, SEARCH, SYSTEM, VECTORS
from s2s_plugins.steps import Step
from s2s_plugins.text.vectors import make_vectors

LANGUAGES: Flags = {"--source-lang": "statement", "--target-lang": "reply"}


class Plan:
    """The steps, each before what needs it.

    Args:
        size: ``demo`` or ``default``.
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
        self.size, self.seed, self.out = size, seed, out
        self.data, self.train_folder = out / "data", out / "train"
        self.vector_file = out / "vectors" / "vectors.txt"
        self.best = self.train_folder / "checkpoint_best.pt"
        self.flags = merged(SYSTEM.train.at(size), {"--seed": seed, "--max-epoch": None})
        self.prepare = prepare_step("dialogue", self.data, {**DATA.at(size), "--seed": seed}, cache)
        self.vectors = self._vectors()
        count = int(number(SYSTEM.train.at(size), "--max-epoch"))
        self.epochs = [self._epoch(number, count) for number in range(1, count + 1)]
        self.prompts = [self._prompts(number, train) for number, train in enumerate(self.epochs, start=1)]
        self.perplexity = self._perplexity()
        self.decodes = {name: self._decode(name) for name in DECODINGS}
        self.answers = self._answers()

    @property
    def steps(self) -> List[Step]:
        trained = [step for pair in zip(self.epochs, self.prompts) for step in pair]
        return [self.prepare, self.vectors, *trained, self.perplexity, *self.decodes.values(), self.answers]

    def _vectors(self) -> Step:
        flags = {**VECTORS.at(self.size), "--seed": self.seed}
        return Step(
            "vectors",
            "vectors",
            self.vector_file.parent,
            {"flags": flags, "data": self.prepare.settings},
            action=lambda: make_vectors(self.data / "bin", self.vector_file, **options(flags)),
        )

    def _epoch(self, number: int, count: int) -> Step:
        start: Flags = {"--encoder-embed-path": str(self.vector_file), "--decoder-embed-path": str(self.vector_file)}
        logged: Flags = {"--log-interval": 5}
        end: Flags = {"--max-epoch": number}
        command = train_command(self.data / "bin", self.train_folder, LANGUAGES, self.flags, start, end, logged)
        # the number of epochs too: checkpoint_best.pt is the best one of all
        settings = {"flags": self.flags, "epoch": number, "epochs": count, "vectors": self.vectors.settings}
        return Step(
            f"epoch-{number}",
            "train",
            self.train_folder,
            settings,
            command,
            limits={"--max-epoch": number},
            keeps=number > 1,  # only the first epoch, when it is redone, empties the folder that all share
        )

    def _answer(self, name: str, checkpoint: Path, decodings: List[str], after: Step, file: str) -> Step:
        """The step that answers the prompts with a checkpoint."""
        path = self.out / "prompts" / file
        searches = {one: {**SEARCH, **DECODINGS[one]} for one in decodings}
        return Step(
            name,
            "prompts",
            None,
            {"searches": searches, "train": after.settings},
            action=lambda: answers.write(
                checkpoint, {one: options(flags) for one, flags in searches.items()}, self.seed, path
            ),
            output=path,
        )

    def _prompts(self, number: int, train: Step) -> Step:
        last = self.train_folder / "checkpoint_last.pt"
        return self._answer(f"prompts-{number}", last, [BY_EPOCH], train, f"epoch-{number}.json")

    def _perplexity(self) -> Step:
        flags: Flags = {"--valid-subset": "test", "--max-tokens": 3000, "--log-format": "json"}
        command = ["fairseq-validate", str(self.data / "bin"), *USER_DIR, *words(LANGUAGES), "--task", "translation"]
        command += ["--path", str(self.best), *words(flags)]
        return Step("perplexity", "perplexity", None, {"train": self.epochs[-1].settings}, command)

    def _decode(self, name: str) -> Step:
        flags: Flags = {**SEARCH, **DECODINGS[name], "--seed": self.seed}
        command = ["fairseq-generate", str(self.data / "bin"), *USER_DIR, *words(LANGUAGES), "--path", str(self.best)]
        command += ["--gen-subset", "test", "--batch-size", "100", *words(flags)]
        word = name.replace(" ", "-")
        settings = {"flags": flags, "train": self.epochs[-1].settings}
        return Step(f"decode-{word}", "decode", None, settings, command, output=self.out / "decoded" / f"{word}.txt")

    def _answers(self) -> Step:
        return self._answer("answers", self.best, list(DECODINGS), self.epochs[-1], "answers.json")
