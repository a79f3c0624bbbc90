"""ONNX's operators on single elements, and those that reduce axes, as torch operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]
PLAIN: dict[str, tuple[str, Callable[..., Any]]] = {
    "Exp": ("exp", torch.exp), "Log": ("log", torch.log), "Sqrt": ("sqrt", torch.sqrt), "Abs": ("abs", torch.abs),
    "Neg": ("neg", torch.neg), "Reciprocal": ("reciprocal", torch.reciprocal), "Erf": ("erf", torch.erf), "Sign": ("sign", torch.sign),
    "Floor": ("floor", torch.floor), "Ceil": ("ceil", torch.ceil), "Round": ("round", torch.round), "Sin": ("sin", torch.sin),
    "Cos": ("cos", torch.cos), "Tan": ("tan", torch.tan), "Asin": ("asin", torch.asin), "Acos": ("acos", torch.acos),
    "Atan": ("atan", torch.atan), "Sinh": ("sinh", torch.sinh), "Cosh": ("cosh", torch.cosh), "Asinh": ("asinh", torch.asinh),
    "Acosh": ("acosh", torch.acosh), "Atanh": ("atanh", torch.atanh), "Tanh": ("tanh", torch.tanh), "Sigmoid": ("sigmoid", torch.sigmoid),
    "Relu": ("relu", torch.relu), "Softplus": ("softplus", functional.softplus), "Softsign": ("softsign", functional.softsign),
    "HardSwish": ("hardswish", functional.hardswish), "Mish": ("mish", functional.mish), "Equal": ("eq", torch.eq),
    "Greater": ("gt", torch.gt), "GreaterOrEqual": ("ge", torch.ge), "Less": ("lt", torch.lt), "LessOrEqual": ("le", torch.le),
    "And": ("logical_and", torch.logical_and), "Or": ("logical_or", torch.logical_or), "Xor": ("logical_xor", torch.logical_xor),
    "Not": ("logical_not", torch.logical_not), "IsNaN": ("isnan", torch.isnan), "Where": ("where", torch.where),
    "PRelu": ("where", lambda x, slope: torch.where(x < 0, slope * x, x)), "BitwiseAnd": ("bitwise_and", torch.bitwise_and),
    "BitwiseOr": ("bitwise_or", torch.bitwise_or), "BitwiseXor": ("bitwise_xor", torch.bitwise_xor),
    "BitwiseNot": ("bitwise_not", torch.bitwise_not),
}  # fmt: skip
ARITHMETIC = {"Add": ("add", torch.add), "Sub": ("sub", torch.sub), "Mul": ("mul", torch.mul), "Pow": ("pow", torch.pow)}


def _plain(reader: OnnxReader, node: Node) -> None:
    name, call = PLAIN[node.type]
    reader.add(name, call, node.given, node.outputs)


def _arithmetic(reader: OnnxReader, node: Node) -> None:
    name, call = ARITHMETIC[node.type]
    inputs = _with_numbers(reader, node.given)
    if node.type == "Pow":
        left, right = node.given
        if isinstance(right, Constant) and reader.rank(right) == 0 and isinstance(left, int):
            inputs = (left, Constant(reader.numbers(right)[0]))  # type: ignore[index]
        kind = reader.dtype(left)
        reader.add(name, lambda x, y: torch.pow(x, y).to(kind), inputs, node.outputs)
        return
    reader.add(name, call, inputs, node.outputs)


def _with_numbers(reader: OnnxReader, inputs: tuple[Ref, ...]) -> tuple[Ref, ...]:
    """A constant that is a single number and no parameter as a plain number, beside a value."""
    if not any(isinstance(one, int) for one in inputs):
        return inputs
    ranks = [reader.rank(one) for one in inputs if isinstance(one, int)]

    def plain(one: Ref) -> Ref:
        if isinstance(one, int) or not isinstance(one.value, Tensor) or one.value.numel() != 1 or one.value.ndim > max(ranks):
            return one
        return one if one.path and one.value.ndim else Constant(one.value.item())

    return tuple(map(plain, inputs))


def _div(reader: OnnxReader, node: Node) -> None:
    if reader.dtype(node.given[0]).is_floating_point:
        reader.add("div", torch.div, _with_numbers(reader, node.given), node.outputs)
    else:
        reader.add("div", lambda a, b: torch.div(a, b, rounding_mode="trunc"), node.given, node.outputs)


def _mod(reader: OnnxReader, node: Node) -> None:
    if node.attr("fmod", 0):
        reader.add("fmod", torch.fmod, node.given, node.outputs)
    else:
        reader.add("remainder", torch.remainder, node.given, node.outputs)


def _with(name: str, make: Callable[[Any], Callable[[Tensor], Tensor]]) -> Entry:
    """An activation whose constants are attributes."""

    def add(reader: OnnxReader, node: Node) -> None:
        reader.add(name, make(node), node.given[:1], node.outputs)

    return add


def _leaky(node: Node) -> Callable[[Tensor], Tensor]:
    slope = node.attr("alpha", 0.01)
    return lambda x: functional.leaky_relu(x, slope)


def _elu(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.attr("alpha", 1.0)
    return lambda x: functional.elu(x, alpha)


def _celu(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.attr("alpha", 1.0)
    return lambda x: functional.celu(x, alpha)


def _selu(node: Node) -> Callable[[Tensor], Tensor]:
    alpha, gamma = node.attr("alpha", 1.6732632423543772), node.attr("gamma", 1.0507009873554805)
    if abs(alpha - 1.6732632423543772) < 1e-6 and abs(gamma - 1.0507009873554805) < 1e-6:
        return functional.selu
    return lambda x: gamma * functional.elu(x, alpha)


def _gelu(node: Node) -> Callable[[Tensor], Tensor]:
    approximate = node.attr("approximate", "none")
    return lambda x: functional.gelu(x, approximate=approximate)


def _swish(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.attr("alpha", 1.0)
    return functional.silu if alpha == 1 else lambda x: x * torch.sigmoid(alpha * x)


def _hard_sigmoid(node: Node) -> Callable[[Tensor], Tensor]:
    alpha, beta = node.attr("alpha", 0.2), node.attr("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return functional.hardsigmoid
    return lambda x: torch.clamp(alpha * x + beta, 0.0, 1.0)


def _threshold(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.attr("alpha", 1.0)
    return lambda x: functional.threshold(x, alpha, 0.0)


def _shrink(node: Node) -> Callable[[Tensor], Tensor]:
    bias, lambd = node.attr("bias", 0.0), node.attr("lambd", 0.5)
    if bias == lambd:
        return lambda x: functional.softshrink(x, lambd)
    return lambda x: torch.where(x < -lambd, x + bias, torch.where(x > lambd, x - bias, torch.zeros_like(x)))


def _is_inf(node: Node) -> Callable[[Tensor], Tensor]:
    low, high = node.attr("detect_negative", 1), node.attr("detect_positive", 1)
    return lambda x: torch.isinf(x) & ((x < 0) * bool(low) | (x > 0) * bool(high))


def _clip(reader: OnnxReader, node: Node) -> None:
    low, high = node.attr("min"), node.attr("max")
    bounds = (node.input(1), node.input(2))
    if any(isinstance(one, int) for one in bounds):
        have = [one is not None for one in bounds]

        def clip(x: Tensor, *rest: Tensor) -> Tensor:
            given = iter(rest)
            return torch.clamp(x, *(next(given) if there else None for there in have))

        reader.add("clamp", clip, node.given, node.outputs)
        return
    low, high = ((reader.numbers(one) or [old])[0] for one, old in zip(bounds, (low, high), strict=True))
    _clamp(reader, node, low, high)


def _clamp(reader: OnnxReader, node: Node, low: float | None, high: float | None) -> None:
    if low is None and high is None:
        reader.alias(node.outputs, node.given[:1])
        return
    whole = not reader.dtype(node.given[0]).is_floating_point
    kinds = {(0, 6): ("relu6", functional.relu6), (0, None): ("relu", torch.relu)}
    name, call = ("", None) if whole else kinds.get((low, high), ("", None))  # type: ignore[arg-type]
    reader.add(name or "clamp", call or (lambda x: torch.clamp(x, low, high)), node.given[:1], node.outputs)


def _extreme(name: str) -> Entry:
    """The largest or smallest of several values."""
    of_two = {"maximum": torch.maximum, "minimum": torch.minimum}[name]

    def add(reader: OnnxReader, node: Node) -> None:
        inputs = node.given
        numbers = [one for one in inputs if isinstance(one, Constant) and reader.rank(one) == 0]
        if len(inputs) == 2 and len(numbers) == 1:
            value = next(one for one in inputs if one is not numbers[0])
            if isinstance(value, int):
                node = type(node)(node.type, (value,), node.outputs, node.named, node.version, {})
                bound = reader.numbers(numbers[0])[0]  # type: ignore[index]
                _clamp(reader, node, *((bound, None) if name == "maximum" else (None, bound)))
                return
        if len(inputs) == 1:
            reader.alias(node.outputs, inputs)
        else:
            reader.add(name, lambda *all_: reduce(of_two, all_), inputs, node.outputs)

    return add


def _sum(reader: OnnxReader, node: Node) -> None:
    reader.add("add", lambda *all_: reduce(torch.add, all_), node.given, node.outputs)


def _mean(reader: OnnxReader, node: Node) -> None:
    count = len(node.given)
    reader.add("mean", lambda *all_: reduce(torch.add, all_) / count, node.given, node.outputs)


def _cast(reader: OnnxReader, node: Node) -> None:
    kind = reader.kind(node.attr("to")) if node.type == "Cast" else reader.dtype(node.given[1])
    value = node.given[0]
    if reader.dtype(value) == kind:
        reader.alias(node.outputs, (value,))
    else:
        reader.add("to", lambda x: x.to(kind), (value,), node.outputs, structural=True)


# ---- reductions ------------------------------------------------------------------------------------------------------------------

REDUCED: dict[str, tuple[str, Callable[[Tensor, tuple[int, ...], bool], Tensor]]] = {
    "ReduceSum": ("sum", lambda x, axes, keep: torch.sum(x, axes, keep).to(x.dtype)),
    "ReduceMean": ("mean", lambda x, axes, keep: torch.mean(x, axes, keep)),
    "ReduceMax": ("amax", lambda x, axes, keep: torch.amax(x, axes, keep)),
    "ReduceMin": ("amin", lambda x, axes, keep: torch.amin(x, axes, keep)),
    "ReduceL1": ("sum", lambda x, axes, keep: torch.sum(torch.abs(x), axes, keep)),
    "ReduceL2": ("vector_norm", lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceLogSum": ("log", lambda x, axes, keep: torch.log(torch.sum(x, axes, keep))),
    "ReduceLogSumExp": ("logsumexp", lambda x, axes, keep: torch.logsumexp(x, axes, keep)),
    "ReduceSumSquare": ("sum", lambda x, axes, keep: torch.sum(torch.square(x), axes, keep)),
    "ReduceProd": ("prod", lambda x, axes, keep: _prod(x, axes, keep)),
}  # fmt: skip


def _prod(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = torch.prod(x, axis, keep).to(x.dtype)
    return x


def _reduce(reader: OnnxReader, node: Node) -> None:
    name, call = REDUCED[node.type]
    value, keep = node.given[0], bool(node.attr("keepdims", 1))
    given = node.input(1)
    if isinstance(given, int):
        raise reader.unsupported(node.type, "over axes that depend on the input")
    axes = node.attr("axes") or reader.numbers(given)
    if not axes and node.attr("noop_with_empty_axes", 0):
        extra = {"ReduceSumSquare": torch.square, "ReduceL1": torch.abs, "ReduceL2": torch.abs, "ReduceLogSum": torch.log}.get(node.type)
        reader.alias(node.outputs, (value,)) if extra is None else reader.add(name, extra, (value,), node.outputs)
        return
    over = tuple(sorted(int(axis) % reader.rank(value) for axis in axes)) if axes else tuple(range(reader.rank(value)))
    reader.add(name, lambda x: call(x, over, keep), (value,), node.outputs, about={"axes": over})


def _arg(reader: OnnxReader, node: Node) -> None:
    axis, keep, last = node.attr("axis", 0), bool(node.attr("keepdims", 1)), node.attr("select_last_index", 0)
    call = torch.argmax if node.type == "ArgMax" else torch.argmin

    def arg(x: Tensor) -> Tensor:
        return x.shape[axis] - 1 - call(x.flip(axis), axis, keep) if last else call(x, axis, keep)

    reader.add(call.__name__, arg, node.given, node.outputs)


def _cumsum(reader: OnnxReader, node: Node) -> None:
    value, over = node.given
    exclusive, reverse = node.attr("exclusive", 0), node.attr("reverse", 0)
    axis = (reader.numbers(over) or [None])[0]
    if axis is None:
        raise reader.unsupported(node.type, "over an axis that depends on the input")

    def cumsum(x: Tensor) -> Tensor:
        x = x.flip(axis) if reverse else x
        made = torch.cumsum(x, axis, dtype=x.dtype)
        made = made - x if exclusive else made
        return made.flip(axis) if reverse else made

    reader.add("cumsum", cumsum, (value,), node.outputs)


TABLE: dict[str, Entry] = {
    **dict.fromkeys(PLAIN, _plain), **dict.fromkeys(ARITHMETIC, _arithmetic), **dict.fromkeys(REDUCED, _reduce),
    "Div": _div, "Mod": _mod, "LeakyRelu": _with("leaky_relu", _leaky), "Elu": _with("elu", _elu), "Celu": _with("celu", _celu),
    "Selu": _with("selu", _selu), "Gelu": _with("gelu", _gelu), "Swish": _with("silu", _swish),
    "HardSigmoid": _with("hardsigmoid", _hard_sigmoid), "ThresholdedRelu": _with("threshold", _threshold),
    "Shrink": _with("softshrink", _shrink), "IsInf": _with("isinf", _is_inf), "Clip": _clip, "Max": _extreme("maximum"),
    "Min": _extreme("minimum"), "Sum": _sum, "Mean": _mean, "Cast": _cast, "CastLike": _cast, "ArgMax": _arg, "ArgMin": _arg,
    "CumSum": _cumsum,
}  # fmt: skip
