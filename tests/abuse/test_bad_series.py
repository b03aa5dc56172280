"""Series that are damaged, of another form, or asked for wrongly: one line that says where, and nothing is written."""

import os
import random
import resource
import sys

import numpy as np
import pytest
from series_data import columns, days, write_csv

from s2s_plugins.cli.main import main
from s2s_plugins.series.store import SeriesFolder

NOISE = random.Random(3).randbytes(600)
PLAIN = "--input-length 6 --output-length 3"
DAILY = f"{PLAIN} --time day --target y"


def prepare(capsys, tmp_path, *words):
    """Exit code and standard error of ``s2s prepare --series``, which has to leave no folder if it fails."""
    dest = tmp_path / "made" / "data"
    try:
        code = main(["prepare", "--dest", str(dest), "--series", *map(str, words)])
    except SystemExit as error:
        code = error.code
        assert not dest.exists() and not (dest.parent.exists() and os.listdir(dest.parent)), "something is left"
    return code, capsys.readouterr().err


def changed(column, *cells, rows=60):
    """A table with cells of one column replaced, by row."""
    table = {name: list(values) for name, values in columns(rows).items()}
    for row, cell in cells:
        table[column][row] = cell
    return table


def without(*rows):
    return {name: [cell for row, cell in enumerate(cells) if row not in rows] for name, cells in columns().items()}


TABLES = {
    "empty cell": (changed("y", (3, "")), DAILY, ["line 5", "column 'y' is empty", "--missing mask"]),
    "NaN": (changed("y", (3, "NaN")), DAILY, ["line 5", "column 'y' is empty", "--missing mask"]),
    "infinite": (changed("y", (3, "inf")), DAILY, ["line 5", "column 'y' is infinite"]),
    "infinite though masked": (changed("y", (3, "-inf")), f"{DAILY} --missing mask", ["line 5", "is infinite"]),
    "too large a number": (changed("y", (3, "1e999")), DAILY, ["line 5", "column 'y' is infinite"]),
    "text among numbers": (changed("y", (7, "high")), DAILY, ["line 9", "column 'y' is text: 'high'"]),
    "underscores": (changed("y", (7, "1_000")), DAILY, ["line 9", "column 'y' is text: '1_000'"]),
    "two times alike": (changed("day", (9, days(60)[8])), DAILY, ["line 11", "2024-01-09 is repeated"]),
    "unsorted": (changed("day", (9, days(60)[3])), DAILY, ["line 11", "2024-01-04 comes after 2024-01-09", "sort"]),
    "gap": (without(20, 21), DAILY, ["line 22", "between 2024-01-20 and 2024-01-23, 2 in all", "--missing mask"]),
    "off the step": (
        changed("day", (9, "2024-01-10T05:00")),
        f"{DAILY} --step D",
        ["line 11", "2024-01-10T05", "step D"],
    ),
    "no time": (
        changed("day", (9, "tomorrow")),
        DAILY,
        ["line 11", "column 'day' is not a time: 'tomorrow'", "2024-03-31"],
    ),
    "a day first": (changed("day", (9, "31/01/2024")), DAILY, ["line 11", "is not a time: '31/01/2024'"]),
    "empty time": (changed("day", (9, "")), DAILY, ["line 11", "column 'day' is not a time: the cell is empty"]),
    "year 1": (changed("day", (0, "0001-01-01")), DAILY, ["line 2", "0001-01-01", "1678 to 2261"]),
    "no such target": (columns(), f"{PLAIN} --time day --target z", ["--target z", "has no column 'z'", "rain"]),
    "no such time": (columns(), f"{PLAIN} --time date --target y", ["--time date", "has no column 'date'"]),
    "no such series": (columns(), f"{DAILY} --series-column shop", ["--series-column shop", "no column 'shop'"]),
    "no such static": (columns(), f"{DAILY} --static shop", ["--static shop", "no column 'shop'"]),
    "known is empty": (
        changed("price", (3, "")),
        f"{DAILY} --known price --missing mask",
        ["line 5", "'price'", "--past"],
    ),
    "known in a gap": (without(20), f"{DAILY} --known price --missing mask", ["2024-01-21", "'price' is empty"]),
    "static changes": (columns(), f"{DAILY} --static rain", ["line 3", "'rain' changes from", "--past or --known"]),
    "too short": (columns(8), DAILY, ["series 'bad' has 8 rows, 6 of them", "needs 9", "--input-length 6"]),
    "valid too short": (columns(20), DAILY, ["the valid part has 2 rows", "predicts 3", "--valid-fraction"]),
    "text without a role": (columns(), PLAIN, ["column 'day' has no role and is not of numbers", "--time"]),
    "no step": (changed("day", (1, "2024-01-01T00:00:01"), (2, "2024-01-03T07:11")), DAILY, ["show no step", "--step"]),
    "tiny step": (columns(), f"{DAILY} --step s", ["a step of s makes", "rows of 60", "larger --step"]),
    "unknown step": (columns(), f"{DAILY} --step fortnight", ["--step fortnight is not a step", "W-SUN"]),
    "step backwards": (columns(), f"{DAILY} --step=-1D", ["--step -1D is not a step"]),
    "step of no time": (columns(), f"{PLAIN} --target y --step D", ["--step is of times", "--time"]),
    "calendar of no time": (
        columns(),
        f"{PLAIN} --target y --calendar month",
        ["--calendar needs the times", "--time"],
    ),
    "unknown calendar": (columns(), f"{DAILY} --calendar moon", ["--calendar moon is unknown", "weekday"]),
    "two roles": (columns(), f"{DAILY} --past y", ["column 'y' has two roles"]),
    "no input length": (columns(), "--output-length 3 --time day --target y", ["--input-length is missing"]),
    "no output length": (columns(), "--input-length 3 --time day --target y", ["--output-length is missing"]),
    "length 0": (columns(), "--input-length 0 --output-length 3", ["--input-length 0", "1 or more"]),
    "stride 0": (columns(), f"{DAILY} --stride 0", ["--stride 0", "1 or more"]),
    "fraction 1": (columns(), f"{DAILY} --valid-fraction 1", ["--valid-fraction 1.0", "less than 1"]),
    "fractions of all": (columns(), f"{DAILY} --valid-fraction .5 --test-fraction .5", ["no row to train on"]),
    "fraction nan": (columns(), f"{DAILY} --valid-fraction nan", ["--valid-fraction nan"]),
    "from and fraction": (columns(), f"{DAILY} --valid-fraction .2 --valid-from 2024-02-01", ["leave one of them out"]),
    "from no time": (columns(), f"{DAILY} --valid-from soon", ["--valid-from soon is not a time", "2024-03-31"]),
    "valid behind test": (
        columns(),
        f"{DAILY} --valid-from 2024-02-28",
        ["--valid-from 2024-02-28 is behind", "2024-02-24"],
    ),
    "test behind all": (columns(), f"{DAILY} --test-from 2025-01-01", ["the test part has 0 rows", "earlier time"]),
    "valid from the begin": (columns(), f"{DAILY} --valid-from 2024-01-03", ["has 60 rows, 2 of them to train on"]),
    "files for splits": (
        columns(),
        f"{DAILY} --valid other.csv",
        ["--valid is for windows that are cut", "--valid-from"],
    ),
    "nothing observed": (
        changed("y", *((row, "") for row in range(48))),
        f"{DAILY} --missing mask",
        ["'y' has no value"],
    ),
    "no column left": ({"day": days(60)}, f"{PLAIN} --time day", ["no column left to predict", "--target"]),
    "empty name": (columns(), f"{DAILY} --past a,,b", ["--past", "has an empty name"]),
    "huge values": (
        changed("y", (3, "1e300"), (4, "-1e300")),
        DAILY,
        ["column 'y' has values up to 1e+300", "rescale"],
    ),
    "integers and calendar": (
        {"day": range(60), "y": range(60)},
        f"{DAILY} --calendar day",
        ["are integers", "--step"],
    ),
}


@pytest.mark.parametrize("wrong", TABLES)
def test_a_table_that_does_not_serve_is_refused_in_one_line(capsys, tmp_path, wrong):
    table, flags, names = TABLES[wrong]
    code, said = prepare(capsys, tmp_path, write_csv(tmp_path / "bad.csv", table), *flags.split())
    line = said.splitlines()[-1]
    assert code == 2 and line.startswith("s2s prepare: error: "), said
    assert all(name in line for name in names), line
    assert "argument" in line or said.count("\n") == 1
    if "line" in names[0]:
        assert f"{tmp_path / 'bad.csv'}, {names[0]}" in line


CONTENTS = {
    "empty": (b"", "is empty: its first line has to name the columns"),
    "blank": (b"\n\n", "is empty"),
    "header alone": (b"day,y\n", "has no row"),
    "not UTF-8": (b"day,y\n2024-01-01,1\n2024-01-02,\xff\n", "line 3 is not UTF-8: convert the file"),
    "UTF-16": ("day,y\n2024-01-01,1\n".encode("utf-16"), "line 1 is not UTF-8"),
    "semicolons": (b"day;y\n2024-01-01;1,5\n", "columns are separated by other than ','"),
    "two columns alike": (b"day,y,y\n2024-01-01,1,2\n", "'y' names two columns"),
    "unnamed column": (b"day,y,\n2024-01-01,1,2\n", "a column has no name"),
    "too many cells": (b"day,y\n2024-01-01,1\n2024-01-02,2,3\n", "is not a table"),
    "too many cells everywhere": (b"day,y\n2024-01-01,1,4\n2024-01-02,2,3\n", "is not a table"),
    "open quote": (b'day,y\n2024-01-01,1\n"2024-01-02,2\n', "is not a table"),
    "NUL": (b"day,y\n2024-01-01,1\n2024-01-02,\0\n2024-01-03,1\n", "line 3"),
    "noise": (bytes(range(256)) * 4, "is not UTF-8"),
    "blank line": (b"day,y\n2024-01-01,1\n\n2024-01-03,1\n2024-01-04,1\n", "line 3: column 'day' is not a time"),
}


@pytest.mark.parametrize("wrong", CONTENTS)
def test_a_file_that_is_no_table_is_refused_in_one_line(capsys, tmp_path, wrong):
    content, names = CONTENTS[wrong]
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    code, said = prepare(capsys, tmp_path, path, *DAILY.split())
    assert code == 2 and said.count("\n") == 1 and str(path) in said and names in said, said


def test_a_file_that_is_not_there_or_of_no_known_form_is_named(capsys, tmp_path):
    for name in ("none.csv", "none.parquet", "none.npy", "none.npz"):
        code, said = prepare(capsys, tmp_path, tmp_path / name, *DAILY.split())
        assert (code, said) == (1, f"s2s prepare: error: {tmp_path / name}: No such file or directory\n")
    code, said = prepare(capsys, tmp_path, tmp_path / "series.xlsx", *DAILY.split())
    assert code == 2 and "a series is a .csv, .tsv, .parquet, .npy or .npz file" in said
    (tmp_path / "folder.csv").mkdir()
    assert prepare(capsys, tmp_path, tmp_path / "folder.csv", *DAILY.split())[0] == 1


def test_a_column_that_only_a_later_file_has_is_named(capsys, tmp_path):
    first = write_csv(tmp_path / "first.csv", columns())
    second = write_csv(tmp_path / "second.csv", {**columns(), "more": columns()["y"]})
    words = (first, second, *PLAIN.split(), "--time", "day", "--past", "rain")
    code, said = prepare(capsys, tmp_path, *words)
    assert code == 2 and f"{second} has a column 'more' that {first} lacks" in said and said.count("\n") == 1


def test_one_name_for_two_series_is_refused(capsys, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_csv(tmp_path / folder / "shop.csv", columns())
    files = [tmp_path / folder / "shop.csv" for folder in ("one", "two")]
    code, said = prepare(capsys, tmp_path, *files, *DAILY.split())
    assert code == 2 and f"series 'shop' is in {files[0]} and in {files[1]}" in said


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


SOUND = {"source": np.zeros((9, 4, 2)), "target": np.ones((9, 3, 1))}
NAN, INF = np.zeros((9, 4, 2)), np.ones((9, 3, 1))
NAN[2, 1, 0], INF[3, 2, 0] = np.nan, np.inf
ARRAYS = {
    "no target": ({"source": SOUND["source"]}, "", ["has no key 'target'"]),
    "no source": ({"target": SOUND["target"]}, "", ["has no key 'source'"]),
    "unknown key": ({**SOUND, "labels": np.zeros(9)}, "", ["key 'labels' is unknown", "source_lengths"]),
    "two dimensions": ({**SOUND, "source": np.zeros((9, 4))}, "", ["source is float64 of shape (9, 4)"]),
    "no step": ({**SOUND, "source": np.zeros((9, 0, 2))}, "", ["shape (9, 0, 2)"]),
    "text": ({**SOUND, "source": np.full((9, 4, 2), "a")}, "", ["source is <U1"]),
    "objects": ({**SOUND, "source": np.full((9, 4, 2), None)}, "", ["'source' is damaged or holds no numbers"]),
    "other number": ({**SOUND, "target": np.ones((8, 3, 1))}, "", ["source has 9 samples, target 8"]),
    "no sample": ({"source": np.zeros((0, 4, 2)), "target": np.ones((0, 3, 1))}, "", ["at least one"]),
    "NaN": ({**SOUND, "source": NAN}, "", ["source[2, 1, 0] is nan", "--missing mask"]),
    "infinite": ({**SOUND, "target": INF}, "--missing mask", ["target[3, 2, 0] is inf"]),
    "nothing there": ({**SOUND, "target": SOUND["target"] * np.nan}, "--missing mask", ["target[0] has no value"]),
    "length beyond": ({**SOUND, "source_lengths": np.arange(9)}, "", ["source_lengths[0] is 0: 1 to 4"]),
    "lengths of floats": ({**SOUND, "target_lengths": np.ones(9)}, "", ["target_lengths is float64 of shape (9,)"]),
    "flag of series": (SOUND, "--time day", ["--time is for series"]),
    "stride": (SOUND, "--stride 2", ["--stride is for series"]),
    "all held out": ({key: array[:1] for key, array in SOUND.items()}, "", ["has 1 samples, none is left"]),
}


@pytest.mark.parametrize("wrong", ARRAYS)
def test_arrays_that_do_not_serve_are_refused_in_one_line(capsys, tmp_path, wrong):
    arrays, flags, names = ARRAYS[wrong]
    code, said = prepare(capsys, tmp_path, npz(tmp_path / "bad.npz", **arrays), *flags.split())
    assert code == 2 and said.count("\n") == 1 and all(name in said for name in names), said


def test_arrays_to_validate_on_have_the_columns_of_those_to_train_on(capsys, tmp_path):
    train = npz(tmp_path / "train.npz", **SOUND)
    other = npz(tmp_path / "other.npz", **{**SOUND, "source": np.zeros((9, 4, 3))})
    code, said = prepare(capsys, tmp_path, train, "--valid", other)
    assert code == 2 and f"{other}: source has 3 columns, {train} has 2" in said
    code, said = prepare(capsys, tmp_path, train, other)
    assert code == 2 and "holds windows that are cut already: give it alone" in said


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_damaged_files_are_named_wherever_they_are_cut(capsys, tmp_path, suffix):
    path = tmp_path / f"bad{suffix}"
    if suffix == ".npy":
        np.save(path, np.arange(60.0))
    elif suffix == ".npz":
        npz(path, y=np.arange(60.0))
    else:
        import pandas

        pandas.DataFrame({"y": np.arange(60.0)}).to_parquet(path)
    content = path.read_bytes()
    assert prepare(capsys, tmp_path / "sound", path, *PLAIN.split())[0] == 0
    for kept in (0, 3, 20, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:kept])
        code, said = prepare(capsys, tmp_path, path, *PLAIN.split())
        assert code == 2 and said.count("\n") == 1 and str(path) in said, said
    path.write_bytes(NOISE)
    code, said = prepare(capsys, tmp_path, path, *PLAIN.split())
    assert code == 2 and said.count("\n") == 1 and str(path) in said, said


def test_an_array_of_objects_is_not_unpickled(capsys, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "run"),))

    np.save(tmp_path / "bad.npy", np.array([Bomb()] * 60, dtype=object), allow_pickle=True)
    code, said = prepare(capsys, tmp_path, tmp_path / "bad.npy", *PLAIN.split())
    assert code == 2 and said.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(), (2, 3, 4, 5)])
def test_an_array_of_another_shape_is_refused(capsys, tmp_path, shape):
    np.save(tmp_path / "bad.npy", np.zeros(shape))
    code, said = prepare(capsys, tmp_path, tmp_path / "bad.npy", *PLAIN.split())
    assert code == 2 and f"of shape {shape}: numbers of shape (rows,)" in said


def test_columns_of_an_npz_have_one_length(capsys, tmp_path):
    code, said = prepare(capsys, tmp_path, npz(tmp_path / "bad.npz", a=np.zeros(60), b=np.zeros(59)), *PLAIN.split())
    assert code == 2 and "'b' is float64 of shape (59,)" in said and "source and target" in said


def test_a_folder_with_other_things_is_left_alone(capsys, tmp_path):
    dest = tmp_path / "mine"
    dest.mkdir()
    (dest / "thesis.txt").write_text("years of work")
    words = ["prepare", "--series", str(write_csv(tmp_path / "a.csv", columns())), "--dest", str(dest), *DAILY.split()]
    with pytest.raises(SystemExit):
        main(words)
    assert "holds other things (thesis.txt)" in capsys.readouterr().err and os.listdir(dest) == ["thesis.txt"]
    (dest / "thesis.txt").unlink()
    assert main(words) == 0 and main(words) == 0, "what it wrote itself is replaced"
    with pytest.raises(SystemExit):
        main([*words, "--target", "z"])
    assert SeriesFolder(dest).splits == ("train", "valid", "test"), "the earlier data is gone"


def test_a_disk_that_is_full_leaves_the_earlier_data(capsys, tmp_path):
    np.save(tmp_path / "small.npy", np.arange(60.0))
    np.save(tmp_path / "large.npy", np.arange(60_000.0))
    words = ["prepare", "--dest", str(tmp_path / "data"), *PLAIN.split(), "--series"]
    assert main([*words, str(tmp_path / "small.npy")]) == 0
    capsys.readouterr()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(SystemExit) as ended:
            main([*words, str(tmp_path / "large.npy")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err
    assert ended.value.code == 1 and said == f"s2s prepare: error: {tmp_path / 'data'}: File too large\n"
    assert len(SeriesFolder(tmp_path / "data").source) == 60
    assert sorted(os.listdir(tmp_path)) == ["data", "large.npy", "small.npy"]


def test_without_pandas_the_error_names_the_extra(capsys, tmp_path, monkeypatch):
    path = write_csv(tmp_path / "a.csv", columns())
    monkeypatch.setitem(sys.modules, "pandas", None)
    code, said = prepare(capsys, tmp_path, path, *DAILY.split())
    assert code == 2 and "pip install 's2s-plugins[forecast]'" in said
    np.save(tmp_path / "plain.npy", np.arange(60.0))
    assert prepare(capsys, tmp_path, tmp_path / "plain.npy", *PLAIN.split())[0] == 0, "numpy's own files need none"
