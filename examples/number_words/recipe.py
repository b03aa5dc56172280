"""What this example prepares and trains: five lines that any model must learn, and three languages."""

from common.comparison import CLASSICS, SHAPE, Comparison, updates
from common.recipe import Flags, Sized

WITHOUT_FAIRSEQ = {name: system for name, system in CLASSICS.items() if name != "lstm"}
ATTENTION = {"attention_lstm": CLASSICS["attention_lstm"]}
# the outputs are long: 45 letters and more
LONG_OUTPUTS: Flags = {
    **SHAPE,
    "--encoder-hidden-size": 64,
    "--decoder-hidden-size": 128,
    "--batch-size": 64,
    "--lr": 0.005,
}
LANGUAGES = (("en", "English", CLASSICS), ("de", "German", ATTENTION), ("fr", "French", ATTENTION))
COMPARISONS = [
    Comparison(
        "number_words-five",
        "Five lines of number words",
        "training and test are the same five lines: a model that cannot learn them is broken",
        updates(300, demo=120),
        {**SHAPE, "--batch-size": 5, "--lr": 0.005},
        prepare=Sized({"--language": "five"}),
        systems=WITHOUT_FAIRSEQ,
        compare={"--checkpoint": "last"},
    ),
    *(
        Comparison(
            f"number_words-{code}",
            f"Numbers in words: {language}",
            "0 to 999,999, letter by letter; test numbers are not trained on",
            updates(2000),
            LONG_OUTPUTS,
            prepare=Sized({"--language": code}, demo={"--train": 1200, "--valid": 50, "--test": 50}),
            systems=systems,
        )
        for code, language, systems in (
            ("en", "English", CLASSICS),
            ("de", "German", ATTENTION),
            ("fr", "French", ATTENTION),
        )
    ),
]
