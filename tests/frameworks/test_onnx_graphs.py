"""What single operators do not show: sizes computed on the way, branches, other layouts; and that every operator is tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from frameworks.onnx_graphs import answered, graph, node, read, reference
from frameworks.test_onnx_operators import CASES
from pellucid.errors import UnsupportedOperation
from pellucid.models.programs.onnx_operators import TABLE
from pellucid.models.programs.program import Program

DRAW = np.random.default_rng(3)


def f(*shape: int) -> np.ndarray:
    return DRAW.normal(size=shape).astype(np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


X = f(6, 3, 4)
W = f(4, 5)
GRAPHS: dict[str, tuple[Sequence[onnx.NodeProto], Mapping[str, np.ndarray]]] = {
    "a shape made of sizes": (
        [
            node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Unsqueeze", ["n", "axis"], ["u"]),
            node("Concat", ["u", "rest"], ["t"], axis=0), node("Reshape", ["x", "t"]),
        ],
        {"zero": np.array(0), "axis": i(0), "rest": i(2, 6)},
    ),
    "twice as many rows, and half": (
        [
            node("Shape", ["x"], ["s"], start=0, end=1), node("Mul", ["s", "two"], ["d"]), node("Concat", ["d", "rest"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["h"]), node("Tanh", ["h"], ["g"]), node("Concat", ["s", "minus"], ["b"], axis=0),
            node("Reshape", ["g", "b"]),
        ],
        {"two": i(2), "rest": i(6), "minus": i(-1)},
    ),
    "a token before each row": (
        [
            node("Shape", ["x"], ["s"], end=1), node("Concat", ["s", "rest"], ["t"], axis=0), node("Expand", ["token", "t"], ["e"]),
            node("Concat", ["e", "x"], axis=1),
        ],
        {"rest": i(1, 4), "token": f(1, 1, 4)},
    ),
    "zeros as many as rows": (
        [
            node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"], value=numpy_helper.from_array(np.array([0.5], np.float32))),
            node("Add", ["x", "c"]),
        ],
        {},
    ),
    "numbers of rows": (
        [
            node("Shape", ["x"], ["s"], end=1), node("Squeeze", ["s"], ["n"]), node("Range", ["zero", "n", "one"], ["r"]),
            node("Cast", ["r"], ["q"], to=TensorProto.FLOAT), node("Reshape", ["q", "column"], ["k"]), node("Mul", ["x", "k"]),
        ],
        {"zero": np.array(0), "one": np.array(1), "column": i(-1, 1, 1)},
    ),
    "all rows but none": (
        [node("Shape", ["x"], ["s"], end=1), node("Slice", ["x", "start", "s", "axis"])],
        {"start": i(0), "axis": i(0)},
    ),
    "as many copies as it has axes": (
        [
            node("Shape", ["x"], ["s"]), node("Size", ["s"], ["z"]), node("Unsqueeze", ["z", "axis"], ["u"]),
            node("Concat", ["ones", "u"], ["t"], axis=0), node("Tile", ["x", "t"]),
        ],
        {"axis": i(0), "ones": i(1, 1)},
    ),
    "an image of a size computed": (
        [
            node("Unsqueeze", ["x", "axis"], ["v"]), node("Shape", ["v"], ["s"], end=2), node("Concat", ["s", "rest"], ["t"], axis=0),
            node("Resize", ["v", "", "", "t"], mode="linear"),
        ],
        {"axis": i(1), "rest": i(6, 2)},
    ),
    "what lies above a number": ([node("Greater", ["x", "w"], ["g"]),
            node("Not", ["g"], ["h"]), node("Where", ["h", "x", "w"])], {"w": f(4)}),
    "tests and tests": (
        [
            node("Greater", ["x", "a"], ["g"]),
            node("Less", ["x", "b"], ["l"]), node("And", ["g", "l"], ["n"]), node("Or", ["g", "l"], ["o"]),
            node("Xor", ["n", "o"], ["q"]), node("Cast", ["q"], to=TensorProto.FLOAT),
        ],
        {"a": np.float32(-0.5), "b": np.float32(0.5)},
    ),
    "bits": (
        [
            node("Cast", ["x"], ["c"], to=TensorProto.INT32), node("BitwiseAnd", ["c", "k"], ["a"]), node("BitwiseOr", ["a", "m"], ["o"]),
            node("BitwiseXor", ["o", "c"], ["q"]), node("BitwiseNot", ["q"], ["n"]),
            node("Cast", ["n"], to=TensorProto.FLOAT),
        ],
        {"k": np.array(3, np.int32), "m": np.array(4, np.int32)},
    ),
    "places of a constant": (
        [node("NonZero", ["mask"], ["p"]), node("Reshape", ["p", "flat"], ["q"]), node("Gather", ["x", "q"], axis=2)],
        {"mask": i(1, 0, 1, 1), "flat": i(-1)},
    ),
    "written over": (
        [
            node("Constant", [], ["at"], value_ints=[0, 2]), node("Unsqueeze", ["at", "one"], ["places"]),
            node("ScatterND", ["c", "places", "new"], ["d"]), node("Mul", ["x", "d"]),
        ],
        {"c": f(3, 4), "one": i(1), "new": f(2, 4)},
    ),
    "scattered": ([node("Scatter", ["x", "at", "new"], axis=2)], {"at": np.zeros((1, 3, 1), np.int64), "new": f(1, 3, 1)}),
    "a weight in eight bits": (
        [node("DequantizeLinear", ["w", "scale", "zero"], ["d"], axis=1), node("MatMul", ["x", "d"])],
        {"w": DRAW.integers(-99, 99, (4, 5)).astype(np.int8), "scale": np.full(5, 0.02, np.float32), "zero": np.zeros(5, np.int8)},
    ),
}  # fmt: skip
OLD = {"scattered": 10}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_gives_what_onnx_runtime_gives_for_any_number_of_rows(name: str) -> None:
    nodes, constants = GRAPHS[name]
    model = graph(nodes, {"x": X}, constants=constants, opset=OLD.get(name, 21))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for rows in (X, X[:1], X[:4]):
        # ONNX Runtime multiplies in eight bits where it can
        expected = (reference(model, {"x": rows}) if "eight bits" in name else session.run(None, {"x": rows}))[0]
        program = Program(read(model, {"x": X}))
        np.testing.assert_allclose(program(torch.from_numpy(rows)).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_branch_that_is_known_is_taken() -> None:
    def branch(kind: str) -> onnx.GraphProto:
        return helper.make_graph([node(kind, ["x"], ["z"])], kind, [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])

    for which, expected in ((True, np.exp(X)), (False, -X)):
        nodes = [node("If", ["c"], then_branch=branch("Exp"), else_branch=branch("Neg"))]
        model = graph(nodes, {"x": X}, constants={"c": np.array(which)})
        np.testing.assert_allclose(answered(model, {"x": X})[0], expected, rtol=1e-5)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "RNN of ReLUs"])
def test_recurrent_layers_in_every_direction(kind: str, direction: str) -> None:
    op, ways, n = kind[:4].strip(), 2 if direction == "bidirectional" else 1, 5
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    constants = {"w": f(ways, gates * n, 4), "r": f(ways, gates * n, n), "b": f(ways, 2 * gates * n)}
    options = {"linear_before_reset": 1} if op == "GRU" else {"activations": ["Relu"] * ways} if "ReLU" in kind else {}
    layer = node(op, ["t", "w", "r", "b"], ["all", "last"], hidden_size=n, direction=direction, **options)
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        layer,
        node("Transpose", ["all"], ["y"], perm=[2, 0, 1, 3]),
        node("Transpose", ["last"], ["z"], perm=[1, 0, 2]),
    ]
    model = graph(nodes, {"x": X}, ("y", "z"), constants=constants, opset=14)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": X})
    for ours, theirs in zip(answered(model, {"x": X}), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"linear_before_reset": 0}, "resets before"),
        ({"clip": 3.0, "linear_before_reset": 1}, "clipping"),
        ({"activations": ["HardSigmoid", "Tanh"], "linear_before_reset": 1}, "activations hardsigmoid"),
    ],
)
def test_a_recurrent_layer_that_torch_lacks_is_named(options: dict[str, object], said: str) -> None:
    constants = {"w": f(1, 15, 4), "r": f(1, 15, 5)}
    model = graph([node("GRU", ["x", "w", "r"], ["a", "y"], hidden_size=5, layout=1, **options)], {"x": X}, constants=constants, opset=14)
    with pytest.raises(UnsupportedOperation, match=said):
        read(model, {"x": X})


def test_activations_in_several_operations_are_one() -> None:
    half, one, root = (np.float32(v) for v in (0.5, 1.0, np.sqrt(2)))
    nodes = [
        node("Div", ["x", "root"], ["d"]), node("Erf", ["d"], ["e"]), node("Add", ["e", "one"], ["p"]), node("Mul", ["x", "p"], ["m"]),
        node("Mul", ["m", "half"], ["g"]), node("Sigmoid", ["g"], ["s"]), node("Mul", ["g", "s"], ["silu"]),
        node("HardSigmoid", ["silu"], ["h"], alpha=1 / 6), node("Mul", ["silu", "h"], ["w"]),
        node("Softplus", ["w"], ["k"]), node("Tanh", ["k"], ["t"]), node("Mul", ["w", "t"]),
    ]  # fmt: skip
    model = graph(nodes, {"x": X}, constants={"half": half, "one": one, "root": root})
    assert [one.name for one in read(model, {"x": X}).operations] == ["gelu", "silu", "hardswish", "mish"]
    np.testing.assert_allclose(answered(model, {"x": X})[0], reference(model, {"x": X})[0], rtol=1e-4, atol=1e-6)


def test_every_operator_is_tested() -> None:
    used = {case.op for case in CASES} | {one.op_type for nodes, _ in GRAPHS.values() for one in nodes} | {"If"}
    assert set(TABLE) <= used, sorted(set(TABLE) - used)
