"""The systems of the table, as changes to the recipe that ``s2s train`` chooses: the file to change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from common.recipe import Flags

DEMO_MINUTES = 2  # of run.py --demo
SHOWN = 10  # predictions that it prints


@dataclass(frozen=True)
class System:
    """A model that takes part.

    Args:
        title: in the table.
        changes: flags that win over the recipe's.
        updates: of the training; None: the recipe's.
        arch: its architecture; None: the recipe's.
        composed: whether letters with accents, and Hangul syllables, are whole; else their parts are symbols.
    """

    title: str
    changes: Flags = field(default_factory=dict)
    updates: Optional[int] = None
    arch: Optional[str] = None
    composed: bool = False


OURS = "attention_lstm"
SYSTEMS = {
    # the task's encoder-decoder (Gorman et al. 2020, section 4), untuned: one batch size and dropout for all languages
    "lstm": System(
        "fairseq's lstm",
        {
            "--encoder-layers": 1,
            "--encoder-embed-dim": 128,
            "--encoder-hidden-size": 512,
            "--decoder-layers": 1,
            "--decoder-embed-dim": 128,
            "--decoder-out-embed-dim": 128,
            "--decoder-hidden-size": 512,
            "--share-decoder-input-output-embed": True,
            "--dropout": 0.3,
            "--batch-size": 256,
            "--lr": 0.001,
            "--lr-scheduler": "fixed",
            "--adam-betas": "(0.9, 0.999)",
        },
        updates=4000,
        arch="lstm",
        composed=True,
    ),
    OURS: System("attention_lstm"),
}
DEFAULT = list(SYSTEMS)
# the recipe except for one thing each: what that thing is worth
SYSTEMS.update(
    {
        "soft": System("soft attention", {"--attention-alignment": "soft"}),
        "hard": System("not monotonic", {"--attention-alignment": "hard"}),
        "composed": System("characters whole", composed=True),
        "one_layer": System("one encoder layer", {"--encoder-layers": 1}),
        "sharp": System("no label smoothing", {"--label-smoothing": 0}),
        "dropout_03": System("dropout 0.3", {"--dropout": 0.3}),
        "constant_lr": System("lr 0.001 throughout", {"--lr": 0.001, "--lr-scheduler": "fixed"}),
    }
)
ABLATION = [name for name in SYSTEMS if name != "lstm"]
# the models that vote: these with the first seed, then with the next. Models with other settings err on other words
# more often than models with other seeds
MEMBERS = [OURS, "one_layer", "dropout_03"]

# of the table's quick check
TINY: Flags = {
    "--encoder-embed-dim": 16,
    "--encoder-hidden-size": 16,
    "--decoder-embed-dim": 16,
    "--decoder-hidden-size": 16,
}
TINY_UPDATES = 30
