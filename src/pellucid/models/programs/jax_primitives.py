"""What the primitives of jaxprs are in torch. Each entry makes operations of one equation; what is missing here can not be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from string import ascii_letters
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs import views
from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref, as_tensor, dtype
from pellucid.models.programs.windows import Window, convolution, dense, einsum, pool

if TYPE_CHECKING:
    from pellucid.models.programs.jax_reader import Equation, JaxReader

PLAIN: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("add", torch.add), "add_any": ("add", torch.add), "sub": ("sub", torch.sub), "mul": ("mul", torch.mul),
    "pow": ("pow", torch.pow), "atan2": ("atan2", torch.atan2), "rem": ("fmod", torch.fmod),
    "exp": ("exp", torch.exp), "exp2": ("exp2", torch.exp2), "log": ("log", torch.log), "log1p": ("log1p", torch.log1p),
    "expm1": ("expm1", torch.expm1), "tanh": ("tanh", torch.tanh), "logistic": ("sigmoid", torch.sigmoid), "sin": ("sin", torch.sin),
    "cos": ("cos", torch.cos), "tan": ("tan", torch.tan), "asin": ("asin", torch.asin), "acos": ("acos", torch.acos),
    "atan": ("atan", torch.atan), "sinh": ("sinh", torch.sinh), "cosh": ("cosh", torch.cosh), "asinh": ("asinh", torch.asinh),
    "acosh": ("acosh", torch.acosh), "atanh": ("atanh", torch.atanh), "abs": ("abs", torch.abs), "neg": ("neg", torch.neg),
    "sign": ("sign", torch.sign), "floor": ("floor", torch.floor), "ceil": ("ceil", torch.ceil), "sqrt": ("sqrt", torch.sqrt),
    "rsqrt": ("rsqrt", torch.rsqrt), "erf": ("erf", torch.erf), "erfc": ("erfc", torch.erfc), "erf_inv": ("erfinv", torch.erfinv),
    "lgamma": ("lgamma", torch.lgamma), "digamma": ("digamma", torch.digamma), "square": ("square", torch.square),
    "is_finite": ("isfinite", torch.isfinite), "eq": ("eq", torch.eq), "ne": ("ne", torch.ne), "lt": ("lt", torch.lt),
    "le": ("le", torch.le), "gt": ("gt", torch.gt), "ge": ("ge", torch.ge),
}  # fmt: skip
# what jax writes in several equations under a name, and torch in one operation
NAMED: dict[str, tuple[str, Callable[..., Any]]] = {
    "relu": ("relu", torch.relu), "relu6": ("relu6", functional.relu6), "silu": ("silu", functional.silu),
    "swish": ("silu", functional.silu), "softplus": ("softplus", functional.softplus), "soft_sign": ("softsign", functional.softsign),
    "log_sigmoid": ("logsigmoid", functional.logsigmoid), "sigmoid": ("sigmoid", torch.sigmoid), "elu": ("elu", functional.elu),
    "selu": ("selu", functional.selu), "hard_sigmoid": ("hardsigmoid", functional.hardsigmoid),
    "hard_swish": ("hardswish", functional.hardswish), "hard_silu": ("hardswish", functional.hardswish), "mish": ("mish", functional.mish),
    "leaky_relu": ("leaky_relu", functional.leaky_relu), "hard_tanh": ("hardtanh", functional.hardtanh), "tanh": ("tanh", torch.tanh),
}  # fmt: skip
SAME = ("copy", "copy_p", "optimization_barrier", "sharding_constraint", "reduce_precision", "pvary", "name")  # return what they are given


def primitive(reader: JaxReader, equation: Equation) -> bool:
    """Adds what an equation does to the reader's operations; False if this table does not know it."""
    name = equation.name
    if name in PLAIN:
        called, call = PLAIN[name]
        reader.add(called, call, equation.inputs, equation.outputs)
    elif name in SAME:
        reader.alias(equation.outputs, equation.inputs)
    elif name in TABLE:
        TABLE[name](reader, equation)
    else:
        return False
    return True


def _dtype(of: Any) -> torch.dtype:  # noqa: ANN401
    return dtype(np.dtype(of).name)


def _div(reader: JaxReader, eq: Equation) -> None:
    whole = eq.whole
    reader.add("div", (lambda a, b: torch.div(a, b, rounding_mode="trunc")) if whole else torch.div, eq.inputs, eq.outputs)


def _max(reader: JaxReader, eq: Equation) -> None:
    left, right = eq.inputs
    constant, value = (left, right) if isinstance(left, Constant) else (right, left)
    number = constant.value if isinstance(constant, Constant) and not isinstance(constant.value, Tensor) else None
    if number is None:
        reader.add("maximum", torch.maximum, eq.inputs, eq.outputs)
    elif number == float("-inf"):
        reader.alias(eq.outputs, (value,))
    elif number == 0:
        reader.add("relu", torch.relu, (value,), eq.outputs)
    else:
        reader.add("clamp", lambda x: torch.clamp(x, min=number), (value,), eq.outputs)


def _min(reader: JaxReader, eq: Equation) -> None:
    left, right = eq.inputs
    constant, value = (left, right) if isinstance(left, Constant) else (right, left)
    if isinstance(constant, Constant) and not isinstance(constant.value, Tensor):
        number = constant.value
        reader.add("clamp", lambda x: torch.clamp(x, max=number), (value,), eq.outputs)
    else:
        reader.add("minimum", torch.minimum, eq.inputs, eq.outputs)


def _clamp(reader: JaxReader, eq: Equation) -> None:
    low, value, high = eq.inputs
    reader.add("clamp", lambda lowest, x, highest: torch.clamp(x, lowest, highest), (low, value, high), eq.outputs)


def _power(reader: JaxReader, eq: Equation) -> None:
    y = eq.params["y"]
    reader.add("pow", lambda x: x**y, eq.inputs, eq.outputs, about={"exponent": y})


def _cbrt(reader: JaxReader, eq: Equation) -> None:
    reader.add("pow", lambda x: x.sign() * x.abs() ** (1 / 3), eq.inputs, eq.outputs)


def _round(reader: JaxReader, eq: Equation) -> None:
    if int(eq.params["rounding_method"]) == 0:  # half away from zero
        reader.add("round", lambda x: x.sign() * torch.floor(x.abs() + 0.5), eq.inputs, eq.outputs)
    else:
        reader.add("round", torch.round, eq.inputs, eq.outputs)


def _logical(name: str) -> Callable[[JaxReader, Equation], None]:
    def add(reader: JaxReader, eq: Equation) -> None:
        reader.add(f"bitwise_{name}", getattr(torch, f"bitwise_{name}"), eq.inputs, eq.outputs)

    return add


def _select(reader: JaxReader, eq: Equation) -> None:
    which, *cases = eq.inputs
    known = as_tensor(which.value).unique() if isinstance(which, Constant) else ()
    if len(known) == 1:  # such as the guard of a variance against no elements
        reader.alias(eq.outputs, (cases[int(known)],))
    elif len(cases) == 2:
        reader.add("where", lambda w, off, on: torch.where(w.bool(), on, off), (which, *cases), eq.outputs)
    else:
        reader.add("where", lambda w, *all_: torch.stack(all_).gather(0, w.long()[None])[0], (which, *cases), eq.outputs)


def _broadcast(reader: JaxReader, eq: Equation) -> None:
    shape = reader.shape(eq.params["shape"])
    _view(reader, eq, "expand", views.broadcast(shape, eq.params["broadcast_dimensions"]), shape)


def _reshape(reader: JaxReader, eq: Equation) -> None:
    shape = reader.shape(eq.params["new_sizes"])
    _view(reader, eq, "reshape", views.reshape(shape), shape)


def _view(reader: JaxReader, eq: Equation, name: str, call: Callable[..., Any], shape: list[views.Size]) -> None:
    """A view whose shape may depend on the number of rows."""
    if views.fixed(shape):
        reader.add(name, partial(call, 0), eq.inputs, eq.outputs, structural=True)
    else:
        reader.add(name, call, eq.inputs, eq.outputs, sized=True, structural=True)


def _squeeze(reader: JaxReader, eq: Equation) -> None:
    dims = tuple(map(int, eq.params["dimensions"]))
    reader.add("squeeze", lambda x: x.squeeze(dims), eq.inputs, eq.outputs, structural=True)


def _transpose(reader: JaxReader, eq: Equation) -> None:
    reader.add("permute", views.moved(eq.params["permutation"]), eq.inputs, eq.outputs, structural=True)


def _rev(reader: JaxReader, eq: Equation) -> None:
    dims = tuple(eq.params["dimensions"])
    reader.add("flip", lambda x: x.flip(dims), eq.inputs, eq.outputs, structural=True)


def _concatenate(reader: JaxReader, eq: Equation) -> None:
    dim = eq.params["dimension"]
    reader.add("cat", lambda *parts: torch.cat(parts, dim), eq.inputs, eq.outputs, structural=True)


def _stack(reader: JaxReader, eq: Equation) -> None:
    axis = eq.params["axis"]
    reader.add("stack", lambda *parts: torch.stack(parts, axis), eq.inputs, eq.outputs, structural=True)


def _unstack(reader: JaxReader, eq: Equation) -> None:
    axis, several = eq.params["axis"], len(eq.outputs) > 1
    reader.add("unbind", lambda x: x.unbind(axis) if several else x.squeeze(axis), eq.inputs, eq.outputs, structural=True)


def _split(reader: JaxReader, eq: Equation) -> None:
    lengths, axis = list(map(int, eq.params["sizes"])), eq.params["axis"]
    reader.add("split", lambda x: x.split(lengths, axis), eq.inputs, eq.outputs, structural=True)


def _slice(reader: JaxReader, eq: Equation) -> None:
    starts, limits = reader.shape(eq.params["start_indices"]), reader.shape(eq.params["limit_indices"])
    strides = eq.params["strides"] or [1] * len(starts)

    def cut(rows: int, x: Tensor) -> Tensor:
        return x[tuple(slice(a, b, s) for a, b, s in zip(views.sizes(starts, rows), views.sizes(limits, rows), strides, strict=True))]

    _view(reader, eq, "getitem", cut, [*starts, *limits])


def _dynamic_slice(reader: JaxReader, eq: Equation) -> None:
    lengths = reader.shape(eq.params["slice_sizes"])

    def cut(rows: int, x: Tensor, *starts: Any) -> Tensor:  # noqa: ANN401
        for axis, (start, length) in enumerate(zip(starts, views.sizes(lengths, rows), strict=True)):
            if length != x.shape[axis]:
                x = x.narrow(axis, min(max(int(start), 0), x.shape[axis] - length), length)
        return x

    _view(reader, eq, "getitem", cut, lengths)


def _pad(reader: JaxReader, eq: Equation) -> None:
    config = eq.params["padding_config"]
    value = eq.inputs[1]
    if any(inner for _, _, inner in config) or not isinstance(value, Constant):
        raise reader.unsupported(eq.name, "with gaps, or with a value that depends on the input")
    amounts, filling = [(int(low), int(high)) for low, high, _ in config], float(value.value)
    reader.add("pad", lambda x: views.padded(x, amounts, filling), eq.inputs[:1], eq.outputs, structural=True)


def _reduce(name: str, call: Callable[..., Tensor]) -> Callable[[JaxReader, Equation], None]:
    def add(reader: JaxReader, eq: Equation) -> None:
        axes = tuple(map(int, eq.params["axes"]))
        reader.add(name, (lambda x: call(x, axes)) if axes else (lambda x: x), eq.inputs, eq.outputs, about={"axes": axes})

    return add


def _prod(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis)
    return x


def _arg(name: str) -> Callable[[JaxReader, Equation], None]:
    def add(reader: JaxReader, eq: Equation) -> None:
        (axis,) = eq.params["axes"]
        reader.add(name, lambda x: getattr(torch, name)(x, axis), eq.inputs, eq.outputs)

    return add


def _cumulative(name: str) -> Callable[[JaxReader, Equation], None]:
    def add(reader: JaxReader, eq: Equation) -> None:
        axis, reverse = eq.params["axis"], eq.params["reverse"]

        def run(x: Tensor) -> Tensor:
            made = getattr(torch, name)(x.flip(axis) if reverse else x, axis)
            made = made if isinstance(made, Tensor) else made.values
            return made.flip(axis) if reverse else made

        reader.add(name, run, eq.inputs, eq.outputs)

    return add


def _iota(reader: JaxReader, eq: Equation) -> None:
    shape, dimension, kind = reader.shape(eq.params["shape"]), eq.params["dimension"], _dtype(eq.params["dtype"])

    def make(rows: int) -> Tensor:
        wanted = views.sizes(shape, rows)
        within = [-1 if i == dimension else 1 for i in range(len(wanted))]
        return torch.arange(wanted[dimension], dtype=kind).reshape(within).expand(wanted)

    _view(reader, eq, "arange", make, shape)


def _convert(reader: JaxReader, eq: Equation) -> None:
    kind = _dtype(eq.params["new_dtype"])
    if eq.dtype == eq.params["new_dtype"]:
        reader.alias(eq.outputs, eq.inputs)
    else:
        truncate = eq.floating and not kind.is_floating_point and kind != torch.bool
        reader.add("to", lambda x: _cast(x, kind, truncate=truncate), eq.inputs, eq.outputs, structural=True)


def _cast(x: Any, kind: torch.dtype, *, truncate: bool) -> Tensor:  # noqa: ANN401
    x = as_tensor(x)
    return (x.trunc() if truncate else x).to(kind)


def _dot(reader: JaxReader, eq: Equation) -> None:
    (lc, rc), (lb, _) = eq.params["dimension_numbers"]
    left, right = (_of_result(reader, eq, one) for one in eq.inputs)
    if isinstance(right, Constant) and not lb:
        _dense(reader, eq, left, right, (lc, rc), value_first=True)
    elif isinstance(left, Constant) and not lb:
        _dense(reader, eq, right, left, (rc, lc), value_first=False)
    else:
        _product(reader, eq, (left, right))


def _product(reader: JaxReader, eq: Equation, sides: tuple[Ref, Ref]) -> None:
    """A product of two values, without the axes of length one that it only carries along: attention is known by its axes."""
    over, batch = eq.params["dimension_numbers"]
    lost: list[int] = []  # in the result
    ranks: list[int] = []
    kept: list[list[int]] = []
    slim: list[Ref] = []
    place = len(batch[0])
    for value, shape, used in zip(sides, eq.shapes, ((*over[0], *batch[0]), (*over[1], *batch[1])), strict=True):
        free = [axis for axis in range(len(shape)) if axis not in used]
        single = tuple(axis for axis in free if isinstance(shape[axis], int) and shape[axis] == 1)
        lost += [place + at for at, axis in enumerate(free) if axis in single]
        place += len(free)
        kept.append([axis for axis in range(len(shape)) if axis not in single])
        ranks.append(len(kept[-1]))
        slim.append(reader.made("squeeze", partial(torch.squeeze, dim=single), (value,), structural=True) if single else value)
    now = [tuple(tuple(kept[side].index(axis) for axis in axes[side]) for side in (0, 1)) for axes in (over, batch)]
    call = einsum(_equation(tuple(ranks), *now))
    if not lost:
        reader.add("einsum", call, slim, eq.outputs)
        return
    made = reader.made("einsum", call, slim)
    reader.add("unsqueeze", lambda x: _with_axes(x, lost), (made,), eq.outputs, structural=True)


def _with_axes(x: Tensor, places: list[int]) -> Tensor:
    for place in places:
        x = x.unsqueeze(place)
    return x


def _of_result(reader: JaxReader, eq: Equation, value: Ref) -> Ref:
    """A factor in the precision that the product has: JAX multiplies arrays of two precisions as they are."""
    if eq.params.get("preferred_element_type") is None:
        return value
    kind = _dtype(eq.params["preferred_element_type"])
    if isinstance(value, Constant):
        known = isinstance(value.value, Tensor) and value.value.dtype != kind and value.value.is_floating_point()
        return Constant(value.value.to(kind), value.path) if known else value  # type: ignore[union-attr]
    if len({*eq.dtypes, eq.params["preferred_element_type"]}) == 1 or not eq.floating:
        return value
    return reader.made("to", lambda x: x.to(kind), (value,), structural=True)


def _dense(reader: JaxReader, eq: Equation, value: Ref, weight: Constant, over: Any, *, value_first: bool) -> None:  # noqa: ANN401
    """A product with a constant: a dense layer over the last axis, with the axes brought there and back."""
    (vc, wc), ranks = over, eq.ranks if value_first else eq.ranks[::-1]
    free_value, free_weight = ([i for i in range(rank) if i not in gone] for rank, gone in zip(ranks, (vc, wc), strict=True))
    order = (*free_weight, *wc)
    outputs = tuple(as_tensor(weight.value).shape[axis] for axis in free_weight)
    matrix = reader.derived(weight, order, lambda w: w.permute(order).reshape(max(1, _count(outputs)), -1))
    at = value
    if [*free_value, *vc] != list(range(ranks[0])):
        at = reader.made("permute", views.moved([*free_value, *vc]), (at,), structural=True)
    if len(vc) != 1:
        at = reader.made("flatten", lambda x: x.flatten(len(free_value)) if len(vc) else x[..., None], (at,), structural=True)
    about = {"channel": -1, "channels_last": True}
    last: list[tuple[str, Callable[..., Any], bool]] = []
    if len(outputs) != 1:
        last.append(("unflatten", lambda x: x.reshape(*x.shape[:-1], *outputs), True))
    if not value_first and free_value:
        back = [*range(len(free_value), len(free_value) + len(outputs)), *range(len(free_value))]
        last.append(("permute", views.moved(back), True))
    inputs: tuple[Ref, ...] = (at, matrix)
    if not last:
        reader.add("linear", dense, inputs, eq.outputs, affine=True, about=about)
        return
    at = reader.made("linear", dense, inputs, affine=True, about=about)
    for name, call, structural in last[:-1]:
        at = reader.made(name, call, (at,), structural=structural)
    reader.add(last[-1][0], last[-1][1], (at,), eq.outputs, structural=True)


def _count(shape: tuple[int, ...]) -> int:
    made = 1
    for size in shape:
        made *= size
    return made


def _equation(ranks: tuple[int, ...], over: Any, batch: Any) -> str:  # noqa: ANN401
    letters = iter(ascii_letters)
    left, right = [""] * ranks[0], [""] * ranks[1]
    for pairs in (batch, over):
        for a, b in zip(*pairs, strict=True):
            left[a] = right[b] = next(letters)
    first = "".join(left[a] for a in batch[0])
    left, right = ([one or next(letters) for one in side] for side in (left, right))
    gone = {left[a] for a in (*over[0], *batch[0])}
    rest = "".join(one for one in (*left, *right) if one not in gone)
    return f"{''.join(left)},{''.join(right)}->{first}{rest}"


def _conv(reader: JaxReader, eq: Equation) -> None:
    p = eq.params
    if p["batch_group_count"] != 1:
        raise reader.unsupported(eq.name, "with groups of rows")
    dims = p["dimension_numbers"]
    window = Window(
        tuple(map(int, p["window_strides"])), tuple((int(a), int(b)) for a, b in p["padding"]),
        tuple(map(int, p["rhs_dilation"])), tuple(map(int, p["lhs_dilation"])),
    )  # fmt: skip
    call = convolution(dims.lhs_spec, dims.rhs_spec, dims.out_spec, window, p["feature_group_count"])
    channel = dims.out_spec[1]
    about = {"channel": channel, "channels_last": channel != 1}
    value, weight = eq.inputs
    if isinstance(weight, Constant) and isinstance(weight.value, Tensor):
        order = dims.rhs_spec
        weight = Constant(weight.value.permute(order).contiguous(), weight.path)
        call = convolution(dims.lhs_spec, range(len(order)), dims.out_spec, window, p["feature_group_count"])
        reader.add("conv", call, (value, weight), eq.outputs, affine=True, about=about)
    else:
        reader.add("conv", call, eq.inputs, eq.outputs, about=about)


def _pool(kind: str) -> Callable[[JaxReader, Equation], None]:
    def add(reader: JaxReader, eq: Equation) -> None:
        p = eq.params
        if any(n != 1 for n in p["base_dilation"]):
            raise reader.unsupported(eq.name, "with gaps")
        call = pool(kind, p["window_dimensions"], p["window_strides"], p["padding"], p["window_dilation"])
        reader.add("max_pool" if kind != "sum" else "sum_pool", call, eq.inputs, eq.outputs)

    return add


def _cut(reader: JaxReader, eq: Equation, starts: list[int]) -> None:
    """A slice at places that do not depend on the input."""
    numbers, lengths = eq.params["dimension_numbers"], eq.params["slice_sizes"]
    where = dict(zip(numbers.start_index_map, starts, strict=True))
    fixed = {axis: int(lengths[axis]) for axis in where}
    gone = tuple(map(int, numbers.collapsed_slice_dims))
    others = (lengths[axis] == eq.shapes[0][axis] for axis in range(eq.ranks[0]) if axis not in where)
    if not all(others) or tuple(numbers.offset_dims) != tuple(range(eq.ranks[0] - len(gone))):
        raise reader.unsupported(eq.name, "of more than one axis")

    def cut(x: Tensor) -> Tensor:
        for axis, first in where.items():
            x = x.narrow(axis, min(max(first, 0), x.shape[axis] - fixed[axis]), fixed[axis])
        return x.squeeze(gone) if gone else x

    reader.add("getitem", cut, eq.inputs[:1], eq.outputs, structural=True)


def _gather(reader: JaxReader, eq: Equation) -> None:
    """Slices of one axis at places that are given (an embedding, ``x[:, i]``)."""
    numbers, lengths = eq.params["dimension_numbers"], eq.params["slice_sizes"]
    start, collapsed = tuple(numbers.start_index_map), tuple(numbers.collapsed_slice_dims)
    at = eq.inputs[1]
    if isinstance(at, Constant) and eq.ranks[1] == 1 and isinstance(eq.inputs[0], int):
        _cut(reader, eq, as_tensor(at.value).tolist())
        return
    whole = all(length == size for axis, (length, size) in enumerate(zip(lengths, eq.shapes[0], strict=True)) if axis not in start)
    if len(start) != 1 or collapsed != start or not whole or tuple(numbers.operand_batching_dims):
        raise reader.unsupported(eq.name, "of more than one axis")
    axis, ranks = start[0], eq.ranks
    result = ranks[0] - 1 + ranks[1] - 1
    offsets = tuple(numbers.offset_dims)
    picked = [i for i in range(result) if i not in offsets]
    order = [0] * result  # where each axis of the result lies in (axes before, places, axes behind)
    for place, at in enumerate(offsets):
        order[at] = place if place < axis else place + len(picked)
    for place, at in enumerate(picked):
        order[at] = axis + place
    ids = reader.made("select", lambda i: i[..., 0], eq.inputs[1:], structural=True)
    moves = isinstance(eq.inputs[0], int)
    name = "embedding" if axis == 0 and not moves else "index_select"
    if order == list(range(result)):
        reader.add(name, lambda x, i: views.index(x, axis, i), (eq.inputs[0], ids), eq.outputs, structural=moves)
    else:
        made = reader.made(name, lambda x, i: views.index(x, axis, i), (eq.inputs[0], ids), structural=moves)
        reader.add("permute", views.moved(order), (made,), eq.outputs, structural=True)


def _sort(reader: JaxReader, eq: Equation) -> None:
    if len(eq.inputs) != 1:
        raise reader.unsupported(eq.name, "of several arrays")
    axis = eq.params["dimension"]
    reader.add("sort", lambda x: x.sort(axis).values, eq.inputs, eq.outputs)


def _top(reader: JaxReader, eq: Equation) -> None:
    k = int(eq.params["k"])
    reader.add("topk", lambda x: tuple(x.topk(k)), eq.inputs, eq.outputs)


def _stop(reader: JaxReader, eq: Equation) -> None:
    reader.add("detach", Tensor.detach, eq.inputs, eq.outputs, structural=True)


TABLE: dict[str, Callable[[Any, Any], None]] = {
    "div": _div, "max": _max, "min": _min, "clamp": _clamp, "integer_pow": _power, "cbrt": _cbrt, "round": _round,
    "and": _logical("and"), "or": _logical("or"), "not": _logical("not"), "xor": _logical("xor"), "select_n": _select,
    "broadcast_in_dim": _broadcast, "reshape": _reshape, "squeeze": _squeeze, "transpose": _transpose, "rev": _rev,
    "concatenate": _concatenate, "stack": _stack, "unstack": _unstack, "split": _split, "slice": _slice,
    "dynamic_slice": _dynamic_slice, "pad": _pad,
    "reduce_sum": _reduce("sum", torch.sum), "reduce_max": _reduce("amax", torch.amax), "reduce_min": _reduce("amin", torch.amin),
    "reduce_prod": _reduce("prod", _prod), "reduce_or": _reduce("any", torch.any), "reduce_and": _reduce("all", torch.all),
    "argmax": _arg("argmax"), "argmin": _arg("argmin"), "cumsum": _cumulative("cumsum"), "cumprod": _cumulative("cumprod"),
    "cummax": _cumulative("cummax"), "cummin": _cumulative("cummin"), "cumlogsumexp": _cumulative("logcumsumexp"),
    "iota": _iota, "convert_element_type": _convert, "dot_general": _dot, "conv_general_dilated": _conv,
    "reduce_window_max": _pool("max"), "reduce_window_min": _pool("min"), "reduce_window_sum": _pool("sum"), "gather": _gather,
    "sort": _sort, "top_k": _top, "stop_gradient": _stop,
}  # fmt: skip
