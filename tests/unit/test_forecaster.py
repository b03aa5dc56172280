"""A trained model of series as an object: units, intervals, lengths, and what a stateful one reads."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.torch.vectors import TorchVectors
from s2s_plugins.nn.settings import LossSettings
from s2s_plugins.nn.vectors import vector_seq2seq
from s2s_plugins.series.description import Description
from s2s_plugins.series.features import features, in_units
from s2s_plugins.series.table import Series

STEPS, AHEAD = 6, 3
QUANTILES = LossSettings("quantile", (0.1, 0.5, 0.9))
LOSSES = (LossSettings("mse"), QUANTILES, LossSettings("gaussian"))


def forecaster(loss=QUANTILES, stateful=False, per_window=False, kind="peek"):
    torch.manual_seed(1)
    model = vector_seq2seq(kind, source_size=2, target_size=2, hidden_size=8, loss=loss).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    description = Description(
        "series",
        ("a", "b"),
        STEPS,
        AHEAD,
        means={"a": 100.0, "b": -5.0},
        stds={"a": 10.0, "b": 0.5},
        per_window=per_window,
    )
    return Forecaster("a model", TorchVectors(model, model.loss, torch.device("cpu")), description, stateful)


def series(rows, seed=0, name="one"):
    draw = np.random.default_rng(seed)
    values = {"a": 100 + 10 * draw.standard_normal(rows), "b": -5 + draw.standard_normal(rows)}
    return Series(name, np.arange(rows), values)


def test_a_forecast_is_what_the_model_predicts_in_the_units_of_the_data():
    one, ours = series(20), forecaster()
    (found,) = ours.forecast([one])
    rows = torch.from_numpy(features(one, ours.description).source[-STEPS:])[None]
    model = ours.model.member
    expected = in_units(model.predict(rows, AHEAD, first=rows[:, -1]).numpy(), ours.description)[0]
    np.testing.assert_allclose(found.point, expected, rtol=1e-5)
    assert found.columns == ("a", "b") and found.times.tolist() == [20, 21, 22]
    assert found.levels == (0.1, 0.5, 0.9) and (np.diff(found.quantiles, axis=-1) >= 0).all()


def test_scaling_by_window_is_undone():
    # a window that is 7 times as high and 3 times as wide is forecast so
    one, ours = series(STEPS), forecaster(per_window=True)
    other = Series("other", one.times, {name: 7 + 3 * values for name, values in one.values.items()})
    (found,), (moved,) = ours.forecast([one]), ours.forecast([other])
    np.testing.assert_allclose(moved.point, 7 + 3 * found.point, rtol=1e-4)
    np.testing.assert_allclose(moved.quantiles, 7 + 3 * found.quantiles, rtol=1e-4)


def test_series_are_forecast_alike_alone_and_together_and_at_any_length():
    many, ours = [series(STEPS + place, place, f"{place}") for place in range(5)], forecaster()
    together = ours.forecast(many, length=8, batch_size=2)
    for one, found in zip(many, together):
        (alone,) = ours.forecast([one], length=8)
        np.testing.assert_allclose(found.point, alone.point, rtol=1e-5)
        (shorter,) = ours.forecast([one], length=2)
        np.testing.assert_allclose(found.point[:2], shorter.point, rtol=1e-5)
    assert ours.forecast([]) == []


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_the_quantiles_are_those_asked_for(loss):
    ours = forecaster(loss)
    (found,) = ours.forecast([series(9)])
    assert found.levels == (() if loss.kind == "mse" else (0.1, 0.5, 0.9))
    assert found.quantiles.shape == (AHEAD, 2, len(found.levels))
    if loss.kind == "gaussian":
        (wide,) = ours.forecast([series(9)], levels=(0.01, 0.25, 0.99))
        assert (wide.quantiles[..., 0] < found.quantiles[..., 0]).all()
        np.testing.assert_allclose(found.quantiles[..., 1], found.point, rtol=1e-5)


@pytest.mark.parametrize("loss, given, message", [
    (LossSettings("mse"), {"levels": (0.5,)}, "a model predicts a number alone, no quantiles of it: train with --loss"),
    (QUANTILES, {"levels": (0.2,)}, "gives no quantile 0.2: choose among 0.1, 0.5, 0.9"),
    (QUANTILES, {"levels": (0.9, 0.1)}, "levels 0.9, 0.1 are not rising numbers between 0 and 1"),
    (LossSettings("gaussian"), {"levels": (0.0,)}, "levels 0.0 are not rising numbers"),
    (QUANTILES, {"length": 10**8}, "--length 100000000 is too large: use 1000000 or less"),
    (QUANTILES, {"length": 0}, "--length 0 is too small: use 1 or more"),
    (QUANTILES, {"batch_size": 0}, "--batch-size 0 is too small: use 1 or more"),
])  # fmt: skip
def test_what_cannot_be_asked_for(loss, given, message):
    with pytest.raises(UsageError, match=message):
        forecaster(loss).forecast([series(9)], **given)


def test_a_model_that_gives_no_numbers_is_refused():
    ours = forecaster()
    with torch.no_grad():
        ours.model.member.decoder.output_layer.bias.fill_(float("inf"))
    with pytest.raises(UsageError, match="predicts no finite numbers"):
        ours.forecast([series(9)])


def test_a_stateful_model_reads_the_whole_series_from_a_whole_piece_on():
    ours, long, short = forecaster(stateful=True), series(3 * STEPS + 2), series(STEPS + 1, name="short")
    found = ours.forecast([long, short])
    model = ours.model.member
    for one, forecast in ((long, found[0]), (short, found[1])):
        rows = torch.from_numpy(features(one, ours.description).source[len(one.times) % STEPS :])[None]
        first = rows[:, -1]
        expected = in_units(model.predict(rows, AHEAD, first=first).numpy(), ours.description)[0]
        np.testing.assert_allclose(forecast.point, expected, rtol=1e-5)
    (without,) = forecaster().forecast([long])
    assert not np.allclose(found[0].point, without.point, rtol=1e-5)


def test_arrays_are_forecast_like_series():
    ours, many = forecaster(), [series(9, place, f"{place}") for place in range(3)]
    arrays = np.stack([np.stack([one.values["a"], one.values["b"]], axis=1) for one in many])
    point, quantiles = ours.forecast(arrays, length=4)
    for place, found in enumerate(ours.forecast(many, length=4)):
        np.testing.assert_array_equal(point[place], found.point)
        np.testing.assert_array_equal(quantiles[place], found.quantiles)
    with pytest.raises(UsageError, match=r"the source has the shape \(3, 9\): \(samples, steps, 2\) is needed"):
        ours.forecast(arrays[..., 0])
    with pytest.raises(UsageError, match="a sample ends in a step without a value"):
        ours.forecast(np.where(np.arange(9)[:, None] == 8, np.nan, arrays))
    with pytest.raises(UsageError, match="the source is no array of numbers"):
        ours.forecast(np.array([["a"]]))
    with pytest.raises(UsageError, match="column 'a' is empty"):
        ours.forecast(np.where(np.arange(9)[:, None] == 7, np.nan, arrays))
    with pytest.raises(UsageError, match="has 5 rows"):
        ours.forecast(arrays[:, :5])
    ours.description = replace(ours.description, time="day", step="D")
    with pytest.raises(UsageError, match="was trained on series with times or covariates"):
        ours.forecast(arrays)
