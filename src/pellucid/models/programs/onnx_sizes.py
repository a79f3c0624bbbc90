"""ONNX's operators that make values of shapes and constants, as torch operations."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import UNREADABLE, tensor

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]


def whole(values: Tensor) -> list[int]:
    """The whole numbers of a small tensor."""
    return [int(one) for one in values.reshape(-1).tolist()]


def _lengths(reader: OnnxReader, node: Node) -> Callable[[int], list[int]]:
    """The shape of the input for any number of rows, each entry of which grows evenly."""
    two, three = reader.shapes(node.given[0])
    return lambda rows: [a + (rows - 2) * (b - a) for a, b in zip(two, three, strict=True)]


def _shape(reader: OnnxReader, node: Node) -> None:
    start, end = node.attr("start", 0), node.attr("end")
    lengths = _lengths(reader, node)
    reader.size(node.outputs, lambda rows: torch.tensor(lengths(rows)[start:end], dtype=torch.int64))


def _size(reader: OnnxReader, node: Node) -> None:
    lengths = _lengths(reader, node)
    reader.size(node.outputs, lambda rows: torch.tensor(prod(lengths(rows)), dtype=torch.int64))


def _constant(reader: OnnxReader, node: Node) -> None:
    kind, value = next(iter(node.attributes.items()))
    if kind == "value":
        found: Any = reader.tensor(value)
    elif kind in ("value_float", "value_floats"):
        found = torch.from_numpy(np.array(value, np.float32))
    elif kind in ("value_int", "value_ints"):
        found = torch.from_numpy(np.array(value, np.int64))
    elif kind in ("value_string", "value_strings"):
        found = UNREADABLE
    else:
        raise reader.unsupported(node.type, "that is sparse")
    reader.alias(node.outputs, (Constant(found),))


def _filled(reader: OnnxReader, node: Node) -> None:
    value = node.attr("value")
    filling = torch.zeros(1) if value is None else reader.tensor(value)
    reader.add("full", lambda shape: filling.reshape(()).expand(whole(shape)), node.given, node.outputs, structural=True)


def _range(reader: OnnxReader, node: Node) -> None:
    if any(map(reader.depends, node.given)):
        raise reader.unsupported(node.type, "as long as the input says")
    kind = reader.dtype(node.given[0])
    reader.add("arange", lambda a, b, step: torch.arange(a.item(), b.item(), step.item(), dtype=kind), node.given, node.outputs)


def _nonzero(reader: OnnxReader, node: Node) -> None:
    if reader.depends(node.given[0]):
        raise reader.unsupported(node.type, "of values that depend on the input")
    reader.add("nonzero", lambda x: torch.nonzero(x).T.contiguous(), node.given, node.outputs)


def _eye(reader: OnnxReader, node: Node) -> None:
    to, k = node.attr("dtype"), node.attr("k", 0)
    kind = reader.dtype(node.given[0]) if to is None else reader.kind(to)
    shape = reader.shape(node.given[0])
    if reader.varies(node.given[0]):
        raise reader.unsupported(node.type, "with one entry for each row")
    reader.alias(node.outputs, (Constant(tensor(np.eye(*shape, k=k)).to(kind)),))


def _if(reader: OnnxReader, node: Node) -> None:
    known = reader.numbers(node.given[0])
    if known is None:
        raise reader.unsupported(node.type, "where the input decides")
    reader.alias(node.outputs, reader.branch(node.attributes["then_branch" if known[0] else "else_branch"]))


def _same(reader: OnnxReader, node: Node) -> None:
    reader.alias(node.outputs, node.given[:1])


def _dropout(reader: OnnxReader, node: Node) -> None:
    training = reader.numbers(node.input(2))
    if training and training[0] and (reader.numbers(node.input(1)) or [0.5])[0]:
        raise reader.unsupported(node.type, "in training mode")
    reader.alias(node.outputs[:1], node.given[:1])
    if len(node.outputs) > 1:
        reader.add("ones_like", lambda x: torch.ones_like(x, dtype=torch.bool), node.given[:1], node.outputs[1:])


TABLE: dict[str, Entry] = {
    "Shape": _shape, "Size": _size, "Constant": _constant, "ConstantOfShape": _filled, "Range": _range, "NonZero": _nonzero,
    "EyeLike": _eye, "If": _if, "Identity": _same, "Dropout": _dropout,
}  # fmt: skip
