"""The parts of a run, in their order; each takes a :class:`benchmarks.bench.Bench` and returns its results."""

from benchmarks.parts.ablation import ablation
from benchmarks.parts.decoding import decoding
from benchmarks.parts.growth import growth
from benchmarks.parts.memory import memory
from benchmarks.parts.profile import profile
from benchmarks.parts.same import same
from benchmarks.parts.training import training

# the checks come first: numbers of a fast path that computes something else are worth nothing
PARTS = {
    "same": same,
    "training": training,
    "decoding": decoding,
    "memory": memory,
    "growth": growth,
    "profile": profile,
    "ablation": ablation,
}
