"""Counting n-grams of aligned characters and symbols, by Phonetisaurus: ``s2s train --ngrams``."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence, TextIO

from s2s_plugins.errors import WorkError
from s2s_plugins.evaluation.translations import Evaluation
from s2s_plugins.inference.calibrating import FEWEST
from s2s_plugins.inference.ngrams import Ngrams, NgramTranslator, as_symbols, as_word, check_levels, program
from s2s_plugins.inference.translator import Translator
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.steps import clock, held_signals
from s2s_plugins.text.indexed import IndexedTexts
from s2s_plugins.text.pairs.prepared import Prepared, read_references

ORDER, CHARACTERS, SYMBOLS = 8, 2, 2  # pairs in a sequence; at most so many characters and symbols in a pair
PASSES = 11  # of the alignment over the data
SECONDS_BETWEEN_LINES = 10  # about them
FOLDER = "with-ngrams"  # of what they and the model say together

Say = Callable[[str], None]


def count_ngrams(prepared: Prepared, path: Path, log: Path, say: Say) -> None:
    """Write ``path``, a transducer of the n-grams of the training part.

    Args:
        prepared: the data.
        path: of the transducer; it appears whole or not at all.
        log: where the output of the programs goes.
        say: takes a line about each of the longer passes.

    Raises:
        UsageError: the data's tokens cannot be aligned.
        MissingExtra: Phonetisaurus is not installed.
        WorkError: it fails.
    """
    check_levels(prepared.source.level, prepared.target.level, prepared.source.features)
    aligner, counter, converter = map(program, ("phonetisaurus-align", "estimate-ngram", "phonetisaurus-arpa2wfst"))
    path.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ngrams", dir=path.parent) as folder, log.open("w") as saying:
        lexicon, corpus, arpa, model = (Path(folder) / name for name in ("lexicon", "corpus", "arpa", "model"))
        with lexicon.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lexicon_lines(prepared))
        command = [aligner, f"--input={lexicon}", f"--ofile={corpus}", f"--iter={PASSES}"]
        command += ["--seq1_del=false", "--seq2_del=true", f"--seq1_max={CHARACTERS}", f"--seq2_max={SYMBOLS}"]
        _call(command, corpus, saying, say)
        # estimate-ngram crashes where no line has that many pairs
        with corpus.open(encoding="utf-8", newline="\n") as lines:
            longest = max(len(line.split()) for line in lines)
        _call([counter, "-o", str(min(ORDER, longest)), "-t", str(corpus), "-wl", str(arpa)], arpa, saying, say)
        _call([converter, f"--lm={arpa}", f"--ofile={model}"], model, saying, say)
        os.replace(model, path)


def lexicon_lines(prepared: Prepared) -> Iterator[str]:
    """The training part as Phonetisaurus reads it, without what is taught or made beside its pairs."""
    sides = []
    for side in ("source", "target"):
        symbols = prepared.dictionary(side)
        sides.append((symbols, IndexedTexts(prepared.folder / f"train.source-target.{side}", len(symbols))))
    (characters, sources), (symbols, targets) = sides
    for place in range(min(len(sources), prepared.train.pairs)):  # those of the data are the first
        source = as_word(characters[number] for number in sources[place][:-1])
        yield f"{source}\t{as_symbols(symbols[number] for number in targets[place][:-1])}\n"


def _call(command: Sequence[str], makes: Path, log: TextIO, say: Say) -> None:
    """Run one of the programs, say how long the aligner's remaining passes will take, and log the output.

    Raises:
        WorkError: it fails, or does not make what it should.
    """
    started = said = time.monotonic()
    with (
        held_signals() as release,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
        ) as running,
    ):
        try:
            release()
            for line in running.stdout or ():
                log.write(line)
                found = re.match(r"Iteration: (\d+) ", line)
                if found and time.monotonic() - said > SECONDS_BETWEEN_LINES:
                    passed, said = int(found.group(1)), time.monotonic()
                    left = (said - started) * (PASSES - passed) / passed
                    say(f"aligning characters and symbols, pass {passed} of {PASSES}, {clock(left)} left")
        except BaseException:
            running.kill()
            raise
    if running.returncode != 0 or not makes.exists() or not makes.stat().st_size:
        made = f"failed, with code {running.returncode}" if running.returncode else "made nothing of this data"
        raise WorkError(f"{Path(command[0]).name} {made}: see {log.name}")


@dataclass(frozen=True)
class Votes:
    """N-grams whose votes are tested beside the model.

    Args:
        path: of the transducer.
        weight: of them.
    """

    path: Path
    weight: float


def score_votes(
    translator: Translator, votes: Votes, prepared: Prepared, out: Path, report: TrainingReport
) -> Evaluation:
    """Predict what was held out by a model and n-grams, calibrate, note it beside the n-grams, and report.

    Args:
        translator: the model.
        votes: the n-grams.
        prepared: the data, with a validation or test part.
        out: what they say together goes to the folder ``with-ngrams`` in it.
        report: of the model alone.

    Returns:
        The scores of the test part; without one, of the validation part.
    """
    ngrams = Ngrams(votes.path, votes.weight)
    voting = NgramTranslator(translator, ngrams)
    valid: Optional[Evaluation] = None
    test: Optional[Evaluation] = None
    if prepared.valid_held_out:
        references = read_references(prepared.folder / "valid.tsv")
        if prepared.valid.sources >= FEWEST:
            voting.calibrate(references)
        valid = voting.evaluate(references)
    replace(ngrams, calibration=voting.calibration, calibrated_on=voting.calibrated_on).write_facts()
    if prepared.test.sources:
        test = voting.evaluate(read_references(prepared.folder / "test.tsv"))
    facts = {**report.facts, "n-grams": f"Phonetisaurus, up to {ORDER} pairs, weight {votes.weight:g}"}
    title = f"{report.title}, with n-grams"
    absent = {**report.absent, "attention": "the report of the model alone shows it"}
    both = replace(report, title=title, facts=facts, attention=[], absent=absent, valid=valid, test=test)
    write_report(out / FOLDER, both)
    scores = test or valid
    assert scores is not None
    return scores
