"""What this example prepares, trains and decodes, and with which hyperparameters: the file to change."""

from __future__ import annotations

from typing import Dict

from common.recipe import Flags, Sized, System

DATA = Sized(demo={"--train": 400, "--valid": 40, "--test": 40, "--words": 300})
VECTORS = Sized(
    {"--window": 5, "--lr": 0.025, "--sample": 0.001},
    demo={"--dim": 16, "--epochs": 2},
    default={"--dim": 128, "--epochs": 5},
)
SYSTEM = System(
    "attention_lstm",
    Sized(
        {
            "--arch": "attention_lstm",
            # adaptive_loss and sampled_softmax train faster; but in an adaptive softmax a temperature acts on groups of
            # words, not on words alone, and a sampled training loss does not compare with that of the validation
            "--criterion": "cross_entropy",
            # after the step and with a product: a whole target trains as one fused call
            "--attention": "general",
            "--attention-timing": "after",
            "--encoder-bidirectional": True,
            # one table for statements, replies and the output: a third of the parameters, and the vectors serve all
            # three
            "--share-all-embeddings": True,
            "--dropout": 0.3,
            "--optimizer": "adam",
            "--lr": 0.002,
            "--lr-scheduler": "inverse_sqrt",  # needs no number of updates
            "--warmup-updates": 200,
            "--clip-norm": 1,
            "--max-tokens": 2000,
        },
        demo={
            "--encoder-embed-dim": 16,
            "--decoder-embed-dim": 16,
            "--decoder-out-embed-dim": 16,
            "--encoder-hidden-size": 16,
            "--decoder-hidden-size": 32,
            "--lr": 0.01,
            "--warmup-updates": 10,
            "--max-tokens": 400,
            "--max-epoch": 2,
        },
        default={
            "--encoder-embed-dim": 128,
            "--decoder-embed-dim": 128,
            "--decoder-out-embed-dim": 128,
            "--encoder-hidden-size": 128,  # for each direction
            "--decoder-hidden-size": 256,
            "--max-epoch": 7,
        },
    ),
)
SEARCH: Flags = {"--unkpen": 1000, "--max-len-b": 40}  # an answer has no <unk>
DECODINGS: Dict[str, Flags] = {
    "greedy": {"--beam": 1},
    "beam 5": {"--beam": 5},
    "temperature 0.7": {"--beam": 1, "--sampling": True, "--temperature": 0.7},
}
BY_EPOCH = "greedy"  # how the prompts are answered after each epoch
