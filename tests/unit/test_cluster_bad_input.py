"""Files that cannot be predicted, and jobs that cannot work: what is said, and that the rest is done."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx_models import TOKENS
from predicted_files import LONG, errors_in, files_in, predict, read_rows, spelling_model
from web_tools import letters_model

from s2s_plugins.cluster.engines import _checked, local
from s2s_plugins.cluster.job import Job, run
from s2s_plugins.cluster.partitions import Done, Partition, Rows
from s2s_plugins.cluster.storage import File, LocalStorage
from s2s_plugins.errors import UsageError, WorkError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return spelling_model(tmp_path_factory.mktemp("model"))


def test_unusable_lines_are_named_and_the_rest_is_predicted(model, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"abc\n\xff\n" + LONG.encode() + b"\nba\n")
    (folder / "b.tsv").write_bytes(b"source\tid\nabc\t1\nabc\nab\t\xff\nba\t2\n")
    (folder / "c.jsonl").write_text(
        '{"source": "abc"}\n{"source": 3}\n[1]\nno\n{"other": 1}\n{"source": "ab", "x": "\\ud800"}\n'
    )
    pq.write_table(pa.table({"source": ["abc", None]}), folder / "d.parquet")
    out = tmp_path / "out"
    assert predict(model, "--input", folder, "--output", out) == 0
    found = [(entry["file"], entry["line"]) for entry in errors_in(out)]
    lines = {"a.txt": [2, 3], "b.tsv": [3, 4], "c.jsonl": [2, 3, 4, 5, 6], "d.parquet": [2]}
    assert found == [(name, line) for name, own in lines.items() for line in own]
    reasons = [entry["error"] for entry in errors_in(out)]
    assert reasons[0] == "not UTF-8 text" and "51 tokens" in reasons[1] and "1 columns, not 2" in reasons[2]
    assert errors_in(out)[0]["text"] == "\\xff"
    assert [len(read_rows(path)) for path in sorted((out / "predictions").iterdir())[1:]] == [2, 1, 1]
    assert (out / "predictions" / "a.tsv").read_text().split("\n")[1].startswith("ba\t")
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["lines"], manifest["errors"], manifest["finished"]) == (16, 10, True)
    assert "16 lines, 10 of them unusable" in capsys.readouterr().out


def test_too_many_unusable_lines_stop_the_job_and_more_may_be_allowed(model, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"{LONG}\nabc\n{LONG}\n")
    assert predict(model, "--input", folder, "--output", out, "--max-errors", 3) == 1
    assert "more than 3 lines cannot be used" in capsys.readouterr().err
    assert (out / "predictions" / "a.tsv").is_file() and not (out / "predictions" / "c.tsv").exists()
    assert predict(model, "--input", folder, "--output", out, "--max-errors", 6) == 0
    assert len(list((out / "predictions").iterdir())) == 3 and len(errors_in(out)) == 6


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(model, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("abc\n")
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"abc\n" * 5000)[:-20])
    (folder / "c.parquet").write_bytes(b"PAR1 or not")
    (folder / "d.csv").write_text("word,id\nabc,1\n")
    (folder / "e.csv").write_bytes(b"source,w\xf6rt\nabc,1\n")
    (folder / "f.json").write_text('[{"source": "abc"},\n {"source": "ba"}]\n')
    (folder / "g.tsv").write_text("abc\nba\n")
    assert predict(model, "--input", folder, "--output", out) == 1
    error = capsys.readouterr().err
    for expected in (
        "b.txt.gz: damaged",
        "c.parquet: damaged",
        "d.csv has no column 'source'",
        "e.csv, line 1: the names",
    ):
        assert expected in error
    for expected in ("f.json: an array of JSON", "g.tsv has no column 'source', but 'abc'"):
        assert expected in error
    assert "6 of 7 files were not predicted" in error and "Traceback" not in error
    assert [path.name for path in (out / "predictions").iterdir()] == ["a.tsv"]
    assert not json.loads((out / "manifest.json").read_text())["finished"]
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"abc\n" * 5000))
    for name in ("c.parquet", "d.csv", "e.csv", "f.json", "g.tsv"):
        (folder / name).unlink()
    assert predict(model, "--input", folder, "--output", out) == 0
    assert len((out / "predictions" / "b.tsv").read_text().splitlines()) == 5000


def test_an_output_of_another_job_is_refused(model, tmp_path, capsys):
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text("abc\n")
    assert predict(model, "--input", source, "--output", out) == 0
    before = files_in(out)
    other = tmp_path / "other.safetensors"
    letters_model([TOKENS["feedback"]]).write(other)
    assert predict(other, "--input", source, "--output", out) == 2
    assert "was begun with another model, letters.safetensors" in capsys.readouterr().err
    assert predict(model, "--input", source, "--output", out, "--beam", 2) == 2
    assert "was begun with beam 5, and now it is 2" in capsys.readouterr().err
    assert files_in(out) == before
    (out / "manifest.json").unlink()
    assert predict(model, "--input", source, "--output", out) == 2
    assert "has predictions/ and no manifest.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--input", "{in}"], "goes with --output"),
        (["--output", "{out}"], "--output goes with --input"),
        (["--column", "x"], "--column goes with --input"),
        (["--input", "{in}", "--output", "{out}", "--json"], "use --format jsonl"),
        (["--input", "{in}", "--output", "{out}", "--gpus", "1"], "--gpus goes with --engine ray"),
        (["--input", "{in}", "--output", "{out}", "--max-errors", "-1"], "--max-errors -1 is too small"),
        (["--input", "{in}/no*", "--output", "{out}"], "there is no file"),
        (["--input", "{in}", "--output", "{in}/out"], "lies in --input"),
        (["--input", "nope://a/b", "--output", "{out}"], "fsspec knows no protocol 'nope'"),
        (
            ["--input", "{in}", "--output", "{out}", "--engine", "ray", "--concurrency", "0"],
            "too small: use more than 0",
        ),
        (["--input", "{in}", "--output", "{out}", "--nbest", "9"], "--nbest 9 is more than --beam 5"),
    ],
)
def test_what_cannot_work_is_said_in_a_line_and_nothing_is_left(model, tmp_path, capsys, arguments, message):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("abc\n")
    names = {"in": folder, "out": out}
    assert predict(model, *(one.format(**names) for one in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.rglob("predictions"))


def test_two_inputs_with_one_output_are_refused(model, tmp_path, capsys):
    for name in ("a.txt", "a.csv"):
        (tmp_path / name).write_text("source\n")
    assert predict(model, "--input", tmp_path / "a.*", "--output", tmp_path / "out") == 2
    assert "a.csv and a.txt would both become a.tsv" in capsys.readouterr().err


def test_a_column_that_the_output_has_too_is_refused(model, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("source,prediction\nabc,x\n")
    assert predict(model, "--input", tmp_path / "a.csv", "--output", tmp_path / "out") == 1
    assert "has a column 'prediction' already" in capsys.readouterr().err


def test_of_too_many_errors_those_are_kept_that_were_found(model, tmp_path):
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text(f"{LONG}\n" * 100)
    with pytest.raises(WorkError, match="more than 5 lines cannot be used .the last: a.txt, line 6"):
        run(Job(str(model), str(source), str(out), max_errors=5), local)
    assert [entry["line"] for entry in errors_in(out)] == [1, 2, 3, 4, 5, 6]
    assert sorted(files_in(out)) == ["errors/a.txt.jsonl", "manifest.json"]


def test_outputs_that_are_not_there_for_this_process_end_the_job(model, tmp_path):
    partition = Partition(File("a.txt", "a.txt", 1, ""), "a.tsv", "tsv")
    with pytest.raises(WorkError, match="a.tsv was written on another node, and is not there"):
        list(_checked(iter([Done("a.txt", 1, "")]), Job(str(model), "a.txt", str(tmp_path)), [partition]))


def test_an_input_whose_name_leads_out_of_the_output_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalStorage, "files", lambda *given: [File("x", "../../x.txt", 1, "")])
    with pytest.raises(UsageError, match="no output can have the name of '../../x.txt'"):
        run(Job(str(model), "s", str(tmp_path / "out")), local)
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_does_not_answer_is_named(model, tmp_path, monkeypatch, capsys):
    pytest.importorskip("ray", reason="the extra [ray] is not installed: Ray has no wheel for this platform")
    (tmp_path / "a.txt").write_text("abc\n")
    words = ("--input", tmp_path / "a.txt", "--output", tmp_path / "out", "--engine", "ray")
    assert predict(model, *words, "--address", "127.0.0.1:1") == 2
    assert "--address 127.0.0.1:1 does not answer (Connection refused): start one" in capsys.readouterr().err
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:2")
    assert predict(model, *words) == 2
    assert "the cluster at 127.0.0.1:2 does not answer (Connection refused): forget it" in capsys.readouterr().err
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:3")
    assert predict(model, *words) == 2
    assert "the cluster at 127.0.0.1:3 does not answer" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_damaged_row_of_csv_is_an_entry_and_blank_lines_are_none(model, tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "out"
    path.write_text('source,id\nabc,1\n\n"ab"c,2\nba,3\n\n"bc,4\nabc,5\n')
    assert predict(model, "--input", path, "--output", out) == 0
    rows = (out / "predictions" / "a.tsv").read_text().splitlines()
    assert [row.split("\t")[:2] for row in rows[1:]] == [["abc", "1"], ["ba", "3"]]
    first, second = errors_in(out)
    assert first["line"] == 4 and "not CSV" in first["error"]
    assert second["line"] == 7 and "a quote that is never closed" in second["error"]


@pytest.mark.parametrize("value", ["1", f"{2**70}", "{}"])
def test_values_that_parquet_cannot_hold_are_named_with_the_file_and_the_others_are_done(
    model, tmp_path, capsys, value
):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.jsonl").write_text(f'{{"source": "abc", "x": {value}}}\n{{"source": "ba", "x": "s"}}\n')
    (folder / "b.jsonl").write_text('{"source": "abc"}\n')
    assert predict(model, "--input", folder, "--output", out, "--format", "parquet") == 1
    error = capsys.readouterr().err
    assert "a.jsonl, lines 1 to 2: no values of one type" in error and "Traceback" not in error
    assert [path.name for path in (out / "predictions").iterdir()] == ["b.parquet"]


def test_what_nobody_has_foreseen_in_a_file_is_named_and_leaves_no_earlier_predictions(model, tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.txt").write_text("abc\n")
    job = Job(str(model), str(folder), str(out))
    run(job, local)
    (folder / "a.txt").write_text("abcd\n")
    monkeypatch.setattr(Rows, "_answered", lambda *given: 1 / 0)
    totals = run(job, local)
    assert totals.failed == {"a.txt": "ZeroDivisionError: division by zero"}
    assert [path.name for path in (out / "predictions").iterdir()] == ["b.tsv"]


def test_an_output_belongs_to_one_input_and_to_one_run_at_a_time(model, tmp_path, capsys):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("abc\n")
    (tmp_path / "one" / "b.txt").write_text("abc\n")
    out = tmp_path / "out"
    assert predict(model, "--input", tmp_path / "one", "--output", out) == 0
    assert predict(model, "--input", tmp_path / "other", "--output", out) == 2
    assert f"was begun with --input {tmp_path / 'one'}" in capsys.readouterr().err
    (tmp_path / "one" / "b.txt").unlink()
    assert predict(model, "--input", tmp_path / "one", "--output", out) == 0
    assert "1 files of" in (said := capsys.readouterr().err) and "have no input any more: b.tsv" in said
    with LocalStorage().alone(str(out)):
        assert predict(model, "--input", tmp_path / "one", "--output", out) == 2
    assert "another run is using" in capsys.readouterr().err
    assert predict(model, "--input", tmp_path / "one", "--output", out) == 0
    (tmp_path / "file").write_text("")
    assert predict(model, "--input", tmp_path / "one", "--output", tmp_path / "file") == 2
    assert "is a file: name a folder" in capsys.readouterr().err
    assert predict(model, "--input", tmp_path / "no*", "--output", tmp_path / "new") == 2
    assert not (tmp_path / "new").exists()


def test_links_are_followed_once_and_what_cannot_be_read_is_named(model, tmp_path, capsys):
    folder, elsewhere, out = tmp_path / "in", tmp_path / "elsewhere", tmp_path / "out"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_text("abc\n")
    (folder / "link").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    assert predict(model, "--input", folder, "--output", out) == 0
    assert [path.name for path in (out / "predictions" / "link").iterdir()] == ["a.tsv"]
    (folder / "gone.txt").symlink_to(tmp_path / "nothing")
    assert predict(model, "--input", folder, "--output", out) == 2
    assert "gone.txt is a link to nothing" in capsys.readouterr().err
    (folder / "gone.txt").unlink()
    (tmp_path / "own").symlink_to(folder / "predicted")  # lies among the inputs
    assert predict(model, "--input", folder, "--output", tmp_path / "own") == 2
    assert "would be read as well" in capsys.readouterr().err
    if os.geteuid():
        (folder / "shut").mkdir(mode=0)
        assert predict(model, "--input", folder, "--output", out) == 2
        assert "shut cannot be read" in capsys.readouterr().err


def test_names_that_say_nothing_are_kept_and_brackets_are_no_pattern_where_there_is_such_a_file(model, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("words.aa", "words.ab", "x[1].txt"):
        (folder / name).write_text("abc\n")
    assert predict(model, "--input", folder, "--output", out) == 0
    assert sorted(path.name for path in (out / "predictions").iterdir()) == [
        "words.aa.tsv",
        "words.ab.tsv",
        "x[1].tsv",
    ]
    assert predict(model, "--input", folder / "x[1].txt", "--output", tmp_path / "one") == 0


def test_text_with_nul_characters_is_no_text(model, tmp_path):
    (tmp_path / "a.txt").write_bytes("abc\nba\n".encode("utf-16"))
    assert predict(model, "--input", tmp_path / "a.txt", "--output", tmp_path / "out") == 0
    assert (tmp_path / "out" / "predictions" / "a.tsv").read_text() == "" and len(errors_in(tmp_path / "out")) == 3


def test_an_address_of_this_machine_is_refused_with_the_remedy(model, tmp_path, capsys):
    assert predict(model, "--input", f"file://{tmp_path}", "--output", tmp_path / "out") == 2
    assert "leave file:// out" in capsys.readouterr().err
