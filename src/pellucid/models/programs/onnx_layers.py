"""ONNX's layers as torch operations: products with weights, convolutions, pools, interpolation, quantization."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.interpolation import resized
from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref
from pellucid.models.programs.views import padded
from pellucid.models.programs.windows import CONVOLUTIONS, MAXIMA, TRANSPOSED, dense, same_padding

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]
Pairs = tuple[tuple[int, int], ...]
LAST = {"channel": -1, "channels_last": True}
FIRST = {"channel": 1, "channels_last": False}
AVERAGES = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)


def _weight(one: Ref | None) -> Tensor | None:
    """The matrix of a constant."""
    fits = isinstance(one, Constant) and isinstance(one.value, Tensor) and one.value.ndim == 2 and one.value.is_floating_point()
    return one.value if fits else None  # type: ignore[union-attr]


def _gemm(reader: OnnxReader, node: Node) -> None:
    left, right, *rest = node.given
    alpha, beta, flips = node.attr("alpha", 1.0), node.attr("beta", 1.0), (node.attr("transA", 0), node.attr("transB", 0))
    matrix, bias = _weight(right), rest[0] if rest else None
    if matrix is None or not isinstance(right, Constant) or not isinstance(left, int) or flips[0]:

        def gemm(a: Tensor, b: Tensor, *more: Tensor) -> Tensor:
            made = torch.matmul(a.T if flips[0] else a, b.T if flips[1] else b)
            made = made if alpha == 1 else made * alpha
            return made + (more[0] if beta == 1 else more[0] * beta) if more else made

        reader.add("matmul", gemm, node.given, node.outputs)
        return
    weight = Constant(
        ((matrix if flips[1] else matrix.T) * alpha if alpha != 1 else matrix if flips[1] else matrix.T).contiguous(), right.path
    )
    inputs: tuple[Ref, ...] = (left, weight)
    if isinstance(bias, Constant) and isinstance(bias.value, Tensor) and (bias.value.ndim < 2 or bias.value.shape[0] == 1):
        spread = bias.value.reshape(-1).expand(weight.value.shape[0]) * beta  # type: ignore[union-attr]
        reader.add("linear", dense, (*inputs, Constant(spread.contiguous(), bias.path)), node.outputs, affine=True, about=LAST)
    elif bias is None:
        reader.add("linear", dense, inputs, node.outputs, affine=True, about=LAST)
    else:
        made = reader.made("linear", dense, inputs, affine=True, about=LAST)
        reader.add("add", lambda x, b: x + (b if beta == 1 else beta * b), (made, bias), node.outputs)


def _matmul(reader: OnnxReader, node: Node) -> None:
    left, right = node.given
    matrix = _weight(right)
    if matrix is not None and isinstance(right, Constant) and isinstance(left, int) and reader.rank(left) > 1:
        reader.add("linear", dense, (left, Constant(matrix.T.contiguous(), right.path)), node.outputs, affine=True, about=LAST)
    else:
        reader.add("matmul", torch.matmul, (left, right), node.outputs)


def _einsum(reader: OnnxReader, node: Node) -> None:
    equation = node.attr("equation")
    reader.add("einsum", lambda *all_: torch.einsum(equation, *all_), node.given, node.outputs)


# ---- windows ---------------------------------------------------------------------------------------------------------------------


def _window(reader: OnnxReader, node: Node, lengths: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...], Pairs]:
    """Strides, dilations and what is put around each axis of space."""
    count = len(lengths)
    strides, dilations = tuple(node.attr("strides") or [1] * count), tuple(node.attr("dilations") or [1] * count)
    kind, pads = node.attr("auto_pad", "NOTSET"), node.attr("pads") or [0] * (2 * count)
    if kind in ("SAME_UPPER", "SAME_LOWER"):
        sizes = zip(reader.shape(node.given[0])[2:], lengths, strides, dilations, strict=True)
        around = tuple(same_padding(*one) for one in sizes)
        return strides, dilations, tuple((high, low) for low, high in around) if kind == "SAME_LOWER" else around
    return strides, dilations, tuple((int(pads[i]), int(pads[i + count])) for i in range(count)) if kind != "VALID" else ((0, 0),) * count


def _conv(reader: OnnxReader, node: Node) -> None:
    weight = node.given[1]
    lengths = reader.shape(weight)[2:]
    strides, dilations, around = _window(reader, node, lengths)
    groups, convolve = node.attr("group", 1), CONVOLUTIONS[len(lengths) - 1]
    even = all(low == high for low, high in around)

    def conv(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        if even:
            return convolve(x, w, bias, strides, [low for low, _ in around], dilations, groups)
        return convolve(padded(x, ((0, 0), (0, 0), *around)), w, bias, strides, 0, dilations, groups)

    fixed = all(isinstance(one, Constant) for one in node.given[1:])
    reader.add("conv", conv, node.given, node.outputs, affine=fixed, about=FIRST)


def _conv_back(reader: OnnxReader, node: Node) -> None:
    lengths, inner = reader.shape(node.given[1])[2:], reader.shape(node.given[0])[2:]
    count, kind = len(lengths), node.attr("auto_pad", "NOTSET")
    strides, dilations = tuple(node.attr("strides") or [1] * count), tuple(node.attr("dilations") or [1] * count)
    more, groups = tuple(node.attr("output_padding") or [0] * count), node.attr("group", 1)
    pads, wanted = node.attr("pads") or [0] * (2 * count), node.attr("output_shape")
    if kind in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
        wanted = [size * stride for size, stride in zip(inner, strides, strict=True)]
    if wanted is not None:
        totals = [
            stride * (size - 1) + extra + (length - 1) * dilation + 1 - want
            for stride, size, extra, length, dilation, want in zip(strides, inner, more, lengths, dilations, wanted[-count:], strict=True)
        ]
        halves = [total // 2 if kind == "SAME_UPPER" else total - total // 2 for total in totals]
        pads = [*halves, *(total - half for total, half in zip(totals, halves, strict=True))]
    around = tuple((int(pads[i]), int(pads[i + count])) for i in range(count))
    even = all(low == high >= 0 for low, high in around)
    convolve = TRANSPOSED[count - 1]

    def conv(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        if even:
            return convolve(x, w, bias, strides, [low for low, _ in around], more, groups, dilations)
        made = convolve(x, w, bias, strides, 0, more, groups, dilations)
        return padded(made, ((0, 0), (0, 0), *((-low, -high) for low, high in around)))

    reader.add("conv_transpose", conv, node.given, node.outputs, affine=isinstance(node.given[1], Constant) and groups == 1, about=FIRST)


def _max_pool(reader: OnnxReader, node: Node) -> None:
    if any(node.named[1:]):
        raise reader.unsupported(node.type, "that returns places")
    lengths = tuple(node.attr("kernel_shape"))
    strides, dilations, around = _window(reader, node, lengths)
    ceil, pool = bool(node.attr("ceil_mode", 0)), MAXIMA[len(lengths) - 1]
    even = all(low == high <= length // 2 for (low, high), length in zip(around, lengths, strict=True))
    kind = reader.dtype(node.given[0])
    lowest = float("-inf") if kind.is_floating_point else torch.iinfo(kind).min

    def pooled(x: Tensor) -> Tensor:
        if even:
            return pool(x, lengths, strides, [low for low, _ in around], dilations, ceil)
        return pool(padded(x, ((0, 0), (0, 0), *around), lowest), lengths, strides, 0, dilations, ceil)

    reader.add("max_pool", pooled, node.given, node.outputs[:1], about={"channels_last": False})


def _average_pool(reader: OnnxReader, node: Node) -> None:
    lengths = tuple(node.attr("kernel_shape"))
    strides, dilations, around = _window(reader, node, lengths)
    if any(one != 1 for one in dilations):
        raise reader.unsupported(node.type, "with gaps")
    ceil, every, pool = bool(node.attr("ceil_mode", 0)), bool(node.attr("count_include_pad", 0)), AVERAGES[len(lengths) - 1]
    if all(low == high <= length // 2 for (low, high), length in zip(around, lengths, strict=True)):
        low = [one for one, _ in around]
        reader.add(
            "avg_pool", lambda x: pool(x, lengths, strides, low, ceil, every), node.given, node.outputs, about={"channels_last": False}
        )
        return
    shape, kind = (1, 1, *reader.shape(node.given[0])[2:]), reader.dtype(node.given[0])
    covered = padded(torch.ones(shape, dtype=kind), ((0, 0), (0, 0), *around), 1.0 if every else 0.0)
    share = pool(covered, lengths, strides, 0, ceil)

    def pooled(x: Tensor) -> Tensor:
        return pool(padded(x, ((0, 0), (0, 0), *around)), lengths, strides, 0, ceil) / share.to(x)

    reader.add("avg_pool", pooled, node.given, node.outputs, about={"channels_last": False})


def _global(kind: str) -> Entry:
    def add(reader: OnnxReader, node: Node) -> None:
        axes = tuple(range(2, reader.rank(node.given[0])))
        call = torch.mean if kind == "mean" else torch.amax
        reader.add(kind, lambda x: call(x, axes, True), node.given, node.outputs, about={"axes": axes, "channels_last": False})

    return add


# ---- interpolation, quantization -----------------------------------------------------------------------------------------------


def _resize(reader: OnnxReader, node: Node) -> None:
    value = node.given[0]
    shape, rank = reader.shape(value), reader.rank(value)
    old = node.type == "Upsample" or node.version < 11
    scales = node.attr("scales") if node.type == "Upsample" and node.version < 9 else reader.numbers(node.input(1 if old else 2))
    sizes = None if old else reader.numbers(node.input(3))
    axes = [int(axis) % rank for axis in node.attr("axes") or range(rank)]
    if sizes is None and isinstance(node.input(3), int):  # of a network that takes any number of rows
        sizes = reader.sample(node.input(3))
    if not scales and not sizes:
        raise reader.unsupported(node.type, "by what depends on the input")
    if node.attr("keep_aspect_ratio_policy", "stretch") != "stretch" or node.attr("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise reader.unsupported(node.type, "of this policy")
    grown: dict[int, tuple[int, float]] = {}
    for place, axis in enumerate(axes):
        scale = float(scales[place]) if scales else sizes[place] / shape[axis]  # type: ignore[index]
        length = int(shape[axis] * scale) if scales else int(sizes[place])  # type: ignore[index]
        if length != shape[axis] or scale != 1:
            grown[axis] = length, scale
    mode: str = node.attr("mode", "nearest").replace("trilinear", "linear").replace("bilinear", "linear")
    if 0 in grown or (node.attr("antialias", 0) and mode != "nearest" and any(scale < 1 for _, scale in grown.values())):
        raise reader.unsupported(node.type, "over rows, or antialiased")
    places = node.attr("coordinate_transformation_mode", "half_pixel") if not old else "asymmetric"
    rounding = "floor" if old else node.attr("nearest_mode", "round_prefer_floor")
    cubic = node.attr("cubic_coeff_a", -0.75), bool(node.attr("exclude_outside", 0))
    call = resized(shape, grown, mode=mode, places=places, rounding=rounding, cubic=cubic)
    reader.add("interpolate", call, (value,), node.outputs, about={"channels_last": False})


def _along(reader: OnnxReader, node: Node, one: Ref, axis: int) -> Ref:
    """A scale or zero point with an axis for every axis of the first input."""
    if reader.rank(one) != 1 or reader.shape(one) == (1,):
        return one if reader.rank(one) == 0 else reader.made("reshape", lambda s: s.reshape(()), (one,), structural=True)
    shape = [-1 if i == axis % reader.rank(node.given[0]) else 1 for i in range(reader.rank(node.given[0]))]
    return reader.made("reshape", lambda s: s.reshape(shape), (one,), structural=True)


def _quantize(reader: OnnxReader, node: Node) -> None:
    if node.attr("block_size", 0):
        raise reader.unsupported(node.type, "in blocks")
    zero = node.input(2)
    kind = reader.dtype(zero) if zero is not None else torch.uint8
    limits = torch.iinfo(kind)
    inputs = tuple(_along(reader, node, one, node.attr("axis", 1)) for one in node.given[1:])

    def quantize(x: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
        whole = torch.round(x / scale)
        return torch.clamp(whole if offset is None else whole + offset.to(x.dtype), limits.min, limits.max)

    if isinstance(node.given[0], Constant):
        reader.add("to", lambda *given: quantize(*given).to(kind), (node.given[0], *inputs), node.outputs)
    else:  # whole numbers, kept as fractions
        reader.add("round", quantize, (node.given[0], *inputs), node.outputs)


def _dequantize(reader: OnnxReader, node: Node) -> None:
    if node.attr("block_size", 0):
        raise reader.unsupported(node.type, "in blocks")
    inputs = tuple(_along(reader, node, one, node.attr("axis", 1)) for one in node.given[1:])

    def dequantize(x: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
        wide = x.to(scale.dtype)
        return (wide if offset is None else wide - offset.to(scale.dtype)) * scale

    reader.add("mul", dequantize, (node.given[0], *inputs), node.outputs)


TABLE: dict[str, Entry] = {
    "Gemm": _gemm, "MatMul": _matmul, "Einsum": _einsum, "Conv": _conv, "ConvTranspose": _conv_back, "MaxPool": _max_pool,
    "AveragePool": _average_pool, "GlobalAveragePool": _global("mean"), "GlobalMaxPool": _global("amax"), "Resize": _resize,
    "Upsample": _resize, "QuantizeLinear": _quantize, "DequantizeLinear": _dequantize,
}  # fmt: skip
