"""The comparison with fairseq's own lstm, at a size that says nothing about speed: that it measures what it says."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY, batch_of, build_model, dictionary, program, translation_task
from onnx_models import TOKENS
from web_tools import letters_model, runtime_or_skip

sys.path.insert(0, str(REPOSITORY))  # benchmarks is no part of the installed package

from benchmarks import cluster, flops, lab, onnx, pairs, web  # noqa: E402
from benchmarks.parts.ablation import PLAIN_SEARCH  # noqa: E402
from benchmarks.switches import SWITCHES, switched_off  # noqa: E402
from benchmarks.systems import BASELINE, FULL, QUICK  # noqa: E402
from s2s_plugins.cluster import Shipped  # noqa: E402
from s2s_plugins.cluster.engines import local  # noqa: E402
from s2s_plugins.cluster.job import run as run_job  # noqa: E402

PARTS = ["same", "training", "decoding", "memory", "growth", "profile", "ablation"]
PLOTTED = PARTS[1:]
ALIKE = ("attention_lstm input-feeding", BASELINE)  # the same model


def command(*arguments):
    return [sys.executable, "-m", "benchmarks.run", "--threads", "1", *map(str, arguments)]


def run(*arguments):
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=500,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The output folder of one quick run."""
    out = tmp_path_factory.mktemp("benchmarks") / "bench"
    done = run("--quick", "--out", out)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "results.json").read_text())


def comparisons(results):
    """Every comparison of two systems in the results."""
    for part in ("training", "decoding", "ablation"):
        for row in results["parts"][part]["results"]["rows"]:
            if "note" not in row:
                yield row
            if "whole_call" in row:
                yield row["whole_call"]


def test_a_run_has_every_part_for_every_system(results):
    assert sorted(results["parts"]) == sorted(PARTS)
    rows = {part: results["parts"][part]["results"].get("rows") for part in PARTS}
    for shape in ("g2p", "translation"):
        for precision in ("fp32", "bf16"):
            found = [
                row["system"] for row in rows["training"] if (row["shape"], row["precision"]) == (shape, precision)
            ]
            assert found == list(QUICK.systems)
    for way in ("beam search", "greedy", "one at a time"):
        assert [row["system"] for row in rows["decoding"] if row["way"] == way] == list(QUICK.systems)
    assert [row["system"] for row in rows["profile"]] == [BASELINE, *QUICK.systems]
    assert [row["system"] for row in rows["memory"]] == [BASELINE, *QUICK.memory_systems]
    assert sorted(results["parts"]["growth"]["results"]["axes"]) == ["beam", "hidden", "length", "vocabulary"]


def test_only_our_side_runs_with_the_plugin(results):
    assert results["workers"]["ours"]["plugin"] and not results["workers"]["baseline"]["plugin"]
    assert results["workers"]["ours"]["threads"] == results["workers"]["baseline"]["threads"] == 1


def test_a_pairs_ratio_is_ours_over_the_baseline_of_that_pair(results):
    found = list(comparisons(results))
    assert found
    for row in found:
        for pair in row["pairs"]:
            assert pair["ratio"] == pytest.approx(pair["ours"] / pair["baseline"]) and pair["ratio"] > 0
        ratios = [pair["ratio"] for pair in row["pairs"]]
        assert row["ratio"] == {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        assert row["ours"]["median"] == statistics.median(pair["ours"] for pair in row["pairs"])


def test_bf16_runs_or_says_why_not(results):
    for row in results["parts"]["training"]["results"]["rows"]:
        if row["precision"] == "bf16":
            assert ("pairs" in row) == bool(results["workers"]["ours"]["bf16"])
            assert "pairs" in row or row["note"] == "not run: this CPU has no bf16 instructions"


def test_the_fast_paths_compute_what_the_slow_ones_do(results):
    rows = results["parts"]["same"]["results"]["rows"]
    assert {row["system"] for row in rows} == set(QUICK.systems)
    assert all(row["passed"] and row["difference"] <= row["limit"] for row in rows)


def test_a_switch_changes_the_speed_and_not_the_model():
    """Only dropout draws other numbers."""
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task, dropout=0.3).train()
    net_input = batch_of(task, [[1, 2, 3], [4, 5]], [[3, 2, 1], [5, 4]])["net_input"]
    expected = outcome(model, net_input)
    for name in SWITCHES:
        with switched_off(name):
            changed = outcome(model, net_input)
        assert torch.allclose(changed, expected, atol=1e-5) == (name != "16-bit dropout"), name
    assert torch.equal(outcome(model, net_input), expected)


def outcome(model, net_input):
    """Logits and a gradient, with the same random numbers each time."""
    torch.manual_seed(1)
    model.zero_grad()
    logits, _ = model(**net_input)
    logits.square().sum().backward()
    return torch.cat([logits.detach().flatten(), model.decoder.core.stack.layers[0].rnn.weight_ih_l0.grad.flatten()])


def test_every_change_has_its_row(results):
    rows = results["parts"]["ablation"]["results"]["rows"]
    for system, switches in QUICK.ablation:
        found = [(row["command"], row["change"]) for row in rows if row["system"] == system]
        decoding = [PLAIN_SEARCH, "bf16 weights", "int8 weights"]
        assert found == [("training", name) for name in switches] + [("decoding", name) for name in decoding]
    for system in ("luong, 400 tokens a batch", "luong, 50 words, 25 sampled"):
        assert [row["change"] for row in rows if row["system"] == system] == ["Adam in one pass"]
    for row in rows:
        if "scores" in row:
            assert 0 < row["scores"]["mean"] <= row["scores"]["largest"] < 0.2


def test_the_shares_of_a_profile_are_all_of_its_time(results):
    for row in results["parts"]["profile"]["results"]["rows"]:
        for kind in ("training", "decoding"):
            assert sum(row[kind]["shares"].values()) == pytest.approx(1, abs=0.02)
        assert row["training"]["shares"]["recurrent and matrix products"] > 0


def test_memory_is_that_of_a_process_with_torch_in_it(results):
    for row in results["parts"]["memory"]["results"]["rows"]:
        assert row["train"] > 100 and row["generate"] > 100  # megabytes


def test_every_plotted_part_has_a_picture(folder):
    for part in PLOTTED:
        content = (folder / f"{part}.png").read_bytes()
        assert content.startswith(b"\x89PNG\r\n") and len(content) > 10_000


def test_the_table_names_machine_and_versions(folder, results):
    text = (folder / "results.txt").read_text()
    assert results["machine"]["cpu"] in text and results["date"] in text
    for name, version in results["settings"]["versions"].items():
        assert f"{name} {version}" in text
    for part in ("training, target tokens/s", "decoding, greedy", "memory,", "growth with beam", "the same numbers"):
        assert part in text
    assert max(len(line) for line in text.splitlines()) < 200


def test_a_second_start_measures_nothing_again(folder):
    before = (folder / "results.json").read_bytes()
    done = run("--quick", "--out", folder)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines() if "already done" in line] == PARTS
    assert (folder / "results.json").read_bytes() == before


def test_other_settings_need_another_folder(folder):
    done = run("--quick", "--rounds", 7, "--out", folder)
    assert done.returncode == 2
    assert "rounds 1, now 7" in done.stderr and "choose another --out" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--only", "training,cooking"], "--only cooking is not a part: choose from same,training"),
        (["--rounds", "0"], "--rounds 0 is too few: use 1 or more"),
        (["--threads", "many"], "invalid int value: 'many'"),
        (["--g2p-bin", "nowhere"], "--g2p-bin nowhere has no train split"),
        (["--faster"], "unrecognized arguments: --faster"),
    ],
)
def test_bad_arguments_are_named_in_one_line(tmp_path, arguments, message):
    done = run(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = run("--quick", "--out", tmp_path / "file")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"--out {tmp_path / 'file'} cannot be made a folder (File exists): choose another" in done.stderr


def test_an_interrupted_run_ends_its_workers_and_says_how_to_resume(tmp_path):
    process = subprocess.Popen(
        command("--quick", "--only", "same", "--out", tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    first = process.stdout.readline()
    assert "same: begins" in first
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    workers = [int(number) for number in children.stdout.split()]
    assert len(workers) == 2
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "re-run the command to resume" in err and "Traceback" not in err
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_the_parent_process_stays_small():
    """It is in the way of what it measures as little as possible."""
    script = "import sys, benchmarks.run; print({'torch', 'fairseq', 'numpy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip() == "set()"


def test_a_summary_is_the_median_and_the_range():
    found = pairs.compare([2.0, 4.0, 5.0], [3.0, 2.0, 10.0])
    assert [pair["ratio"] for pair in found["pairs"]] == [1.5, 0.5, 2.0]
    assert found["ratio"] == {"median": 1.5, "low": 0.5, "high": 2.0}
    with pytest.raises(ValueError, match="3 values of the baseline and 2 of ours"):
        pairs.compare([1, 2, 3], [1, 2])
    assert [pairs.percentile([5, 1, 3, 2, 4], share) for share in (0.2, 0.5, 0.95, 1)] == [1, 3, 5, 5]


def test_arithmetic_is_counted_from_the_shapes():
    sees = flops.Sees(("constant",), ("hidden",))
    basic = flops.forward(sees, FULL.g2p, 1, 1, 1, 40)
    encoder, decoder, output = 2 * 4 * 256 * (128 + 256), 4 * 512 * (512 + 512), 512 * 40
    assert basic == 2 * (encoder + decoder + output)
    assert flops.training(sees, FULL.g2p, 10, 1, 1, 40) == 30 * basic
    readout = flops.forward(flops.Sees(("constant",), ("hidden", "token")), FULL.g2p, 1, 1, 1, 40) - basic
    assert readout == 2 * 512 * (512 + 128)


def test_what_a_decoder_sees_is_read_off_the_model():
    like_fairseqs = build_with_sizes(attention_timing="after", attention="general", input_feeding=True)
    assert lab.sees_of(like_fairseqs) == flops.FAIRSEQ
    assert lab.sees_of(build_with_sizes()) == flops.Sees(("token", "context"), ("hidden", "token", "context"), True)


def build_with_sizes(**flags):
    return build_model("attention_lstm", translation_task(dictionary(), dictionary()), **flags)


def test_onnx_runtime_is_measured_beside_pytorch(tmp_path, capsys):
    path, words = str(tmp_path / "model.safetensors"), onnx.words_of(8)
    onnx.model_of(onnx.alignments()["soft attention"]).write(path)
    onnx.report("one", path, words, rounds=1, folder=str(tmp_path / "int8"), trained=True)
    rows = [[cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()]
    assert [row[3] for row in rows] == ["onnx", "int8", "onnx", "int8", "onnx", "onnx", "onnx", "int8"]
    seconds, memory = ([float(cell) for cell in row[4:6]] for row in rows[4:6])
    assert min(seconds) > 0.05 and 30 < memory[1] < memory[0] < 1000
    assert rows[6][5] == "100.0"


def test_the_page_is_measured_in_a_browser_beside_python(tmp_path, monkeypatch, capsys):
    program("chromium")
    runtime_or_skip()
    model, words = tmp_path / "letters.safetensors", tmp_path / "words.txt"
    letters_model([TOKENS["peek"]]).write(model)
    words.write_text("\n".join(["fed"] * (web.WARM_UP + 2)))
    monkeypatch.setattr(sys, "argv", ["web", str(model), str(words)])
    web.main()
    said = capsys.readouterr().out
    assert re.search(r"^runtime: 14\.\d+ MB, \d+\.\d+ MB by gzip$", said, re.MULTILINE)
    assert re.search(
        r"^ready after \d+ ms; 22 words, ms a prediction:\nChromium [\d.]+, Python [\d.]+$", said, re.MULTILINE
    )


def test_a_model_that_sleeps_predicts_files_as_a_real_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS", 0.0001)
    source = cluster.files_of(["abc", "b"], tmp_path / "in", files=2, lines=3)
    model = REPOSITORY / "benchmarks" / "README.md"  # is sent, and not opened
    monkeypatch.setattr(cluster.SleepingJob, "shipped", lambda job: Shipped({"model.safetensors": model.read_bytes()}))
    totals = run_job(cluster.SleepingJob(str(model), str(source), str(tmp_path / "out")), local)
    assert (totals.partitions, totals.lines, totals.failed) == (2, 6, {})
    assert (tmp_path / "out" / "predictions" / "00001.tsv").read_text() == "b\tb\nabc\tabc\nb\tb\n"


def test_a_part_of_the_cluster_benchmark_that_is_not_there_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cluster.main(["--out", str(tmp_path), "--only", "cost,price"])
    assert "--only price is no part: use cost, growth" in capsys.readouterr().err


def test_results_of_the_cluster_benchmark_are_shown_in_a_line():
    found = {side: {"median": value} for side, value in (("baseline", 4e-4), ("ours", 5e-4))}
    found["ratio"] = {"median": 1.25, "low": 1.2, "high": 1.3}
    assert cluster.shown("cost", found) == "cost: 400.00 and 500.00 us a line, ratio 1.25 (1.20 to 1.30)"
    assert cluster.shown("memory", {"100": 90.4, "10000": 120.0}) == "memory: 100 files 90 MB, 10000 files 120 MB"
