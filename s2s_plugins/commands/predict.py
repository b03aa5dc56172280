"""``s2s-predict``: lines from stdin through a trained model, a prediction a line, or the n best."""

from __future__ import annotations

import argparse
import json
import logging
import math
import signal
import sys
import unicodedata
from typing import TYPE_CHECKING, Container, List, Optional, Sequence, Tuple

from s2s_plugins.commands.lines import progress, read_batches
from s2s_plugins.errors import UsageError, one_line_errors, standard_input

if TYPE_CHECKING:
    from s2s_plugins.translator import Hypothesis, Sentence, Translator

DESCRIPTION = """\
Reads a source a line from stdin and writes it back with a tab and what the model makes of it, as soon as no more input
waits. The checkpoint is enough: ours carry their dictionaries."""
EPILOG = """\
  s2s-predict checkpoint_best.pt --source char < words.txt             zebra<TAB>Z IY B R AH
  s2s-predict checkpoint_best.pt --source char --beam 1 < words.txt    greedily, the fastest
  s2s-predict 1.pt 2.pt 3.pt --source char --nbest 3 --scores < words.txt    an ensemble's three best"""
LEVELS = ("token", "char")
SPACE = "\u2581"  # stands for a space where characters are tokens
UNKNOWN = "<unk>"

logger = logging.getLogger(__name__)


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="s2s-predict",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoints", nargs="+", metavar="CHECKPOINT", help="of --task translation; several are an ensemble")
    add("--data", metavar="DATA-BIN", help="its dictionaries, for an architecture that does not carry them")
    add("--source", choices=LEVELS, default="token", help="tokens separated by spaces, or characters (default: token)")
    add("--target", choices=LEVELS, default="token", help="the same for what is written (default: token)")
    add("--beam", type=int, default=5, metavar="N", help="width of the search, 1: greedily (default: 5)")
    add("--nbest", type=int, default=1, metavar="N", help="predictions of each line, the best first (default: 1)")
    add("--scores", action="store_true", help="a third column: the logarithm of the probability, a token's on average")
    add(
        "--json",
        action="store_true",
        help="a JSON object a line: source, its tokens, predictions, scores, probabilities",
    )
    add("--batch-size", type=int, default=256, metavar="N", help="lines at a time (default: 256)")
    return parser.parse_args(argv)


def characters(line: str) -> str:
    """A line in Unicode's composed form, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(line.split()))


def as_tokens(line: str, level: str, known: Container[str]) -> str:
    """A line as tokens separated by spaces.

    Characters are in Unicode's composed form; one that is not ``known`` is taken apart (an accent, the parts of a
    Hangul syllable), or in the other case, if that is.
    """
    if level == "token":
        return line
    tokens: List[str] = []
    for character in characters(line):
        if character == " ":
            tokens.append(SPACE)
            continue
        other = character.swapcase()
        forms = (character, unicodedata.normalize("NFD", character), other, unicodedata.normalize("NFD", other))
        tokens += next((form for form in forms if all(part in known for part in form)), character)
    return " ".join(tokens)


def as_text(tokens: Sequence[str], level: str) -> str:
    return " ".join(tokens) if level == "token" else "".join(tokens).replace(SPACE, " ")


def answers(line: str, sentence: "Sentence", hypotheses: Sequence["Hypothesis"], args: argparse.Namespace) -> List[str]:
    """The lines of output for a line of input, which the model read as ``sentence``."""
    texts = [as_text(hypothesis.tokens, args.target) for hypothesis in hypotheses]
    if args.json:
        answer = {
            "source": line,
            "source_tokens": sentence.words[:-1],
            "predictions": texts,
            "scores": [round(hypothesis.score, 6) for hypothesis in hypotheses],
            "probabilities": [round(math.exp(one.score * len(one.numbers)), 6) for one in hypotheses],
        }
        return [json.dumps(answer, ensure_ascii=False)]
    columns = [[line, text] for text in texts]
    if args.scores:
        columns = [[*row, f"{hypothesis.score:.4f}"] for row, hypothesis in zip(columns, hypotheses)]
    return ["\t".join(row) for row in columns]


def encode(
    translator: "Translator", lines: Sequence[str], first: int, args: argparse.Namespace
) -> Tuple[List["Sentence"], Optional[UsageError]]:
    """The lines as sentences, up to one that the model cannot take, and what is wrong with that one.

    The first of them is the input's line ``first``.
    """
    known = translator.task.source_dictionary
    sentences: List["Sentence"] = []
    for number, line in enumerate(lines, first):
        try:
            if args.source == "char":  # a look at each character of a line of millions takes half a minute
                translator.check_length(len(characters(line)) + 1, f"line {number}")
            sentences += translator.encode([as_tokens(line, args.source, known)], number)
        except UsageError as error:
            return sentences, error
    return sentences, None


class Unknown:
    """Counts the lines with tokens that the model does not know, and says so: of the first at once, of all at the end.

    Args:
        unk: the number by which the model reads such a token.
    """

    def __init__(self, unk: int) -> None:
        self.unk, self.lines = unk, 0

    def look(self, sentences: Sequence["Sentence"], first: int) -> None:
        """The first of the sentences is the input's line ``first``."""
        for line, sentence in enumerate(sentences, first):
            places = (sentence.tokens == self.unk).nonzero().flatten().tolist()
            if places and not self.lines:
                token = sentence.words[places[0]]
                logger.warning(
                    f"line {line}: {token} is no token that the model knows: it reads {UNKNOWN} in its place"
                )
            self.lines += bool(places)

    def tell(self, lines: int) -> None:
        """At the end of so many lines."""
        if self.lines > 1:
            logger.warning(f"{self.lines} of {lines} lines have tokens that the model does not know")


def predict(
    translator: "Translator", sentences: Sequence["Sentence"], args: argparse.Namespace
) -> List[List["Hypothesis"]]:
    """The hypotheses of each sentence; one without a token has an empty one."""
    import torch

    from s2s_plugins.translator import Hypothesis

    full = [place for place, sentence in enumerate(sentences) if len(sentence.tokens) > 1]
    end = torch.tensor([translator.task.target_dictionary.eos()])
    found = [[Hypothesis([], 0.0, end)] for _ in sentences]
    hypotheses = translator.translate([sentences[place] for place in full], args.beam, args.nbest, args.batch_size)
    for place, best in zip(full, hypotheses):
        found[place] = best
    return found


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    logging.basicConfig(level=logging.WARNING, format="s2s-predict: warning: %(message)s")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as other filters: `s2s-predict ... | head` ends without a word
    with one_line_errors("s2s-predict"):
        stream = standard_input()
        from s2s_plugins.translator import Translator

        translator = Translator(args.checkpoints[0], args.data, ensemble=args.checkpoints[1:])
        translator.translate([], args.beam, args.nbest, args.batch_size)  # flags that cannot work say so before input
        if stream.isatty():
            print("s2s-predict: reads a source a line, to the end of the input (Ctrl-D)", file=sys.stderr)
        first, unknown = 1, Unknown(translator.task.source_dictionary.unk())
        with progress(stream) as bar:
            for lines in read_batches(stream, args.batch_size):
                sentences, error = encode(translator, lines, first, args)
                unknown.look(sentences, first)
                for line, sentence, hypotheses in zip(lines, sentences, predict(translator, sentences, args)):
                    for answer in answers(line, sentence, hypotheses, args):
                        print(answer)
                sys.stdout.flush()
                if error is not None:
                    raise error
                first += len(lines)
                bar.update(len(lines))
        unknown.tell(first - 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
