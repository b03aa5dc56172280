"""Files through a trained model: kept columns, whole outputs, what a restart does."""

import gzip
import json
import os
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY
from predicted_files import LONG, files_in, predict, read_rows, spelling_model, words
from test_forecaster import forecaster
from test_model_file import of_series
from web_tools import inflecting_model

from s2s_plugins.cli.job import FORMATS
from s2s_plugins.cli.main import main
from s2s_plugins.cluster import Predictor, Shipped, writing
from s2s_plugins.cluster.partitions import Rows
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.load import load
from s2s_plugins.inference.predictions import Options, predict_lines
from s2s_plugins.inference.translator import Translator


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return spelling_model(tmp_path_factory.mktemp("model"))


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


def test_unknown_tokens_and_an_interrupted_job_are_told(model, tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("abc\n\u00df\n")
    words = ("--input", tmp_path / "a.txt", "--output", tmp_path / "out")
    assert predict(model, *words) == 0
    assert "warning: 1 lines with unknown tokens" in capsys.readouterr().err
    monkeypatch.setattr(Rows, "predict", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    assert predict(model, *words[:3], tmp_path / "other") == 130
    assert "keeps what is done, re-run the command to resume" in capsys.readouterr().err


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
