"""Series of numbers through fairseq's commands and ours: prepare, train, resume, validate, forecast."""

import csv
import io
import re

import numpy as np
import pytest
import torch
from conftest import USER_DIR
from test_cli_errors import one_line_error

from s2s_plugins.models.forecaster import load_forecaster
from s2s_plugins.series.reading import read_series
from s2s_plugins.series.store import SeriesFolder

SIZES = ("--encoder-embed-dim", 16, "--encoder-hidden-size", 16, "--decoder-hidden-size", 16, "--dropout", 0)
QUANTILES = ("--loss", "quantile", "--quantiles", "0.1,0.5,0.9")


def rows_of(count, seed=0, first=0):
    """Days with two sines and a little noise: a level that has a season, and one that follows it."""
    draw, step = np.random.default_rng(seed), np.arange(first, first + count)
    level = 50 + 5 * np.sin(2 * np.pi * step / 7) + 0.1 * draw.standard_normal(count)
    other = -3 + np.cos(2 * np.pi * step / 7)
    days = np.datetime64("2020-01-01") + step
    return [(str(day), f"{a:.4f}", f"{b:.4f}") for day, a, b in zip(days, level, other)]


def table(rows, head=("day", "level", "other")):
    return "".join(",".join(row) + "\n" for row in [head, *rows])


@pytest.fixture(scope="module")
def data(commands):
    """A prepared folder of one series of 400 days."""
    folder = commands.folder / "series"
    folder.mkdir()
    (folder / "series.csv").write_text(table(rows_of(400)))
    lengths = ("--input-length", 14, "--output-length", 7)
    commands("s2s", "prepare", "--series", folder / "series.csv", "--dest", folder / "data", "--time", "day", *lengths)
    return folder / "data"


def train(commands, data, arch, save_dir, *flags, **kwargs):
    shared = ("--task", "sequence_regression", "--batch-size", 32, *SIZES)
    return commands.train(data, arch, commands.folder / save_dir, *shared, *flags, **kwargs)


@pytest.fixture(scope="module")
def trained(commands, data):
    """A checkpoint of an hour's worth of quantiles."""
    train(commands, data, "attention_lstm", "forecaster", *QUANTILES, "--max-epoch", 12)
    return commands.folder / "forecaster" / "checkpoint_best.pt"


def losses(result, what="train"):
    found = re.findall(rf"\| {what} \|.*?\bloss (-?[\d.]+)", result.out + result.err)
    return [float(loss) for loss in found]


def columns(text):
    head, *rows = csv.reader(io.StringIO(text))
    return {name: [row[place] for row in rows] for place, name in enumerate(head)}


def test_the_command_of_the_readme_needs_no_criterion_and_no_batch_size(commands, data):
    flags = ("--user-dir", USER_DIR, "--task", "sequence_regression", "--arch", "peek_lstm", "--max-update", 1)
    saved = ("--save-dir", commands.folder / "short", "--num-workers", 0, *SIZES)
    done = commands("fairseq-train", data, *flags, *saved, "--optimizer", "adam", "--lr", 0.01)
    assert "'criterion': {'_name': 'sequence_regression'" in done.out + done.err
    assert "'batch_size': 32" in done.out + done.err


@pytest.mark.parametrize("arch, flags", [
    ("basic_lstm", ("--loss", "mse")),
    ("feedback_lstm", ("--loss", "mae", "--scheduled-sampling", 1, "--encoder-layers", 2, "--inner-handover")),
    ("peek_lstm", ("--loss", "huber", "--huber-delta", 0.5, "--rnn-cell", "gru")),
    ("attention_lstm", ("--loss", "gaussian", "--attention-timing", "after", "--encoder-bidirectional")),
])  # fmt: skip
def test_every_architecture_and_loss_learns(commands, data, arch, flags):
    found = losses(train(commands, data, arch, f"learns-{arch}", *flags, "--max-epoch", 4))
    assert found[-1] < found[0] - 0.3 * abs(found[0]), found


def test_a_resumed_training_ends_like_an_uninterrupted_one(commands, data):
    flags = ("--dropout", 0.1, "--scheduled-sampling", 0.5, "--save-interval-updates", 4, "--keep-interval-updates", 1)
    train(commands, data, "peek_lstm", "whole", *flags, "--max-update", 14)
    train(commands, data, "peek_lstm", "halves", *flags, "--max-update", 6)
    train(commands, data, "peek_lstm", "halves", *flags, "--max-update", 14)
    whole, halves = (torch.load(commands.folder / name / "checkpoint_last.pt", weights_only=True)["model"]
                     for name in ("whole", "halves"))  # fmt: skip
    assert all(torch.equal(whole[name], halves[name]) for name in whole)


def test_validation_is_the_error_of_what_is_forecast(commands, data, trained):
    flags = ("--user-dir", USER_DIR, "--task", "sequence_regression", "--path", trained, "--valid-subset", "test")
    said = commands("fairseq-validate", data, *flags, "--num-workers", 0)
    logged = dict(re.findall(r"(loss|mae|rmse|coverage) ([\d.]+)", (said.out + said.err).split("| test |")[-1]))
    forecaster, folder = load_forecaster(str(trained)), SeriesFolder(data)
    windows = [folder.window(row) for row in folder.windows("test")]
    point, quantiles = forecaster.predict_windows(windows, forecaster.levels)
    stds = np.array([folder.description.stds[name] for name in folder.description.targets])
    means = np.array([folder.description.means[name] for name in folder.description.targets])
    target = np.stack([window.target for window in windows]) * stds + means
    error = (point - target) / stds
    assert float(logged["mae"]) == pytest.approx(np.abs(error).mean(), abs=2e-4)
    assert float(logged["rmse"]) == pytest.approx(np.sqrt((error**2).mean()), abs=2e-4)
    inside = (quantiles[..., 0] <= target) & (target <= quantiles[..., -1])
    assert float(logged["coverage"]) == pytest.approx(100 * inside.mean(), abs=0.1)


def test_a_forecast_goes_on_behind_the_series_in_its_units(commands, trained):
    said = commands("s2s", "forecast", trained, stdin=table(rows_of(120)))
    found = columns(said.out)
    assert list(found)[:5] == ["day", "level", "level_q0.1", "level_q0.5", "level_q0.9"]
    assert found["day"] == [row[0] for row in rows_of(7, first=120)]
    level = np.array([float(row[1]) for row in rows_of(7, first=120)])
    assert np.abs(np.array(found["level"], float) - level).mean() < 1.5  # its swing is 10
    assert all(float(low) <= float(high) for low, high in zip(found["level_q0.1"], found["level_q0.9"]))


def test_files_levels_lengths_and_pictures(commands, trained):
    folder = commands.folder / "forecasts"
    folder.mkdir()
    (folder / "in.csv").write_text(table(rows_of(60)))
    flags = ("--input", folder / "in.csv", "--length", 20, "--levels", "0.9", "--plot", folder / "out.png")
    commands("s2s", "forecast", trained, *flags, "--out", folder / "out.csv")
    found = columns((folder / "out.csv").read_text())
    assert list(found) == ["day", "level", "level_q0.9", "other", "other_q0.9"] and len(found["day"]) == 20
    assert (folder / "out.png").read_bytes()[:4] == b"\x89PNG"
    commands("s2s", "forecast", trained, "--input", folder / "in.csv", "--out", folder / "out.npz", "--levels", "")
    with np.load(folder / "out.npz") as arrays:
        assert arrays["point"].shape == (1, 7, 2) and arrays["quantiles"].shape == (1, 7, 2, 0)
    assert sorted(path.name for path in folder.iterdir()) == ["in.csv", "out.csv", "out.npz", "out.png"]


def test_python_and_the_command_forecast_the_same(commands, trained):
    text = table(rows_of(90))
    found = columns(commands("s2s", "forecast", trained, stdin=text).out)
    forecaster = load_forecaster(str(trained))
    (forecast,) = forecaster.forecast(read_series(io.BytesIO(text.encode()), forecaster.description))
    np.testing.assert_allclose(forecast.point[:, 0], np.array(found["level"], float), rtol=1e-5)
    # a series that ends earlier sees nothing of what came later
    (earlier,) = forecaster.forecast(read_series(io.BytesIO(table(rows_of(60)).encode()), forecaster.description))
    longer = table(rows_of(60) + [(day, "", "") for day, _, _ in rows_of(30, first=60)])
    (later,) = forecaster.forecast(read_series(io.BytesIO(longer.encode()), forecaster.description))
    np.testing.assert_array_equal(earlier.point, later.point)


@pytest.mark.parametrize("text, flags, message", [
    (table(rows_of(5)), (), "has 5 rows with level, other: the model reads 14"),
    (table([row[:2] for row in rows_of(30)], ("day", "level")), (), "'other'"),
    (table(rows_of(30)).replace("2020-01-04", "2020-01-03"), (), "2020-01-03"),
    (table(rows_of(30)), ("--levels", "0.2"), "gives no quantile 0.2: choose among 0.1, 0.5, 0.9"),
    (table(rows_of(30)), ("--length", 0), "--length 0 is too small"),
    (table(rows_of(30)), ("--plot", "picture.bmp"), "picture.bmp ends in no format of a picture"),
    (table(rows_of(30)), ("--out", "out.parquet"), "--out out.parquet: forecasts are written as .csv or .npz"),
    ("", (), "standard input"),
])  # fmt: skip
def test_what_cannot_be_forecast_is_said_in_one_line(commands, trained, text, flags, message):
    assert message in one_line_error(commands("s2s", "forecast", trained, *flags, stdin=text, code=2))


@pytest.mark.parametrize("flags, message", [
    (("--share-all-embeddings",), "--share-all-embeddings is about tokens"),
    (("--attention-alignment", "hard", "--attention-timing", "after"), "--attention-alignment hard sums over"),
    (("--quantiles", "0.1,0.9"), "--quantiles is about --loss quantile, --loss is mse"),
    (("--loss", "quantile", "--quantiles", "0.9,0.1"), "are no levels"),
    (("--loss", "quantile", "--quantiles", "a"), "--quantiles a is not a list of numbers"),
    (("--loss", "huber", "--huber-delta", "-1"), "huber_delta -1.0 is no error"),
    (("--criterion", "cross_entropy"), "--criterion cross_entropy is about tokens"),
    (("--stateful", "--encoder-bidirectional"), "leave one of them out"),
    (("--stateful", "--encoder-layers", 2, "--inner-handover"), "leave one of them out"),
    (("--inner-handover",), "--inner-handover hands a state from an encoder layer to the next"),
    (("--valid-subset", "other"), "has no other split"),
])  # fmt: skip
def test_flags_that_do_not_go_with_vectors_are_said_in_one_line(commands, data, flags, message):
    save_dir = commands.folder / "never"
    done = train(commands, data, "attention_lstm", save_dir, *flags, "--max-update", 1, code=2)
    assert message in one_line_error(done)


def test_a_folder_that_is_not_there_names_the_command_that_makes_it(commands):
    done = train(commands, "nowhere", "peek_lstm", "never", "--max-update", 1, code=2)
    assert "data folder nowhere does not exist: s2s prepare --series FILE --dest nowhere makes it" in one_line_error(
        done
    )


def test_intervals_of_given_outputs_are_warned_of(commands, data):
    flags = ("--loss", "gaussian", "--max-update", 1)
    said = train(commands, data, "peek_lstm", "narrow", *flags)
    assert "come out too narrow: use --scheduled-sampling 1" in said.out + said.err
    said = train(commands, data, "peek_lstm", "wide", *flags, "--scheduled-sampling", 1)
    assert "too narrow" not in said.out + said.err


def test_the_criterion_wants_its_task(commands, digits):
    done = commands.train(
        digits, "peek_lstm_tiny", commands.folder / "no", "--criterion", "sequence_regression", code=2
    )
    assert "use --task sequence_regression" in one_line_error(done)


def test_a_checkpoint_of_other_data_is_not_gone_on_from(commands, data, trained):
    folder = commands.folder / "series"
    lengths = ("--input-length", 14, "--output-length", 5)
    other = ("--dest", folder / "other", "--time", "day", *lengths)
    commands("s2s", "prepare", "--series", folder / "series.csv", *other)
    flags = ("--restore-file", trained, "--max-epoch", 20)
    done = train(commands, folder / "other", "attention_lstm", "elsewhere", *QUANTILES, *flags, code=2)
    assert "was trained on data with other columns, windows or scaling" in one_line_error(done)


@pytest.fixture(scope="module")
def pieces(commands):
    """Three long series of unequal length, cut into pieces that follow each other."""
    folder = commands.folder / "series-in-pieces"
    folder.mkdir()
    head = ("name", "day", "level", "other")
    rows = [(name, *row) for name, count in (("a", 300), ("b", 200), ("c", 90)) for row in rows_of(count, len(name))]
    (folder / "series.csv").write_text(table(rows, head))
    flags = ("--time", "day", "--series-column", "name", "--input-length", 10, "--output-length", 3)
    for name, stride in (("data", 10), ("apart", 7)):
        stride = ("--stride", stride, "--dest", folder / name)
        commands("s2s", "prepare", "--series", folder / "series.csv", *flags, *stride)
    return folder


def test_a_stateful_training_resumes_in_the_middle_of_a_series(commands, pieces):
    # an epoch has fewer batches than that, and its last ones fewer rows than the next epoch's first
    flags = ("--stateful", "--batch-size", 2, "--save-interval-updates", 5, "--keep-interval-updates", 1)
    train(commands, pieces / "data", "feedback_lstm", "stateful", *flags, "--max-update", 33)
    train(commands, pieces / "data", "feedback_lstm", "stateful-halves", *flags, "--max-update", 5)
    train(commands, pieces / "data", "feedback_lstm", "stateful-halves", *flags, "--max-update", 33)
    train(commands, pieces / "data", "feedback_lstm", "stateless", *flags[1:], "--max-update", 33)
    whole, halves, without = (
        torch.load(commands.folder / name / "checkpoint_last.pt", weights_only=True)["model"]
        for name in ("stateful", "stateful-halves", "stateless")
    )
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    assert any(not torch.equal(whole[name], without[name]) for name in whole)


def test_windows_that_do_not_follow_each_other_cannot_be_stateful(commands, pieces):
    done = train(commands, pieces / "apart", "feedback_lstm", "never", "--stateful", "--max-update", 1, code=2)
    assert "prepare the data with a --stride that divides --input-length" in one_line_error(done)


def test_arrays_train_and_predict(commands):
    folder = commands.folder / "arrays"
    folder.mkdir()
    draw = np.random.default_rng(0)
    source = draw.standard_normal((80, 5, 3))
    np.savez(folder / "train.npz", source=source, target=source[:, ::-1, :2])
    np.savez(folder / "new.npz", source=source[:4])
    commands("s2s", "prepare", "--series", folder / "train.npz", "--dest", folder / "data")
    train(commands, folder / "data", "attention_lstm", "of-arrays", "--max-epoch", 2)
    checkpoint = commands.folder / "of-arrays" / "checkpoint_last.pt"
    files = ("--input", folder / "new.npz", "--out", folder / "out.npz")
    commands("s2s", "forecast", checkpoint, *files)
    with np.load(folder / "out.npz") as arrays:
        assert arrays["point"].shape == (4, 5, 2) and np.isfinite(arrays["point"]).all()
    assert "give --input F.npz and --out F.npz" in one_line_error(commands("s2s", "forecast", checkpoint, code=2))
