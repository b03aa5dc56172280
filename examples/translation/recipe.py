"""What this example prepares and trains."""

from common.comparison import CLASSICS, LSTM_OF_256, LUONG, Comparison, updates
from common.recipe import Sized

OURS = {name: system for name, system in CLASSICS.items() if name != "lstm"}
SYSTEMS = {**OURS, "luong": LUONG, "lstm": LSTM_OF_256}
COMPARISONS = [
    Comparison(
        "translation",
        "Translation, German to English",
        "LibreOffice's help: whole pages are held out; BLEU and chrF of the text, by sacrebleu",
        updates(2000),
        {
            "--encoder-embed-dim": 128,
            "--encoder-hidden-size": 128,
            "--encoder-bidirectional": True,
            "--decoder-embed-dim": 128,
            "--decoder-hidden-size": 256,
            "--max-tokens": 2000,
        },
        prepare=Sized(demo={"--train": 2000, "--valid": 50, "--test": 50, "--pieces": 1000}),
        systems={
            **{name: one for name, one in CLASSICS.items() if name != "lstm"},
            "luong": LUONG,
            "lstm": LSTM_OF_256,
        },
        compare={
            "--metrics": "bleu,chrf",
            "--bleu-tokenize": "13a",
            "--decode-flags": "--post-process sentencepiece",
            "--references": "{data}/plain",
        },
    )
]
