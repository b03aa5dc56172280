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
        "joined": System(
            "soft attention, features before the lemma",
            settings={"arch": "attention_lstm", "copy": False, "features_as": "joined"},
        ),
        "encoder": System("soft attention", settings={"arch": "attention_lstm", "copy": False}),
        "copy": System("soft attention, copying", settings={"arch": "attention_lstm"}),
        "transducer": System("transducer"),
        "transducer_joined": System("transducer, features before the lemma", settings={"features_as": "joined"}),
    },
    default=["transducer", "copy", "encoder"],
    minutes=10,
    licence=LICENCES,
    train=10_000,
    kinds=part_of_speech,
    kind="features",
)
