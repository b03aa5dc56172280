"""Graphs as JSON, which anybody may have written, and as ONNX's bytes."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx_models import TOKENS, graphs_and_weights, random_weights

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.format import ELEMENT_TYPES, external_tensor, to_onnx
from s2s_plugins.inference.onnx.graph import OPERATORS, Constant, Graph, Node, Port
from s2s_plugins.inference.onnx.session import OnnxFile, OnnxSession
from s2s_plugins.nn.seq2seq import build_seq2seq

SMALL = Graph(
    (Port("x", "float32", ("N", 3)), Port("rows", "int64", ("R",))),
    (Port("y", "float32", ("R", 2)),),
    (
        Node("Transpose", ("w",), ("t",), {"perm": (1, 0)}),
        Node("MatMul", ("x", "t"), ("product",), {}),
        Node("Add", ("product", "one"), ("sum",), {}),
        Node("Gather", ("sum", "rows"), ("y",), {"axis": 0}),
    ),
    {"w": (2, 3)},
    {"one": Constant("float32", (2,), (1.5, -2.0)), "unused": Constant("bool", (), (1,))},
)


def refused(values):
    with pytest.raises(UsageError) as error:
        Graph.from_json(values, "model M: graph step")
    message = str(error.value)
    assert message.startswith("model M: graph step ") and "\n" not in message and len(message) < 300
    return message


def test_the_package_onnx_reads_what_is_written():
    weights = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    model = onnx.load_from_string(to_onnx(SMALL, weights))
    onnx.checker.check_model(model, full_check=True)
    assert [(node.op_type, list(node.input), list(node.output)) for node in model.graph.node] == [
        (node.operator, list(node.inputs), list(node.outputs)) for node in SMALL.nodes
    ]
    there = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    np.testing.assert_array_equal(there["w"], weights["w"])
    np.testing.assert_array_equal(there["one"], np.array([1.5, -2], dtype=np.float32))
    assert there["unused"].dtype == bool and there["unused"].shape == ()
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    assert (sizes[0].dim_param, sizes[1].dim_value) == ("N", 3)
    assert onnx.helper.get_attribute_value(model.graph.node[0].attribute[0]) == [1, 0]


def test_the_numbers_of_types_are_those_of_onnx():
    for name, number in ELEMENT_TYPES.items():
        assert onnx.helper.tensor_dtype_to_np_dtype(number) == np.dtype(name)


def test_attributes_of_all_types_and_large_and_negative_numbers_are_written():
    node = Node("GRU", ("x", "", "w"), ("y", ""), {"direction": "reverse", "hidden_size": -(2**62), "axes": (300, -1)})
    node = Node(node.operator, node.inputs, node.outputs, {**node.attributes, "alpha": 0.5})
    model = onnx.load_from_string(to_onnx(Graph((), (), (node,), {}, {})))
    found = {one.name: onnx.helper.get_attribute_value(one) for one in model.graph.node[0].attribute}
    assert found == {"direction": b"reverse", "hidden_size": -(2**62), "axes": [300, -1], "alpha": 0.5}
    assert list(model.graph.node[0].input) == ["x", "", "w"]


def test_weights_that_are_given_later_are_external():
    tensor = onnx.TensorProto.FromString(external_tensor("w", (2, 300)))
    assert (tensor.name, list(tensor.dims), tensor.data_location) == ("w", [2, 300], onnx.TensorProto.EXTERNAL)
    assert not tensor.raw_data


def test_onnx_runtime_computes_it_with_weights_inside_and_outside():
    weights = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    given = {"x": np.eye(3, dtype=np.float32), "rows": np.array([2, 0])}
    inside = OnnxSession(OnnxFile(to_onnx(SMALL, weights), SMALL), {}, "it").run(given)["y"]
    outside = OnnxSession(SMALL, weights, "it").run(given)["y"]
    np.testing.assert_array_equal(inside, [[3.5, 3], [1.5, 1]])
    np.testing.assert_array_equal(outside, inside)
    with pytest.raises(UsageError, match="^it holds a graph that fails: "):
        OnnxSession(SMALL, weights, "it").run({**given, "rows": np.array([7])})


def test_all_operators_are_onnx_operators_with_these_attributes():
    for name, attributes in OPERATORS.items():
        schema = onnx.defs.get_schema(name, 17, "")
        assert set(attributes) <= set(schema.attributes), name


@pytest.mark.parametrize("change, message", [
    ({"opset": 18}, "is of opset 18, this release reads 17"),
    ({"opset": True}, "is of opset True"),
    ({"inputs": {}}, "has inputs that are no collection of at most 256"),
    ({"inputs": [["x", "float64", []]]}, "has the type 'float64', which is none of float32"),
    ({"inputs": [["x", "float32", [-1]]]}, "has -1 for a whole number of 64 bits that is not below 0"),
    ({"inputs": [["w", "float32", []]]}, "has two inputs, weights or constants of one name"),
    ({"outputs": [["z", "float32", []]]}, "never writes its output 'z'"),
    ({"nodes": [["If", [], [], {}]]}, "has the operator 'If', which no model of this package needs"),
    ({"nodes": [["Add", ["x"], ["a"], {"then_branch": 1}]]}, "a node Add with the attribute 'then_branch', which it"),
    ({"nodes": [["Softmax", ["x"], ["a"], {"axis": "1"}]]}, "has '1' for a whole number"),
    ({"nodes": [["Add", ["x", "later"], ["a"], {}]]}, "a node Add that reads 'later', which is not there yet"),
    ({"nodes": [["Tanh", ["x"], ["w"], {}]]}, "writes 'w' twice"),
    ({"nodes": [["Split", ["x"], ["a", ""], {}]]}, "a node Split with an output that has no name"),
    ({"nodes": [["Tanh", ["x"], [], {}]]}, "a node Tanh with an output that has no name"),
    ({"constants": {"c": ["float32", [2], [1]]}}, "a constant that has not as many values as its shape says"),
    ({"constants": {"c": ["float32", [1], [float("nan")]]}}, "a constant whose values are not finite"),
    ({"constants": {"c": ["float32", [1], [10**400]]}}, "a constant whose values are not finite"),
    ({"constants": {"c": ["int32", [1], [2**31]]}}, "a constant whose values are too large for int32"),
    ({"constants": {"c": ["float32", [10**6, 10**6], []]}}, "a constant that has not as many values"),
    ({"weights": {"w" * 300: [1]}}, "has a name that is none"),
    ({"weights": {"a\nb": [1]}}, "has a name that is none"),
])  # fmt: skip
def test_what_is_no_graph_is_refused_in_one_line(change, message):
    assert message in refused({**SMALL.to_json(), **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_graph_or_an_error_of_one_line(values):
    refused(values)


def chain(operator, count, **attributes):
    """A graph in which each node doubles what it reads of the weights."""
    nodes = [Node(operator, (f"x{place}",) * 2, (f"x{place + 1}",), attributes) for place in range(count)]
    nodes = [Node("Transpose", ("w",), ("x0",), {"perm": (1, 0)}), *nodes]
    return Graph((), (Port(f"x{count}", "float32", (2 ** (count + 1), 2)),), tuple(nodes), {"w": (2, 2)}, {})


def test_a_graph_that_makes_very_much_of_its_weights_is_refused():
    weights = {"w": np.ones((2, 2), dtype=np.float32)}
    assert OnnxSession(chain("Concat", 3, axis=0), weights, "it").run({})["x3"].shape == (16, 2)
    with pytest.raises(UsageError, match=r"it holds no graph that ONNX Runtime opens: Concat: it makes \d+ numbers"):
        OnnxSession(chain("Concat", 60, axis=0), weights, "it")


@pytest.mark.parametrize("nodes", [
    [["Concat", ["w"], ["y"], {}]],
    [["Concat", ["w", "one"], ["y"], {"axis": 7}]],
    [["Split", ["w", "one"], ["y", "z"], {"axis": 3}]],
    [["MatMul", ["w", "w"], ["y"], {}]],
    [["Add", ["w"], ["y"], {}]],
    [["Unsqueeze", ["w", "w"], ["y"], {}]],
    [["Transpose", ["w"], ["y"], {"perm": [0, 0]}]],
])  # fmt: skip
def test_a_node_that_does_not_fit_its_weights_is_refused(nodes):
    values = {**SMALL.to_json(), "nodes": nodes, "outputs": [["y", "float32", []]]}
    with pytest.raises(UsageError, match="^it holds no graph that ONNX Runtime opens: "):
        OnnxSession(Graph.from_json(values, "it"), {"w": np.ones((2, 3), dtype=np.float32)}, "it")


def test_the_weights_of_a_session_are_those_given():
    graphs, weights = graphs_and_weights(random_weights(build_seq2seq(TOKENS["feedback"]), 1))
    given = {"src_tokens": np.array([[4, 5, 2]])}
    one = OnnxSession(graphs["encoder"], weights, "it").run(given)
    other = OnnxSession(graphs["encoder"], {name: value * 2 for name, value in weights.items()}, "it").run(given)
    assert any(np.abs(one[name] - other[name]).max() > 0.01 for name in one)
