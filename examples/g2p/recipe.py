"""The systems and their hyperparameters: the file to change."""

from __future__ import annotations

from typing import Dict

from common.recipe import Flags, Sized, System

COMMON: Flags = {
    "--encoder-bidirectional": True,
    "--criterion": "label_smoothed_cross_entropy",
    "--label-smoothing": 0.1,
    "--optimizer": "adam",
    "--clip-norm": 1,
}
TINY: Flags = {
    "--encoder-embed-dim": 16,
    "--encoder-hidden-size": 16,
    "--decoder-embed-dim": 16,
    "--decoder-hidden-size": 16,
    "--max-update": 30,
}
OURS = "attention_lstm"
SYSTEMS = {
    # the task's encoder-decoder (Gorman et al. 2020, section 4), untuned: one batch size and dropout for all languages
    "lstm": System(
        "fairseq's lstm",
        Sized(
            {
                **COMMON,
                "--arch": "lstm",
                "--encoder-embed-dim": 128,
                "--encoder-hidden-size": 512,
                "--decoder-embed-dim": 128,
                "--decoder-out-embed-dim": 128,
                "--decoder-hidden-size": 512,
                "--share-decoder-input-output-embed": True,
                "--dropout": 0.3,
                "--batch-size": 256,
                "--lr": 0.001,
                "--max-update": 4000,
            },
            demo={**TINY, "--decoder-out-embed-dim": 16},
        ),
    ),
    OURS: System(
        "attention_lstm",
        Sized(
            {
                **COMMON,
                "--arch": "attention_lstm",
                "--attention": "general",
                "--attention-timing": "after",
                "--attention-alignment": "monotonic",
                "--encoder-layers": 2,
                "--encoder-embed-dim": 128,
                "--encoder-hidden-size": 128,
                "--decoder-embed-dim": 128,
                "--decoder-hidden-size": 256,
                "--dropout": 0.4,
                "--batch-size": 64,
                "--lr": 0.005,
                "--adam-betas": "(0.9, 0.99)",
                "--lr-scheduler": "polynomial_decay",
                "--warmup-updates": 100,
                "--max-update": 3000,
            },
            demo={**TINY, "--warmup-updates": 3},
        ),
        prepare={"--decompose": True},
    ),
}
DEFAULT = list(SYSTEMS)
# the recipe except for one thing each: what that thing is worth
SYSTEMS.update(
    {
        "soft": SYSTEMS[OURS].but("soft attention", {"--attention-alignment": "soft"}),
        "hard": SYSTEMS[OURS].but("not monotonic", {"--attention-alignment": "hard"}),
        "composed": SYSTEMS[OURS].but("characters whole", prepare={}),
        "one_layer": SYSTEMS[OURS].but("one encoder layer", {"--encoder-layers": 1}),
        "sharp": SYSTEMS[OURS].but("no label smoothing", {"--label-smoothing": 0}),
        "dropout_03": SYSTEMS[OURS].but("dropout 0.3", {"--dropout": 0.3}),
        "constant_lr": SYSTEMS[OURS].but(
            "lr 0.001 throughout", {"--lr": 0.001, "--lr-scheduler": None, "--warmup-updates": None}
        ),
    }
)
ABLATION = [name for name in SYSTEMS if name != "lstm"]
# the models that vote: these with the first seed, then with the next. Models with other settings err on other words
# more often than models with other seeds
MEMBERS = [OURS, "one_layer", "dropout_03"]

# one file of words: the recipe by their number
FEW_WORDS = 20_000  # fewer lines than this to train on
WORDS: Dict[str, System] = {
    "few": SYSTEMS[OURS],
    "many": SYSTEMS[OURS].but(
        "many words",
        {"--encoder-hidden-size": 256, "--dropout": 0.3, "--lr": 0.002, "--max-update": 40000},
    ),
    # what learns most in a few minutes
    "demo": SYSTEMS[OURS].but(
        "a few minutes",
        {
            "--criterion": None,
            "--label-smoothing": None,
            "--attention-alignment": None,
            "--encoder-layers": None,
            "--dropout": 0,
            "--batch-size": 256,
            "--lr": 0.01,
            "--max-update": 1300,
        },
    ),
}
SHOWN = {"few": 0, "many": 0, "demo": 10}  # predictions that are printed at the end

# what does not change the trained model: how often it is saved, logged and validated
KEEPING: Flags = {"--save-interval-updates": 500, "--keep-interval-updates": 1, "--log-interval": 20}
# the last update is decoded: nothing is chosen by the words that are scored
KEEPING_BLIND: Flags = {
    "--disable-validation": True,
    "--save-interval-updates": 1000,
    "--keep-interval-updates": 1,
    "--log-interval": 10,
}
SEARCH: Flags = {"--beam": 5, "--batch-size": 256}
CANDIDATES: Flags = {"--beam": 10, "--nbest": 10, "--json": True}  # that the n-grams vote on


def for_arch(system: System, arch: str) -> System:
    """The same recipe for another architecture, without the flags that it does not have."""
    changes: Flags = {"--arch": arch}
    if not arch.startswith("attention_lstm"):
        changes.update({"--attention": None, "--attention-timing": None, "--attention-alignment": None})
    if arch.startswith("basic_lstm"):
        changes["--decoder-embed-dim"] = None
    if arch == "lstm":  # fairseq's has as many layers on both sides
        changes["--decoder-layers"] = system.train.every.get("--encoder-layers")
    return system.but(system.title, changes)
