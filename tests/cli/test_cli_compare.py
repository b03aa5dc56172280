"""``s2s compare``: real trainings, stopped and continued, and the report that comes out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from test_cli_errors import one_line_error

from s2s_plugins.comparison import decoded, metrics

UPDATES = 400  # enough to be stopped before the end
SIZES = ["--", "--encoder-embed-dim", "8", "--decoder-embed-dim", "8", "--batch-size", "16", "--attention", "general"]
SIZES += ["--encoder-hidden-size", "8", "--decoder-hidden-size", "8"]


def flags(digits, out, archs, updates):
    return [digits, "--archs", archs, "--updates", updates, "--out", out, "--samples", 4, "--attention-maps", 2, *SIZES]


@pytest.fixture(scope="module")
def compared(commands, digits):
    """A comparison of two systems, stopped in the training of the second one, and continued."""
    out = commands.folder / "compared"
    argv = flags(digits, out, "basic_lstm,attention_lstm", UPDATES)
    process = subprocess.Popen(
        [sys.executable, "-m", "s2s_plugins", "compare", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + 240
        started = out / "train" / "attention_lstm-seed1" / "checkpoint_last.pt"
        while not started.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    report = (out / "report.html").read_text(encoding="utf-8")
    return out, (process.returncode, errors, report), commands("s2s", "compare", *argv)


def test_what_was_done_stays_and_the_rest_goes_on(compared):
    out, (code, errors, report), result = compared
    assert (code, errors.split("\n", 1)) == (130, ["", "s2s compare: stopped; re-run the command to resume\n"])
    assert "<b>basic_lstm</b>" in report and "<b>attention_lstm</b>" not in report
    assert "train-basic_lstm-seed1: done before" in result.out and "train-attention_lstm-seed1, resumed" in result.out
    log = (out / "logs" / "train-attention_lstm-seed1.log").read_text()
    assert log.count("$ ") == 2
    assert re.search(r"Loaded checkpoint .*checkpoint_last.pt \(epoch \d+ @ [1-9]\d* updates\)", log)


def test_the_results_are_those_of_the_decoded_text(compared, commands, digits):
    out, _, result = compared
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [system["name"] for system in results["systems"]] == ["basic_lstm", "attention_lstm"]
    (subset,) = results["subsets"]
    assert subset["name"] == "test" and subset["sentences"] == 13
    for system in results["systems"]:
        checkpoint = out / "train" / f"{system['name']}-seed1" / "checkpoint_best.pt"
        generated = commands.generate(digits, "--path", checkpoint, "--beam", 5)
        right = sum(h == r for h, r in zip(generated.hypotheses(), generated.lines("T")))
        (scores,) = subset["scores"][system["name"]]
        assert scores["exact"] == pytest.approx(100 * right / 13)
        (run,) = system["runs"]
        assert run["validation_curve"][-1][0] == UPDATES and len(run["validation_curve"]) == 10
        assert run["training_curve"][-1][0] == UPDATES and run["parameters"] > 0 and run["tokens_per_second"] > 0
        assert f"{scores['exact']:.2f}" in result.out
    weighted = [
        group["sentences"] * value for group, value in zip(subset["lengths"], subset["by_length"]["basic_lstm"][0])
    ]
    assert sum(weighted) / 13 == pytest.approx(subset["scores"]["basic_lstm"][0]["exact"])
    sources = [len(sample["source"].split()) for sample in subset["samples"]]
    assert len(sources) == 4 and sources == sorted(sources)
    assert set(subset["samples"][0]["outputs"]) == {"basic_lstm", "attention_lstm"}


def test_the_report_is_one_page_with_everything_in_it(compared):
    out, _, _ = compared
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2 and not re.search(r'(src|href)="(?!data:|#)', page)
    attention = page[page.index('<h2 id="attention">') :]
    assert "<h3>attention_lstm</h3>" in attention and "<h3>basic_lstm</h3>" not in attention
    assert "without --decoder-embed-dim, --attention" in page
    decoders = page[page.index('<h2 id="decoders">') :]
    assert decoders.count("<svg ") == 1 and decoders.count("<g ") == 2, "the decoders are drawn, one beside the other"
    assert {path.name for path in out.glob("*.png")} == {"learning-curves.png", "by-length-test.png"}
    assert not list(out.rglob("*.partial")) and not (out / "train" / "basic_lstm-seed1" / "checkpoint_last.pt").exists()
    maps = json.loads((out / "attention" / "attention_lstm.json").read_text(encoding="utf-8"))
    assert len(maps) == 2 and all(abs(sum(row) - 1) < 1e-4 for one in maps for row in one["weights"])


def test_decoders_are_drawn_where_no_attention_maps_are_wanted(compared, commands, digits, tmp_path):
    out = shutil.copytree(compared[0], tmp_path / "without-maps")
    shutil.rmtree(out / "attention")
    commands(
        "s2s",
        "compare",
        *flags(digits, out, "basic_lstm,attention_lstm", UPDATES)[: -len(SIZES)],
        "--attention-maps",
        0,
        *SIZES,
    )
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'id="attention"' not in page and page.count("<svg ") == 1


def test_the_beginning_of_the_source_is_a_row_without_a_training(compared, commands, digits, tmp_path):
    out = shutil.copytree(compared[0], tmp_path / "with-leads")
    argv = flags(digits, out, "basic_lstm,attention_lstm", UPDATES)
    result = commands("s2s", "compare", *argv[:1], "--lead", "2,3", *argv[1:])
    assert result.out.count("done before") == 4, "nothing is trained or decoded again"
    texts = [(folder / "results.json").read_text(encoding="utf-8") for folder in (compared[0], out)]
    before, results = (json.loads(text.replace(str(out), str(compared[0]))) for text in texts)
    assert results["systems"] == before["systems"]
    assert results["baselines"] == [
        {"name": f"lead-{number}", "tokens": number, "about": f"the first {number} tokens of the source"}
        for number in (2, 3)
    ]
    found = decoded.read_decoded(out / "decoded" / "test-basic_lstm-seed1.txt")
    (subset,) = results["subsets"]
    for tokens in (2, 3):
        outputs = [" ".join(source.split()[:tokens]) for source in found.sources]
        (scores,) = subset["scores"][f"lead-{tokens}"]
        assert scores["token-error"] == metrics.token_error_rate(outputs, found.references)
        assert scores["exact"] == metrics.exact_match(outputs, found.references)
        assert [len(values) for values in subset["by_length"][f"lead-{tokens}"]] == [len(subset["lengths"])]
        for sample in subset["samples"]:
            assert sample["outputs"][f"lead-{tokens}"] == outputs[sample["number"]]
        (line,) = [line for line in result.out.splitlines() if line.startswith(f"lead-{tokens} ")]
        assert f"{scores['token-error']:.2f}" in line and line.split()[-4:] == ["–"] * 4
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "the first 2 tokens of the source, nothing trained" in page and "so far" not in page
    assert (out / "by-length-test.png").read_bytes() != (compared[0] / "by-length-test.png").read_bytes()
    assert (out / "learning-curves.png").read_bytes() == (compared[0] / "learning-curves.png").read_bytes()


def test_other_settings_in_the_same_folder_are_an_error_that_names_them(compared, commands, digits):
    out, _, _ = compared
    result = commands("s2s", "compare", *flags(digits, out, "basic_lstm", 151), code=2)
    assert "updates: 400, now 151" in one_line_error(result) and "--redo" in one_line_error(result)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--archs", "no_such"], "--archs no_such is no architecture"),
        (["--archs", ","], "--archs"),
        (["--updates", "0"], "--updates 0"),
        (["--seeds", "x"], "--seeds x"),
        (["--metrics", "exact,meteor"], "meteor is not known"),
        (["--subset", "test9"], "no test9 split"),
        (["--flags", "luong", "--dropout 0"], "--flags luong"),
        (["--flags", "basic_lstm", "'"], "--flags basic_lstm"),
        (["--lead", "0"], "--lead 0 is no number of tokens"),
        (["--lead", "3,x"], "--lead 3,x is no number of tokens"),
        (["--lead", "3,3"], "--lead 3,3 names a number twice"),
        (["--archs", "lead-3=basic_lstm", "--lead", "3"], "--lead 3 is a row lead-3, as a system of --archs"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(commands, digits, tmp_path, changed, message):
    base = [digits, "--archs", "basic_lstm", "--updates", "5", "--out", tmp_path / "out"]
    result = commands("s2s", "compare", *base, *changed, code=2)
    assert message in one_line_error(result) and not (tmp_path / "out").exists()


def test_a_training_that_fails_is_named_beside_its_log(commands, digits, tmp_path):
    base = [digits, "--archs", "basic_lstm", "--updates", "5", "--out", tmp_path, "--", "--no-such-flag"]
    result = commands("s2s", "compare", *base, code=1)
    assert "train-basic_lstm-seed1 stopped with exit code 2" in result.err and "--no-such-flag" in result.err
    assert "Traceback" not in result.err
