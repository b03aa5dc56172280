"""The steps: each set is prepared and cut into windows; each system learns it with each seed, and forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from common import engine
from common.recipe import DEMO, Flags, System, number, words
from forecast.recipe import KEEPING, PEER_FLAGS, SETS, TRAIN, Set
from s2s_plugins.steps import Step, checksum

BEST = "checkpoint_best.pt"
NAIVE = "naive"
BASELINES: Dict[str, str] = {NAIVE: "seasonal naive", "ets": "ETS", "arima": "ARIMA", "linear": "linear, on lags"}
PEER, PEER_TITLE = "neuralforecast", "neuralforecast's LSTM"


class Forecasting(NamedTuple):
    """The step that writes a system's forecasts of a set; with the training's steps that it took.

    Attributes:
        name: of the set.
        system: name of the system.
        seed: of the training; 0: it has none.
        step: whose folder has the file :data:`FORECASTS`.
        table: the set's CSV file.
        trainings: the steps that made the model.
    """

    name: str
    system: str
    seed: int
    step: Step
    table: Path
    trainings: Sequence[Step] = ()

    @property
    def file(self) -> Path:
        """Where the forecasts are."""
        return self.step.required_folder / FORECASTS


FORECASTS = "forecasts.npz"


def prepare_step(name: str, folder: Path, cache: Optional[Path]) -> Step:
    """The step that fetches a set and writes ``folder/NAME.csv``."""
    made = engine.prepare_step("forecast", folder, {"--set": name}, cache, f"prepare-{name}")
    settings = {**made.settings, "package": str(SETS[name].package), "file": SETS[name].file}
    return Step(made.name, made.kind, folder, settings, made.command, keeps=True)


def _table_flags(one: Set) -> Flags:
    """What ``s2s prepare --series`` and :mod:`forecast.peer` have to know of a set's table."""
    return {
        "--input-length": one.input_length,
        "--output-length": one.output_length,
        "--time": one.time,
        "--step": one.step,
        "--target": ",".join(one.targets),
        "--past": ",".join(one.past) or None,
        "--calendar": ",".join(one.calendar) or None,
        "--valid-from": one.valid_from,
        "--test-from": one.test_from,
    }


def windows_step(name: str, one: Set, table: Path, folder: Path, source: dict) -> Step:
    """The step that cuts a table into windows (``s2s prepare --series``).

    Args:
        name: of the set.
        one: the set.
        table: its CSV file.
        folder: where the windows go.
        source: what the table depends on.
    """
    flags: Flags = {
        **_table_flags(one),
        "--eval-stride": one.origin_stride,
        "--missing": "mask" if one.missing else None,
        "--per-window": True,  # each on a scale of its own: docs/results/forecast.md, What was tried
    }
    command = ["s2s", "prepare", "--series", str(table), "--dest", str(folder), *words(flags)]
    return Step(f"windows-{name}", "windows", folder, {"flags": flags, "source": source}, command, resumes=False)


def train_step(name: str, folder: Path, windows: Step, flags: Flags, seed: int) -> Step:
    """The training of a model.

    Args:
        name: of the step.
        folder: where the checkpoints go.
        windows: the step that made its data.
        flags: for fairseq-train, ``--max-update`` among them.
        seed: of the training.
    """
    schedule: Flags = {"--total-num-update": flags["--max-update"]} if "--lr-scheduler" in flags else {}
    flags = {**flags, **schedule, "--seed": seed}
    return Step(
        name,
        "train",
        folder,
        {"flags": flags, "data": windows.settings},
        engine.train_command(windows.required_folder, folder, flags, KEEPING),
        limits={"--max-update": number(flags, "--max-update")},
        leftovers=["checkpoint_*_*.pt"],
    )


def forecast_step(name: str, folder: Path, table: Path, one: Set, settings: dict, system: Callable) -> Step:
    """The step that fits a system and writes its forecasts from each origin in the test part.

    Args:
        name: of the step.
        folder: where the forecasts go.
        table: the set's CSV file.
        one: the set.
        settings: what they depend on.
        system: makes the system, once the steps before are done.
    """

    def act() -> None:
        from forecast import evaluation

        rows = evaluation.read(table, one)
        parts = evaluation.cut(one, rows)
        found = system()
        found.fit(rows.iloc[: parts.test], parts.valid)
        places = evaluation.origins(one, rows, parts.test, parts.rows, one.origin_stride)
        evaluation.save(folder / FORECASTS, evaluation.roll(found, rows, places))

    settings = {**settings, "origins": one.origin_stride, "parts": [one.valid_from, one.test_from]}
    return Step(name, "forecast", folder, settings, action=act)


def own_steps(name: str, one: Set, table: Path, train: Step, path: Path) -> List[Step]:
    """The steps that save a model of a user's own table as a model file, and forecast what comes behind its last row.

    Args:
        name: what the steps' names end in.
        one: the set.
        table: the CSV file.
        train: the step that made the model.
        path: of what they write, without the ending: ``.safetensors`` for the model, ``.csv`` for the forecast's
            values, ``.png`` for its picture.
    """
    model, settings = f"{path}.safetensors", {"training": train.settings}
    save = ["s2s", "save", str(train.required_folder / BEST), "--data", one.source, "--out", model]
    ahead = ["s2s", "forecast", model, "--input", str(table), "--out", f"{path}.csv", "--plot", f"{path}.png"]
    return [Step(f"save-{name}", "save", None, settings, save), Step(f"ahead-{name}", "ahead", None, settings, ahead)]


class Plan:
    """All steps.

    Args:
        sets: to be forecast, by name; one without a package has its table in ``tables``.
        baselines: names in :data:`BASELINES`.
        models: the systems to train, by name.
        out: where everything goes.
        seed: of the first training of each system.
        seeds: how many there are.
        size: of the models.
        tables: the user's own CSV files, by set.
        cache: where downloads are kept; None: below ``out``.
        peer: a Python that has neuralforecast; None: it takes no part.
        updates: of each training; None: the recipe's.

    Attributes:
        steps: in order.
        forecastings: what is scored.
    """

    def __init__(
        self,
        sets: Dict[str, Set],
        baselines: Sequence[str],
        models: Dict[str, System],
        out: Path,
        seed: int,
        seeds: int,
        size: str,
        tables: Dict[str, Path] | None = None,
        cache: Path | None = None,
        peer: Path | None = None,
        updates: int | None = None,
    ) -> None:
        self.updates = updates
        self.sets, self.models, self.out, self.size, self.peer = sets, models, out, size, peer
        self.seeds = range(seed, seed + seeds)
        self.steps: List[Step] = []
        self.forecastings: List[Forecasting] = []
        data = {name: self._data(name, (tables or {}).get(name), cache) for name in sets}
        for name in sets:
            for baseline in baselines:
                self._baseline(name, baseline, *data[name])
        for seed in self.seeds:  # all sets and systems with one seed, then with the next: an early table is a whole one
            for name in sets:
                for model in models:
                    self._model(name, model, seed, *data[name])
                if peer is not None:
                    self._peer(name, seed, *data[name])

    @property
    def columns(self) -> Dict[str, str]:
        """Name -> title of each system, in the table's order."""
        titles = {**BASELINES, PEER: PEER_TITLE, **{name: system.title for name, system in self.models.items()}}
        present = {one.system for one in self.forecastings}
        return {name: title for name, title in titles.items() if name in present}

    def _data(self, name: str, table: Optional[Path], cache: Optional[Path]) -> Tuple[Path, Step]:
        """The table of a set, and the step that cuts it into windows."""
        folder = self.out / name
        if table is None:
            prepare = prepare_step(name, self.out / "data", cache or self.out / "data" / "download")
            self.steps.append(prepare)
            table, source = self.out / "data" / f"{name}.csv", prepare.settings
        else:
            source = {"table": checksum(table)}
        windows = windows_step(name, self.sets[name], table, folder / "windows", source)
        self.steps.append(windows)
        return table, windows

    def _baseline(self, name: str, baseline: str, table: Path, windows: Step) -> None:
        def system():
            from forecast.baselines import BASELINES as made

            return made[baseline](self.sets[name])

        settings = {"system": baseline, "data": windows.settings}
        self._forecast(name, baseline, 0, table, settings, system)

    def _model(self, name: str, model: str, seed: int, table: Path, windows: Step) -> None:
        folder = self.out / name / f"{model}-seed{seed}"
        flags = self._flags(self.models[model].train.at(self.size), name)
        train = train_step(f"train-{name}-{model}-seed{seed}", folder, windows, flags, seed)
        self.steps.append(train)

        def system():
            from forecast.models import Trained

            return Trained(self.sets[name], folder / BEST)

        self._forecast(name, model, seed, table, {"training": train.settings}, system, [train])
        if self.sets[name].package is None and seed == self.seeds[0]:
            self.steps += own_steps(f"{name}-{model}", self.sets[name], table, train, self.out / model)

    def _forecast(
        self,
        name: str,
        system: str,
        seed: int,
        table: Path,
        settings: dict,
        make: Callable,
        trainings: Sequence[Step] = (),
    ) -> None:
        """Add the step that forecasts, behind a system's training."""
        label = f"{system}-seed{seed}" if seed else system
        folder = self.out / name / "forecasts" / label
        step = forecast_step(f"forecast-{name}-{label}", folder, table, self.sets[name], settings, make)
        self.steps.append(step)
        self.forecastings.append(Forecasting(name, system, seed, step, table, trainings))

    def _flags(self, flags: Flags, name: str) -> Flags:
        """The flags of a training on a set: the recipe's, the set's own, and ``--updates``."""
        own = self.sets[name].train if self.size != DEMO else {}
        return {**flags, **own, **({"--max-update": self.updates} if self.updates else {})}

    def _peer(self, name: str, seed: int, table: Path, windows: Step) -> None:
        """Add the step that trains and runs the other library's model, in its own environment."""
        one, folder = self.sets[name], self.out / name / "forecasts" / f"{PEER}-seed{seed}"
        flags: Flags = {
            **_table_flags(one),
            "--stride": one.origin_stride,
            "--seed": seed,
            **PEER_FLAGS,
            "--updates": self._flags(TRAIN, name)["--max-update"],
        }
        script = str(engine.EXAMPLES / "forecast" / "peer.py")
        command = [str(self.peer), script, str(table), str(folder / FORECASTS), *words(flags)]
        settings = {"flags": flags, "data": windows.settings}
        step = Step(f"forecast-{name}-{PEER}-seed{seed}", "forecast", folder, settings, command)
        self.steps.append(step)
        self.forecastings.append(Forecasting(name, PEER, seed, step, table))
