"""Prepared folders that are damaged, and series for use that do not serve: one line that says which and where."""

import io
import json
import shutil

import numpy as np
import pytest
from series_data import columns, days, write_csv
from test_bad_series import DAILY, NOISE, PLAIN, SOUND, changed, npz, prepare

from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import FIELDS, Description
from s2s_plugins.series.reading import read_series
from s2s_plugins.series.store import SeriesFolder, write_index


@pytest.fixture
def sound(capsys, tmp_path):
    dest = tmp_path / "sound"
    path = write_csv(tmp_path / "sound.csv", columns())
    assert main(["prepare", "--series", str(path), "--dest", str(dest), *DAILY.split(), "--past", "rain"]) == 0
    return dest


def test_damaged_and_swapped_files_of_a_folder_are_named(sound):
    for path in sorted(sound.iterdir()):
        content = path.read_bytes()
        changes = [content[: len(content) // 2], b"", content[:-1] + b"\xfe", NOISE, b"[" * 100_000]
        for change in changes:
            path.write_bytes(change)
            with pytest.raises(UsageError, match=path.name):
                SeriesFolder(sound)
        path.unlink()
        with pytest.raises(UsageError, match=path.name):
            SeriesFolder(sound)
        path.write_bytes(content)
        SeriesFolder(sound)
    for one, other in (("valid.npy", "test.npy"), ("source.npy", "target.npy"), ("train.npy", "covariates.npy")):
        shutil.copy(sound / one, sound / "kept")
        shutil.copy(sound / other, sound / one)
        with pytest.raises(UsageError, match=one):
            SeriesFolder(sound)
        shutil.move(sound / "kept", sound / one)
    SeriesFolder(sound)


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(UsageError, match="has no series.json: name the folder that s2s prepare --series wrote"):
        SeriesFolder(tmp_path)
    (tmp_path / "series.json").write_text(json.dumps({"version": 2}))
    with pytest.raises(UsageError, match="of a later release"):
        SeriesFolder(tmp_path)


@pytest.mark.parametrize(
    "row", [(0, 55, 61, 20, 23), (0, -6, 3, 3, 6), (0, 6, 6, 6, 9), (0, 0, 7, 7, 10), (1, 0, 6, 6, 9)]
)
def test_a_window_outside_of_the_data_is_refused_whatever_its_checksum(sound, row):
    data = SeriesFolder(sound)
    windows = {split: np.array(data.windows(split)) for split in data.splits}
    windows["valid"][0] = row
    write_index(sound, data.description, data.series, (60, 60), windows)
    with pytest.raises(UsageError, match="valid.npy has a window"):
        SeriesFolder(sound)


WHOLE = {
    "a column has two roles": {"past": ["y"]},
    "categories are of a column that is not static": {"categories": {"town": ["Ulm"]}},
    "means are not those of the columns": {"means": {"y": 0.0}},
    "stds are not those of the columns": {"stds": {"y": 1.0}},
    "time and step go together": {"step": None},
    "a calendar needs times that are no integers": {"calendar": ["day"], "step": "1"},
    "arrays have no covariates": {"kind": "arrays"},
}


@pytest.mark.parametrize("message", WHOLE)
def test_a_description_whose_fields_do_not_fit_together_is_refused(sound, message):
    values = SeriesFolder(sound).description.to_json()
    with pytest.raises(UsageError, match=f"series.json: {message}.*prepare the data again"):
        Description.from_json({**values, **WHOLE[message]})


STRANGE = [
    None,
    True,
    -1,
    0,
    1.5,
    "x",
    [],
    [1],
    ["a", "a"],
    {},
    {"a": 1},
    {"a": "b"},
    float("nan"),
    10**9,
    [[]],
    {"y": 0},
]


@pytest.mark.parametrize("field", FIELDS)
def test_a_description_of_other_types_is_refused(sound, field):
    values = SeriesFolder(sound).description.to_json()
    assert Description.from_json(json.loads(json.dumps(values))).to_json() == values
    refused = 0
    for strange in STRANGE:
        if strange == values[field] and type(strange) is type(values[field]):
            continue
        try:
            found = Description.from_json({**values, field: strange})
        except UsageError as error:
            refused += 1
            assert "\n" not in str(error) and "prepare the data again" in str(error)
        else:
            assert type(getattr(found, field)) in (int, str, bool, tuple, dict, type(None))
    assert refused >= len(STRANGE) - 6
    with pytest.raises(UsageError, match=f"field '{field}' is missing"):
        Description.from_json({name: value for name, value in values.items() if name != field})
    with pytest.raises(UsageError, match="field 'more' is unknown"):
        Description.from_json({**values, "more": 1})


USE = {
    "no column": ({"day": days(20), "z": range(20)}, "has no column 'y'"),
    "empty": (changed("y", (3, ""), rows=20), "line 5 (series 'standard input'): column 'y' is empty"),
    "infinite": (changed("y", (3, "inf"), rows=20), "line 5: column 'y' is infinite"),
    "text": (changed("rain", (3, "wet"), rows=20), "line 5: column 'rain' is text: 'wet'"),
    "unsorted": (changed("day", (9, days(60)[3]), rows=20), "line 11"),
    "gap": ({name: [*cells[:5], *cells[7:]] for name, cells in columns(20).items()}, "rows are missing"),
    "integers": ({**columns(20), "day": range(20)}, "column 'day' is not a time: '0'"),
}


@pytest.mark.parametrize("wrong", USE)
def test_series_for_use_that_do_not_serve_are_refused_in_one_line(sound, tmp_path, wrong):
    table, names = USE[wrong]
    content = write_csv(tmp_path / "use.csv", table).read_bytes()
    with pytest.raises(UsageError) as caught:
        read_series(io.BytesIO(content), SeriesFolder(sound).description)
    assert names in str(caught.value) and "\n" not in str(caught.value) and "standard input" in str(caught.value)


def test_another_number_of_columns_for_use_is_refused(capsys, tmp_path):
    np.save(tmp_path / "two.npy", np.random.default_rng(1).normal(size=(60, 2)))
    assert prepare(capsys, tmp_path, tmp_path / "two.npy", *PLAIN.split())[0] == 0
    description = SeriesFolder(tmp_path / "made" / "data").description
    np.save(tmp_path / "one.npy", np.zeros((60, 1)))
    with pytest.raises(UsageError, match="one.npy has no column '1', it has 0"):
        read_series(tmp_path / "one.npy", description)
    shutil.rmtree(tmp_path / "made")
    assert prepare(capsys, tmp_path, npz(tmp_path / "sound.npz", **SOUND))[0] == 0
    description = SeriesFolder(tmp_path / "made" / "data").description
    np.save(tmp_path / "three.npy", np.zeros((5, 4, 3)))
    with pytest.raises(UsageError, match="three.npy: source has 3 columns, the model was trained with 2"):
        read_series(tmp_path / "three.npy", description)
