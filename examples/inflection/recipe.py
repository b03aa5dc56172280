"""What this example trains, as changes to what ``s2s train`` chooses: the file to change."""

from common.trainings.task import System, Task


def part_of_speech(source: str, target: str) -> list:
    """``walk<TAB>V;PST`` -> its features as they are written."""
    return [source.partition("\t")[2]]


TASK = Task(
    name="inflection",
    title="Inflection",
    shows="A lemma and features become a form; no test lemma is trained on",
    sets={"german": "German nouns", "english": "English", "french": "French verbs"},
    systems={
        "joined": System("features before the lemma"),
        "encoder": System("features to every step too", {"--features-as": "encoder"}),
        "copy": System("features before the lemma, copying", {"--copy": True}),
        "both": System("to every step, copying", {"--features-as": "encoder", "--copy": True}),
    },
    default=["joined", "encoder", "copy"],
    minutes=10,
    licence={"german": "CC BY-SA 4.0", "english": "MIT", "french": "GPL-2.0-or-later"},
    train=10_000,
    kinds=part_of_speech,
    kind="features",
)
