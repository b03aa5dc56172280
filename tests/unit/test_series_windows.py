"""Windows of series: what each split holds, and that nothing comes from the future."""

import numpy as np
import pytest
from series_data import CHOICE, columns, days, of_table, prepared, windows_of, write_csv

from s2s_plugins.errors import UsageError
from s2s_plugins.series.features import features, in_units
from s2s_plugins.series.reading import read_series
from s2s_plugins.series.table import Series
from s2s_plugins.series.windows import forecast_window, split_windows

ROLES = {"past": ("rain",), "known": ("price",), "calendar": ("weekday", "month")}


def same(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other))


@pytest.mark.parametrize("per_window", [False, True])
@pytest.mark.parametrize("column", ["y", "rain", "price"])
def test_a_value_of_the_valid_or_test_part_changes_nothing_that_training_sees(tmp_path, column, per_window):
    table = columns(60)
    plain = of_table(tmp_path / "plain", table, per_window=per_window, **ROLES)
    for row in (48, 53, 59):
        cells = list(table[column])
        cells[row] = 1e6
        other = of_table(tmp_path / f"{row}", {**table, column: cells}, per_window=per_window, **ROLES)
        assert other.description == plain.description
        assert all(map(same, windows_of(plain, "train"), windows_of(other, "train")))
        assert not np.array_equal(plain.source, other.source), "the change is nowhere"


@pytest.mark.parametrize("per_window", [False, True])
def test_a_value_behind_the_origin_changes_nothing_that_the_encoder_reads(tmp_path, per_window):
    table = columns(60)
    flags = {**ROLES, "valid_from": days(60)[30], "per_window": per_window}
    plain = of_table(tmp_path / "plain", table, **flags)
    for column in ("y", "rain", "price"):
        cells = list(table[column])
        cells[45] += 5
        other = of_table(tmp_path / column, {**table, column: cells}, **flags)
        changed = 0
        for row in plain.windows("valid"):
            one, two = plain.window(row), other.window(row)
            if row[2] <= 45:
                assert same(
                    (one.source, one.first, one.location, one.scale), (two.source, two.first, two.location, two.scale)
                )
            changed += not same(one, two)
        assert changed, "the change is nowhere"


def test_a_window_is_of_the_split_in_which_all_its_targets_lie():
    found = split_windows(50, (30, 40), (5, 3), (1, 3))
    begin = {"train": (0, 30), "valid": (30, 40), "test": (40, 50)}
    for split, (first, last) in begin.items():
        for source, origin, target, end in found[split].tolist():
            assert origin == target and origin - source == 5 and end - target == 3
            assert first <= target and end <= last and source >= (0 if split != "train" else first)
    assert len(found["train"]) == 30 - 8 + 1
    assert found["valid"][:, 2].tolist() == [30, 33, 36]


def test_strides_are_the_rows_between_two_origins():
    found = split_windows(50, (30, 40), (5, 3), (4, 2))
    assert set(np.diff(found["train"][:, 1])) == {4} and set(np.diff(found["valid"][:, 1])) == {2}
    assert len(split_windows(50, (30, 40), (5, 3), (1, 100))["test"]) == 1


def test_the_data_of_use_are_those_of_training_on_the_same_rows(tmp_path):
    flags = {**ROLES, "series_column": "shop", "static": ("size", "town")}
    table = {name: [*cells, *cells] for name, cells in columns(60).items()}
    table.update(shop=["a"] * 60 + ["b"] * 60, size=[1] * 60 + [4] * 60, town=["Ulm"] * 60 + ["Bonn"] * 60)
    data = of_table(tmp_path / "data", table, **flags)
    found = [features(one, data.description) for one in read_series(tmp_path / "data" / "series.csv", data.description)]
    for part, stored in zip(zip(*found), (data.source, data.covariates, data.target)):
        assert np.array_equal(np.concatenate(part), stored)
    assert data.description.categories == {"town": ("Bonn", "Ulm")}
    assert data.source.shape[1] == data.description.source_size == 2 + data.description.covariate_size
    assert data.description.covariate_size == 1 + 4 + 1 + 2


def test_what_a_window_holds_is_the_table_in_the_order_that_the_description_gives(tmp_path):
    table = columns(60)
    data = of_table(tmp_path / "data", table, missing="mask", **ROLES)
    scaled = {
        name: (np.array(table[name]) - data.description.means[name]) / data.description.stds[name]
        for name in ("y", "rain", "price")
    }
    _, begin, end, target, last = data.windows("valid")[1]
    window = data.window(data.windows("valid")[1])
    assert np.allclose(window.source[:, 0], scaled["y"][begin:end], atol=1e-6)
    assert np.allclose(window.source[:, 1], scaled["rain"][begin:end], atol=1e-6)
    assert not window.source[:, 2:4].any()  # indicators
    assert np.allclose(window.source[:, 4], scaled["price"][begin:end], atol=1e-6)
    weekday = 2 * np.pi * (np.arange(60) % 7) / 7  # 2024-01-01 is a Monday
    assert np.allclose(window.source[:, 5], np.sin(weekday[begin:end]), atol=1e-6)
    assert np.allclose(window.covariates[:, 0], scaled["price"][target:last], atol=1e-6)
    assert np.allclose(window.covariates[:, 2], np.cos(weekday[target:last]), atol=1e-6)
    assert np.allclose(window.target[:, 0], scaled["y"][target:last], atol=1e-6)
    assert np.allclose(window.first, scaled["y"][end - 1], atol=1e-6)
    assert all(part.dtype == np.float32 for part in window)


def test_standardised_targets_become_the_data_again(tmp_path):
    table = columns(60, level=-40)
    data = of_table(tmp_path / "data", table)
    assert np.allclose(in_units(data.target, data.description)[:, 0], table["y"], atol=1e-5)
    train = data.target[:48, 0].astype(np.float64)
    assert abs(train.mean()) < 1e-6 and abs(train.std() - 1) < 1e-6


def test_values_of_a_high_level_keep_their_precision(tmp_path):
    low, high = columns(60), columns(60, level=1e9)
    one, other = of_table(tmp_path / "low", low), of_table(tmp_path / "high", high)
    assert np.allclose(one.target, other.target, atol=1e-5)
    assert np.abs(in_units(other.target, other.description)[:, 0] - high["y"]).max() < 1e-5


def test_a_column_that_is_constant_becomes_zeros(tmp_path):
    value = 1e5 / 7
    assert np.std([value] * 48) > 0, "the deviation of this constant is not rounded to 0"
    data = of_table(tmp_path / "data", {**columns(60), "rain": [value] * 60}, past=("rain",))
    assert data.description.stds["rain"] == 1 and np.abs(data.source[:, 1]).max() < 1e-6


def test_missing_values_are_zeros_with_an_indicator_and_no_target(tmp_path):
    table = columns(60)
    cells = list(table["y"])
    cells[50] = cells[20] = cells[47] = ""
    data = of_table(tmp_path / "data", {**table, "y": cells}, missing="mask", past=("rain",))
    whole = windows_of(data, "train") + windows_of(data, "valid")
    assert not any(np.isnan(window.source).any() for window in whole)
    window = next(data.window(row) for row in data.windows("train") if row[1] == 16)
    assert window.source[:, 2].tolist() == [0, 0, 0, 0, 1, 0] and window.source[4, 0] == 0
    assert not window.source[:, 3].any()
    window = data.window(data.windows("valid")[0])
    assert window.first == data.target[46, 0], "the last observed value, not the missing one"
    assert np.isnan(window.target[:, 0]).tolist() == [False, False, True]
    assert data.description.means["y"] == pytest.approx(np.mean([c for c in cells[:48] if c != ""]))


def test_gaps_become_rows_that_are_missing(tmp_path):
    table = columns(60)
    gaps = {name: [*cells[:20], *cells[23:]] for name, cells in table.items()}
    data = of_table(tmp_path / "data", gaps, missing="mask")
    assert len(data.source) == 60 and np.isnan(data.source[20:23, 0]).all() and data.source[20:23, 1].all()
    assert np.isnan(data.source).sum() == 3
    left = [row for row in data.windows("train") if row[3] == 20]
    assert not left, "a window of whose target nothing is observed"


def test_a_window_of_its_own_scale_is_that_of_its_source_alone(tmp_path):
    table = columns(60)
    data = of_table(tmp_path / "data", table, per_window=True)
    plain = of_table(tmp_path / "plain", table)
    for row in data.windows("valid"):
        window, raw = data.window(row), plain.window(row)
        assert abs(window.source[:, 0].mean()) < 1e-5 and abs(window.source[:, 0].std() - 1) < 1e-5
        assert np.allclose(window.target * window.scale + window.location, raw.target, atol=1e-5)
        assert np.allclose(window.first * window.scale + window.location, raw.first, atol=1e-5)
        assert np.allclose(window.source[:, 0] * window.scale + window.location, raw.source[:, 0], atol=1e-5)
        assert raw.location == 0 and raw.scale == 1


def test_a_source_that_is_constant_or_empty_has_a_scale_above_zero(tmp_path):
    table = columns(60)
    flat = {**table, "y": [3.0] * 20 + list(table["y"][20:])}
    window = of_table(tmp_path / "flat", flat, per_window=True).window(np.array([0, 0, 6, 6, 9]))
    assert window.scale == np.float32(0.01) and not window.source[:, 0].any()
    empty = {**table, "y": [""] * 8 + list(table["y"][8:])}
    window = of_table(tmp_path / "empty", empty, per_window=True, missing="mask").window(np.array([0, 0, 6, 6, 9]))
    assert (window.location, window.scale, window.first) == (0, 1, 0)


def test_splits_begin_at_the_times_that_are_given(tmp_path):
    data = of_table(tmp_path / "data", columns(60), valid_from="2024-02-01", test_from="2024-02-15")
    assert data.windows("valid")[0, 3] == 31 and data.windows("test")[0, 3] == 45
    assert data.windows("train")[-1, 4] == 31
    data = of_table(tmp_path / "none", columns(60), valid_fraction=0.2, test_fraction=0.0)
    assert data.splits == ("train", "valid") and data.windows("valid")[0, 3] == 48


def test_windows_do_not_reach_from_one_series_into_the_next(tmp_path):
    files = [
        write_csv(tmp_path / f"{name}.csv", columns(rows, seed)) for name, rows, seed in (("a", 40, 1), ("b", 60, 2))
    ]
    data = prepared(tmp_path / "data", *files, **CHOICE)
    assert [(one.name, one.begin, one.end, one.first) for one in data.series] == [
        ("a", 0, 40, "2024-01-01"),
        ("b", 40, 100, "2024-01-01"),
    ]
    for split in data.splits:
        for number, begin, _, _, end in data.windows(split):
            assert data.series[number].begin <= begin and end <= data.series[number].end
    assert set(data.windows("train")[:, 0]) == {0, 1}


def test_a_forecast_begins_behind_the_last_target_and_its_times_follow(tmp_path):
    data = of_table(tmp_path / "data", columns(60), calendar=("day",))
    series = read_series(tmp_path / "data" / "series.csv", data.description)[0]
    window, times, _ = forecast_window(series, data.description, 5)
    assert [str(time)[:10] for time in times] == ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04", "2024-03-05"]
    assert window.covariates.shape == (5, 2) and window.target.shape == (5, 1) and np.isnan(window.target).all()
    assert np.allclose(window.source, data.source[-6:])
    assert window.covariates[0].tolist() == [0, 1] and window.first == data.target[-1, 0]


def test_rows_behind_the_last_target_hold_the_known_covariates(tmp_path):
    table = columns(60)
    data = of_table(tmp_path / "data", table, known=("price",), past=("rain",))
    future = {**table, "y": [*table["y"][:50], *[""] * 10], "rain": [*table["rain"][:50], *[""] * 10]}
    series = read_series(write_csv(tmp_path / "future.csv", future), data.description)[0]
    window, times, _ = forecast_window(series, data.description, 10)
    assert np.allclose(window.source, data.source[44:50]) and np.allclose(window.covariates, data.covariates[50:])
    assert str(times[0])[:10] == days(60)[50]
    with pytest.raises(
        UsageError, match="column 'price' has to be known up to 2024-03-03 and ends at 2024-02-29: add the 3"
    ):
        forecast_window(series, data.description, 13)


def test_an_unknown_category_is_zeros_and_is_reported(tmp_path):
    from s2s_plugins.series.features import unknown_categories

    table = {name: [*cells, *cells] for name, cells in columns(60).items()}
    table.update(shop=["a"] * 60 + ["b"] * 60, town=["Ulm"] * 60 + ["Bonn"] * 60)
    data = of_table(tmp_path / "data", table, series_column="shop", static=("town",))
    path = write_csv(tmp_path / "use.csv", {**table, "town": ["Ulm"] * 60 + ["Kiel"] * 60})
    known, unknown = read_series(path, data.description)
    assert not unknown_categories(known, data.description)
    assert "series 'b': column 'town' is 'Kiel'" in unknown_categories(unknown, data.description)[0]
    assert not features(unknown, data.description).covariates.any()
    assert (features(known, data.description).covariates == [0, 1]).all()


def test_series_made_in_python_are_checked_as_those_of_files(tmp_path):
    data = of_table(tmp_path / "data", columns(60))
    times = np.arange("2024-01", "2024-02", dtype="datetime64[D]")
    window, following, _ = forecast_window(Series("mine", times, {"y": list(range(31))}), data.description, 2)
    assert window.source.shape == (6, 1) and str(following[1])[:10] == "2024-02-02"
    with pytest.raises(UsageError, match="column 'y' has the shape"):
        forecast_window(Series("mine", times, {"y": [1.0]}), data.description, 2)
    with pytest.raises(UsageError, match="series 'mine' has no column 'y'"):
        forecast_window(Series("mine", times, {"x": np.ones(31)}), data.description, 2)
    with pytest.raises(UsageError, match="the times have to be times as 2024-03-31, with a step of D"):
        forecast_window(Series("mine", np.arange(31), {"y": np.ones(31)}), data.description, 2)
    with pytest.raises(UsageError, match=r"row 3 \(series 'mine'\): column 'y' is empty"):
        forecast_window(Series("mine", times, {"y": [0, 1, 2, np.nan, *range(27)]}), data.description, 2)
    with pytest.raises(UsageError, match="series 'mine' has 5 rows with y: the model reads 6; give more"):
        forecast_window(Series("mine", times[:5], {"y": np.ones(5)}), data.description, 2)
    with pytest.raises(UsageError, match="the times are <U1 of shape"):
        Series("mine", list("abc"), {"y": np.ones(3)})
