"""What this example trains, as changes to what ``s2s train`` chooses: the file to change."""

from common.trainings.task import System, Task


def part_of_speech(source: str, target: str) -> list:
    """``walk<TAB>V;PST`` -> its features as they are written."""
    return [source.partition("\t")[2]]


LICENCES = {"german": "CC BY-SA 4.0", "russian": "CC BY-SA 3.0", "french": "GPL-2.0-or-later", "english": "MIT"}
TASK = Task(
    name="inflection",
    title="Inflection",
    shows="A lemma and features become a form; no test lemma is trained on",
    sets={"german": "German nouns", "russian": "Russian", "french": "French verbs", "english": "English"},
    systems={
        "joined": System("features before the lemma", settings={"copy": False}),
        "encoder": System("features to every step too", settings={"copy": False, "features_as": "encoder"}),
        "copy": System("features before the lemma, copying", settings={"copy": True}),
        "both": System("features to every step too, copying", settings={"copy": True, "features_as": "encoder"}),
        "transducer": System("transducer_lstm", settings={"arch": "transducer_lstm"}),
        "augmented": System("copying, as many made examples", settings={"copy": True, "augment": 10_000}),
    },
    default=["joined", "encoder", "copy"],
    minutes=10,
    licence=LICENCES,
    train=10_000,
    kinds=part_of_speech,
    kind="features",
)
