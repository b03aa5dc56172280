"""The graphs of a model file are those of its kind; whatever they compute, there is an answer or an error of a line."""

import copy
import functools
import json
import random

import onnx
import pytest
from onnx_models import DOCUMENTS, TOKENS, VECTORS, classifier, graphs_and_weights, vectors
from test_forecaster import forecaster, series
from test_model_file import checkpoint, of_series
from test_model_file_damaged import changed, header_of, rebuilt

import s2s_plugins
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import KEY, read_model_file
from s2s_plugins.inference.onnx.contract import check
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.inference.onnx.graph import Graph, Node, Port
from s2s_plugins.inference.onnx.session import OnnxFile, OnnxSession
from s2s_plugins.models.saving import model_of
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.nn.settings import LossSettings

MODELS = {
    "monotonic": lambda: model_of([checkpoint("attention_lstm-monotonic")]),
    "basic": lambda: model_of([checkpoint("basic_lstm")]),
    "classifier": lambda: model_of([checkpoint("sa_lstm-classifier")]),
    "forecaster": lambda: of_series(forecaster(stateful=True)),
}


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """Writes a model of :data:`MODELS` once, and gives its path."""
    folder = tmp_path_factory.mktemp("models")

    @functools.lru_cache(None)
    def written(name):
        MODELS[name]().write(folder / f"{name}.safetensors")
        return folder / f"{name}.safetensors"

    return written


@pytest.mark.parametrize(
    "kind, make",
    [
        *(("translator", functools.partial(build_seq2seq, TOKENS[name])) for name in TOKENS),
        *(("classifier", functools.partial(classifier, name)) for name in DOCUMENTS),
        *(("forecaster", functools.partial(vectors, name)) for name in VECTORS),
    ],
)
def test_the_graphs_of_every_architecture_are_those_of_its_kind(kind, make):
    check(kind, graphs_and_weights(make())[0], "it")


def port(graph, side, place, index, value):
    """A change of the name (0), type (1) or shape (2) of an input or output."""

    def change(graphs):
        ports = graphs[graph][side]
        (found,) = (one for one in ports if one[0] == place)
        if index == 0:
            graphs[graph]["nodes"].append(["Identity", [found[0]], [value], {}])
        found[index] = value

    return change


def gives(graph, name, *shape):
    """A further output, of what the graph has last."""

    def change(graphs):
        node = graphs[graph]["nodes"][-1]
        graphs[graph]["nodes"].append(["Identity", node[2][:1], [name], {}])
        graphs[graph]["outputs"].append([name, "float32", list(shape)])

    return change


def takes(graph, name, *shape):
    return lambda graphs: graphs[graph]["inputs"].append([name, "float32", list(shape)])


@pytest.mark.parametrize("name, change, message", [
    ("basic", lambda graphs: graphs.pop("step"), "its graphs are not encoder and step, those of a translator"),
    ("basic", lambda graphs: graphs.update(more=graphs["step"]), "its graphs are not encoder and step"),
    ("classifier", lambda graphs: graphs.update(step=graphs["classifier"]), "not classifier, those of a classifier"),
    ("basic", port("step", "outputs", "logits", 0, "other"), "its graph step has no logits"),
    ("basic", port("step", "outputs", "logits", 2, ["R"]), "its graph step has logits with 1 sizes, not 2"),
    ("basic", port("step", "outputs", "logits", 2, ["N", 16]), "has logits float32 (N, 16), not logits float32 (R, 16"),
    ("basic", port("step", "outputs", "logits", 2, ["R", 15]), "its graphs have other target symbols"),
    ("basic", port("step", "outputs", "logits", 2, ["R", "V"]), "has logits float32 (R, V), not"),
    ("basic", port("step", "outputs", "next.row.hidden.0", 0, "next.row.x"), "has no next.row.hidden.0 float32 (R"),
    ("basic", port("step", "outputs", "next.row.hidden.0", 2, ["R", 1]), "next.row.hidden.0 float32 (R, 1), not next."),
    ("basic", port("step", "outputs", "next.row.hidden.0", 1, "int64"), "next.row.hidden.0 int64 (R"),
    ("basic", port("step", "inputs", "row.hidden.0", 2, ["P", 1]), "step has row.hidden.0 float32 (P, 1), not row"),
    ("basic", port("step", "inputs", "tokens", 1, "int32"), "step has tokens int32 (R), not tokens int64 (R)"),
    ("basic", takes("step", "more", 1), "its graph step has more float32 (1), which no model has"),
    ("basic", gives("step", "more", 1), "its graph step has more float32 (1), which no model has"),
    ("basic", lambda graphs: graphs["step"]["outputs"].append(graphs["step"]["outputs"][0]), "has an output twice"),
    ("basic", gives("step", "attention", "R", "S"), "its graph step has attention and no source"),
    ("basic", gives("encoder", "row.more", "N", 1), "its graph step has no row.more float32 (P, 1)"),
    ("basic", gives("encoder", "more", "N", 1), "its graph encoder has more float32 (N, 1), which no model has"),
    ("basic", gives("encoder", "source.more", 1, "N"), "source.more float32 (1, N), not float32 (N, ...)"),
    ("basic", gives("encoder", "source.more", "N", "T"), "source.more float32 (N, T), not float32 (N, ...)"),
    ("basic", port("encoder", "inputs", "src_tokens", 2, ["N"]), "src_tokens int64 (N), not src_tokens int64 (N, S)"),
    ("monotonic", port("step", "outputs", "attention", 2, ["R", 3]), "attention float32 (R, 3), not attention"),
    ("classifier", port("classifier", "outputs", "probabilities", 0, "p"), "has no probabilities"),
    ("classifier", port("classifier", "outputs", "probabilities", 2, ["N", 9]), "its graphs have other labels"),
    ("classifier", port("classifier", "inputs", "tokens", 2, ["N", 9]), "has tokens int64 (N, 9), not tokens int64 (N"),
    ("forecaster", port("encoder", "inputs", "source", 2, ["N", "S", 9]), "other values of a source step"),
    ("forecaster", port("encoder", "inputs", "hidden", 2, ["N", 1, 2**40]), "encoder has other states than layers"),
    ("forecaster", port("encoder", "inputs", "cell", 2, ["N", 2, 8]), "encoder has other states than layers"),
    ("forecaster", port("encoder", "inputs", "padding_mask", 1, "int32"), "has padding_mask int32 (N, S), not padding"),
    ("forecaster", port("encoder", "outputs", "next.hidden", 2, ["N", 8]), "next.hidden float32 (N, 8), not next.hid"),
    ("forecaster", takes("step", "x", 1), "its graph step has x float32 (1), which no model has"),
    ("forecaster", port("step", "outputs", "outputs", 2, ["N", 3, 3]), "its graphs have other targets"),
    ("forecaster", port("step", "outputs", "outputs", 2, ["N", 2, 2]), "its graphs have other numbers of a prediction"),
    ("forecaster", port("step", "outputs", "outputs", 2, ["N", 2, 0]), "its graph step predicts nothing"),
])  # fmt: skip
def test_graphs_of_another_form_are_refused_when_the_file_is_read(file_of, tmp_path, name, change, message):
    with pytest.raises(UsageError) as error:
        read_model_file(changed(file_of(name), tmp_path, lambda values: change(values["graphs"][0])))
    assert message in str(error.value), str(error.value)
    assert "bad.safetensors: members[0] is damaged, " in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("loss", [LossSettings("mse", (0.5,)), LossSettings("quantile")])
def test_quantiles_of_another_loss_are_refused(file_of, tmp_path, loss):
    def change(values):
        values["members"][0]["settings"]["vectors"]["loss"] = {"kind": loss.kind, "quantiles": list(loss.quantiles)}

    with pytest.raises(UsageError, match=f"damaged, the loss {loss.kind} has {len(loss.quantiles)} quantiles"):
        read_model_file(changed(file_of("forecaster"), tmp_path, change))


@pytest.mark.parametrize("words", [["predict"], ["export", "--onnx", "a"], ["export", "--web", "a"]], ids=" ".join)
def test_every_command_names_the_output_that_is_missing(file_of, tmp_path, monkeypatch, capsys, words):
    rename = port("step", "outputs", "logits", 0, "other")
    bad = changed(file_of("basic"), tmp_path, lambda values: rename(values["graphs"][0]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([words[0], str(bad), *words[1:]])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "members[0] is damaged, its graph step has no logits" in line
    assert [path.name for path in tmp_path.iterdir()] == ["bad.safetensors"]


def test_a_weight_that_is_no_number_is_the_error_with_onnx_runtime_too(file_of, tmp_path):
    header, data = header_of(file_of("basic"))
    begin, _ = header["0.decoder.output_layer.bias"]["data_offsets"]
    bad = rebuilt(tmp_path, header, data[:begin] + b"\xff" * 4 + data[begin + 4 :])
    with pytest.raises(UsageError) as error:
        s2s_plugins.load(bad, "onnx")
    assert str(error.value).startswith(
        f"model {bad}: the weight decoder.output_layer.bias has numbers that are not fin"
    )


def lying(file_of, tmp_path, name, change):
    """The answers of a model whose graphs ``change`` has changed, but for what they say of themselves."""
    return answers(changed(file_of(name), tmp_path, lambda values: change(values["graphs"][0])))


def answers(path):
    """What a model makes of a few inputs."""
    model = s2s_plugins.load(path, "onnx")
    if model.kind == "translator":
        return list(model.predict(["a b c", "b"], nbest=2))
    return list(model.classify(["a b c", "b"])) if model.kind == "classifier" else model.forecast([series(40)])


def halved(graph, output):
    """The graph gives ``output`` twice behind each other."""

    def change(graphs):
        for node in graphs[graph]["nodes"]:
            node[2] = ["whole" if name == output else name for name in node[2]]
        graphs[graph]["nodes"].append(["Concat", ["whole", "whole"], [output], {"axis": 0}])

    return change


@pytest.mark.parametrize("name, graph, output, message", [
    ("basic", "encoder", "row.hidden.0", r"whose row.hidden.0 is of \(4, \d+\), not \(2, \d+\)"),
    ("basic", "step", "logits", r"whose logits is of \(4, 16\), not \(2, 16\)"),
    ("monotonic", "step", "attention", r"whose attention is of \(4, 4\), not \(2, 4\)"),
    ("classifier", "classifier", "probabilities", r"whose probabilities is of \(4, 2\), not \(2, 2\)"),
    ("forecaster", "step", "outputs", r"whose outputs is of \(2, 2, 3\), not \(1, 2, 3\)"),
])  # fmt: skip
def test_an_output_of_another_shape_than_the_graph_says_is_named(file_of, tmp_path, name, graph, output, message):
    with pytest.raises(UsageError, match=message):
        lying(file_of, tmp_path, name, halved(graph, output))


def places(values, path=()):
    """The way to each value in nested lists and dictionaries that is no collection, or is an empty one."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    if not items:
        yield path
    for key, value in items:
        yield from places(value, (*path, key))


def value_at(values, path):
    for key in path:
        values = values[key]
    return values


ODD = ["float32", "bool", "S", "", 0, 1, -1, 2, 2**31, 2**62, 0.0, 1e30, None, [], [0], True]
MUTANTS = 300


def mutants(graphs, count, seed=1):
    """Copies of graphs in which a value or two are others, mostly such as stand in places of their kind."""

    def kind(way):  # as the first input of a node
        return way[2:3], way[4:5]

    draw, ways, kinds = random.Random(seed), list(places(graphs)), {}
    for way in ways:
        kinds.setdefault(kind(way), []).append(value_at(graphs, way))
    for _ in range(count):
        mutant = copy.deepcopy(graphs)
        for way in draw.sample(ways, draw.choice([1, 1, 2])):
            value_at(mutant, way[:-1])[way[-1]] = draw.choice(draw.choice([ODD, kinds[kind(way)], kinds[kind(way)]]))
        yield mutant


@pytest.mark.parametrize("name", MODELS)
def test_any_graph_gives_an_answer_or_an_error_of_one_line(file_of, tmp_path, name):
    header, _ = header_of(file_of(name))
    graphs, messages = json.loads(header["__metadata__"][KEY])["graphs"], []
    for mutant in mutants(graphs, MUTANTS):
        path = changed(file_of(name), tmp_path, lambda values, graphs=mutant: values.update(graphs=graphs))
        try:
            answers(path)
        except UsageError as error:
            messages.append(str(error))
            assert "bad.safetensors" in str(error) and "\n" not in str(error)
    assert MUTANTS - len(messages) > 15  # have an answer
    assert sum("a graph" in message for message in messages) > 5, "too few are run"


# -- folders of ONNX files, which anybody may have written ----------------------------------------------------------


def renamed(path, old, new):
    """An ONNX file whose output ``old`` is ``new``."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
    for output in model.graph.output:
        output.name = new if output.name == old else output.name
    onnx.save(model, path)


@pytest.mark.parametrize("name, file, output", [
    ("basic", "step.onnx", "logits"),
    ("basic", "encoder.onnx", "row.hidden.0"),
    ("classifier", "classifier.onnx", "probabilities"),
    ("forecaster", "encoder.onnx", "next.hidden"),
])  # fmt: skip
def test_an_output_that_a_folder_lacks_is_named(file_of, tmp_path, name, file, output):
    write_onnx_folder(read_model_file(file_of(name)), str(tmp_path / "onnx"))
    renamed(tmp_path / "onnx" / file, output, "other")
    with pytest.raises(UsageError, match=f"onnx holds a graph whose {output} is missing, not float32"):
        answers(tmp_path / "onnx")


def test_an_output_of_another_type_is_named():
    graph = Graph(
        (Port("x", "float32", ("N",)),), (Port("y", "float32", ("N",)),), (Node("Tanh", ("x",), ("y",), {}),), {}, {}
    )
    content = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N] x) => (int64[N] y) { y = Cast <to = 7> (x) }'
    ).SerializeToString()
    with pytest.raises(UsageError, match=r"it holds a graph whose y is tensor\(int64\), not float32"):
        OnnxSession(OnnxFile(content, graph), {}, "it")
