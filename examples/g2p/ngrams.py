"""N-grams of aligned letters and phones (Phonetisaurus) that vote on an LSTM's best pronunciations.

    python ngrams.py train --graphemes train.graphemes --phonemes train.phonemes --out ngrams.fst
    s2s predict CHECKPOINT --source char --beam 10 --nbest 10 --json < words.txt |
        python ngrams.py vote --model ngrams.fst

``train`` aligns one or two letters with up to two phones, and counts the pairs in sequences of up to eight (Novak et
al. 2016, "Phonetisaurus: Exploring grapheme-to-phoneme conversion with joint n-gram models in the WFST framework").
``vote`` adds both models' logarithms of the probability, over both lists of candidates, and writes
``WORD<TAB>PH PH`` a line.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, TextIO, Tuple

from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.extras import remedy

ORDER, LETTERS, PHONES = 8, 2, 2  # pairs in a sequence; at most so many letters and phones in a pair
PASSES = 11  # of the alignment over the words
CANDIDATES, BEAM = 10, 2000  # of the n-grams, a word; hypotheses that their search follows
MISSING = 1.0  # a candidate that is not on a list counts as the last of it, and so much less
WORDS = 4096  # voted on at a time

# Phonetisaurus joins with these: in its files private characters stand for a letter or phone that has one of them
RESERVED = {ord(character): 0xE000 + number for number, character in enumerate("}|_<>")}
RESTORED = {stands_for: character for character, stands_for in RESERVED.items()}


class Word(NamedTuple):
    """The LSTM's candidates for a word.

    Attributes:
        text: as it was given.
        letters: as the model reads it.
        candidates: pronunciation -> the logarithm of its probability, the best first.
    """

    text: str
    letters: str
    candidates: Dict[str, float]


def program(name: str) -> str:
    """The path of one of Phonetisaurus's programs.

    Raises:
        WorkError: they are not installed.
    """
    found = importlib.util.find_spec("phonetisaurus")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "bin" / name
        if path.is_file():
            return str(path)
    raise WorkError(f"{name} is not installed: {remedy('ngrams')} (there is one for Linux on x86-64)")


def train(graphemes: Path, phonemes: Path, out: Path) -> None:
    """Write ``out``, a transducer of the n-grams of the pairs of lines; the output of the programs goes beside it.

    Raises:
        UsageError: the files are no pairs of lines.
        WorkError: Phonetisaurus is not installed, or fails.
    """
    aligner, counter, converter = map(program, ("phonetisaurus-align", "estimate-ngram", "phonetisaurus-arpa2wfst"))
    lines = [lexicon_line(*pair) for pair in pairs(graphemes, phonemes)]
    out.parent.mkdir(parents=True, exist_ok=True)
    log = out.with_suffix(".log")
    with tempfile.TemporaryDirectory(prefix=out.name, dir=out.parent) as folder, log.open("w") as saying:
        lexicon, corpus, arpa, model = (Path(folder) / name for name in ("lexicon", "corpus", "arpa", "model"))
        lexicon.write_text("".join(lines), encoding="utf-8")
        command = [aligner, f"--input={lexicon}", f"--ofile={corpus}", f"--iter={PASSES}"]
        command += ["--seq1_del=false", "--seq2_del=true", f"--seq1_max={LETTERS}", f"--seq2_max={PHONES}"]
        call(command, corpus, saying)
        # estimate-ngram crashes where no word has that many pairs
        longest = max(len(line.split()) for line in corpus.read_text(encoding="utf-8").splitlines())
        call([counter, "-o", str(min(ORDER, longest)), "-t", str(corpus), "-wl", str(arpa)], arpa, saying)
        call([converter, f"--lm={arpa}", f"--ofile={model}"], model, saying)
        os.replace(model, out)


def call(command: Sequence[str], makes: Path, log: TextIO) -> None:
    """Run one of the programs, show how long the aligner's remaining passes will take, and log the output.

    Raises:
        WorkError: it fails, or does not make what it should.
    """
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as running:
        for line in running.stdout or ():
            log.write(line)
            found = re.match(r"Iteration: (\d+) ", line)
            if found:
                passed = int(found.group(1))
                left = round((time.monotonic() - started) * (PASSES - passed) / passed)
                progress = f"pass {passed} of {PASSES}, {left // 60}:{left % 60:02d} left"
                print(f"    aligning letters and phones, {progress}", flush=True)
    if running.returncode != 0 or not makes.exists() or not makes.stat().st_size:
        made = f"failed, with code {running.returncode}" if running.returncode else "made nothing of these words"
        raise WorkError(f"{Path(command[0]).name} {made}: see {log.name}")


def pairs(graphemes: Path, phonemes: Path) -> Iterator[Tuple[str, str]]:
    """The lines of both files, side by side."""
    sources, targets = read_lines(graphemes), read_lines(phonemes)
    if len(sources) != len(targets):
        raise UsageError(
            f"{graphemes} has {len(sources)} lines, {phonemes} has {len(targets)}: they have to be of the same words"
        )
    if not sources:
        raise UsageError(f"{graphemes} is empty: n-grams take words to learn from")
    return zip(sources, targets)


def read_lines(path: Path) -> List[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None


def lexicon_line(graphemes: str, phonemes: str) -> str:
    return f"{as_word(graphemes)}\t{phonemes.translate(RESERVED)}\n"


def as_word(letters: str) -> str:
    """``b a d`` -> ``bad``, as Phonetisaurus reads it."""
    return letters.replace(" ", "").translate(RESERVED)


def pronounce(model: Path, words: Iterable[str]) -> Dict[str, Dict[str, float]]:
    """Word -> pronunciation -> the logarithm of its probability, the best :data:`CANDIDATES` of each word.

    Raises:
        WorkError: Phonetisaurus is not installed, or fails.
    """
    decoder = program("phonetisaurus-g2pfst")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("".join(f"{word}\n" for word in dict.fromkeys(words) if word))
        file.flush()
        command = [decoder, f"--model={model}", f"--wordlist={file.name}", f"--nbest={CANDIDATES}", f"--beam={BEAM}"]
        done = subprocess.run([*command, "--thresh=99"], capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        raise WorkError(
            f"phonetisaurus-g2pfst failed, with code {done.returncode}: is {model} what ngrams.py train wrote? "
            f"Its output ends in: {' '.join(done.stderr.split())[-200:]}"
        )
    found: Dict[str, Dict[str, float]] = {}
    for line in done.stdout.splitlines():
        word, cost, phones = line.split("\t")
        found.setdefault(word, {}).setdefault(phones.translate(RESTORED), -float(cost))
    return found


def read_words(lines: Iterable[str]) -> Iterator[Word]:
    """What ``s2s predict --json`` wrote, a word a line.

    Raises:
        UsageError: a line is something else.
    """
    for number, line in enumerate(lines, start=1):
        try:
            said = json.loads(line)
            candidates: Dict[str, float] = {}
            for phones, score in zip(said["predictions"], said["scores"]):
                candidates.setdefault(phones, score * (len(phones.split()) + 1))  # a token's on average, the end is one
            yield Word(said["source"], " ".join(said["source_tokens"]), candidates)
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"line {number}: {line[:60].strip()!r} is not of s2s predict --json") from None


def vote(network: Dict[str, float], ngrams: Dict[str, float], weight: float) -> List[Tuple[str, float]]:
    """The candidates of both, with the weighted sum of their logarithms, the best first."""
    if not ngrams:
        return sorted(network.items(), key=lambda item: -item[1])
    least_network, least_ngrams = min(network.values()) - MISSING, min(ngrams.values()) - MISSING
    summed = {
        phones: (1 - weight) * network.get(phones, least_network) + weight * ngrams.get(phones, least_ngrams)
        for phones in [*network, *ngrams]
    }
    return sorted(summed.items(), key=lambda item: -item[1])


def write_votes(words: Sequence[Word], model: Path, weight: float, nbest: int, scores: bool) -> None:
    """Print the best of each word."""
    of_ngrams = pronounce(model, (as_word(word.letters) for word in words))
    for word in words:
        for phones, score in vote(word.candidates, of_ngrams.get(as_word(word.letters), {}), weight)[:nbest]:
            print(f"{word.text}\t{phones}\t{score:.4f}" if scores else f"{word.text}\t{phones}")
    sys.stdout.flush()


def vote_on(lines: TextIO, model: Path, weight: float, nbest: int, scores: bool) -> None:
    """Print the best of each word of ``s2s predict --json``, :data:`WORDS` at a time."""
    waiting: List[Word] = []
    for word in read_words(lines):
        waiting.append(word)
        if len(waiting) == WORDS:
            write_votes(waiting, model, weight, nbest, scores)
            waiting = []
    if waiting:
        write_votes(waiting, model, weight, nbest, scores)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("train", help="write n-grams").add_argument
    add("--graphemes", type=Path, required=True, metavar="FILE", help="letters separated by spaces, a word a line")
    add("--phonemes", type=Path, required=True, metavar="FILE", help="its phones, in the same line")
    add("--out", type=Path, required=True, metavar="FILE", help="where the n-grams go")
    voting = commands.add_parser("vote", help="read what s2s predict --json writes, and write the best of both")
    add = voting.add_argument
    add("--model", type=Path, required=True, metavar="FILE", help="what train wrote")
    add("--weight", type=float, default=0.4, metavar="W", help="of the n-grams, between 0 and 1 (default: 0.4)")
    add("--nbest", type=int, default=1, metavar="N", help="pronunciations of each word, the best first (default: 1)")
    add("--scores", action="store_true", help="a third column: the weighted sum of the logarithms")
    args = parser.parse_args(argv)
    if args.command == "vote":
        if not 0 <= args.weight <= 1:
            voting.error(f"--weight {args.weight} is not between 0 and 1")
        if args.nbest < 1:
            voting.error(f"--nbest {args.nbest} is too small: use 1 or more")
        if not args.model.is_file():
            voting.error(f"--model {args.model} is no file: name what ngrams.py train wrote")
    with one_line_errors("ngrams.py"):
        if args.command == "train":
            train(args.graphemes, args.phonemes, args.out)
        else:
            vote_on(sys.stdin, args.model, args.weight, args.nbest, args.scores)
    return 0


if __name__ == "__main__":
    sys.exit(main())
