"""ONNX's normalizations, softmax among them, as torch operations."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.views import padded

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]


def _batch_norm(reader: OnnxReader, node: Node) -> None:
    if node.attr("training_mode", 0) or any(node.named[1:]):
        raise reader.unsupported(node.type, "in training mode")
    eps = node.attr("epsilon", 1e-5)

    def norm(x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        return functional.batch_norm(x, mean, var, scale, offset, False, 0.0, eps)

    reader.add("batch_norm", norm, node.given, node.outputs[:1], about={"channels_last": False})


def _layer_norm(reader: OnnxReader, node: Node) -> None:
    if any(node.named[1:]):
        raise reader.unsupported(node.type, "that returns its statistics")
    value, scale = node.given[:2]
    shape, eps = reader.shape(value), node.attr("epsilon", 1e-5)
    over = shape[node.attr("axis", -1) % len(shape) :]
    plain = reader.shape(scale) == over and (len(node.given) < 3 or reader.shape(node.given[2]) == over)

    def norm(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if plain:
            return functional.layer_norm(x, over, weight, bias, eps)
        made = functional.layer_norm(x, over, None, None, eps) * weight
        return made if bias is None else made + bias

    reader.add("layer_norm", norm, node.given, node.outputs[:1], about={"channels_last": True})


def _rms_norm(reader: OnnxReader, node: Node) -> None:
    shape, eps = reader.shape(node.given[0]), node.attr("epsilon", 1e-5)
    over = shape[node.attr("axis", -1) % len(shape) :]
    plain = reader.shape(node.given[1]) == over

    def norm(x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, over, weight, eps) if plain else functional.rms_norm(x, over, None, eps) * weight

    reader.add("rms_norm", norm, node.given, node.outputs, about={"channels_last": True})


def _instance_norm(reader: OnnxReader, node: Node) -> None:
    eps = node.attr("epsilon", 1e-5)
    call = lambda x, scale, offset: functional.instance_norm(x, None, None, scale, offset, True, 0.1, eps)  # noqa: E731
    reader.add("instance_norm", call, node.given, node.outputs, about={"channels_last": False})


def _group_norm(reader: OnnxReader, node: Node) -> None:
    groups, eps, channels = node.attr("num_groups"), node.attr("epsilon", 1e-5), reader.shape(node.given[0])[1]

    def norm(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
        each = channels // len(scale)  # older models scale each group
        scale, offset = (one.repeat_interleave(each) if each > 1 else one for one in (scale, offset))
        return functional.group_norm(x, groups, scale, offset, eps)

    reader.add("group_norm", norm, node.given, node.outputs, about={"channels_last": False})


def _lp_norm(reader: OnnxReader, node: Node) -> None:
    axis, p = node.attr("axis", -1), node.attr("p", 2)
    reader.add("normalize", lambda x: x / torch.linalg.vector_norm(x, p, axis, True), node.given, node.outputs)


def _mean_variance(reader: OnnxReader, node: Node) -> None:
    axes = tuple(node.attr("axes") or (0, 2, 3))
    if 0 in axes:
        raise reader.unsupported(node.type, "over the rows")

    def norm(x: Tensor) -> Tensor:
        centered = x - x.mean(axes, keepdim=True)
        return centered / (torch.sqrt(torch.square(centered).mean(axes, keepdim=True)) + 1e-9)

    reader.add("normalize", norm, node.given, node.outputs)


def _local_response(reader: OnnxReader, node: Node) -> None:
    size, alpha, beta, k = node.attr("size"), node.attr("alpha", 1e-4), node.attr("beta", 0.75), node.attr("bias", 1.0)

    def norm(x: Tensor) -> Tensor:
        squares = padded(torch.square(x), ((0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)))
        total = sum((squares.narrow(1, i, x.shape[1]) for i in range(1, size)), squares.narrow(1, 0, x.shape[1]))
        return x / torch.pow(k + alpha / size * total, beta)

    reader.add("local_response_norm", norm, node.given, node.outputs)


def _softmax(reader: OnnxReader, node: Node) -> None:
    call, name = (torch.log_softmax, "log_softmax") if node.type == "LogSoftmax" else (torch.softmax, "softmax")
    rank = reader.rank(node.given[0])
    axis = node.attr("axis", 1 if node.version < 13 else -1) % rank
    if node.version >= 13 or axis == rank - 1:
        reader.add(name, lambda x: call(x, axis), node.given, node.outputs, about={"axes": (axis,)})
    else:
        reader.add(name, lambda x: call(x.reshape(*x.shape[:axis], prod(x.shape[axis:])), axis).reshape(x.shape), node.given, node.outputs)


def _hardmax(reader: OnnxReader, node: Node) -> None:
    axis = node.attr("axis", 1 if node.version < 13 else -1) % reader.rank(node.given[0])
    flat = node.version < 13

    def hardmax(x: Tensor) -> Tensor:
        wide = x.flatten(axis) if flat else x
        return functional.one_hot(wide.argmax(axis), wide.shape[axis]).movedim(-1, axis).to(x.dtype).reshape(x.shape)

    reader.add("one_hot", hardmax, node.given, node.outputs)


TABLE: dict[str, Entry] = {
    "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm, "RMSNormalization": _rms_norm,
    "InstanceNormalization": _instance_norm, "GroupNormalization": _group_norm, "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance, "LRN": _local_response, "Softmax": _softmax, "LogSoftmax": _softmax, "Hardmax": _hardmax,
}  # fmt: skip
