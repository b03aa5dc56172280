"""The subjects of the benchmarks: systems (an architecture, its flags), shapes (sizes, batches, data), scales of a run.

Plain data: the parent process imports this without torch, so that its memory stays small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Tuple

BASELINE = "fairseq lstm"
LUONG = ("--attention", "general", "--attention-timing", "after")


@dataclass(frozen=True)
class System:
    """An architecture and its flags.

    Args:
        name: as the tables call it.
        arch: ``--arch``.
        flags: beyond those of the shape.
        ours: whether it needs the plugin.
        without: a size of the shape that it has no flag for.
    """

    name: str
    arch: str
    flags: Tuple[str, ...] = ()
    ours: bool = True
    without: str = ""

    @property
    def file_name(self) -> str:
        return self.name.replace(" ", "-")


SYSTEMS: Dict[str, System] = {
    system.name: system
    for system in (
        System(BASELINE, "lstm", ours=False),
        System("basic_lstm", "basic_lstm", without="decoder-embed-dim"),  # it never reads the previous token
        System("feedback_lstm", "feedback_lstm"),
        System("peek_lstm", "peek_lstm"),
        System("attention_lstm", "attention_lstm"),
        System("attention_lstm luong", "attention_lstm", LUONG),
        # the same model as fairseq's lstm: the like-for-like row
        System("attention_lstm input-feeding", "attention_lstm", (*LUONG, "--input-feeding")),
    )
}
OURS = [name for name, system in SYSTEMS.items() if system.ours]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model, and the data that it is run on.

    Args:
        encoder_hidden: per direction.
        max_tokens: ``--max-tokens``, padding included.
        vocabulary: of synthetic data, per side; None: the g2p data.
        length: mean length of synthetic sentences, the end of sentence included.
        deviation: standard deviation of that length; 0 makes them all equal.
        sentences: how many synthetic sentences there are.
    """

    name: str
    encoder_embed: int
    encoder_hidden: int
    decoder_embed: int
    decoder_hidden: int
    out_embed: int
    max_tokens: int
    bidirectional: bool = False
    layers: int = 1
    vocabulary: Optional[int] = None
    length: float = 25
    deviation: float = 8
    sentences: int = 8000

    def flags(self, system: System) -> List[str]:
        """The model's part of fairseq-train's command line."""
        words = ["--arch", system.arch, "--dropout", "0.1"]
        sizes = {
            "encoder-embed-dim": self.encoder_embed,
            "encoder-hidden-size": self.encoder_hidden,
            "encoder-layers": self.layers,
            "decoder-embed-dim": self.decoder_embed,
            "decoder-hidden-size": self.decoder_hidden,
            "decoder-layers": self.layers,
            "decoder-out-embed-dim": self.out_embed,
        }
        for flag, size in sizes.items():
            words += [] if flag == system.without else ["--" + flag, str(size)]
        return words + (["--encoder-bidirectional"] if self.bidirectional else []) + list(system.flags)

    def synthetic(self) -> dict:
        """The data of a synthetic shape, as the workers take it."""
        names = ("vocabulary", "length", "deviation", "sentences")
        return {"kind": "synthetic", "seed": 1, **{name: getattr(self, name) for name in names}}


TRAINING_FLAGS = ["--optimizer", "adam", "--lr", "0.001", "--clip-norm", "1", "--seed", "1", "--num-workers", "0"]


@dataclass(frozen=True)
class Scale:
    """The size of a run; ``FULL`` takes some 40 minutes on two cores, ``QUICK`` shows that everything works."""

    systems: Tuple[str, ...]  # ours
    g2p: Shape
    translation: Shape
    growth: Shape
    rounds: int
    batches: int  # pairs a round, g2p
    translation_batches: int
    warmup: int
    loss_updates: int  # after which bf16's loss is compared
    model_updates: int  # of the models that decode
    model_max_tokens: int
    test_words: int
    decode_batch: int
    greedy_batch: int
    latency_sentences: int
    memory_updates: int
    memory_systems: Tuple[str, ...]  # ours, again
    lengths: Tuple[int, ...]
    hidden: Tuple[int, ...]
    vocabularies: Tuple[int, ...]
    beams: Tuple[int, ...]
    repetitions: int  # of a point of growth
    process_updates: int  # of one process against two; 0 leaves that out
    profile_steps: int
    ablation: Tuple[Tuple[str, Tuple[str, ...]], ...]  # systems, and the switches that concern them
    expected: Tuple[Tuple[str, float], ...]  # seconds of each part on two cores, to start the estimate from


ATTENTION_SWITCHES = (
    "unrolled LSTM steps",
    "16-bit dropout",
    "Adam in one pass",
    "attention's hidden layer computed twice",
    "attention's tanh from a sigmoid, and the last",
)
FULL = Scale(
    systems=tuple(OURS),
    g2p=Shape("g2p", 128, 256, 128, 512, 512, max_tokens=4000, bidirectional=True),
    translation=Shape("translation", 512, 512, 512, 512, 512, max_tokens=4000, layers=2, vocabulary=8000),
    growth=Shape("growth", 256, 256, 256, 256, 256, max_tokens=2000, vocabulary=1000, deviation=0, sentences=400),
    rounds=3,
    batches=4,
    translation_batches=1,
    warmup=1,
    loss_updates=60,
    model_updates=300,
    model_max_tokens=400,
    test_words=1024,
    decode_batch=128,
    greedy_batch=512,
    latency_sentences=200,
    memory_updates=8,
    memory_systems=tuple(OURS),
    lengths=(10, 25, 50, 100, 200, 400),
    hidden=(128, 256, 512, 1024),
    vocabularies=(50, 500, 5000, 50000),
    beams=(1, 2, 5, 10, 20),
    repetitions=2,
    process_updates=25,
    profile_steps=2,
    ablation=(
        ("attention_lstm", ATTENTION_SWITCHES),
        ("peek_lstm", ("unrolled LSTM steps", "16-bit dropout", "Adam in one pass")),
    ),
    expected=(
        ("same", 330),
        ("training", 640),
        ("decoding", 400),
        ("memory", 330),
        ("growth", 330),
        ("profile", 150),
        ("ablation", 300),
    ),
)
QUICK = Scale(
    systems=("basic_lstm", "attention_lstm input-feeding"),
    g2p=Shape("g2p", 16, 16, 16, 32, 32, max_tokens=400, bidirectional=True),
    translation=Shape("translation", 32, 32, 32, 32, 32, max_tokens=300, layers=2, vocabulary=100, sentences=100),
    growth=Shape("growth", 16, 16, 16, 16, 16, max_tokens=200, vocabulary=50, deviation=0, sentences=60),
    rounds=1,
    batches=2,
    translation_batches=2,
    warmup=1,
    loss_updates=6,
    model_updates=20,
    model_max_tokens=400,
    test_words=24,
    decode_batch=8,
    greedy_batch=16,
    latency_sentences=10,
    memory_updates=2,
    memory_systems=("attention_lstm input-feeding",),
    lengths=(5, 10),
    hidden=(16,),
    vocabularies=(50,),
    beams=(1, 2),
    repetitions=1,
    process_updates=0,
    profile_steps=1,
    ablation=(("attention_lstm", ATTENTION_SWITCHES),),
    expected=(
        ("same", 8),
        ("training", 8),
        ("decoding", 8),
        ("memory", 25),
        ("growth", 6),
        ("profile", 4),
        ("ablation", 8),
    ),
)


def grown(shape: Shape, axis: str, value: int) -> Shape:
    """``shape`` with one of its measures changed: ``length``, ``hidden`` or ``vocabulary``."""
    if axis == "length":
        return replace(shape, length=value, sentences=max(8, 4 * shape.max_tokens // value))
    if axis == "hidden":
        return replace(shape, encoder_hidden=value, decoder_hidden=value, out_embed=value)
    return replace(shape, vocabulary=value)
