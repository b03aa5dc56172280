"""A model as a folder of ONNX files: any program runs them, and ``s2s_plugins.load`` predicts as from its file."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_models import TOKENS, graphs_and_weights, random_weights, sources
from test_forecaster import forecaster, series
from test_model_file import checkpoint, of_series
from test_old_checkpoints import CLASSIFIERS, TRANSLATORS

import s2s_plugins
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.folder import read_onnx_folder
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.inference.onnx.format import external_tensor
from s2s_plugins.inference.onnx.greedy import greedy_onnx
from s2s_plugins.inference.onnx.translator import OnnxMember, OnnxModel, padded
from s2s_plugins.models.saving import model_of
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.search import SearchSettings

LINES = ["a b c", "j i h g f e", "d", "a a a a", "e f q"]


def written(tmp_path, *names, **options):
    """A model file of checkpoints and the folder made of it."""
    model = model_of([checkpoint(name) for name in names])
    model.write(tmp_path / "model.safetensors")
    files = write_onnx_folder(model, str(tmp_path / "onnx"), **options)
    return s2s_plugins.load(tmp_path / "model.safetensors", "onnx"), tmp_path / "onnx", files


def numbers(folder, line):
    """The tokens of a line as a batch of one."""
    symbols = json.loads((folder / "model.json").read_text())["translator"]["source"]["symbols"]
    return np.array([[*(4 + symbols.index(token) for token in line.split()), 2]])


@pytest.mark.parametrize("names", [[name] for name in TRANSLATORS] + [["peek_lstm", "attention_lstm"]], ids="+".join)
def test_a_folder_predicts_as_its_model_file(tmp_path, names):
    ours, folder, _ = written(tmp_path, *names)
    loaded = s2s_plugins.load(folder)
    for found, expected in zip(loaded.predict(LINES, nbest=2), ours.predict(LINES, nbest=2)):
        assert [one.text for one in found] == [one.text for one in expected]
        assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-6)


def test_a_folder_classifies_as_its_model_file(tmp_path):
    ours, folder, files = written(tmp_path, CLASSIFIERS[0])
    assert files == ["classifier.onnx", "model.json"]
    expected = [one.probability for one in ours.classify(LINES)]
    assert [one.probability for one in s2s_plugins.load(folder).classify(LINES)] == pytest.approx(expected, abs=1e-6)


def test_a_folder_forecasts_as_its_model_file(tmp_path):
    ours = forecaster(stateful=True)
    files = write_onnx_folder(of_series(ours), str(tmp_path / "sales"))
    assert files == ["encoder.onnx", "model.json", "step.onnx"]
    (found,), (expected,) = (model.forecast([series(40)]) for model in (s2s_plugins.load(tmp_path / "sales"), ours))
    np.testing.assert_allclose(found.quantiles, expected.quantiles, rtol=1e-5)


def test_the_checker_of_onnx_accepts_the_files(tmp_path):
    _, folder, files = written(tmp_path, "attention_lstm-monotonic")
    assert files == ["encoder.onnx", "greedy.onnx", "model.json", "step.onnx"]
    for path in folder.glob("*.onnx"):
        onnx.checker.check_model(onnx.load(path), full_check=True)


@pytest.mark.parametrize("name", TOKENS)
def test_one_call_writes_what_a_search_with_one_beam_finds(name):
    graphs, weights = graphs_and_weights(random_weights(build_seq2seq(TOKENS[name]), 1))
    never = (0, 7)
    whole = onnxruntime.InferenceSession(greedy_onnx(graphs, weights, never))
    model, batch = OnnxModel([OnnxMember(graphs, weights, name)], 100, 100), sources()
    for longest in (0, 15):
        settings = SearchSettings(2, 1, 3, beam=1, longest=longest, shortest=min(1, longest), never=never)
        found = whole.run(["tokens", "scores"], {"src_tokens": padded(batch), "longest": np.array(longest)})
        for tokens, score, (expected,) in zip(*found, model.search(batch, settings)):
            end = len(expected.tokens)
            assert tokens[:end].tolist() == expected.tokens.tolist() and (tokens[end:] == 1).all()
            assert score == pytest.approx(float(expected.score), abs=1e-4)


def test_the_greedy_graph_of_a_folder_predicts_what_the_model_does(tmp_path):
    ours, folder, _ = written(tmp_path, "attention_lstm-monotonic")
    session = onnxruntime.InferenceSession(str(folder / "greedy.onnx"))
    symbols = json.loads((folder / "model.json").read_text())["translator"]
    for line, expected in zip(LINES[:4], ours.predict(LINES[:4], beam=1)):
        given = {"src_tokens": numbers(folder, line), "longest": np.array(200)}
        tokens, (score,) = session.run(None, given)
        assert [symbols["target"]["symbols"][token - 4] for token in tokens[0][:-1]] == expected.tokens
        assert score == pytest.approx(expected.score, abs=1e-5)


@pytest.mark.parametrize("name", ["attention_lstm", "attention_lstm-monotonic", CLASSIFIERS[0]])
def test_8_bits_make_smaller_files_that_predict_nearly_the_same(tmp_path, name):
    _, folder, _ = written(tmp_path, name, int8=True)
    operators = {node.op_type for path in folder.glob("*.onnx") for node in onnx.load(path).graph.node}
    assert "DynamicQuantizeLSTM" in operators and "Gemm" not in operators  # a product that was not quantised
    whole, small = s2s_plugins.load(tmp_path / "model.safetensors", "onnx"), s2s_plugins.load(folder)
    if "greedy" in {path.stem for path in folder.glob("*.onnx")}:
        (loop,) = (node for node in onnx.load(folder / "greedy.onnx").graph.node if node.op_type == "Loop")
        assert "MatMulInteger" in {node.op_type for node in loop.attribute[0].g.node}
        given = {"src_tokens": numbers(folder, "a b c"), "longest": np.array(200)}
        written_at_once = onnxruntime.InferenceSession(str(folder / "greedy.onnx")).run(["scores"], given)
        assert written_at_once[0] == pytest.approx(whole.predict("a b c", beam=1).score, abs=0.1)
    if name in CLASSIFIERS:
        found, expected = ([one.probability for one in model.classify(LINES)] for model in (small, whole))
    else:
        found, expected = ([one.score for one in model.predict(LINES)] for model in (small, whole))
    assert found == pytest.approx(expected, abs=0.1) and found != expected


def exported(*words):
    """What ``s2s export`` says."""
    with pytest.raises(SystemExit) as stopped:
        main(["export", *map(str, words)])
    assert stopped.value.code == 2


def test_the_command_writes_a_folder_and_replaces_its_own_alone(tmp_path, capsys):
    model_of([checkpoint("peek_lstm")]).write(tmp_path / "m.safetensors")
    command = ["export", str(tmp_path / "m.safetensors"), "--onnx", str(tmp_path / "onnx")]
    for more in ([], ["--int8"], []):
        assert main([*command, *more]) == 0
        assert capsys.readouterr().out.startswith(
            f"{tmp_path / 'onnx'}: encoder.onnx, greedy.onnx, model.json, step.onnx, "
        )
        assert json.loads((tmp_path / "onnx" / "model.json").read_text())["int8"] is bool(more)
    (tmp_path / "onnx" / "notes.txt").write_text("mine")
    exported(*command[1:])
    assert "holds other things (notes.txt): name a new folder" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text('{"format": 1}')
    exported(tmp_path / "m.safetensors", "--onnx", tmp_path / "other")
    assert "holds other things (model.json)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "onnx", "other"]


@pytest.mark.parametrize("words, message", [
    (["--onnx", "a", "--web", "b"], "not allowed with argument"),
    ([], "one of the arguments --onnx --web is required"),
    (["--onnx", "a", "--runtime", "b"], "--runtime b is about --web: leave it out"),
    (["--web", "a", "--int8"], "--int8 is about --onnx: for a small page, save the model with s2s save --int8"),
])  # fmt: skip
def test_flags_of_the_other_folder_are_refused(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    model_of([checkpoint("peek_lstm")]).write("m.safetensors")
    exported("m.safetensors", *words)
    assert message in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["m.safetensors"]


def test_8_bits_without_the_package_onnx_name_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        UsageError, match=r"onnx is not installed, and --int8 needs it: pip install 's2s-plugins\[export\]'"
    ):
        write_onnx_folder(model_of([checkpoint("peek_lstm")]), str(tmp_path / "onnx"), int8=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file, content, message", [
    ("model.json", b"{", "model.json is no JSON"),
    ("model.json", b"[1]", "model.json does not say of which format it is"),
    ("model.json", b'{"format": 2, "about": {"written_by": "9.9"}}', "install s2s-plugins 9.9 or a later one"),
    ("step.onnx", None, "step.onnx is missing"),
    ("step.onnx", b"no ONNX", "holds no graph that ONNX Runtime opens"),
    ("encoder.onnx", external_tensor("w", (2,)), "encoder.onnx names other files"),
])  # fmt: skip
def test_a_damaged_folder_is_refused_in_one_line(tmp_path, file, content, message):
    _, folder, _ = written(tmp_path, "peek_lstm")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(UsageError) as error:
        s2s_plugins.load(folder)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_folder_is_run_by_onnx_runtime_alone(tmp_path):
    _, folder, _ = written(tmp_path, "peek_lstm")
    with pytest.raises(UsageError, match="is a folder of ONNX files, which the backend torch does not run"):
        s2s_plugins.load(folder, "torch")
    assert not read_onnx_folder(folder).members[0].weights
