"""The steps of a comparison: for each system and seed a training, and a prediction of each split."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from s2s_plugins.comparison.data import TRAIN, Data, Run, Settings
from s2s_plugins.comparison.systems import System, build_systems, with_defaults
from s2s_plugins.steps import Step

PACKAGE = Path(__file__).resolve().parent.parent
VALIDATIONS = 10  # per training: the number of points of its learning curve
LOG_LINES = 200  # at most, per training


class Plan:
    """The steps of a comparison, each before what needs it.

    Args:
        names: architectures; ``NAME=ARCH`` gives one a name of its own.
        settings: what all systems share.
        data: what they are trained on.

    Attributes:
        systems: in the order of ``names``.
        runs: seed by seed, so that every system has a result early.

    Raises:
        UsageError: settings that make no sense.
    """

    def __init__(self, names: Sequence[str], settings: Settings, data: Data) -> None:
        self.settings, self.data = settings, data
        self.systems = build_systems(names, settings.flags, settings.own_flags)
        data.check(self.systems)
        self.checksums = {part: data.checksums(part) for part in (data.shared, "train", "valid")}
        self.runs = [self._run(system, seed) for seed in settings.seeds for system in self.systems]

    @property
    def steps(self) -> List[Step]:
        return [step for run in self.runs for step in (run.train, *run.predictions.values())]

    def _run(self, system: System, seed: int) -> Run:
        settings, data, name = self.settings, self.data, f"{system.name}-seed{seed}"
        folder = settings.out / "train" / name
        flags = with_defaults(system.flags, settings.updates, data.batch, data.instead)
        every = max(1, settings.updates // VALIDATIONS)
        command = ["fairseq-train", str(data.path), "--user-dir", str(PACKAGE), *data.task_flags()]
        command += ["--arch", system.arch]
        command += ["--save-dir", str(folder), "--seed", str(seed), "--max-update", str(settings.updates)]
        command += ["--validate-interval-updates", str(every), "--save-interval-updates", str(every)]
        # small data has epochs of a few updates: validate and save by updates alone
        command += ["--validate-interval", "1000000", "--save-interval", "1000000", "--keep-interval-updates", "1"]
        command += ["--no-epoch-checkpoints", "--log-format", "json"]
        command += ["--log-interval", str(max(1, settings.updates // LOG_LINES)), *flags]
        checkpoint = f"checkpoint_{settings.checkpoint}.pt"
        train = Step(
            f"train-{name}",
            TRAIN,
            folder,
            {
                "data": self.checksums,
                "arch": system.arch,
                "updates": settings.updates,
                "seed": seed,
                "flags": flags,
                "checkpoint": checkpoint,
            },
            command,
            limits={"--max-update": settings.updates},
            leftovers=["checkpoint_[0-9]*_[0-9]*.pt"]
            + (["checkpoint_last.pt"] if settings.checkpoint == "best" else []),
        )
        predictions = {
            subset: data.prediction(settings.out, name, subset, train, folder / checkpoint) for subset in data.subsets
        }
        return Run(system, seed, train, predictions)
