"""Series from files: every format gives the same, and times are read as they are meant."""

import io

import numpy as np
import pandas
import pytest
from series_data import CHOICE, columns, days, of_table, prepared, windows_of, write_csv

from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import CALENDAR
from s2s_plugins.series.features import features
from s2s_plugins.series.reading import read_series
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.table import show
from s2s_plugins.series.times import infer_step, parse_times, phase, steps_from

ALIASES = ["D", "h", "15min", "s", "MS", "ME", "QS-OCT", "QE-DEC", "W-SUN", "W-WED", "YS-JAN", "B", "2D", "6h", "2MS"]


def same_data(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in NAMES)


NAMES = ("source", "covariates", "target")


def test_every_format_gives_the_same_data(tmp_path):
    table = {**columns(60), "rain": [*columns(60)["rain"][:-1], ""]}
    flags = {**CHOICE, "past": ("rain",), "known": ("price",), "missing": "mask", "calendar": ("weekday",)}
    plain = prepared(tmp_path / "csv", write_csv(tmp_path / "a.csv", table), **flags)
    frame = pandas.read_csv(tmp_path / "a.csv")
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    (tmp_path / "bom").mkdir()
    (tmp_path / "bom" / "a.csv").write_bytes((tmp_path / "a.csv").read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    content = (tmp_path / "bom" / "a.csv").read_bytes()
    (tmp_path / "bom" / "a.csv").write_bytes(b"\xef\xbb\xbf" + content)
    kinds = {
        "text": str,
        "stamp": lambda column: pandas.to_datetime(column),
        "zone": lambda c: pandas.to_datetime(c, utc=True),
    }
    kinds["date"] = lambda column: pandas.to_datetime(column).dt.date
    for kind, of in kinds.items():
        frame.assign(day=of(frame["day"]) if kind != "text" else frame["day"]).to_parquet(tmp_path / f"{kind}.parquet")
    np.savez(
        tmp_path / "a.npz", **{name: frame[name].to_numpy() for name in ("y", "rain", "price")}, day=np.array(days(60))
    )
    for name in ("a.tsv", "bom/a.csv", "a.npz", *(f"{kind}.parquet" for kind in kinds)):
        data = prepared(tmp_path / f"data-{name.replace('/', '-')}", tmp_path / name, **flags)
        assert same_data(data, plain) and data.description == plain.description, name


def test_arrays_are_series_whose_columns_have_numbers(tmp_path):
    values = np.random.default_rng(2).normal(size=(3, 60, 2)).astype(np.float32)
    lengths = {"input_length": 6, "output_length": 3}
    np.save(tmp_path / "many.npy", values)
    np.save(tmp_path / "one.npy", values[0])
    np.save(tmp_path / "line.npy", values[0, :, 1])
    many = prepared(tmp_path / "many", tmp_path / "many.npy", **lengths)
    assert [one.name for one in many.series] == ["many-0", "many-1", "many-2"] and many.source.shape == (180, 2)
    one = prepared(tmp_path / "one", tmp_path / "one.npy", **lengths)
    assert one.description.targets == ("0", "1") and np.corrcoef(one.target[:, 1], values[0, :, 1])[0, 1] > 0.999
    line = prepared(tmp_path / "line", tmp_path / "line.npy", **lengths)
    assert line.target.shape == (60, 1) and np.allclose(line.target[:, 0], one.target[:, 1])
    only = prepared(tmp_path / "only", tmp_path / "one.npy", **lengths, target=("1",), past=("0",))
    assert np.allclose(only.source, one.source[:, ::-1])
    assert [series.rows for series in read_series(tmp_path / "many.npy", many.description)] == [60, 60, 60]


def test_the_long_form_is_several_files_in_one(tmp_path):
    shops = {name: columns(40, seed) for seed, name in enumerate(("b", "a"))}
    files = [write_csv(tmp_path / f"{name}.csv", table) for name, table in shops.items()]
    apart = prepared(tmp_path / "apart", *files, **CHOICE)
    rows = [(row, name) for row in range(40) for name in shops]  # the series take turns
    long = {column: [shops[name][column][row] for row, name in rows] for column in columns(1)}
    long["shop"] = [name for _, name in rows]
    whole = of_table(tmp_path / "whole", long, series_column="shop")
    assert [one.name for one in whole.series] == [one.name for one in apart.series] == ["b", "a"]
    assert same_data(whole, apart)
    series = read_series(tmp_path / "whole" / "series.csv", whole.description)[1]
    assert series.place(3) == f"{tmp_path / 'whole' / 'series.csv'}, line 9 (series 'a')"


def test_standard_input_is_a_table_too(tmp_path):
    data = of_table(tmp_path / "data", columns(60))
    path = tmp_path / "data" / "series.csv"
    from_file, from_stream = (
        read_series(source, data.description)[0] for source in (path, io.BytesIO(path.read_bytes()))
    )
    assert np.array_equal(features(from_file, data.description).source, features(from_stream, data.description).source)
    assert from_stream.name == "standard input" and from_file.name == "series"


def test_columns_without_a_role_are_predicted_or_named(tmp_path):
    data = of_table(tmp_path / "all", columns(60), target=())
    assert data.description.targets == ("y", "rain", "price") and data.target.shape == (60, 3)


def test_a_static_column_of_text_may_hold_what_elsewhere_is_an_empty_cell(tmp_path):
    table = {**columns(60), "land": ["NA"] * 60}
    data = of_table(tmp_path / "data", table, static=("land",))
    assert data.description.categories == {"land": ("NA",)} and (data.source[:, -1] == 1).all()


def test_times_that_are_integers_have_a_distance(tmp_path):
    table = {**columns(60), "day": range(100, 700, 10)}
    data = of_table(tmp_path / "data", table, valid_from="500", test_from="600")
    assert data.description.step == "10" and data.windows("valid")[0, 3] == 40 and data.series[0].first == "100"
    table = {**columns(60), "day": range(1960, 2020)}
    years = of_table(tmp_path / "years", table, step="YS", calendar=("month",))
    assert years.series[0].first == "1960-01-01" and (years.covariates == [0, 1]).all()


def test_rows_without_a_time_are_counted(tmp_path):
    data = of_table(tmp_path / "data", columns(60), time=None)
    assert data.description.step is None and data.series[0].first == "0"


@pytest.mark.parametrize("alias", ALIASES)
def test_a_step_is_seen_in_the_times_and_goes_on(alias):
    times = pandas.date_range("2023-12-28", periods=40, freq=alias, unit="ns").to_numpy()
    step = infer_step(times)
    assert np.array_equal(steps_from(times[0], 40, step), times)
    with_gap = np.delete(times, [17, 18])
    if alias != "B":  # whose week of five days another step hides
        assert np.array_equal(steps_from(times[0], 40, infer_step(with_gap)), times)


def test_times_off_every_step_show_none():
    times = np.array(["2024-01-01", "2024-01-04", "2024-02-23", "2024-02-24T11:07"], dtype="datetime64[ns]")
    assert infer_step(times) is None


def test_offsets_from_utc_are_taken_into_account():
    times, lost = parse_times(["2024-03-31T01:30+01:00", "2024-03-31T03:30+02:00", "2024-03-31T02:30Z", "2024-03-31"])
    assert not lost.any() and [show(time) for time in times] == [
        "2024-03-31T00:30",
        "2024-03-31T01:30",
        "2024-03-31T02:30",
        "2024-03-31",
    ]


def test_a_time_is_shown_as_short_as_it_can_be_and_read_again():
    for text in ("2024-01-10", "2024-01-10T10:00", "2024-01-10T00:10", "2024-01-10T10:20:30", "2024-01-10T00:00:00.5"):
        times, _ = parse_times([text])
        shown = show(times[0])
        assert parse_times([shown], "D")[0] == times and len(shown) <= len(text)


@pytest.mark.parametrize("unit", CALENDAR)
def test_phases_of_the_calendar_are_those_of_pandas(unit):
    stamps = pandas.date_range("1899-12-30 22:17", periods=3000, freq="7h13min", unit="ns")
    days_of = {"day": stamps.days_in_month, "dayofyear": 365 + stamps.is_leap_year.astype(int)}
    place = {
        "minute": stamps.minute / 60,
        "hour": stamps.hour / 24,
        "weekday": stamps.dayofweek / 7,
        "day": (stamps.day - 1) / days_of["day"],
        "dayofyear": (stamps.day_of_year - 1) / days_of["dayofyear"],
        "month": (stamps.month - 1) / 12,
        "quarter": (stamps.quarter - 1) / 4,
    }
    assert np.allclose(phase(stamps.to_numpy(), unit), place[unit])


def test_years_that_64_bits_do_not_hold_are_an_error():
    with pytest.raises(UsageError, match="leave the years 1678 to 2261"):
        steps_from(np.datetime64("2261-12-01", "ns"), 500, "MS")


def test_the_command_says_what_it_found_and_how_to_go_on(tmp_path, capsys):
    table = {**columns(60), "y": [*columns(60)["y"][:30], "", *columns(60)["y"][31:]], "shop": ["a"] * 60}
    path = write_csv(tmp_path / "a.csv", table)
    words = "--input-length 6 --output-length 3 --time day --target y --known price --calendar month,weekday"
    data = tmp_path / "my data"
    assert main(["prepare", f"--series={path}", "--dest", str(data), "--missing=mask", *words.split()]) == 0
    said = capsys.readouterr()
    assert [line.split() for line in said.out.splitlines()[:4]] == [
        ["split", "rows", "windows"],
        ["train", "48", "40"],
        ["valid", "6", "2"],
        ["test", "6", "2"],
    ]
    assert "1 series, 6 steps in, 3 out, 7 values read, 1 predicted at each" in said.out
    assert "known: price\ncalendar: month, weekday\nstep: D\n" in said.out
    assert f"fairseq-train '{data}' --user-dir $(s2s user-dir) --task sequence_regression --arch peek_lstm" in said.out
    assert said.err.splitlines() == [
        "warning: columns left out, which have no role: rain, shop",
        "warning: 1 values are missing, and masked",
    ]
    found = SeriesFolder(data)
    assert len(windows_of(found, "train")) == 40 and found.description.missing


def test_series_whose_part_is_too_short_for_a_window_are_named(tmp_path, capsys):
    files = [write_csv(tmp_path / f"{name}.csv", columns(rows)) for name, rows in (("long", 60), ("short", 20))]
    words = "--input-length 6 --output-length 3 --time day --target y"
    assert main(["prepare", "--dest", str(tmp_path / "data"), "--series", *map(str, files), *words.split()]) == 0
    said = capsys.readouterr().err
    assert "warning: no valid window, since their part is shorter than --output-length: 1 of 2 series" in said
    assert "the first is 'short'" in said


def test_the_help_of_prepare_leads_to_that_of_series(capsys):
    for words, found in (
        (["prepare", "--help"], "s2s prepare --series FILE --help"),
        (["prepare", "--series", "x", "--help"], "--calendar"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0 and found in capsys.readouterr().out
