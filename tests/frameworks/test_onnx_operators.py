"""Every operator that is read gives what the reference implementation of ONNX gives, on rows that were not there when it was read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from frameworks.onnx_graphs import answered, graph, node, reference

ROWS = 5


@dataclass(frozen=True)
class Case:
    """An operator on some inputs.

    Attributes:
        inputs: the shape of a row of random numbers for each value; or an array, which is a constant; None is left out.
        low, high: between which the random numbers lie.
        outputs: how many there are.
        whole: inputs that are whole numbers.
        runtime: whether ONNX Runtime is asked, since the reference of ONNX 1.23 gives what the operator's text does not say, or fails.
    """

    op: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 21
    low: float = -2.0
    high: float = 2.0
    outputs: int = 1
    whole: tuple[int, ...] = ()
    runtime: bool = False

    @property
    def name(self) -> str:
        """For people."""
        said = ",".join(f"{key}={value}" for key, value in self.attributes.items())
        shapes = "x".join(
            "-" if one is None else str(tuple(np.shape(one))) if isinstance(one, np.ndarray) else str(one) for one in self.inputs
        )
        return f"{self.op}{self.opset}[{shapes}]{said}"[:90].replace(" ", "")


RNG = np.random.default_rng(0)


def f(*shape: int) -> np.ndarray:
    """A constant of random numbers."""
    return RNG.normal(size=shape).astype(np.float32)


def i(*values: int) -> np.ndarray:
    """A constant of whole numbers."""
    return np.array(values, np.int64)


V = (3, 4)  # a row
IMAGE = (4, 7, 8)


def unary() -> list[Case]:
    plain = [
        "Exp",
        "Abs",
        "Neg",
        "Erf",
        "Sign",
        "Floor",
        "Ceil",
        "Round",
        "Sin",
        "Cos",
        "Tan",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Tanh",
        "Sigmoid",
        "Relu",
        "Softplus",
        "Softsign",
        "HardSwish",
        "Mish",
        "LeakyRelu",
        "Elu",
        "Selu",
        "Celu",
        "HardSigmoid",
        "ThresholdedRelu",
        "Shrink",
        "Gelu",
        "IsNaN",
        "IsInf",
        "Identity",
        "Reciprocal",
    ]
    found = [Case(op, (V,)) for op in plain]
    found += [Case(op, (V,), low=0.1, high=3.0) for op in ("Log", "Sqrt")]
    found += [Case(op, (V,), low=-0.9, high=0.9) for op in ("Asin", "Acos", "Atanh")]
    found += [Case("Acosh", (V,), low=1.1, high=3.0), Case("LeakyRelu", (V,), {"alpha": 0.3}), Case("Elu", (V,), {"alpha": 0.5})]
    found += [
        Case("Selu", (V,), {"alpha": 1.5, "gamma": 1.2}),
        Case("Celu", (V,), {"alpha": 2.0}),
        Case("HardSigmoid", (V,), {"alpha": 1 / 6}),
    ]
    found += [
        Case("Gelu", (V,), {"approximate": "tanh"}),
        Case("Shrink", (V,), {"bias": 0.2, "lambd": 0.7}),
        Case("ThresholdedRelu", (V,), {"alpha": 0.4}),
    ]
    found += [Case("Clip", (V, np.float32(-0.5), np.float32(1)), opset=13), Case("Clip", (V, None, np.float32(0.3)), opset=13)]
    found += [
        Case("Clip", (V,), {"min": 0.0, "max": 6.0}, opset=6),
        Case("Clip", (V, np.float32(0), np.float32(6))),
        Case("Clip", (V, np.float32(0))),
    ]
    return [*found, Case("PRelu", (V, f(4))), Case("PRelu", (IMAGE, f(4, 1, 1))), Case("Swish", (V,), {"alpha": 1.5}, opset=24)]


def binary() -> list[Case]:
    found = [
        Case(op, (V, V))
        for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    ]
    found += [Case(op, (V, f(4))) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean")]
    found += [Case(op, (f(3, 1), V)) for op in ("Add", "Sub", "Mul", "Max")]
    found += [Case(op, (V, np.float32(0.7))) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")]
    found += [
        Case("Max", (V, np.float32(0))),
        Case("Max", (V, V, V)),
        Case("Min", (V, V, f(4))),
        Case("Sum", (V, V, V)),
        Case("Mean", (V, V, V)),
        Case("Max", (V,)),
    ]
    found += [Case("Pow", (V, np.float32(2))), Case("Pow", (V, np.float32(3))), Case("Pow", (V, V), low=0.5), Case("Pow", (V, i(2)))]
    found += [
        Case("Mod", (V, V), {"fmod": 1}),
        Case("Mod", ((3,), i(3)), low=-9, high=9, whole=(0,)),
        Case("Div", ((3,), i(3)), low=-9, high=9, whole=(0,)),
    ]
    return [*found, Case("Add", ((3,), i(3)), whole=(0,)), Case("Equal", ((3,), i(1)), whole=(0,))]


def reduced() -> list[Case]:
    found = []
    for op in (
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceL1",
        "ReduceL2",
        "ReduceSumSquare",
        "ReduceLogSumExp",
        "ReduceLogSum",
    ):
        low = 0.2 if op == "ReduceLogSum" else -2.0
        old = 11 if op == "ReduceSum" else 13
        found += [
            Case(op, (IMAGE, i(2, 3)), {"keepdims": 0}, 18, low),
            Case(op, (IMAGE, i(-1)), {}, 18, low),
            Case(op, (IMAGE,), {"axes": [1, 2]}, old, low),
        ]
        found += [Case(op, (IMAGE,), {"noop_with_empty_axes": 1}, 18, low)] if op in ("ReduceSum", "ReduceMean", "ReduceMax") else []
    found += [Case(op, (V,), {"axis": axis, "keepdims": keep}) for op in ("ArgMax", "ArgMin") for axis in (1, -1) for keep in (0, 1)]
    found += [
        Case("ArgMax", (V,), {"axis": 1, "select_last_index": 1}),
        Case("CumSum", (V, np.int64(1))),
        Case("CumSum", (V, np.int64(2)), {"exclusive": 1}),
    ]
    found += [Case("CumSum", (V, np.int64(-1)), {"reverse": 1}), Case("CumSum", (V, np.int64(-1)), {"reverse": 1, "exclusive": 1})]
    found += [Case("TopK", (V, i(2)), {"axis": 2}, outputs=2), Case("TopK", (V, i(2)), {"axis": 1, "largest": 0}, outputs=2)]
    return found


def dense() -> list[Case]:
    found = [
        Case("Gemm", ((6,), f(6, 3), f(3))),
        Case("Gemm", ((6,), f(3, 6), f(3)), {"transB": 1}),
        Case("Gemm", ((6,), f(3, 6)), {"transB": 1, "alpha": 0.5}),
    ]
    found += [
        Case("Gemm", ((6,), f(3, 6), f(1, 3)), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        Case("Gemm", ((6,), f(6, 3), np.float32(2))),
    ]
    found += [
        Case("MatMul", ((6,), f(6, 3))),
        Case("MatMul", ((2, 6), f(6, 3))),
        Case("MatMul", ((2, 6), f(6))),
        Case("MatMul", ((2, 3, 4), (2, 4, 3))),
    ]
    found += [Case("MatMul", (f(5, 3), (3, 4))), Case("MatMul", ((2, 3, 4), f(2, 4, 5)))]
    found += [
        Case("Einsum", ((3, 4), f(4, 5)), {"equation": "bij,jk->bik"}),
        Case("Einsum", ((3, 4), (5, 4)), {"equation": "bij,bkj->bik"}),
    ]
    return found


def windows() -> list[Case]:
    w = f(6, 4, 3, 3)
    found = [
        Case("Conv", (IMAGE, w, f(6))),
        Case("Conv", (IMAGE, w), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        Case("Conv", (IMAGE, w), {"dilations": [2, 2], "pads": [2, 1, 2, 3]}),
    ]
    found += [Case("Conv", (IMAGE, f(8, 2, 3, 3)), {"group": 2}), Case("Conv", (IMAGE, f(4, 1, 3, 3), f(4)), {"group": 4})]
    found += [Case("Conv", (IMAGE, w), {"auto_pad": pad, "strides": [2, 2]}) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")]
    found += [Case("Conv", ((4, 9), f(6, 4, 3), f(6)), {"pads": [1, 1]}), Case("Conv", ((2, 4, 5, 6), f(3, 2, 2, 2, 2), f(3)))]
    t = f(4, 6, 3, 3)
    found += [
        Case("ConvTranspose", (IMAGE, t, f(6))),
        Case("ConvTranspose", (IMAGE, t), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
    ]
    found += [
        Case("ConvTranspose", (IMAGE, t), {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
        Case("ConvTranspose", (IMAGE, f(4, 2, 3, 3)), {"group": 2}, runtime=True),
    ]
    found += [
        Case("ConvTranspose", (IMAGE, t), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        Case("ConvTranspose", ((4, 9), f(4, 6, 3)), {"strides": [2]}),
    ]
    found += [Case("ConvTranspose", (IMAGE, t), {"strides": [2, 2], "output_shape": [15, 16]}, runtime=True)]
    for op in ("MaxPool", "AveragePool"):
        found += [
            Case(op, (IMAGE,), {"kernel_shape": [2, 2], "strides": [2, 2]}),
            Case(op, (IMAGE,), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ]
        found += [
            Case(op, (IMAGE,), {"kernel_shape": [3, 3], "pads": [0, 0, 1, 1], "strides": [2, 2]}),
            Case(op, ((4, 9),), {"kernel_shape": [3], "strides": [2]}),
        ]
        found += [
            Case(op, (IMAGE,), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
            Case(op, (IMAGE,), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
        ]
    found += [
        Case("AveragePool", (IMAGE,), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
        Case("MaxPool", (IMAGE,), {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    ]
    found += [Case("AveragePool", (IMAGE,), {"kernel_shape": [3, 3], "pads": [0, 0, 1, 1], "count_include_pad": 1})]
    return [
        *found,
        Case("GlobalAveragePool", (IMAGE,)),
        Case("GlobalMaxPool", (IMAGE,)),
        Case("GlobalAveragePool", ((4, 9),)),
        Case("MaxPool", ((2, 4, 5, 6),), {"kernel_shape": [2, 2, 2]}),
    ]


def norms() -> list[Case]:
    p = abs(f(4)) + 0.5
    found = [
        Case("BatchNormalization", (IMAGE, f(4), f(4), f(4), p), opset=15),
        Case("BatchNormalization", ((4,), f(4), f(4), f(4), p), {"epsilon": 1e-3}, opset=15),
    ]
    found += [Case("BatchNormalization", (IMAGE, f(4), f(4), f(4), p), opset=9, runtime=True)]
    found += [
        Case("LayerNormalization", (V, f(4), f(4)), opset=17),
        Case("LayerNormalization", (V, f(3, 4), f(3, 4)), {"axis": 1, "epsilon": 1e-3}, 17),
        Case("LayerNormalization", (V, f(4)), opset=17),
    ]
    found += [
        Case("InstanceNormalization", (IMAGE, f(4), f(4))),
        Case("GroupNormalization", (IMAGE, f(4), f(4)), {"num_groups": 2}),
        Case("GroupNormalization", (IMAGE, f(2), f(2)), {"num_groups": 2}, 18),
    ]
    found += [
        Case("LpNormalization", (V,), {"axis": 1, "p": 1}, runtime=True),
        Case("LpNormalization", (V,), {"axis": -1}),
        Case("RMSNormalization", (V, f(4)), opset=23),
    ]
    found += [
        Case("LRN", (IMAGE,), {"size": 3, "alpha": 0.1, "beta": 0.5, "bias": 2.0}, runtime=True),
        Case("MeanVarianceNormalization", (IMAGE,), {"axes": [2, 3]}),
    ]
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        found += [Case(op, (V,), {"axis": axis}, opset, runtime=opset == 11) for opset in (11, 13) for axis in (1, 2)]
    return found


def moves() -> list[Case]:
    found = [
        Case("Reshape", (V, i(-1, 12))),
        Case("Reshape", (V, i(0, 2, 6))),
        Case("Reshape", (V, i(0, -1))),
        Case("Flatten", (IMAGE,)),
        Case("Flatten", (V,), {"axis": 2}),
    ]
    found += [
        Case("Squeeze", ((1, 3, 1), i(1)), opset=13),
        Case("Squeeze", ((1, 3, 1),), opset=13),
        Case("Squeeze", ((1, 3, 1),), {"axes": [1, 3]}, 11),
    ]
    found += [
        Case("Unsqueeze", (V, i(1, -1)), opset=13),
        Case("Unsqueeze", (V,), {"axes": [2]}, 11),
        Case("Transpose", (V,), {"perm": [0, 2, 1]}),
        Case("Transpose", (V,), {"perm": [1, 0, 2]}),
    ]
    found += [
        Case("Expand", ((1, 4), i(1, 3, 1))),
        Case("Tile", (V, i(1, 2, 3))),
        Case("Concat", (V, V), {"axis": 1}),
        Case("Concat", (V, V, V), {"axis": -1}),
    ]
    found += [
        Case("Split", (IMAGE,), {"axis": 1}, 11, outputs=2),
        Case("Split", (IMAGE,), {"axis": 1, "split": [1, 3]}, 11, outputs=2),
        Case("Split", (IMAGE, i(1, 3)), {"axis": 1}, 13, outputs=2),
    ]
    found += [Case("Split", (IMAGE,), {"axis": 2, "num_outputs": 3}, 18, outputs=3)]
    found += [
        Case("Slice", (IMAGE, i(1, 2), i(3, 6), i(1, 2))),
        Case("Slice", (IMAGE, i(-1), i(-(2**40)), i(3), i(-1))),
        Case("Slice", (IMAGE, i(0), i(2**40), i(-1), i(3))),
    ]
    found += [
        Case("Slice", (IMAGE,), {"starts": [1, 0], "ends": [3, -1], "axes": [1, 3]}, 9),
        Case("Slice", (IMAGE, i(5), i(1), i(2), i(-2))),
    ]
    found += [
        Case("Gather", (V, i(0, 2, -1)), {"axis": 1}),
        Case("Gather", (V, np.array(1)), {"axis": 2}),
        Case("Gather", (V, np.array([[0, 1], [2, -1]])), {"axis": -1}),
    ]
    found += [
        Case("Gather", (f(9, 4), (3,)), whole=(1,), low=0, high=8),
        Case("GatherElements", (V, (2, 4)), {"axis": 1}, whole=(1,), low=0, high=2),
    ]
    found += [
        Case("GatherND", (V, (2, 1)), {"batch_dims": 1}, whole=(1,), low=0, high=2),
        Case("ScatterElements", (V, (2, 4), (2, 4)), {"axis": 1, "reduction": "add"}, whole=(1,), low=0, high=2),
    ]
    found += [
        Case("Pad", (IMAGE, i(0, 1, 0, 2, 0, 0, 1, 3), np.float32(1.5))),
        Case("Pad", (IMAGE, i(1, 2, 2, 1), None, i(2, 3)), {"mode": "reflect"}),
    ]
    found += [Case("Pad", (IMAGE, i(0, 0, 2, 2, 0, 0, 1, 3)), {"mode": mode}) for mode in ("reflect", "edge", "wrap")]
    found += [
        Case("Pad", (IMAGE,), {"pads": [0, 0, 1, 1, 0, 0, 2, 2], "value": 0.5}, 10),
        Case("Pad", (IMAGE, i(0, 0, -1, 1, 0, 0, 0, -2)), runtime=True),
    ]
    found += [
        Case("DepthToSpace", ((8, 3, 2),), {"blocksize": 2}),
        Case("DepthToSpace", ((8, 3, 2),), {"blocksize": 2, "mode": "CRD"}),
        Case("SpaceToDepth", ((2, 4, 6),), {"blocksize": 2}),
    ]
    found += [
        Case("Trilu", (V,)),
        Case("Trilu", (V, np.array(1)), {"upper": 0}),
        Case("OneHot", ((3,), np.array(5), np.array([0.5, 2], np.float32)), whole=(0,), low=-5, high=4),
    ]
    found += [Case("OneHot", ((3,), np.array(5), np.array([0, 1], np.float32)), {"axis": 1}, whole=(0,), low=0, high=4)]
    found += [
        Case("Cast", (V,), {"to": onnx.TensorProto.INT64}),
        Case("Cast", (V,), {"to": onnx.TensorProto.DOUBLE}),
        Case("CastLike", (V, i(1))),
    ]
    return [*found, Case("EyeLike", (f(3, 4),)), Case("Dropout", (V,), opset=13), Case("Dropout", (V,), {"ratio": 0.3}, 10)]


def sized() -> list[Case]:
    n, h = 4, np.array([1, 1, 2, 2], np.float32)
    found = []
    for mode in ("nearest", "linear", "cubic"):
        for places in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"):
            found += [
                Case(
                    "Resize",
                    (IMAGE, None, scales),
                    {"mode": mode, "coordinate_transformation_mode": places},
                    19,
                    runtime=places == "align_corners",
                )
                for scales in (h, np.array([1, 1, 0.6, 1.7], np.float32))
            ]
    found += [
        Case("Resize", (IMAGE, None, h), {"nearest_mode": one, "coordinate_transformation_mode": "asymmetric"}, 19)
        for one in ("floor", "ceil", "round_prefer_ceil", "round_prefer_floor")
    ]
    found += [
        Case("Resize", (IMAGE, None, None, i(11, 5)), {"mode": "linear", "axes": [2, 3]}, 19),
        Case("Resize", (IMAGE, None, h), {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}, 19),
    ]
    found += [Case("Upsample", (IMAGE, h), {"mode": "nearest"}, 9), Case("Resize", (IMAGE, h), {"mode": "nearest"}, 10, runtime=True)]
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        more = {"linear_before_reset": 1} if op == "GRU" else {}
        weights = (f(1, gates * n, 3), f(1, gates * n, n), f(1, 2 * gates * n))
        found += [Case(op, ((6, 3), *weights), {"hidden_size": n, "layout": 1, **more}, 14, outputs=2)]
    return found


def quantized() -> list[Case]:
    s, z = np.float32(0.05), np.uint8(120)
    return [
        Case("DequantizeLinear", (np.array([[3, 200, 7]], np.uint8), s, z)), Case("QuantizeLinear", (V, s, z)),
        Case("QuantizeLinear", (V, s, np.int8(3))),
        Case("QuantizeLinear", (V, np.array([0.1, 0.2, 0.3], np.float32), np.array([0, 1, 2], np.int8)), {"axis": 1}),
        Case("DequantizeLinear", (np.array([[3, -100, 7]], np.int8), np.array([0.1, 0.2, 0.3], np.float32)), {"axis": 1}),
    ]  # fmt: skip


CASES = [*unary(), *binary(), *reduced(), *dense(), *windows(), *norms(), *moves(), *sized(), *quantized()]


def made(case: Case) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The model and its rows."""
    draw = np.random.default_rng(zlib.crc32(case.name.encode()))
    rows, constants, names = {}, {}, []
    for place, one in enumerate(case.inputs):
        if one is None:
            names.append("")
        elif isinstance(one, tuple):
            names.append(f"x{place}")
            shape = (ROWS, *one)
            found = draw.uniform(case.low, case.high, shape).astype(np.float32)
            rows[names[-1]] = draw.integers(int(case.low), int(case.high) + 1, shape) if place in case.whole else found
        else:
            names.append(f"c{place}")
            constants[names[-1]] = np.asarray(one)
    outputs = [f"y{place}" if case.outputs > 1 else "y" for place in range(case.outputs)]
    if not rows:  # constants only: something must be there that has rows
        rows["x"] = draw.normal(size=(ROWS, 2)).astype(np.float32)
    return graph([node(case.op, names, outputs, **case.attributes)], rows, outputs, constants=constants, opset=case.opset), rows


@pytest.mark.parametrize("case", CASES, ids=[f"{place}-{case.name}" for place, case in enumerate(CASES)])
def test_an_operator_gives_what_the_reference_gives(case: Case) -> None:
    model, rows = made(case)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, rows) if case.runtime else reference(model, rows)
    found = answered(model, rows)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=1.0) if theirs.dtype.kind == "f" else 1
        np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), atol=2e-6 * scale, rtol=2e-5)
