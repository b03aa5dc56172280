"""Parts of ``s2s compare`` on series: what the errors count, what is drawn, what is refused."""

import json
import shutil

import numpy as np
import pytest
from series_data import columns, of_table, prepared

from s2s_plugins.comparison import forecasts, report, series_plots
from s2s_plugins.comparison.data import Settings
from s2s_plugins.comparison.forecasts import Observed, Predictions
from s2s_plugins.comparison.kinds import open_data
from s2s_plugins.comparison.plan import Plan
from s2s_plugins.comparison.plots import learning_curves
from s2s_plugins.comparison.series import SeriesChoice, SeriesData, loss_label
from s2s_plugins.comparison.text import TextData
from s2s_plugins.comparison.values import choice_of
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.series.store import ends_crc32
from s2s_plugins.steps import StepError

GIVEN = dict.fromkeys(
    ("metrics", "bleu_tokenize", "lead", "beam", "decode_flags", "references", "samples", "attention_maps")
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One target of one series, and a covariate of the past."""
    table = {name: values for name, values in columns(60, level=100.0).items() if name != "price"}
    return of_table(tmp_path_factory.mktemp("data") / "shop", table, past=("rain",))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two targets, of which some values are missing."""
    table = {name: list(values) for name, values in columns(90).items() if name != "price"}
    table["rain"][-5] = ""
    return of_table(tmp_path_factory.mktemp("both") / "shop", table, target=("y", "rain"), missing="mask")


def raw(folder, name="y"):
    """The values of a column, in its unit, (R,)."""
    place = folder.description.targets.index(name)
    return folder.target[:, place] * folder.description.stds[name] + folder.description.means[name]


def constant(observed, offset, spread=None):
    """What is observed, and ``offset``, as a prediction; with an interval of half-width ``spread``."""
    point = observed.target + offset
    if spread is None:
        return Predictions(point, np.empty((*point.shape, 0)), np.empty(0), np.array(1.0))
    quantiles = np.stack([point - spread, point, point + spread], axis=-1)
    return Predictions(point, quantiles, np.array([0.05, 0.5, 0.95]), np.array(1.0))


def test_errors_are_in_the_unit_of_the_target_and_in_its_deviations(data):
    observed = Observed(data, "test")
    found = forecasts.scores(constant(observed, -2.5, spread=3), observed)
    std = data.description.stds["y"]
    assert found["mae"] == pytest.approx(2.5) and found["rmse"] == pytest.approx(2.5)
    assert found["mae_std"] == pytest.approx(2.5 / std) and found["rmse_std"] == pytest.approx(2.5 / std)
    assert found["coverage"] == 100 and found["coverage_nominal"] == 90
    assert forecasts.scores(constant(observed, -2.5, spread=2), observed)["coverage"] == 0
    offset = np.where(np.arange(observed.target.size).reshape(observed.target.shape) % 2, 0, 4)
    found = forecasts.scores(constant(observed, offset), observed)
    assert found["rmse"] == pytest.approx(4 * np.sqrt(0.5)) and found["mae"] == pytest.approx(2)
    assert found["coverage"] is None and found["coverage_nominal"] is None


def test_errors_stand_by_the_step_at_which_they_are_made(data):
    observed = Observed(data, "test")
    assert forecasts.by_step(constant(observed, np.array([[[1.0], [-2.0], [4.0]]])), observed) == pytest.approx(
        [1, 2, 4]
    )


def test_what_was_observed_is_in_the_unit_of_the_data_also_if_windows_have_a_scale_of_their_own(tmp_path):
    table = {name: values for name, values in columns(60, level=1000.0).items() if name in ("day", "y")}
    folder = of_table(tmp_path / "scaled", table, per_window=True)
    observed, series = Observed(folder, "test"), np.array(table["y"])
    for row, target, last in zip(folder.windows("test"), observed.target, observed.last):
        assert target[:, 0] == pytest.approx(series[row[3] : row[4]], abs=1e-3)
        assert last[0] == pytest.approx(series[row[2] - 1], abs=1e-3)
    assert observed.naive.point[:, :, 0] == pytest.approx(np.repeat(observed.last, 3, axis=1))


def test_mase_divides_by_the_error_of_the_last_value_before_anything_that_is_held_out(data, tmp_path):
    begin = data.windows("valid")[0, 3]
    naive = np.abs(np.diff(raw(data)[:begin])).mean()
    observed = Observed(data, "test")
    assert forecasts.scores(constant(observed, 3.0), observed)["mase"] == pytest.approx(3 / naive, rel=1e-5)
    table = {name: list(values) for name, values in columns(60, level=100.0).items() if name != "price"}
    table["y"][begin:] = [1e3 * value for value in table["y"][begin:]]  # the future
    changed = Observed(of_table(tmp_path / "changed", table, past=("rain",)), "test")
    assert changed.scale == pytest.approx(observed.scale, rel=1e-5)


def test_each_series_is_divided_by_its_own_and_a_constant_one_is_left_out_and_counted(tmp_path):
    days = columns(60)["day"]
    values = {"a": columns(60, seed=2)["y"], "b": [100 * value for value in columns(60, seed=3)["y"]]}
    values["c"] = [7.0] * 54 + [8.0] * 6
    rows = [(day, name, value) for name, column in values.items() for day, value in zip(days, column)]
    table = dict(zip(("day", "shop", "y"), zip(*rows)))
    folder = of_table(tmp_path / "shops", table, series_column="shop")
    comparison = SeriesData(folder.path, ["test"], SeriesChoice())
    observed = comparison.observed["test"]
    number = observed.rows[:, 0]
    assert np.isnan(observed.scale[number == 2]).all() and not np.isnan(observed.scale[number < 2]).any()
    scale = np.nan_to_num(observed.scale, nan=1e9)
    assert forecasts.scores(constant(observed, 2 * scale), observed)["mase"] == pytest.approx(2)
    assert comparison.subset("test", [])["notes"] == [
        "MASE leaves out targets that are constant up to the first held-out window: in 2 of 6 windows"
    ]


def test_missing_values_count_nowhere_and_several_targets_share_no_unit(both):
    observed = Observed(both, "test")
    assert np.isnan(observed.target).sum() == 1
    found = forecasts.scores(constant(observed, np.array([1.0, 0.0])), observed)
    count = (~np.isnan(observed.target)).sum(axis=(0, 1))
    assert found["mae"] is None and found["rmse"] is None
    assert found["mae_std"] == pytest.approx(count[0] / both.description.stds["y"] / count.sum())
    by_target = forecasts.by_target(constant(observed, np.array([1.0, -3.0])), observed)
    assert {name: one["mae"] for name, one in by_target.items()} == pytest.approx({"y": 1, "rain": 3})


class LastAndOn:
    """A model that adds 1 at each step to what was last observed, 2 at an upper quantile."""

    levels, gives_quantiles = (0.5, 0.9), True

    def predict(self, windows, levels, histories):
        (steps,) = {len(window.target) for window in windows}
        rise = np.arange(1, steps + 1)[None, :, None]
        point = np.stack([window.first for window in windows])[:, None] + rise
        return point, np.stack([point, point + rise], axis=-1)


def test_windows_of_several_lengths_are_predicted_in_their_places(tmp_path):
    draw, lengths = np.random.default_rng(1), np.tile([2, 4, 3], 20)
    arrays = {"source": draw.normal(size=(60, 5, 2)), "target": draw.normal(size=(60, 4, 1)) + 8}
    np.savez(tmp_path / "a.npz", **arrays, target_lengths=lengths)
    folder = prepared(tmp_path / "data", tmp_path / "a.npz", test_fraction=0.2)
    observed = Observed(folder, "test")
    found = forecasts.predict(Forecaster("m", LastAndOn(), folder.description), observed)
    assert np.array_equal(np.isnan(found.point), np.isnan(observed.target)) and np.isnan(found.point).any()
    mean, std = folder.description.means["target0"], folder.description.stds["target0"]
    steps = np.arange(1, 5)
    there = ~np.isnan(found.point[:, :, 0])
    assert found.point[:, :, 0][there] == pytest.approx((mean + std * np.tile(steps, (12, 1)))[there])
    assert np.isnan(observed.scale).all() and forecasts.scores(found, observed)["mase"] is None
    comparison = SeriesData(folder.path, ["test"], SeriesChoice())
    assert comparison.baselines == [], "arrays have no last value"
    path = tmp_path / "found.npz"
    forecasts.write_predictions(found, path)
    again = forecasts.read_predictions(path, observed.target.shape)
    assert all(
        np.array_equal(one, other, equal_nan=True) for one, other in zip(vars(found).values(), vars(again).values())
    )
    for shape in ((12, 3, 1), (11, 4, 1)):
        with pytest.raises(StepError, match="missing or damaged"):
            forecasts.read_predictions(path, shape)
    np.savez(path, point=np.array([{}], dtype=object))
    with pytest.raises(StepError, match="missing or damaged"):
        forecasts.read_predictions(path, observed.target.shape)


def test_a_model_that_goes_on_from_window_to_window_reads_the_whole_series(data):
    read = []

    class Recording(LastAndOn):
        def predict(self, windows, levels, histories):
            read.extend(histories)
            return super().predict(windows, levels, histories)

    observed = Observed(data, "test")
    forecasts.predict(Forecaster("m", Recording(), data.description), observed)
    assert read == []
    forecasts.predict(Forecaster("m", Recording(), data.description, stateful=True), observed)
    assert len(read) == len(observed.rows) == 2
    for row, pieces in zip(observed.rows, read):
        assert len(pieces) == row[1] // 6 == 8
        assert np.array_equal(np.concatenate(pieces), data.source[row[1] % 6 : row[1]])


@pytest.mark.parametrize("name", [name for name in GIVEN if name != "samples"])
def test_a_flag_about_text_is_refused_even_with_its_default(data, name):
    value = {"beam": "5", "attention_maps": "3", "lead": "", "references": "."}.get(name, "exact")
    with pytest.raises(
        UsageError, match=f"--{name.replace('_', '-')} is about text, .* holds series of numbers: leave"
    ):
        open_data(data.path, ["test"], choice_of({**GIVEN, name: value}))


def test_the_kind_of_data_is_that_of_the_folder(data, digits):
    series = open_data(data.path, ["test"], choice_of({**GIVEN, "samples": "2"}))
    assert isinstance(series, SeriesData) and series.choice.samples == 2
    text = open_data(digits, ["test"], choice_of({**GIVEN, "beam": "2"}))
    assert isinstance(text, TextData) and (text.choice.beam, text.choice.samples) == (2, 12)


@pytest.mark.parametrize("arch", ["lstm", "transformer", "lm_lstm", "sa_lstm"])
def test_architectures_that_read_tokens_alone_are_refused(data, tmp_path, arch):
    series = SeriesData(data.path, ["test"], SeriesChoice())
    with pytest.raises(UsageError, match=f"--archs {arch} reads tokens alone, .*: use basic_lstm, feedback_lstm, peek"):
        Plan(["peek_lstm", f"other={arch}"], Settings(tmp_path, 1), series)
    with pytest.raises(UsageError, match="--archs last-value is the name of a row"):
        Plan(["last-value=peek_lstm"], Settings(tmp_path, 1), series)


def test_a_split_without_windows_or_values_is_named(data, tmp_path):
    with pytest.raises(UsageError, match="has no window in the test9 split"):
        SeriesData(data.path, ["test9"], SeriesChoice())
    with pytest.raises(UsageError, match="--subset is empty"):
        SeriesData(data.path, [], SeriesChoice())
    with pytest.raises(UsageError, match="--samples -1 is too small"):
        SeriesChoice(samples=-1)
    with pytest.raises(UsageError, match="--samples 99 is too large for a picture: use 24 or fewer"):
        SeriesChoice(samples=99)
    empty = shutil.copytree(data.path, tmp_path / "empty")
    target = np.load(empty / "target.npy")
    target[54:] = np.nan
    with (empty / "series.json").open() as file:
        index = json.load(file)
    np.save(empty / "target.npy", target)
    index["crc32"]["target"] = ends_crc32(empty / "target.npy")
    (empty / "series.json").write_text(json.dumps(index))
    with pytest.raises(UsageError, match="every target of the test split is missing"):
        SeriesData(empty, ["test"], SeriesChoice())


def test_what_was_done_is_known_by_its_data_and_not_by_where_they_lie(data, tmp_path):
    def steps(path):
        return [step.settings for step in Plan(["peek_lstm"], Settings(tmp_path, 1), comparison(path)).steps]

    def comparison(path):
        return SeriesData(path, ["test"], SeriesChoice())

    copy = shutil.copytree(data.path, tmp_path / "moved")
    assert steps(copy) == steps(data.path)
    table = {name: values for name, values in columns(60, seed=9).items() if name != "price"}
    other = of_table(tmp_path / "other", table, past=("rain",))
    assert steps(other.path)[0] != steps(data.path)[0]


def test_batches_are_of_windows_unless_flags_say_otherwise(data, tmp_path):
    def flags(*given):
        series = SeriesData(data.path, ["test"], SeriesChoice())
        return Plan(["peek_lstm"], Settings(tmp_path, 1, flags=given), series).steps[0].settings["flags"]

    assert flags()[-2:] == ["--batch-size", "64"] and "--max-tokens" not in flags()
    assert "--batch-size" not in flags("--max-tokens", "900")
    assert flags("--batch-size=8").count("--batch-size") == 0


@pytest.fixture
def results(both):
    """Results of two systems on two targets, one of them with two seeds and an interval."""
    comparison = SeriesData(both.path, ["test"], SeriesChoice(samples=2))
    observed = comparison.observed["test"]
    subset = comparison.subset("test", [])
    subset["samples"] = comparison._samples("test")
    made = {
        "a<b": [constant(observed, 0.5, spread=1), constant(observed, 1.5, spread=1)],
        "plain": [constant(observed, np.array([0.1, 2.0]))],
        "last-value": [observed.naive],
    }
    for name, runs in made.items():
        subset["scores"][name] = [forecasts.scores(run, observed) for run in runs]
        subset["by_step"][name] = [forecasts.by_step(run, observed) for run in runs]
        subset["by_target"][name] = [forecasts.by_target(run, observed) for run in runs]
    for sample in subset["samples"]:
        steps = len(sample["observed"])
        sample["outputs"] = {"a<b": {"point": [1.0] * steps, "low": [0.0] * steps, "high": [2.0] * steps}}
        sample["outputs"]["plain"] = {"point": [1.5] * steps}
    run = {"parameters": 1234, "steps_per_second": 7.0, "windows_per_second": 99.6, "train_seconds": 90}
    run |= {"training_curve": [[1, -1.0], [2, -2.0]], "validation_curve": [[1, 5.0], [2, 30.0]]}
    systems = [
        {"name": name, "arch": "peek_lstm", "flags": ["--loss", loss], "left_out": [], "runs": [run] * seeds}
        for name, loss, seeds in (("a<b", "gaussian", 2), ("plain", "mse", 1))
    ]
    return {
        "kind": "series",
        "units": SeriesData.units,
        "metrics": [one for one in comparison.metrics],
        "title": "t",
        "machine": "m",
        "signatures": [],
        "settings": {"updates": 2, "seeds": [1, 2], **comparison.about()},
        "systems": systems,
        "baselines": comparison.baselines,
        "subsets": [subset],
    }


def test_the_table_marks_errors_and_says_what_an_interval_is_of(results):
    (subset,) = results["subsets"]
    heads, rows = report.table(results, subset)
    assert heads[:4] == ["MAE, standardised", "RMSE, standardised", "MASE", "coverage %"]
    cells = {row["system"]["name"]: row["cells"] for row in rows}
    coverage = [cells[name][3] for name in ("a<b", "plain", "last-value")]
    assert coverage[0]["text"] == "50.0" and coverage[0]["seeds"] == "0.0–100.0, of 90"
    assert [cell["text"] for cell in coverage[1:]] == ["–", "–"] and not any(cell["best"] for cell in coverage)
    means = {name: np.mean([run["mae_std"] for run in runs]) for name, runs in subset["scores"].items()}
    assert [name for name in cells if cells[name][0]["best"]] == [min(means, key=means.get)]
    names, targets = report.target_table(results, subset)
    assert names == ["a<b", "plain", "last-value"] and [row["name"] for row in targets] == ["y", "rain"]
    assert [cell["text"] for cell in targets[0]["cells"][:2]] == ["1.00000", "0.10000"]
    for row in targets:
        errors = [np.mean([run[row["name"]]["mae"] for run in subset["by_target"][name]]) for name in names]
        assert [cell["best"] for cell in row["cells"]] == [error == min(errors) for error in errors]


def test_a_line_of_each_system_by_step_with_a_band_over_its_seeds(results):
    (subset,) = results["subsets"]
    (axis,) = series_plots.by_step(results, subset).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert list(lines) == ["a<b", "plain", "last-value"]
    for name, line in lines.items():
        assert list(line.get_xdata()) == [1, 2, 3]
        assert line.get_ydata() == pytest.approx(np.mean(subset["by_step"][name], axis=0))
    assert len(axis.collections) == 1 and axis.get_ylabel() == "mean absolute error, standardised"
    assert len({(line.get_color(), line.get_linestyle()) for line in lines.values()}) == 3


def test_a_sample_shows_what_was_observed_beside_each_system_on_one_scale(results):
    (subset,) = results["subsets"]
    figure = series_plots.samples(results, subset)
    assert len(figure.axes) == 4 and [sample["target"] for sample in subset["samples"]] == ["y", "rain"]
    first, second = figure.axes[:2]
    assert first.get_ylim() == second.get_ylim() and "from 2024-0" in first.get_title(loc="left")
    assert len(first.collections) == 1 and not second.collections, "an interval where there is one"
    sample = subset["samples"][0]
    assert list(first.get_lines()[-1].get_ydata()) == sample["outputs"]["a<b"]["point"]
    drawn = [*sample["history"], *sample["observed"]]
    assert list(first.get_lines()[0].get_ydata()) == pytest.approx(drawn) and len(drawn) == 6 + 3
    assert first.get_lines()[0].get_xdata()[5] == 0, "the last step before the origin"


def test_losses_below_0_and_far_above_those_of_training_are_drawn_whole(results):
    figure = learning_curves(results, loss_label(results["systems"]), alike=False)
    training, validation = figure.axes
    assert training.get_ylim()[0] < -2 and validation.get_ylim()[1] > 30
    for alike in (True, False):
        for system in results["systems"]:
            system["runs"] = [{**run, "training_curve": [[1, 1.0], [2, 0.5]]} for run in system["runs"]]
        training, validation = learning_curves(results, "loss", alike=alike).axes
        assert training.get_ylim()[0] == validation.get_ylim()[0] == 0 and validation.get_ylim()[1] > 30
        assert (training.get_ylim()[1] > 30) == alike


def test_a_curve_says_which_loss_it_is():
    assert loss_label([{"flags": ["--lr", "1"]}, {"flags": ["--loss=mse"]}]) == "mse loss"
    assert loss_label([{"flags": ["--loss", "mae", "--loss", "quantile"]}]) == "quantile loss"
    assert loss_label([{"flags": []}, {"flags": ["--loss", "mae"]}]) == "loss, of each system's own --loss"
