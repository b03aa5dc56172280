"""examples/forecast: the sets' files, the systems that models have to beat, rolling origins, and the whole run."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs import code_of, inside

from forecast import baselines, evaluation, own, prepare, report
from forecast import run as forecast
from forecast.baselines import BASELINES, Difference, ErrorQuantiles, Means, filled
from forecast.recipe import SETS, TRAIN
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.files.model_file import read_model_file

# a set of months with a season, a trend and some noise: 15 years, the last three of them to test
MONTHS = replace(
    SETS["elnino"],
    title="made up",
    package=None,
    targets=("sales",),
    valid_from="2008-01",
    test_from="2011-01",
    input_length=18,
    output_length=6,
    origin_stride=2,
)


def months(count=180, noise=0.3, seed=1):
    steps = np.arange(count)
    draw = np.random.default_rng(seed).normal(size=count)
    index = pd.date_range("1999-01", periods=count, freq="MS", name="month")
    sales = 50 + 0.05 * steps + 4 * np.sin(2 * np.pi * steps / 12) + noise * draw
    return pd.DataFrame({"sales": sales}, index=index)


def forecasts(system, table, one=MONTHS):
    """A system's forecasts of the test part, fitted on what is before."""
    parts = evaluation.cut(one, table)
    system.fit(table.iloc[: parts.test], parts.valid)
    rows = evaluation.origins(one, table, parts.test, parts.rows, one.origin_stride)
    return evaluation.roll(system, table, rows)


@pytest.fixture(autouse=True)
def few_orders(monkeypatch):
    """So that ARIMA takes a second."""
    monkeypatch.setattr(baselines, "ORDERS", ((0, 0, 0), (1, 0, 0)))
    monkeypatch.setattr(baselines, "SEASONAL_ORDERS", ((0, 1, 1),))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A table, and the folder of a whole run on it: one small model."""
    folder = tmp_path_factory.mktemp("forecast")
    table = folder / "sales.csv"
    months().to_csv(table)
    arguments = ["--csv", table, "--time", "month", "--target", "sales", "--horizon", 6, "--window", 12, "--demo"]
    arguments = [*map(str, arguments), "--baselines", "naive,linear", "--out", str(folder / "out")]
    assert code_of(lambda: forecast.main(arguments)) == 0
    return table, folder / "out", arguments


@pytest.fixture
def system(request):
    """A system by its name; ``model``: the one that the run trained."""
    if request.param != "model":
        return BASELINES[request.param](MONTHS), MONTHS
    from forecast.models import Trained

    table, out, arguments = request.getfixturevalue("trained")
    one = replace(own.demo(own.set_of(forecast.parse(arguments))), origin_stride=2)
    return Trained(one, str(out / "sales" / "attention_lstm-seed1" / "checkpoint_best.pt")), one


@pytest.mark.parametrize("system", [*BASELINES, "model"], indirect=True)
def test_a_value_behind_an_origin_changes_no_forecast_from_it(system):
    found, one = system
    table = months()
    before = forecasts(found, table, one)
    place = len(before.origins) // 2
    origin = before.origins[place]
    later = table.copy()
    later.iloc[origin, 0] += 10
    after = forecasts(found, later, one)
    assert np.array_equal(before.quantiles[: place + 1], after.quantiles[: place + 1])
    assert not np.allclose(before.quantiles[place + 1 :], after.quantiles[place + 1 :]), "later ones see it"


def test_scores_are_what_the_papers_define():
    table, one = months(noise=0), replace(MONTHS, season=1)
    parts = evaluation.cut(one, table)
    rows = evaluation.origins(one, table, parts.test, parts.rows, one.origin_stride)
    truth, unit = evaluation.actual(one, table, rows), evaluation.scale(one, table.iloc[: parts.valid])
    assert unit == pytest.approx(np.abs(np.diff(table["sales"].iloc[: parts.valid])).mean())
    offsets = np.array([-2.0, 0.5, 1.0])
    quantiles = truth[..., None] + offsets
    quantiles[:, 0, :, :] += 10  # each first step is missed, by 8 from below
    found = evaluation.scores(one, table, parts.valid, evaluation.Forecasts(rows, quantiles))
    steps = one.output_length
    assert found["by_step"] == pytest.approx([10.5 / unit[0], *[0.5 / unit[0]] * (steps - 1)])
    assert found["mase"] == pytest.approx(np.mean(found["by_step"]))
    assert found["coverage"] == pytest.approx(100 * (steps - 1) / steps)
    assert found["interval_score"] == pytest.approx((3 + 2 / 0.2 * 8 / steps) / unit[0])


def test_seasonal_naive_repeats_the_last_season_and_its_error_in_training_is_the_unit():
    table = months()
    found = forecasts(BASELINES["naive"](MONTHS), table)
    origin = found.origins[3]
    assert found.quantiles[3, :, 0, 1] == pytest.approx(table["sales"].iloc[origin - 12 : origin - 6], rel=1e-5)
    valid = evaluation.cut(MONTHS, table).valid
    rows = np.arange(12, valid - 6 + 1)
    naive = BASELINES["naive"](MONTHS).points([table.iloc[:row] for row in rows])
    errors = np.abs(evaluation.actual(MONTHS, table, rows) - naive)
    assert errors.mean() == pytest.approx(evaluation.scale(MONTHS, table.iloc[:valid])[0], rel=0.1)


@pytest.mark.parametrize("name", ["ets", "arima", "linear"])
def test_a_baseline_is_better_than_seasonal_naive_on_what_it_is_made_for(name):
    table = months()
    valid = evaluation.cut(MONTHS, table).valid
    scores = {
        system: evaluation.scores(MONTHS, table, valid, forecasts(BASELINES[system](MONTHS), table))
        for system in ("naive", name)
    }
    assert scores[name]["mase"] < 0.85 * scores["naive"]["mase"]
    assert 60 <= scores[name]["coverage"] <= 100


def test_the_interval_of_a_point_forecast_holds_80_percent_of_the_errors_it_was_made_of():
    table = months(count=400, noise=2)
    one = replace(MONTHS, valid_from="2008-01", test_from="2030-01")
    intervals = ErrorQuantiles(one)
    intervals.fit(table, 108, lambda histories: np.full((len(histories), 6, 1), 60.0))
    rows = evaluation.origins(one, table, 108, 400, 1)
    truth = evaluation.actual(one, table, rows)
    around = intervals.around(np.full((len(rows), 6, 1), 60.0))
    inside = ((around[..., 0] <= truth) & (truth <= around[..., -1])).mean(axis=0)
    assert np.abs(inside - 0.8).max() < 0.02
    assert (around[..., 1] == 60).all(), "what is scored is the point"


def test_long_seasons_are_taken_out_and_put_back():
    hours = pd.date_range("2024-01-01", periods=168 * 4 + 30, freq="h")
    column = pd.Series(np.arange(len(hours)) // 168 + 10.0 * (hours.dayofweek * 24 + hours.hour), index=hours)
    train, times = column.iloc[: 168 * 4], hours[168 * 4 :]
    for way in (Means(168), Difference(168), Means(24)):
        way.fit(train)
        assert way.rest(train).shape[0] in (168 * 4, 168 * 3) and way.ahead(train, times).shape == (30,)
    assert np.allclose(Difference(168).rest(train), 1) and np.allclose(
        Difference(168).ahead(train, times) + 1, column[times]
    )
    means = Means(168)
    means.fit(train)
    assert np.allclose(means.ahead(train, times), column[times] - 4 + 1.5)
    days = pd.date_range("2000-01-01", "2007-12-31", freq="D")
    yearly = pd.Series(5 + np.cos(2 * np.pi * (days.dayofyear - 1) / 365), index=days)
    yearly.iloc[100] = np.nan
    curve = Means(365)
    curve.fit(yearly)
    assert np.nanmax(np.abs(curve.rest(yearly))) < 0.05


def test_missing_values_are_filled_from_the_past_and_no_forecast_begins_behind_one():
    values = np.array([[np.nan, 1], [2, np.nan], [np.nan, 3]])
    assert filled(values).tolist() == [[2, 1], [2, 1], [2, 3]]
    table = months()
    parts = evaluation.cut(MONTHS, table)
    whole = evaluation.origins(MONTHS, table, parts.test, parts.rows, 2)
    table.iloc[whole[2] - 1, 0] = np.nan
    assert evaluation.origins(MONTHS, table, parts.test, parts.rows, 2).tolist() == np.delete(whole, 2).tolist()
    for name in BASELINES:
        assert np.isfinite(forecasts(BASELINES[name](MONTHS), table).quantiles).all(), name
    with pytest.raises(UsageError, match="too few for a forecast of 6 rows behind 18 others"):
        evaluation.origins(MONTHS, table, 170, 175, 1)


FILES = {
    "elnino": '"YEAR","JAN","FEB"\n1950,23.11,24.2\n1951,24.19,25.28\n',
    "sunspots": "MONTHLY MEAN\n=====\nYear Jan Feb\n1749 58.0 62.6\n1750 73.3\nNote: Data after Dec 08.\n",
    "temperature": "Date,Min_Temp,Max_Temp\n1984-12-30,9.1,20.2\n1985-01-01,14.9,30.1\n",
    "electricity": "ts,y\n2012-01-01 00:00:00,1300.5\n2012-01-01 01:00:00,1404.4\n",
    "bikes": "date,ts,count\n2010-09-20,2010-09-20 12:00:00,11\n2010-09-20,2010-09-20 13:00:00,13\n",
    "air": "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir\n"
    "1,2010,1,1,22,NA,-21,-11,1021,NW,1.79,0,0\n2,2010,1,1,23,129,-20,-12,1020,NW,4.92,0,1\n",
}
ROWS = {  # where months are those of the file's columns, rows between are empty
    "elnino": [("1950-01-01", 23.11), ("1950-02-01", 24.2), ("1951-02-01", 25.28)],
    "sunspots": [("1749-01-01", 58.0), ("1750-01-01", 73.3)],
    "temperature": [("1984-12-30", 9.1), ("1985-01-01", 14.9)],
    "electricity": [("2012-01-01 01:00", 1404.4)],
    "bikes": [("2010-09-20 12:00", 11), ("2010-09-20 13:00", 13)],
    "air": [("2010-01-01 23:00", 129)],
}


@pytest.mark.parametrize("name", SETS)
def test_a_sets_file_becomes_a_table_with_a_row_for_each_time(tmp_path, name):
    one = SETS[name]
    with zipfile.ZipFile(tmp_path / one.package.pattern.replace("*", "-any"), "w") as wheel:
        wheel.writestr(one.file, FILES[name])
    assert code_of(lambda: prepare.main(["--set", name, "--out", str(tmp_path), "--cache", str(tmp_path)])) == 0
    table = evaluation.read(tmp_path / f"{name}.csv", one)
    assert list(table.columns) == [*one.targets, *one.past] and table.index.freqstr == one.step
    assert all(table[one.targets[0]][time] == value for time, value in ROWS[name])
    assert pd.to_datetime(one.valid_from) < pd.to_datetime(one.test_from) and one.output_length >= one.origin_stride / 2
    with pytest.raises(WorkError, match="is another file than expected"):
        prepare.read(name, "something,else\n1,2\n")


def test_the_whole_run_of_a_users_table_trains_scores_draws_and_forecasts_and_is_resumed(trained, capsys):
    _, out, arguments = trained
    (cells,) = json.loads((out / "results.json").read_text())["sets"].values()
    assert list(cells) == ["naive", "linear", "attention_lstm"]
    assert all(
        len(cell["by_step"]) == 6 and cell["origins"] > 1 and 0 <= cell["coverage"] <= 100 for cell in cells.values()
    )
    assert cells["linear"]["mase"] < cells["naive"]["mase"]
    for path in (out / "attention_lstm.png", *(out / "pictures" / f"sales-{name}.png" for name in [*cells, "by-step"])):
        assert path.read_bytes().startswith(b"\x89PNG"), path
    assert read_model_file(out / "attention_lstm.safetensors").facts.series["targets"] == ["sales"]
    ahead = pd.read_csv(out / "attention_lstm.csv", parse_dates=["month"])
    assert list(ahead["month"]) == list(pd.date_range("2014-01", periods=6, freq="MS"))
    header = "| MASE | seasonal naive | linear, on lags | attention_lstm |"
    assert header in (out / "table.md").read_text()
    code, printed, _ = inside(capsys, forecast.main, *arguments)
    assert code == 0 and printed.count("done before") == 7 and header in printed


def test_the_table_has_means_and_deviations_over_seeds():
    cells = {"naive": {"mase": 1.0, "each": [1.0], "coverage": 80.0}, "model": {"mase": 0.9, "each": [0.8, 1.0]}}
    found = {"columns": {"naive": "Naive", "model": "Model", "linear": "Linear"}, "sets": {"bikes": cells}}
    assert report.table(found, "mase").splitlines()[2] == "| bikes | 1.000 | 0.900 ± 0.141 | - |"


def test_a_users_table_says_step_season_and_parts(tmp_path):
    index = pd.date_range("2024-03-01", periods=24 * 40, freq="h", tz="Europe/Berlin", name="hour")
    path = tmp_path / "load.csv"
    pd.DataFrame({"load": np.arange(960.0), "heat": 1.0}, index=index).to_csv(path)
    arguments = ["--csv", str(path), "--time", "hour", "--target", "load", "--past", "heat"]
    one = own.set_of(forecast.parse(arguments))
    assert (one.step, one.season, one.input_length, one.output_length, one.missing) == ("h", 24, 48, 24, False)
    assert one.targets == ("load",) and one.past == ("heat",) and "hour" in one.calendar
    table = evaluation.read(path, one)
    assert list(table["load"]) == list(range(960)), "no hour is doubled or lost where summer time begins"
    parts = evaluation.cut(one, table)
    assert parts.rows - parts.test == pytest.approx(192, abs=1) and parts.test - parts.valid == pytest.approx(96, abs=1)
    path.write_text("day,y\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 31) if day != 9))
    arguments = ["--csv", str(path), "--time", "day", "--target", "y", "--step", "D", "--season", "3", "--horizon", "2"]
    one = own.set_of(forecast.parse(arguments))
    assert (one.season, one.output_length, one.missing) == (3, 2, True)
    assert evaluation.read(path, one)["y"].isna().sum() == 1


def trainings(tmp_path, *arguments):
    """The flags of each training, by set and architecture."""
    plan = forecast.plan_of(forecast.parse(list(arguments)), tmp_path)
    return {step.name: step.settings["flags"] for step in plan.steps if step.kind == "train"}


def test_the_recipe_is_one_for_all_sets_but_for_the_updates_by_their_windows(tmp_path):
    found = trainings(tmp_path)
    assert len(found) == 6 * 4 * 3
    for name, flags in found.items():
        _, one, arch, seed = name.split("-")
        assert flags["--arch"] == arch and f"seed{flags['--seed']}" == seed
        assert flags["--max-update"] == flags["--total-num-update"] == {**TRAIN, **SETS[one].train}["--max-update"]
    updates = {name.split("-")[1]: flags["--max-update"] for name, flags in found.items()}
    assert updates == {
        **{"elnino": 200, "sunspots": 600, "temperature": 600},
        **{"electricity": 1500, "bikes": 1500, "air": 1500},
    }
    (few,) = trainings(tmp_path, "--sets", "air", "--archs", "peek_lstm", "--seeds", "1", "--updates", "7").values()
    assert few["--max-update"] == few["--total-num-update"] == 7 and "--attention" not in few
    (tiny,) = trainings(tmp_path, "--demo").values()
    assert tiny.items() >= {"--max-update": 10, "--decoder-hidden-size": 8, "--attention": "general"}.items()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--time", "t"], "--time is for your own table: give --csv FILE too"),
        (["--csv", "t.csv"], "--csv needs --time and --target: name the column of times, and those to forecast"),
        (["--csv", "no.csv", "--time", "t", "--target", "y"], "--csv no.csv cannot be read: No such file or directory"),
        (["--csv", "t.csv", "--time", "u", "--target", "y"], "--time u: t.csv has the columns t, y"),
        (["--csv", "t.csv", "--time", "t", "--target", "z"], "--target z: t.csv has the columns t, y"),
        (
            ["--csv", "t.csv", "--time", "y", "--target", "y"],
            "t.csv: the times in 'y' are numbers: write dates, as 2024-03",
        ),
        (["--csv", "t.csv", "--time", "t", "--target", "y"], "no one step between them: give --step, as MS, D or h"),
        (["--csv", "t.csv", "--time", "t", "--target", "y", "--sets", "air"], "--sets does not go with --csv"),
        (["--sets", "moon"], "--sets moon is not known: use some of elnino,"),
        (["--seeds", "0"], "--seeds 0 is too small: use 1 or more"),
        (["--peer", "python9"], "--peer python9 is no file: name a Python that has neuralforecast==3.3.0"),
    ],
)
def test_bad_arguments_of_the_run_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("t,y\n2024-01-01,1\n2024-01-02,1\n2024-01-09,1\n2024-01-11,1\n")
    code, _, err = inside(capsys, forecast.main, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_every_baseline_and_set_is_described():
    assert set(BASELINES) == set(forecast.BASELINES)
    assert len(SETS) == 6 and all(one.why and one.source and one.title for one in SETS.values())
