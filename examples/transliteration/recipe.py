"""What this example trains, as changes to what ``s2s train`` chooses: the file to change."""

from common.trainings.task import System, Task


def words(source: str, target: str) -> list:
    """Names of one word, and of several."""
    return ["one word" if len(source.split()) == 1 else "several words"]


SETS = {
    "russian": "Russian (Cyrillic)",
    "japanese": "Japanese (Katakana)",
    "korean": "Korean (Hangul)",
    "hindi": "Hindi (Devanagari)",
    "arabic": "Arabic",
    "georgian": "Georgian",
    "thai": "Thai",
}
TASK = Task(
    name="transliteration",
    title="Names of places in other scripts",
    shows="A name in Latin letters becomes one in another script; no test name is trained on",
    sets=SETS,
    systems={
        "monotonic": System("attention_lstm"),
        "soft": System("soft attention", {"--attention-alignment": "soft"}),
        "hard": System("not monotonic", {"--attention-alignment": "hard"}),
        "one_layer": System("one encoder layer", {"--encoder-layers": 1}),
        "transducer": System("transducer_lstm", settings={"arch": "transducer_lstm"}),
    },
    default=["monotonic"],
    minutes=5,
    licence=dict.fromkeys(SETS, "GPL-2.0-or-later"),
    train=10_000,
    kinds=words,
    kind="name",
)
