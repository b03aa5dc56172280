"""What each comparison of the gallery prepares and trains.

Flags are written as on a command line. ``demo`` takes seconds on two cores, its scores mean nothing; the default sizes
are those of the READMEs' tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

DIALOGUE = "dialogue"  # an example with settings and a report of its own: scripts/dialogue
# attention after the step, and a target as one fused call (Luong et al. 2015): the fastest with attention
LUONG = "luong=attention_lstm"
LUONG_FLAGS = "--attention general --attention-timing after"
CLASSICS = "basic_lstm,feedback_lstm,peek_lstm,attention_lstm,lstm"


@dataclass(frozen=True)
class Comparison:
    """One s2s compare.

    Args:
        name: of its folder; ``EXAMPLE`` or ``EXAMPLE-WORD``.
        title: of its report and in the index.
        shows: a sentence for the index: what to look for.
        prepare: flags for ``examples/EXAMPLE/prepare.py``.
        demo: the same for the smaller size, on top.
        demo_updates: of each training at that size.
        archs: as s2s compare takes them.
        updates: of each training.
        train: flags for fairseq-train.
        compare: flags for s2s compare; ``{data}`` is the prepared folder.
        own: flags for fairseq-train of one system alone, by its name.
    """

    name: str
    title: str
    shows: str
    prepare: str = ""
    demo: str = ""
    demo_updates: int = 20
    archs: str = CLASSICS
    updates: int = 2000
    train: str = ""
    compare: str = ""
    own: Dict[str, str] = field(default_factory=dict)

    @property
    def example(self) -> str:
        return self.name.split("-")[0]


# fairseq's lstm has an output layer of 512 whatever its decoder's size is: with this, that of the others
SAME_OUTPUT = "--decoder-out-embed-dim 256"
SHAPE = (
    "--encoder-embed-dim 64 --encoder-hidden-size 128 --encoder-bidirectional --decoder-embed-dim 64 "
    "--decoder-hidden-size 256"
)
SMALL_SHAPE = (
    "--encoder-embed-dim 64 --encoder-hidden-size 64 --encoder-bidirectional --decoder-embed-dim 64 "
    "--decoder-hidden-size 128"
)
RULES = f"{SHAPE} --batch-size 128 --lr 0.005"
FEW = "--train 600 --valid 50 --test 50"


def patterns() -> List[Comparison]:
    shows = {
        "sorted": "the digits in order: what counts is how often each occurs",
        "reversed": "the last digit first: the decoder has to find a place in the source",
        "maxmin_dup": "the largest and the smallest digit, then all but the first two: global and local at once",
    }
    return [
        Comparison(
            f"patterns-{rule}",
            f"Patterns of digits: {rule}",
            f"{text}; trained at lengths up to 10, tested up to 20",
            prepare=f"--rule {rule}",
            demo=FEW,
            updates=1500,
            train=RULES,
        )
        for rule, text in shows.items()
    ]


def number_words() -> List[Comparison]:
    languages: Tuple[Tuple[str, str, str], ...] = (
        ("en", "English", CLASSICS),
        ("de", "German", "attention_lstm"),
        ("fr", "French", "attention_lstm"),
    )
    return [
        Comparison(
            "number_words-five",
            "Five lines of number words",
            "training and test are the same five lines: whoever cannot learn them is broken",
            prepare="--language five",
            updates=300,
            demo_updates=120,
            archs="basic_lstm,feedback_lstm,peek_lstm,attention_lstm",
            train=f"{SHAPE} --batch-size 5 --lr 0.005",
            compare="--checkpoint last",
        ),
        *(
            Comparison(
                f"number_words-{code}",
                f"Numbers in words: {language}",
                "0 to 999,999, letter by letter; test numbers are not trained on",
                prepare=f"--language {code}",
                demo="--train 1200 --valid 50 --test 50",
                archs=archs,
                train=f"{SMALL_SHAPE} --batch-size 64 --lr 0.005",  # the outputs are long: 45 letters and more
            )
            for code, language, archs in languages
        ),
    ]


def headlines() -> List[Comparison]:
    sizes = "--train 40000 --valid 500 --test 1000"
    flags = (
        "--encoder-embed-dim 128 --encoder-hidden-size 128 --encoder-bidirectional --decoder-embed-dim 128 "
        "--decoder-hidden-size 256 --dropout 0.2 --batch-size 64"
    )
    shared = {
        "demo": "--train 600 --valid 50 --test 50 --vocabulary 1000",
        "archs": f"feedback_lstm,attention_lstm,{LUONG},lstm",
        "updates": 2500,
        "train": flags,
        "own": {"luong": LUONG_FLAGS, "lstm": SAME_OUTPUT},
    }
    return [
        Comparison(
            "headlines-debian",
            "Synopses of Debian's packages",
            "a description becomes a line; lead-8 is its first eight words; no source's packages are parted",
            prepare=f"--data debian {sizes} --max-source-tokens 50 --vocabulary 8000",
            compare="--metrics rouge1,rouge2,rougeL --lead 8",
            **shared,
        ),
        Comparison(
            "headlines-poems",
            "Titles of Chinese poems",
            "poems of Tang and Song, a character a token; lead-5 is the first five characters",
            prepare=f"--data poems {sizes} --max-source-tokens 48 --vocabulary 6000",
            compare="--metrics rouge1,rouge2,rougeL --lead 5",
            **shared,
        ),
        Comparison(
            "headlines-news",
            "Headlines of the People's Daily",
            "2,000 articles of January 1998, a character a token; lead-12 is the first twelve characters",
            prepare="--data news --tokens chars --valid 200 --test 300 --max-source-tokens 80 --vocabulary 3000",
            # so few are learnt by heart: the loss on others is best when all headlines are still alike
            compare="--metrics rouge1,rouge2,rougeL --lead 12 --checkpoint last",
            **{**shared, "updates": 2000, "train": flags.replace("0.2 --batch-size 64", "0.4 --batch-size 32")},
        ),
    ]


COMPARISONS = [
    *number_words(),
    Comparison(
        "pig_latin",
        "Pig Latin",
        "test: words that are not trained on; test1: consonant beginnings that no word of training has",
        demo=FEW,
        updates=1500,
        train=RULES,
        compare="--subset test,test1",
    ),
    Comparison(
        "adder",
        "Adding numbers",
        "test: sums of up to three digits that are not trained on; test1: four digits, which training never shows",
        demo=f"{FEW} --longer 50",
        train=RULES,
        compare="--subset test,test1",
    ),
    *patterns(),
    Comparison(
        "translation",
        "Translation, German to English",
        "LibreOffice's help: whole pages are held out; BLEU and chrF of the text, by sacrebleu",
        demo="--train 2000 --valid 50 --test 50 --pieces 1000",
        archs=f"basic_lstm,feedback_lstm,peek_lstm,attention_lstm,{LUONG},lstm",
        updates=2000,
        train="--encoder-embed-dim 128 --encoder-hidden-size 128 --encoder-bidirectional --decoder-embed-dim 128 "
        "--decoder-hidden-size 256 --max-tokens 2000",
        compare="--metrics bleu,chrf --bleu-tokenize 13a --decode-flags '--post-process sentencepiece' "
        "--references {data}/plain",
        own={"luong": LUONG_FLAGS, "lstm": SAME_OUTPUT},
    ),
    *headlines(),
]
