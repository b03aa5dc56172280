"""``s2s compare`` on series: real trainings, and a report of errors by step of the horizon."""

import json
import re
import shutil

import numpy as np
import pytest
from series_data import of_table
from test_cli_errors import one_line_error

from s2s_plugins.models.forecaster import load_forecaster
from s2s_plugins.series.features import in_units

ROWS, UPDATES = 120, 3
SIZES = ["--encoder-embed-dim", 4, "--encoder-hidden-size", 4, "--decoder-embed-dim", 4, "--decoder-hidden-size", 4]
FLAGS = ["--", *SIZES, "--loss", "quantile", "--quantiles", "0.1,0.5,0.8"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A series of days without covariates, whose last fifth is the test part."""
    days = np.datetime64("2024-01-01") + np.arange(ROWS)
    values = 500 + 40 * np.sin(np.arange(ROWS) / 2) + np.random.default_rng(1).normal(size=ROWS)
    table = {"day": days.tolist(), "y": values.round(3).tolist()}
    return of_table(tmp_path_factory.mktemp("series") / "shop", table, test_fraction=0.2)


def flags(data, out):
    systems = ("--archs", "basic_lstm,mean=attention_lstm", "--flags", "mean", "--attention dot")
    return [data.path, *systems, "--updates", UPDATES, "--out", out, "--samples", 3, *FLAGS]


@pytest.fixture(scope="module")
def compared(commands, data):
    out = commands.folder / "compared-series"
    return out, commands("s2s", "compare", *flags(data, out))


def test_the_results_are_the_errors_of_what_the_checkpoints_predict(compared, data):
    out, result = compared
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["kind"] == "series" and [one["name"] for one in results["systems"]] == ["basic_lstm", "mean"]
    (test,) = results["subsets"]
    assert test["name"] == "test"
    rows = data.windows("test")
    assert test["windows"] == len(rows) == 8 and test["values"] == 24
    std = data.description.stds["y"]
    series = in_units(data.target[:], data.description)[:, 0]
    target = np.stack([series[row[3] : row[4]] for row in rows])  # N T
    in_sample = np.abs(np.diff(series[: data.windows("valid")[0, 3]])).mean()
    for system in results["systems"]:
        (run,) = system["runs"]
        forecaster = load_forecaster(run["checkpoint"])
        point, quantiles = forecaster.predict_windows([data.window(row) for row in rows], forecaster.levels)
        error = point[..., 0] - target
        within = (quantiles[..., 0, 0] <= target) & (target <= quantiles[..., 0, -1])
        (scores,) = test["scores"][system["name"]]
        expected = {
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "mae_std": np.abs(error).mean() / std,
            "rmse_std": np.sqrt((error**2).mean()) / std,
            "mase": np.abs(error).mean() / in_sample,
            "coverage": 100 * within.mean(),
            "coverage_nominal": 70,
        }
        assert {"seed": 1, **scores} == pytest.approx({"seed": 1, **expected}, rel=1e-4)
        assert test["by_step"][system["name"]][0] == pytest.approx(np.abs(error).mean(axis=0), rel=1e-4)
        assert run["parameters"] > 0 and run["steps_per_second"] > 0 and run["windows_per_second"] > 0
        assert [update for update, _ in run["validation_curve"]] == list(range(1, UPDATES + 1))
        assert f"{scores['mae']:.2f}" in result.out
    naive = np.stack([series[row[2] - 1] for row in rows])[:, None] - target
    assert test["scores"]["last-value"][0]["mae"] == pytest.approx(np.abs(naive).mean(), rel=1e-4)


def test_all_systems_have_the_same_budget_and_the_flags_that_they_take(compared):
    out, result = compared
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    basic, other = results["systems"]
    shared = " --clip-norm 1 --batch-size 64 --encoder-embed-dim 4 --encoder-hidden-size 4"
    assert shared in " ".join(basic["flags"]) and shared in " ".join(other["flags"])
    assert other["flags"][-2:] == ["--attention", "dot"] and basic["left_out"] == ["--decoder-embed-dim"]
    log = (out / "logs" / "train-mean-seed1.log").read_text()
    assert "--task sequence_regression" in log and f"--max-update {UPDATES}" in log


def test_the_report_is_one_page_with_pictures_and_no_part_about_text(compared):
    out, _ = compared
    page = (out / "report.html").read_text(encoding="utf-8")
    pictures = {"learning-curves", "by-step-test", "samples-test"}
    assert {path.stem for path in out.glob("*.png")} == pictures
    assert page.count("data:image/png;base64,") == len(pictures) and not re.search(r'(src|href)="(?!data:|#)', page)
    assert "last-value" in page and "MASE" in page and "of 70" in page and "attention_lstm" in page
    assert "Decoded" not in page and "sentences" not in page and "Attention" not in page
    assert not list(out.rglob("*.partial")) and not (out / "train" / "mean-seed1" / "checkpoint_last.pt").exists()


def test_what_is_done_stays_and_a_lost_step_is_done_again(compared, commands, data, tmp_path):
    out = shutil.copytree(compared[0], tmp_path / "again")
    predicted = out / "predicted" / "test-mean-seed1.npz"
    before = np.load(predicted)["point"]
    predicted.write_bytes(predicted.read_bytes()[:100])
    state = out / "state" / "predict-test-mean-seed1.json"
    broken = commands("s2s", "compare", *flags(data, out), code=1)
    assert f"{predicted} is missing or damaged: remove {state}" in one_line_error(broken)
    state.unlink()
    result = commands("s2s", "compare", *flags(data, out))
    assert result.out.count("done before") == 3 and "predict-test-mean-seed1\n" in result.out
    assert np.array_equal(np.load(predicted)["point"], before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--beam", "5"], "--beam is about text"),
        (["--archs", "peek_lstm,lstm"], "--archs lstm reads tokens alone"),
    ],
)
def test_what_makes_no_sense_for_series_is_an_error_before_anything_is_trained(
    commands, data, tmp_path, changed, message
):
    base = [data.path, "--archs", "basic_lstm", "--updates", "5", "--out", tmp_path / "out"]
    result = commands("s2s", "compare", *base, *changed, code=2)
    assert message in one_line_error(result) and not (tmp_path / "out").exists()
