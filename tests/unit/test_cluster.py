"""Files through a trained model: kept columns, unusable lines, whole outputs, what a restart does."""

import gzip
import json
import os
import pickle
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY
from onnx_models import TOKENS
from test_forecaster import forecaster
from test_model_file import of_series
from web_tools import LETTERS, inflecting_model, letters_model

from s2s_plugins.cli.job import FORMATS
from s2s_plugins.cli.main import main
from s2s_plugins.cluster import Predictor, Shipped, writing
from s2s_plugins.cluster.engines import _checked, local
from s2s_plugins.cluster.job import Job, run
from s2s_plugins.cluster.partitions import Done, Partition, Rows
from s2s_plugins.cluster.storage import File, LocalStorage
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.load import load
from s2s_plugins.inference.predictions import Options, predict_lines
from s2s_plugins.inference.translator import Translator


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A random model that spells words."""
    path = tmp_path_factory.mktemp("model") / "letters.safetensors"
    letters_model([TOKENS["basic"]]).write(path)
    return path


def words(count, seed=1):
    draw = random.Random(seed)
    return ["".join(draw.choices(LETTERS, k=draw.randint(1, 12))) for _ in range(count)]


def predict(*arguments):
    """The exit code of ``s2s predict``."""
    try:
        return main(["predict", *map(str, arguments)])
    except SystemExit as ended:
        return ended.code


def files_in(folder):
    """The content of all files, by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def errors_in(out):
    return [json.loads(line) for path in sorted((out / "errors").rglob("*.jsonl")) for line in path.open()]


def test_text_becomes_what_predict_prints_for_it(model, tmp_path, commands):
    source = tmp_path / "in" / "deep" / "words.txt"
    source.parent.mkdir(parents=True)
    text = "\n".join(words(3000)) + "\n\nlast\r\nwith\ttab"
    source.write_text(text, newline="")
    for number, flags in enumerate((("--beam", 1), ("--nbest", 2, "--scores"), ("--min-probability", 0.01))):
        out = tmp_path / f"out{number}"
        assert predict(model, "--input", tmp_path / "in", "--output", out, "--batch-size", 8, *flags) == 0
        expected = commands("s2s", "predict", model, "--batch-size", 8, *flags, stdin=text).out
        assert (out / "predictions" / "deep" / "words.tsv").read_text(encoding="utf-8") == expected


def test_batches_are_those_of_predict_so_that_the_last_digits_are_too(model, tmp_path, monkeypatch):
    source = tmp_path / "a.txt"
    source.write_text("".join(f"{word}\n" for word in words(300)))
    cut = []
    best = Translator.best
    monkeypatch.setattr(
        Translator, "best", lambda own, these, *rest: (cut.append(len(these)), best(own, these, *rest))[1]
    )
    assert predict(model, "--input", source, "--output", tmp_path / "out", "--batch-size", 8) == 0
    ours = list(cut)
    with source.open("rb") as stream:
        list(predict_lines(load(model), stream, Options(batch_size=8)))
    assert ours == [128, 128, 44] and cut == 2 * ours


ROWS = [{"id": 7, "source": "abc", "tags": ["x"]}, {"id": 8, "source": "ba", "tags": []}]


def test_columns_are_kept_in_every_format(model, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "b.parquet")
    (folder / "c.csv").write_text('id,source\n7,abc\n8,"ba"\n')
    (folder / "d.tsv.gz").write_bytes(gzip.compress(b"id\tsource\n7\tabc\n8\tba\n"))
    expected = [one.text for one in load(model).predict(["abc", "ba"])]
    for format in (None, "jsonl", "parquet", "tsv"):
        out = tmp_path / f"out-{format}"
        assert predict(model, "--input", folder, "--output", out, *(["--format", format] if format else [])) == 0
        found = {path.name: path for path in (out / "predictions").iterdir()}
        endings = {"jsonl", "parquet", "tsv"} if format is None else {format}
        assert {name.partition(".")[2] for name in found} == endings and len(found) == 4
        for name, path in found.items():
            rows = read_rows(path)
            assert [row["prediction"] for row in rows] == expected and [row["source"] for row in rows] == ["abc", "ba"]
            assert [int(row["id"]) for row in rows] == [7, 8]
            if name[0] in "ab" and format != "tsv":
                assert [list(row["tags"]) for row in rows] == [["x"], []] and rows[0]["id"] == 7
    schema = pq.read_schema(tmp_path / "out-parquet" / "predictions" / "b.parquet")
    assert schema.names == ["id", "source", "tags", "prediction", "score", "probability"]


def read_rows(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.open()]
    return pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records")


def test_several_predictions_are_lists_or_rows(model, tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("abc\nba\n")
    expected = list(load(model).predict(["abc", "ba"], nbest=3))
    for format in ("jsonl", "parquet"):
        flags = ("--nbest", 3, "--format", format)
        assert predict(model, "--input", source, "--output", tmp_path / format, *flags) == 0
        rows = read_rows(tmp_path / format / "predictions" / f"a.{format}")
        assert [row["predictions"] for row in rows] == [[one.text for one in several] for several in expected]
        for row, several in zip(rows, expected):
            np.testing.assert_allclose(row["scores"], [one.score for one in several], atol=1e-5)
            np.testing.assert_allclose(row["probabilities"], [one.probability for one in several], atol=1e-5)


def test_columns_are_chosen_by_name_or_number(model, tmp_path):
    (tmp_path / "named.csv").write_text("id,word\n7,abc\n")
    (tmp_path / "plain.tsv").write_text("7\tabc\n8\tba\n")
    out = tmp_path / "named"
    assert predict(model, "--input", tmp_path / "named.csv", "--output", out, "--column", "word") == 0
    text = load(model).predict("abc").text
    assert (out / "predictions" / "named.tsv").read_text() == f"id\tword\tprediction\n7\tabc\t{text}\n"
    out = tmp_path / "plain"
    assert predict(model, "--input", tmp_path / "plain.tsv", "--output", out, "--column", 2) == 0
    assert (out / "predictions" / "plain.tsv").read_text().splitlines()[0] == f"7\tabc\t{text}"


def test_features_come_from_a_column_of_their_own(tmp_path):
    file = tmp_path / "verbs.safetensors"
    inflecting_model().write(file)
    (tmp_path / "a.csv").write_text("tags,lemma\nV;PST,abc\n")
    (tmp_path / "b.txt").write_text("abc\tV;PST\n")
    flags = ("--column", "lemma", "--features", "tags")
    assert predict(file, "--input", tmp_path / "a.csv", "--output", tmp_path / "out", *flags) == 0
    assert predict(file, "--input", tmp_path / "b.txt", "--output", tmp_path / "text") == 0
    form = load(file).predict("abc\tV;PST").text
    assert (tmp_path / "out/predictions/a.tsv").read_text().splitlines()[1] == f"V;PST\tabc\t{form}"
    assert (tmp_path / "text/predictions/b.tsv").read_text() == f"abc\tV;PST\t{form}\n"


LONG = "a" * 50


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


def test_a_restart_does_what_is_missing_or_has_changed(model, tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text("".join(f"{word}\n" for word in words(50, ord(name))))
    assert predict(model, "--input", folder, "--output", out) == 0
    whole, done = files_in(out), []
    predicted = Rows.predict
    monkeypatch.setattr(Rows, "predict", lambda rows, one: (done.append(one.file.name), predicted(rows, one))[1])
    assert predict(model, "--input", folder, "--output", out) == 0
    assert done == [] and files_in(out) == whole
    (out / "done" / "b.txt.json").unlink()
    (out / "predictions" / "b.tsv").write_text("half")
    (out / "predictions" / ".c.tsv.partial-1").write_text("half")
    assert predict(model, "--input", folder, "--output", out) == 0
    assert done == ["b.txt"] and files_in(out) == whole
    (folder / "a.txt").write_text("abc\n")
    (folder / "d.txt").write_text("ba\n")
    assert predict(model, "--input", folder, "--output", out) == 0
    assert done[1:] == ["a.txt", "d.txt"] and (out / "predictions" / "a.tsv").read_text().startswith("abc\t")


def test_nothing_appears_of_a_partition_that_is_cut_short(model, tmp_path, monkeypatch):
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text("abc\n" * 100)
    answered = Rows._answered

    def stops(rows, part, errors):
        if part[0].number > 40:
            raise KeyboardInterrupt
        return answered(rows, part, errors)

    monkeypatch.setattr(Rows, "_answered", stops)
    assert predict(model, "--input", source, "--output", out, "--batch-size", 1) == 130
    assert list(files_in(out)) == ["manifest.json"]
    monkeypatch.undo()
    assert predict(model, "--input", source, "--output", out, "--batch-size", 1) == 0
    assert len((out / "predictions" / "a.tsv").read_text().splitlines()) == 100


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


def test_files_that_begin_with_a_dot_or_underscore_are_no_input(model, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "_temporary").mkdir(parents=True)
    for name in ("a.txt", "b.text", ".crc", "_SUCCESS", "_temporary/c.txt"):
        (folder / name).write_text("abc\n")
    assert predict(model, "--input", folder, "--output", out) == 0
    assert sorted(path.name for path in (out / "predictions").iterdir()) == ["a.tsv", "b.text.tsv"]
    assert os.path.isfile(out / "done" / "b.text.json")


def test_batches_of_any_kind_get_columns(model):
    expected = [one.text for one in load(model).predict(["abc", "ba"])]
    predictor = Predictor(Shipped.of(str(model)), column="word")
    frame = predictor(pd.DataFrame({"word": ["abc", None, "ba", LONG]}, index=[3, 1, 2, 9]))
    assert list(frame.columns) == ["word", "prediction", "score", "probability", "error"] and list(frame.index)[0] == 3
    assert [frame["prediction"].iloc[place] for place in (0, 2)] == expected
    assert list(frame["error"].notna()) == [False, True, False, True]
    arrays = predictor({"word": np.array(["abc", "ba"], dtype=object), "n": np.arange(2)})
    assert list(arrays["prediction"]) == expected and arrays["score"].dtype == float and list(arrays["n"]) == [0, 1]
    table = predictor(pa.table({"word": ["abc", "ba"]}))
    assert table["prediction"].to_pylist() == expected and table.schema.field("error").type == pa.string()
    assert predictor(pa.table({"word": pa.array([], pa.string())})).num_rows == 0
    with pytest.raises(UsageError, match="the batch has no column 'word', but 'x'"):
        predictor({"x": []})
    with pytest.raises(UsageError, match="not a list"):
        predictor([["abc"]])
    for taken in ("prediction", "error"):
        with pytest.raises(UsageError, match=f"has a column '{taken}' already"):
            predictor(pd.DataFrame({"word": ["abc"], taken: ["x"]}))
    with pytest.raises(UsageError, match="unexpected keyword argument 'beams'"):
        Predictor(str(model), beams=1)


def test_a_predictor_is_sent_to_other_processes_with_its_options(model, tmp_path):
    own = tmp_path / "own.safetensors"
    own.write_bytes(model.read_bytes())
    predictor = Predictor(str(own), column="word", nbest=2, beam=3)
    own.unlink()  # other processes may not have the file
    again = pickle.loads(pickle.dumps(predictor))
    batch = {"word": np.array(["abc", "ba"], dtype=object)}
    assert [list(one) for one in again(batch)["predictions"]] == [list(one) for one in predictor(batch)["predictions"]]
    assert len(again(batch)["predictions"][0]) == 2


def test_of_too_many_errors_those_are_kept_that_were_found(model, tmp_path):
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text(f"{LONG}\n" * 100)
    with pytest.raises(WorkError, match="more than 5 lines cannot be used .the last: a.txt, line 6"):
        run(Job(str(model), str(source), str(out), max_errors=5), local)
    assert [entry["line"] for entry in errors_in(out)] == [1, 2, 3, 4, 5, 6]
    assert sorted(files_in(out)) == ["errors/a.txt.jsonl", "manifest.json"]


def test_predictions_that_somebody_removed_are_made_again(model, tmp_path):
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text("abc\n")
    assert predict(model, "--input", source, "--output", out) == 0
    whole = files_in(out)
    (out / "predictions" / "a.tsv").unlink()
    assert predict(model, "--input", source, "--output", out) == 0
    assert files_in(out) == whole


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_may_have_other_delimiters(model, tmp_path, delimiter):
    (tmp_path / "a.csv").write_text(f'id{delimiter}source\n7{delimiter}"abc"\n')
    assert predict(model, "--input", tmp_path / "a.csv", "--output", tmp_path / "out") == 0
    assert [row["source"] for row in read_rows(tmp_path / "out" / "predictions" / "a.tsv")] == ["abc"]


def test_files_without_a_row_have_outputs_without_one(model, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.txt", "b.csv", "c.jsonl"):
        (folder / name).touch()
    (folder / "d.csv").write_text("word,id\n")
    pq.write_table(pa.table({"word": pa.array([], pa.string())}), folder / "e.parquet")
    assert predict(model, "--input", folder, "--output", out, "--column", "word") == 0
    rows = [read_rows(path) for path in sorted((out / "predictions").iterdir()) if path.stat().st_size]
    assert rows == [[], [], []] and len(list((out / "predictions").iterdir())) == 5
    assert (out / "predictions" / "d.tsv").read_text() == "word\tid\tprediction\n"


def test_outputs_that_are_not_there_for_this_process_end_the_job(model, tmp_path):
    partition = Partition(File("a.txt", "a.txt", 1, ""), "a.tsv", "tsv")
    with pytest.raises(WorkError, match="a.tsv was written on another node, and is not there"):
        list(_checked(iter([Done("a.txt", 1, "")]), Job(str(model), "a.txt", str(tmp_path)), [partition]))


def test_an_input_whose_name_leads_out_of_the_output_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalStorage, "files", lambda *given: [File("x", "../../x.txt", 1, "")])
    with pytest.raises(UsageError, match="no output can have the name of '../../x.txt'"):
        run(Job(str(model), "s", str(tmp_path / "out")), local)
    assert not list(tmp_path.iterdir())


def test_unknown_tokens_and_an_interrupted_job_are_told(model, tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("abc\n\u00df\n")
    words = ("--input", tmp_path / "a.txt", "--output", tmp_path / "out")
    assert predict(model, *words) == 0
    assert "warning: 1 lines with unknown tokens" in capsys.readouterr().err
    monkeypatch.setattr(Rows, "predict", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    assert predict(model, *words[:3], tmp_path / "other") == 130
    assert "keeps what is done, re-run the command to resume" in capsys.readouterr().err


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


def test_the_command_names_the_formats_that_are_written():
    assert FORMATS == writing.FORMATS


def test_classes_of_files_are_those_of_lines(tmp_path, commands):
    model = tmp_path / "texts.safetensors"
    commands("s2s", "save", REPOSITORY / "tests" / "checkpoints" / "sa_lstm-classifier.pt", "--out", model)
    text = "good film\nbad film\n\n"
    (tmp_path / "a.txt").write_text(text)
    words = ("--input", tmp_path / "a.txt")
    commands("s2s", "classify", model, *words, "--output", tmp_path / "out")
    lines = commands("s2s", "classify", model, stdin=text).out.splitlines()
    rows = (tmp_path / "out" / "predictions" / "a.tsv").read_text().splitlines()
    assert rows == [f"{source}\t{line}" for source, line in zip(text.split("\n"), lines)] and len(rows) == 3
    flags = ("--format", "parquet", "--min-probability", 0.9)
    commands("s2s", "classify", model, *words, "--output", tmp_path / "more", *flags)
    found = read_rows(tmp_path / "more" / "predictions" / "a.parquet")
    assert [row["unsure"] for row in found] == [float(line.split("\t")[1]) < 0.9 for line in lines]
    with pytest.raises(SystemExit):
        main(["predict", str(model), "--input", str(tmp_path / "a.txt"), "--output", str(tmp_path / "other")])


def test_forecasts_of_files_are_those_of_one(tmp_path, commands):
    model = tmp_path / "series.safetensors"
    of_series(forecaster()).write(model)
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.csv", "deep/b.csv")):
        draw = np.random.default_rng(number)
        rows = "".join(f"{100 + 10 * x:.3f},{x:.3f}\n" for x in draw.standard_normal(20))
        (folder / name).write_text(f"a,b\n{rows}")
    (folder / "c.csv").write_text("b\n1\n")
    with pytest.raises(SystemExit) as ended:
        main(["forecast", str(model), "--input", str(folder), "--output", str(out), "--length", "4"])
    assert ended.value.code == 1  # c.csv has no column a
    for name in ("a.csv", "deep/b.csv"):
        expected = commands("s2s", "forecast", model, "--input", folder / name, "--length", 4).out
        assert (out / "predictions" / name).read_text() == expected
    assert not (out / "predictions" / "c.csv").exists()


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
    assert not list(tmp_path.glob(".*.lock"))


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
