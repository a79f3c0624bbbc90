"""What the operators of TensorFlow's graphs are in torch. Each entry adds the operation of one node; what is missing here can not be read.

Sizes that a graph computes from shapes are computed anew for every batch, as small whole-numbered tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs import views
from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref, as_tensor, as_tensors, dtype
from pellucid.models.programs.tensorflow_loops import LISTS
from pellucid.models.programs.windows import Window, convolution, dense, dense_einsum, einsum, pool, same_padding, transposed

if TYPE_CHECKING:
    from pellucid.models.programs.tensorflow_reader import Node, TensorflowReader

PLAIN: dict[str, tuple[str, Callable[..., Any]]] = {
    "Add": ("add", torch.add), "AddV2": ("add", torch.add), "Sub": ("sub", torch.sub), "Mul": ("mul", torch.mul),
    "RealDiv": ("div", torch.div), "Div": ("div", torch.div),
    "Pow": ("pow", torch.pow), "FloorDiv": ("floor_divide", torch.floor_divide), "FloorMod": ("remainder", torch.remainder),
    "Exp": ("exp", torch.exp), "Log": ("log", torch.log), "Log1p": ("log1p", torch.log1p), "Expm1": ("expm1", torch.expm1),
    "Tanh": ("tanh", torch.tanh), "Sigmoid": ("sigmoid", torch.sigmoid), "Relu": ("relu", torch.relu),
    "Relu6": ("relu6", functional.relu6), "Elu": ("elu", functional.elu), "Selu": ("selu", functional.selu),
    "Softplus": ("softplus", functional.softplus), "Softsign": ("softsign", functional.softsign), "Sin": ("sin", torch.sin),
    "Cos": ("cos", torch.cos), "Tan": ("tan", torch.tan), "Abs": ("abs", torch.abs), "Neg": ("neg", torch.neg),
    "Sign": ("sign", torch.sign), "Floor": ("floor", torch.floor), "Ceil": ("ceil", torch.ceil), "Round": ("round", torch.round),
    "Sqrt": ("sqrt", torch.sqrt), "Rsqrt": ("rsqrt", torch.rsqrt), "Square": ("square", torch.square),
    "Reciprocal": ("reciprocal", torch.reciprocal), "Erf": ("erf", torch.erf), "Erfc": ("erfc", torch.erfc),
    "Equal": ("eq", torch.eq), "NotEqual": ("ne", torch.ne), "Less": ("lt", torch.lt), "LessEqual": ("le", torch.le),
    "Greater": ("gt", torch.gt), "GreaterEqual": ("ge", torch.ge), "LogicalAnd": ("logical_and", torch.logical_and),
    "LogicalOr": ("logical_or", torch.logical_or), "LogicalNot": ("logical_not", torch.logical_not),
    "ZerosLike": ("zeros_like", torch.zeros_like), "OnesLike": ("ones_like", torch.ones_like),
    "Select": ("where", torch.where), "SelectV2": ("where", torch.where), "IsNan": ("isnan", torch.isnan),
    "IsInf": ("isinf", torch.isinf), "IsFinite": ("isfinite", torch.isfinite), "Softmax": ("softmax", partial(torch.softmax, dim=-1)),
    "LogSoftmax": ("log_softmax", partial(torch.log_softmax, dim=-1)),
    "SquaredDifference": ("square", lambda a, b: torch.square(a - b)), "AddN": ("add", lambda *all_: sum(all_[1:], all_[0])),
    "DivNoNan": ("div", lambda a, b: torch.where(b == 0, torch.zeros_like(a), a / torch.where(b == 0, torch.ones_like(b), b))),
}  # fmt: skip
SAME = ("Identity", "StopGradientIdentity", "Snapshot", "EnsureShape", "CheckNumerics", "PlaceholderWithDefault", "PreventGradient")


def operator(reader: TensorflowReader, node: Node) -> bool:
    """Adds what a node does to the reader's operations; False if this table does not know it."""
    if node.type in PLAIN:
        name, call = PLAIN[node.type]
        reader.add(name, call, _numbers(node), node.outputs[:1])
    elif node.type in SAME:
        reader.alias(node.outputs, node.inputs[:1])
    elif node.type in TABLE or node.type in LISTS:
        (TABLE.get(node.type) or LISTS[node.type])(reader, node)
    else:
        return False
    return True


def _numbers(node: Node) -> tuple[Ref, ...]:
    """The inputs; where nothing depends on the network's, plain numbers as tensors, since torch works out nothing of numbers alone."""
    if any(isinstance(one, int) for one in node.inputs):
        return node.inputs
    kinds = [_dtype(one.dtype) for one in node.given]
    given = zip((one for one in node.inputs if isinstance(one, Constant)), kinds, strict=True)
    return tuple(one if isinstance(one.value, Tensor) else Constant(torch.tensor(one.value, dtype=kind), one.path) for one, kind in given)


def _dtype(of: Any) -> torch.dtype:  # noqa: ANN401
    return dtype(of.name)


def whole(values: Any) -> list[int]:  # noqa: ANN401
    """Whole numbers of a small tensor, or of one number."""
    return [int(one) for one in values.reshape(-1).tolist()] if isinstance(values, Tensor) else [int(values)]


def _extreme(name: str) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        left, right = node.inputs
        constant, value = (left, right) if isinstance(left, Constant) else (right, left)
        number = constant.value if isinstance(constant, Constant) and isinstance(value, int) else None
        if number is None or isinstance(number, Tensor):
            reader.add(name, lambda a, b: getattr(torch, name)(as_tensor(a), as_tensor(b)), node.inputs, node.outputs[:1])
        elif number == 0 and name == "maximum":
            reader.add("relu", torch.relu, (value,), node.outputs[:1])
        elif name == "maximum":
            reader.add("clamp", lambda x: torch.clamp(x, min=number), (value,), node.outputs[:1])
        else:
            reader.add("clamp", lambda x: torch.clamp(x, max=number), (value,), node.outputs[:1])

    return add


def _matmul(reader: TensorflowReader, node: Node) -> None:
    left, right = node.inputs
    flip_left = node.attr("transpose_a", node.attr("adj_x", False))
    flip_right = node.attr("transpose_b", node.attr("adj_y", False))
    if isinstance(right, Constant) and isinstance(right.value, Tensor) and right.value.ndim == 2 and not flip_left:
        weight = right if flip_right else reader.derived(right, "transposed", lambda w: w.T)
        about = {"channel": -1, "channels_last": True}
        reader.add("linear", dense, (left, weight), node.outputs[:1], affine=True, about=about)
        return

    def product(a: Tensor, b: Tensor) -> Tensor:
        return torch.matmul(a.transpose(-1, -2) if flip_left else a, b.transpose(-1, -2) if flip_right else b)

    reader.add("matmul", product, node.inputs, node.outputs[:1])


def _bias(reader: TensorflowReader, node: Node) -> None:
    value, bias = node.inputs
    if node.attr("data_format", "NHWC").startswith("NC"):
        if isinstance(bias, Constant) and isinstance(bias.value, Tensor):
            rank = node.rank(0)
            bias = Constant(bias.value.reshape(-1, *[1] * (rank - 2)), bias.path)
            reader.add("add", torch.add, (value, bias), node.outputs[:1])
        else:
            reader.add("add", lambda x, b: x + b.reshape(-1, *[1] * (x.ndim - 2)), (value, bias), node.outputs[:1])
    else:
        reader.add("add", torch.add, (value, bias), node.outputs[:1])


def _spatial(node: Node) -> tuple[list[int], int]:
    """The order that brings the input to (sample, channel, ...), and where the channels lie."""
    rank = node.rank(0)
    if node.attr("data_format", "NHWC").startswith("NC"):
        return list(range(rank)), 1
    return [0, rank - 1, *range(1, rank - 1)], rank - 1


def _conv(reader: TensorflowReader, node: Node) -> None:
    order, channel = _spatial(node)
    rank = len(order)
    strides, dilations = _of(node.attr("strides"), order), _of(node.attr("dilations", [1] * rank), order)
    value, weight = node.inputs
    shape = node.shape(1)
    if node.type == "DepthwiseConv2dNative":
        groups = shape[2]
        kernel = [2, 3, 0, 1]
    else:
        entering = node.shape(0)
        groups = entering[channel] // shape[-2] if entering and entering[channel] > 0 else 1
        kernel = [rank - 1, rank - 2, *range(rank - 2)]
    weight = _kernel(reader, weight, kernel, depthwise=node.type == "DepthwiseConv2dNative")
    lengths = shape[: rank - 2]
    padding = _padding(node, order)
    window = Window(strides, padding or ((0, 0),) * (rank - 2), dilations)
    call = convolution(order, range(rank), order, window, groups, same=lengths if padding is None else ())
    fixed = isinstance(weight, Constant)
    reader.add("conv", call, (value, weight), node.outputs[:1], affine=fixed, about={"channel": channel, "channels_last": channel != 1})


def _kernel(reader: TensorflowReader, weight: int | Constant, order: Sequence[int], *, depthwise: bool = False) -> int | Constant:
    """A kernel as torch has it: (output, input, ...)."""

    def turned(w: Tensor) -> Tensor:
        w = w.permute(*order)
        return w.reshape(-1, 1, *w.shape[2:]) if depthwise else w

    if isinstance(weight, Constant) and isinstance(weight.value, Tensor):
        return Constant(turned(weight.value).contiguous(), weight.path)
    return reader.made("permute", turned, (weight,), structural=True)


def _of(values: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The entries of the axes of space."""
    return tuple(int(values[i]) for i in order[2:])


def _padding(node: Node, order: Sequence[int]) -> tuple[tuple[int, int], ...] | None:
    """What is put around the axes of space; None where that depends on their lengths (SAME)."""
    kind = node.attr("padding")
    if kind == "SAME":
        return None
    if kind == "EXPLICIT":
        flat = node.attr("explicit_paddings")
        return tuple((int(flat[2 * i]), int(flat[2 * i + 1])) for i in order[2:])
    return ((0, 0),) * (len(order) - 2)


def _conv_back(reader: TensorflowReader, node: Node) -> None:
    """A transposed convolution: (output shape, kernel, input)."""
    sizes, weight, value = node.inputs
    rank = node.rank(2)
    first = node.attr("data_format", "NHWC").startswith("NC")
    order = list(range(rank)) if first else [0, rank - 1, *range(1, rank - 1)]
    strides, dilations = _of(node.attr("strides"), order), _of(node.attr("dilations", [1] * rank), order)
    lengths = node.shape(1)[: rank - 2]
    weight = _kernel(reader, weight, [rank - 1, rank - 2, *range(rank - 2)])
    call = transposed(order, strides, dilations, lengths, same=node.attr("padding") == "SAME")
    channel = 1 if first else rank - 1
    about = {"channel": channel, "channels_last": not first}
    if isinstance(sizes, Constant) or isinstance(weight, Constant):
        reader.add("conv_transpose", lambda x, w, s: call(x, w, None, whole(s)), (value, weight, sizes), node.outputs[:1], about=about)
    else:
        raise reader.unsupported(node.type, "with a kernel that depends on the input")


def _batch_norm(reader: TensorflowReader, node: Node) -> None:
    if node.attr("is_training", True):
        raise reader.unsupported(node.type, "in training mode")
    order, channel = _spatial(node)
    there, back = views.moved(order), views.moved(views.inverse(order))
    eps = node.attr("epsilon", 1e-3)

    def norm(x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        return back(functional.batch_norm(there(x), mean, var, scale, offset, False, 0.0, eps))

    reader.add("batch_norm", norm, node.inputs[:5], node.outputs[:1], about={"channels_last": channel != 1})


def _pool(kind: str) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        order, _ = _spatial(node)
        lengths, strides = list(map(int, node.attr("ksize"))), list(map(int, node.attr("strides")))
        padding = _padding(node, order)
        name = f"{kind}_pool"

        def pooled(x: Tensor) -> Tensor:
            around = [(0, 0)] * x.ndim
            for axis, pair in zip(order[2:], padding or [None] * (x.ndim - 2), strict=True):
                around[axis] = same_padding(x.shape[axis], lengths[axis], strides[axis], 1) if pair is None else pair
            if kind == "max":
                return pool("max", lengths, strides, around, [1] * x.ndim)(x)
            total = pool("sum", lengths, strides, around, [1] * x.ndim)
            if padding is not None or not any(map(any, around)):
                return total(x) / _product(lengths)
            return total(x) / total(torch.ones_like(x[:1].detach()))  # what was put around does not count

        reader.add(name, pooled, node.inputs, node.outputs[:1])

    return add


def _product(numbers: Sequence[int]) -> int:
    made = 1
    for number in numbers:
        made *= number
    return made


def _reduce(name: str, call: Callable[..., Tensor]) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        value, over = node.inputs
        keep = node.attr("keep_dims", False)
        if not isinstance(over, Constant):
            raise reader.unsupported(node.type, "over axes that depend on the input")
        axes = tuple(whole(over.value))
        about = {"axes": axes}
        reader.add(name, (lambda x: call(x, axes, keepdim=keep)) if axes else (lambda x: x), (value,), node.outputs[:1], about=about)

    return add


def _prod(x: Tensor, axes: tuple[int, ...], *, keepdim: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


def _leaky(reader: TensorflowReader, node: Node) -> None:
    slope = node.attr("alpha", 0.2)
    reader.add("leaky_relu", lambda x: functional.leaky_relu(x, slope), node.inputs, node.outputs[:1])


def _view(name: str, call: Callable[..., Any]) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        reader.add(name, call, node.inputs, node.outputs[:1], structural=True)

    return add


def _shape(reader: TensorflowReader, node: Node) -> None:
    kind = _dtype(node.attr("out_type"))
    reader.add("shape", lambda x: torch.tensor(x.shape, dtype=kind), node.inputs, node.outputs[:1], structural=True)


def _size(reader: TensorflowReader, node: Node) -> None:
    reader.add("numel", lambda x: torch.tensor(x.numel()), node.inputs, node.outputs[:1], structural=True)


def _pack(reader: TensorflowReader, node: Node) -> None:
    axis = node.attr("axis", 0)
    reader.add("stack", lambda *parts: torch.stack(as_tensors(parts), axis), node.inputs, node.outputs[:1], structural=True)


def _unpack(reader: TensorflowReader, node: Node) -> None:
    axis = node.attr("axis", 0)
    several = len(node.outputs) > 1
    reader.add("unbind", lambda x: x.unbind(axis) if several else x.squeeze(axis), node.inputs, node.outputs, structural=True)


def _concat(reader: TensorflowReader, node: Node) -> None:
    *parts, axis = node.inputs
    if not isinstance(axis, Constant):
        raise reader.unsupported(node.type, "over an axis that depends on the input")
    at = whole(axis.value)[0]
    reader.add("cat", lambda *all_: torch.cat(as_tensors(all_), at), parts, node.outputs[:1], structural=True)


def _split(reader: TensorflowReader, node: Node) -> None:
    count = len(node.outputs)
    if node.type == "Split":
        axis, value = node.inputs
        call: Callable[..., Any] = lambda i, x: x.chunk(count, whole(i)[0]) if count > 1 else x  # noqa: E731
        reader.add("chunk", call, (axis, value), node.outputs, structural=True)
    else:
        value, sizes, axis = node.inputs
        call = lambda x, s, i: x.split(_lengths(whole(s), x.shape[whole(i)[0]]), whole(i)[0]) if count > 1 else x  # noqa: E731
        reader.add("split", call, (value, sizes, axis), node.outputs, structural=True)


def _lengths(sizes: list[int], total: int) -> list[int]:
    """Sizes of parts, of which one may be -1."""
    return [total - sum(n for n in sizes if n >= 0) if n < 0 else n for n in sizes]


def _transpose(reader: TensorflowReader, node: Node) -> None:
    order = node.inputs[1]
    if isinstance(order, Constant) and whole(order.value) == list(range(len(whole(order.value)))):
        reader.alias(node.outputs, node.inputs[:1])
    else:
        reader.add("permute", lambda x, order: x.permute(whole(order)), node.inputs, node.outputs[:1], structural=True)


def _squeeze(reader: TensorflowReader, node: Node) -> None:
    dims = tuple(node.attr("squeeze_dims", ()))
    reader.add("squeeze", lambda x: x.squeeze(dims) if dims else x.squeeze(), node.inputs, node.outputs[:1], structural=True)


def _pad(reader: TensorflowReader, node: Node) -> None:
    value, around, *filling = node.inputs

    def put(x: Tensor, amounts: Tensor, by: Any = 0.0) -> Tensor:  # noqa: ANN401
        return views.padded(x, [(int(a), int(b)) for a, b in amounts.tolist()], float(by))

    reader.add("pad", put, (value, around, *filling), node.outputs[:1], structural=True)


def _mirror(reader: TensorflowReader, node: Node) -> None:
    symmetric = node.attr("mode") == "SYMMETRIC"

    def put(x: Tensor, amounts: Tensor) -> Tensor:
        for axis, (low, high) in enumerate(amounts.tolist()):
            length, skip = x.shape[axis], 0 if symmetric else 1
            before, after = torch.arange(low - 1, -1, -1) + skip, length - 1 - skip - torch.arange(high)
            x = x.index_select(axis, torch.cat([before, torch.arange(length), after]))
        return x

    reader.add("pad", put, node.inputs, node.outputs[:1], structural=True)


def _cast(reader: TensorflowReader, node: Node) -> None:
    if node.attr("SrcT") == node.attr("DstT"):
        reader.alias(node.outputs, node.inputs)
        return
    kind = _dtype(node.attr("DstT"))
    reader.add("to", lambda x: as_tensor(x).to(kind), node.inputs, node.outputs[:1], structural=True)


def _gather(reader: TensorflowReader, node: Node) -> None:
    if node.attr("batch_dims", 0):
        raise reader.unsupported(node.type, "row by row")
    value, at, *axis = node.inputs
    place = axis[0].value if axis and isinstance(axis[0], Constant) else 0
    along = whole(place)[0]
    reader.add(
        "embedding" if along == 0 else "index_select", lambda x, i: views.index(x, along, as_tensor(i)), (value, at),
        node.outputs[:1], structural=not isinstance(value, Constant),
    )  # fmt: skip


def _strided(reader: TensorflowReader, node: Node) -> None:
    masks = {name: int(node.attr(f"{name}_mask", 0)) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}

    def cut(x: Tensor, begin: Tensor, end: Tensor, strides: Tensor) -> Tensor:
        places: list[Any] = []
        flips: list[int] = []
        axis = 0
        lists = (whole(begin), whole(end), whole(strides))
        count = len(lists[0])
        kept = sum(1 for i in range(count) if not (masks["new_axis"] >> i & 1 or masks["ellipsis"] >> i & 1))
        for i, (low, high, step) in enumerate(zip(*lists, strict=True)):
            bit = 1 << i
            if masks["ellipsis"] & bit:
                places.append(...)
                axis = x.ndim - (kept - sum(1 for j in range(i) if not masks["new_axis"] >> j & 1))
            elif masks["new_axis"] & bit:
                places.append(None)
            elif masks["shrink_axis"] & bit:
                places.append(low)
                axis += 1
            elif step < 0:
                start = None if masks["begin"] & bit else low
                stop = None if masks["end"] & bit else high
                chosen = list(range(x.shape[axis]))[slice(start, stop, step)]
                x = x.index_select(axis, torch.tensor(chosen))
                flips.append(axis)
                places.append(slice(None))
                axis += 1
            else:
                places.append(slice(None if masks["begin"] & bit else low, None if masks["end"] & bit else high, step))
                axis += 1
        return x[tuple(places)]

    reader.add("getitem", cut, node.inputs, node.outputs[:1], structural=True)


def _slice(reader: TensorflowReader, node: Node) -> None:
    def cut(x: Tensor, begin: Tensor, size: Tensor) -> Tensor:
        return x[tuple(slice(b, None if n < 0 else b + n) for b, n in zip(whole(begin), whole(size), strict=True))]

    reader.add("getitem", cut, node.inputs, node.outputs[:1], structural=True)


def _fill(reader: TensorflowReader, node: Node) -> None:
    def make(shape: Tensor, value: Any) -> Tensor:  # noqa: ANN401
        return as_tensor(value).expand(whole(shape) if shape.numel() else [])

    reader.add("full", make, node.inputs, node.outputs[:1], structural=True)


def _range(reader: TensorflowReader, node: Node) -> None:
    reader.add(
        "arange",
        lambda *ends: torch.arange(*(one.item() if isinstance(one, Tensor) else one for one in ends)),
        node.inputs,
        node.outputs[:1],
        structural=True,
    )


def _einsum(reader: TensorflowReader, node: Node) -> None:
    equation = node.attr("equation")
    if len(node.inputs) == 2 and dense_einsum(reader, equation, *node.inputs, node.outputs[:1]):
        return
    reader.add(
        "einsum", einsum(equation) if len(node.inputs) == 2 else lambda *all_: torch.einsum(equation, *all_), node.inputs, node.outputs[:1]
    )


def _arg(name: str) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        reader.add(name, lambda x, axis: getattr(torch, name)(x, whole(axis)[0]), node.inputs, node.outputs[:1])

    return add


def _one_hot(reader: TensorflowReader, node: Node) -> None:
    axis = node.attr("axis", -1)

    def make(x: Tensor, depth: Any, on: Any, off: Any) -> Tensor:  # noqa: ANN401
        hot = (x.long()[..., None] == torch.arange(whole(depth)[0])).movedim(-1, axis)
        return torch.where(hot, as_tensor(on), as_tensor(off))

    reader.add("one_hot", make, node.inputs, node.outputs[:1])


def _cumulative(reader: TensorflowReader, node: Node) -> None:
    if node.attr("exclusive", False):
        raise reader.unsupported(node.type, "without the element itself")
    back = node.attr("reverse", False)

    def run(x: Tensor, axis: Any) -> Tensor:  # noqa: ANN401
        (at,) = whole(axis)
        return x.flip(at).cumsum(at).flip(at) if back else x.cumsum(at)

    reader.add("cumsum", run, node.inputs, node.outputs[:1])


def _resize(mode: str) -> Callable[[TensorflowReader, Node], None]:
    def add(reader: TensorflowReader, node: Node) -> None:
        if node.attr("align_corners", False) or (mode == "bilinear" and not node.attr("half_pixel_centers", False)):
            raise reader.unsupported(node.type, "with corners aligned")

        def resized(x: Tensor, size: Tensor) -> Tensor:
            first = x.movedim(-1, 1)
            how = {"align_corners": False} if mode == "bilinear" else {}
            return functional.interpolate(first, whole(size), mode="nearest-exact" if mode == "nearest" else mode, **how).movedim(1, -1)

        reader.add("interpolate", resized, node.inputs, node.outputs[:1])

    return add


def _stop(reader: TensorflowReader, node: Node) -> None:
    reader.add("detach", Tensor.detach, node.inputs, node.outputs[:1], structural=True)


TABLE: dict[str, Callable[[Any, Any], None]] = {
    "Maximum": _extreme("maximum"), "Minimum": _extreme("minimum"), "MatMul": _matmul, "BatchMatMul": _matmul,
    "BatchMatMulV2": _matmul, "BatchMatMulV3": _matmul, "BiasAdd": _bias,
    "Conv2D": _conv, "Conv3D": _conv, "DepthwiseConv2dNative": _conv, "Conv2DBackpropInput": _conv_back,
    "Conv3DBackpropInputV2": _conv_back, "FusedBatchNormV3": _batch_norm, "FusedBatchNormV2": _batch_norm, "FusedBatchNorm": _batch_norm,
    "MaxPool": _pool("max"), "MaxPool3D": _pool("max"), "AvgPool": _pool("avg"), "AvgPool3D": _pool("avg"),
    "Mean": _reduce("mean", torch.mean), "Sum": _reduce("sum", torch.sum), "Max": _reduce("amax", torch.amax),
    "Min": _reduce("amin", torch.amin), "Prod": _reduce("prod", _prod), "Any": _reduce("any", torch.any), "All": _reduce("all", torch.all),
    "LeakyRelu": _leaky, "Reshape": _view("reshape", lambda x, shape: x.reshape(whole(shape) if shape.numel() else ())),
    "ExpandDims": _view("unsqueeze", lambda x, axis: as_tensor(x).unsqueeze(whole(axis)[0])), "Squeeze": _squeeze,
    "Transpose": _transpose, "Shape": _shape, "Size": _size, "Pack": _pack, "Unpack": _unpack, "ConcatV2": _concat, "Split": _split,
    "SplitV": _split, "Pad": _pad, "PadV2": _pad, "MirrorPad": _mirror, "Cast": _cast, "GatherV2": _gather, "ResourceGather": _gather,
    "StridedSlice": _strided, "Slice": _slice, "Fill": _fill, "Range": _range,
    "Tile": _view("tile", lambda x, times: x.repeat(whole(times))),
    "BroadcastTo": _view("expand", lambda x, shape: x.expand(whole(shape))), "Einsum": _einsum, "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"), "OneHot": _one_hot, "Cumsum": _cumulative, "ResizeNearestNeighbor": _resize("nearest"),
    "ResizeBilinear": _resize("bilinear"), "StopGradient": _stop,
    "ReverseV2": _view("flip", lambda x, axes: x.flip(whole(axes))),
}  # fmt: skip
