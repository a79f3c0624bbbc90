"""Small ONNX graphs written node by node, and what each says: by the reference of ONNX, and read as torch operations."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from pellucid.models.programs.onnx_reader import OnnxReader
from pellucid.models.programs.operation import Listing
from pellucid.models.programs.passes import simplified
from pellucid.models.programs.program import Program


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, np.ndarray],
    outputs: Sequence[str] = ("y",),
    *,
    constants: Mapping[str, np.ndarray] | None = None,
    opset: int = 21,
    batch: int | str = "rows",
) -> onnx.ModelProto:
    """A model of these nodes that takes any number of rows; ``inputs`` are examples."""
    entering = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), [batch, *value.shape[1:]])
        for name, value in inputs.items()
    ]
    leaving = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    made = helper.make_graph(list(nodes), "small", entering, leaving, held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str] = ("y",), **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), list(outputs), **attributes)


def reference(model: onnx.ModelProto, arrays: Mapping[str, np.ndarray]) -> list[Any]:
    """What the reference of ONNX answers."""
    return ReferenceEvaluator(model).run(None, dict(arrays))


def read(model: onnx.ModelProto, arrays: Mapping[str, np.ndarray], *, batch: int = 0) -> Listing:
    """The model as a listing, read with the first row of ``arrays``."""
    reader = OnnxReader(model.opset_import[0].version, batch)
    return reader.read(model.graph, list(arrays), [torch.from_numpy(one[:1].copy()) for one in arrays.values()])


def answered(model: onnx.ModelProto, arrays: Mapping[str, np.ndarray], *, batch: int = 0) -> list[np.ndarray]:
    """What the model read as torch operations answers."""
    rows = [torch.from_numpy(one.copy()) for one in arrays.values()]
    program = Program(simplified(read(model, arrays, batch=batch), tuple(one[:1].repeat_interleave(2, 0) for one in rows)))
    with torch.no_grad():
        found = program(*rows)
    return [one.numpy() for one in (found.values() if isinstance(found, dict) else [found])]


def exported(net: nn.Module, *rows: torch.Tensor, dynamo: bool, fixed: bool = False, **options: Any) -> onnx.ModelProto:
    """A torch network as ONNX, by either exporter of torch."""
    names = [f"x{i}" for i in range(len(rows))]
    axes: dict[str, Any] = {}
    if not fixed and dynamo:
        axes = {"dynamic_shapes": tuple({0: torch.export.Dim("batch")} for _ in rows)}
    elif not fixed:
        axes = {"dynamic_axes": {name: {0: "batch"} for name in (*names, "y")}}
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        if dynamo:
            program = torch.onnx.export(net, rows, dynamo=True, input_names=names, output_names=["y"], verbose=False, **axes, **options)
            assert program is not None
            return program.model_proto
        target = io.BytesIO()
        torch.onnx.export(net, rows, target, dynamo=False, input_names=names, output_names=["y"], **axes, **options)  # type: ignore[arg-type]
    return onnx.load_model_from_string(target.getvalue())


def shaped(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the rank of its outputs, which the format demands."""
    for one in model.graph.output:
        if not one.type.tensor_type.HasField("shape"):
            one.type.tensor_type.shape.SetInParent()
            one.type.tensor_type.shape.dim.add().dim_param = "rows"
            one.type.tensor_type.shape.dim.add().dim_param = "n"
    return model
