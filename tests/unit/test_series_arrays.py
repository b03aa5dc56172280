"""Pairs of arrays, source (N, S, D) and target (N, T, K): windows that are cut already."""

import numpy as np
import pytest
from series_data import prepared, windows_of

from s2s_plugins.series.features import features, in_units
from s2s_plugins.series.reading import read_series
from s2s_plugins.series.windows import forecast_window


def pairs(count=20, seed=3):
    draw = np.random.default_rng(seed)
    return {"source": draw.normal(3, 2, (count, 5, 2)), "target": draw.normal(-1, 4, (count, 4, 3))}


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_windows_hold_the_standardised_arrays_and_nothing_between_them(tmp_path):
    arrays = pairs()
    data = prepared(tmp_path / "data", save(tmp_path / "a.npz", **arrays))
    assert [len(data.windows(split)) for split in data.splits] == [16, 2, 2] and data.series == []
    whole = [window for split in data.splits for window in windows_of(data, split)]
    for number, window in enumerate(whole):
        means = [data.description.means[f"source{place}"] for place in range(2)]
        stds = [data.description.stds[f"source{place}"] for place in range(2)]
        assert np.allclose(window.source * stds + means, arrays["source"][number], atol=1e-5)
        assert np.allclose(in_units(window.target, data.description), arrays["target"][number], atol=1e-5)
        assert window.covariates.shape == (4, 0) and not window.first.any() and (window.scale == 1).all()
    train = np.concatenate([window.source for window in whole[:16]])
    assert np.allclose(train.mean(0), 0, atol=1e-6) and np.allclose(train.std(0), 1, atol=1e-6)


def test_samples_that_are_held_out_change_nothing_that_training_sees(tmp_path):
    arrays = pairs()
    plain = prepared(tmp_path / "plain", save(tmp_path / "a.npz", **arrays))
    for name in arrays:
        arrays[name][17] += 1e6
    other = prepared(tmp_path / "other", save(tmp_path / "b.npz", **arrays))
    assert plain.description == other.description
    for one, two in zip(windows_of(plain, "train"), windows_of(other, "train")):
        assert all(map(np.array_equal, one, two))
    assert not np.array_equal(plain.source, other.source)


def test_files_for_valid_and_test_are_taken_whole(tmp_path):
    files = {
        split: save(tmp_path / f"{split}.npz", **pairs(count, count)) for split, count in (("valid", 3), ("test", 4))
    }
    flags = {split: str(path) for split, path in files.items()}
    data = prepared(tmp_path / "data", save(tmp_path / "a.npz", **pairs()), **flags)
    assert [len(data.windows(split)) for split in data.splits] == [20, 3, 4]
    window = data.window(data.windows("test")[3])
    assert np.allclose(in_units(window.target, data.description), pairs(4, 4)["target"][3], atol=1e-5)


def test_what_is_behind_a_length_is_not_read(tmp_path):
    arrays = pairs()
    lengths = {"source_lengths": np.arange(20) % 4 + 1, "target_lengths": np.arange(20) % 3 + 1}
    inside = {name: [] for name in arrays}
    for name, padding in (("source", 1e6), ("target", np.nan)):
        for sample, length in enumerate(lengths[f"{name}_lengths"]):
            arrays[name][sample, length:] = padding
            inside[name] += arrays[name][sample, :length].tolist() if sample < 16 else []
    data = prepared(tmp_path / "data", save(tmp_path / "a.npz", **arrays, **lengths))
    whole = [window for split in data.splits for window in windows_of(data, split)]
    assert [len(window.source) for window in whole] == lengths["source_lengths"].tolist()
    assert [len(window.target) for window in whole] == lengths["target_lengths"].tolist()
    assert not any(np.isnan(window.target).any() for window in whole)
    for name, values in inside.items():
        means = [data.description.means[f"{name}{place}"] for place in range(len(values[0]))]
        assert np.allclose(means, np.mean(values, axis=0))
    assert (data.description.input_length, data.description.output_length) == (4, 3)


def test_missing_values_of_arrays_are_masked(tmp_path):
    arrays = pairs()
    arrays["source"][0, 2, 1] = arrays["target"][0, 3, 2] = np.nan
    data = prepared(tmp_path / "data", save(tmp_path / "a.npz", **arrays), missing="mask")
    window = data.window(data.windows("train")[0])
    assert window.source.shape == (5, 4) and window.source[2].tolist()[1:] == [0, 0, 1]
    assert np.isnan(window.target).sum() == 1 and np.isnan(window.target[3, 2])


@pytest.mark.parametrize("form", ["npz", "batch", "single"])
def test_sources_for_use_are_those_of_training(tmp_path, form):
    arrays = pairs()
    data = prepared(tmp_path / "data", save(tmp_path / "a.npz", **arrays))
    path = tmp_path / "use.npy"
    if form == "npz":
        path = save(tmp_path / "use.npz", source=arrays["source"][:3], source_lengths=[5, 5, 2])
    else:
        np.save(path, arrays["source"][:3] if form == "batch" else arrays["source"][0])
    found = read_series(path, data.description)
    assert [series.rows for series in found] == {"npz": [5, 5, 2], "batch": [5, 5, 5], "single": [5]}[form]
    window = data.window(data.windows("train")[0])
    assert np.array_equal(features(found[0], data.description).source, window.source)
    ahead, times, _ = forecast_window(found[0], data.description, 4)
    assert np.array_equal(ahead.source, window.source) and times.tolist() == [0, 1, 2, 3]
    assert ahead.covariates.shape == (4, 0)
