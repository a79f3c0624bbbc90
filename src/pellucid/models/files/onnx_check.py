"""Whether an ONNX file can be read without harm: called in a process of its own (:mod:`pellucid.models.files.sandbox`).

A graph holds no code, but it can name other files, claim any size, and have a small constant grow without bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from math import prod

import onnx
from google.protobuf.message import DecodeError

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
LARGEST = 1 << 31  # bytes of a tensor
NODES = 200_000
DEEPEST = 16  # graphs inside graphs
LONGEST = 1000  # characters of a name


def checked(data: bytes) -> bytes:
    """The same model, written anew from what was understood of it.

    Raises:
        ValueError: it is no ONNX model, or one that is refused; what was wrong and what was received, on two lines.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RuntimeError) as error:
        raise ValueError(f"This is no ONNX model\n{len(data)} bytes") from error
    if not model.HasField("graph") or not model.opset_import or not model.graph.output:
        raise ValueError(f"This is no ONNX model\n{len(data)} bytes without a graph, its outputs or the version of its operators")
    _domains(model)
    for tensor in tensors(model):
        _tensor(tensor)
    try:
        onnx.checker.check_model(model, full_check=False, skip_opset_compatibility_check=True)
    except (onnx.checker.ValidationError, RuntimeError, TypeError) as error:
        raise ValueError(f"The ONNX model is not what the format says\n{str(error).splitlines()[0][:200]}") from error
    canonical = onnx.ModelProto()
    canonical.CopyFrom(model)
    canonical.DiscardUnknownFields()
    found = canonical.SerializeToString()
    if find_spec("onnxruntime"):
        import_module("pellucid.models.files.onnxruntime_check").rehearsed(found)
    return found


def _domains(model: onnx.ModelProto) -> None:
    own = {one.domain for one in model.functions}
    for count, node in enumerate(nodes(model)):
        if node.domain not in DOMAINS and node.domain not in own:
            raise ValueError(f"The ONNX model calls operators that are not ONNX's own\n{node.domain[:80]}.{node.op_type[:80]}")
        if count > NODES or any(len(name) > LONGEST for name in (*node.input, *node.output, node.name)):
            raise ValueError(f"The ONNX model has too many nodes, or names that are too long\nover {NODES} nodes or {LONGEST} characters")


def _tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        places = [one.value[:80] for one in tensor.external_data if one.key == "location"]
        raise ValueError(f"The ONNX model keeps weights in other files\n{', '.join(places) or tensor.name[:80]}; save it as one file")
    if tensor.data_type == onnx.TensorProto.STRING:
        return
    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"The ONNX model holds numbers of an unknown type\n{tensor.name[:80]}: type {tensor.data_type}") from error
    if any(size < 0 for size in tensor.dims) or prod(tensor.dims) * kind.itemsize > LARGEST:
        raise ValueError(f"A tensor of the ONNX model has an impossible size\n{tensor.name[:80]}: {list(tensor.dims)[:8]}")
    packed = tensor.data_type in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4) or kind.itemsize < 1
    held = len(tensor.raw_data)
    if held and not packed and held != prod(tensor.dims) * kind.itemsize:
        received = f"{tensor.name[:80]}: {list(tensor.dims)[:8]} in {held} bytes"
        raise ValueError(f"A tensor of the ONNX model has another size than it says\n{received}")


def nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those inside functions and inside nodes included."""
    yield from _nodes(model.graph.node, 0)
    for function in model.functions:
        yield from _nodes(function.node, 0)


def _nodes(given: object, depth: int) -> Iterator[onnx.NodeProto]:
    if depth > DEEPEST:
        raise ValueError(f"The graphs of the ONNX model lie too deep in each other\nover {DEEPEST}")
    for node in given:  # type: ignore[attr-defined]
        yield node
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _nodes(graph.node, depth + 1)


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All constants."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else ()), *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from graph.initializer
