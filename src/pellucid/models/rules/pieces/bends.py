"""Where operations bend: what decides the piece of a piecewise-linear operation, and which operations are linear between their bends.

A value that takes finitely many constants along a path (a comparison, a sign) counts as a constant between bends: a gate times
a value is linear there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.call import Call
from pellucid.models.rules.constants import ADDED

_STEPS = "_pellucid_steps"
_COMPARED = ("gt", "ge", "lt", "le", "eq", "ne")
_OF_STEPS = ("logical_and", "logical_or", "logical_not", "logical_xor", "isnan", "isinf", "isfinite")
# operands by place that may vary, where these are not all; of a product's others one at a time
_MAY_VARY = {"div": {0}, "lerp": {0, 1}, "grid_sample": {0}, "batch_norm": {0}}


def is_steps(tensor: Tensor) -> bool:
    """Whether a value is constant between bends."""
    return hasattr(tensor, _STEPS) or not tensor.is_floating_point()


def mark_steps(output: Any) -> None:  # noqa: ANN401
    """Marks what an operation gave as constant between bends."""
    for tensor in (output,) if isinstance(output, Tensor) else output:
        setattr(tensor, _STEPS, True)


def unmark_steps(tensor: Tensor) -> None:
    """Takes the mark away from a tensor that is written over."""
    if hasattr(tensor, _STEPS):
        delattr(tensor, _STEPS)


def not_piecewise_linear(what: str, call: Call) -> UnsupportedOperation:
    """The error for an operation whose gradient changes between any two points of a path."""
    return UnsupportedOperation(
        "The forward pass is not piecewise linear",
        received=f"{what} at {call.where()}",
        remedy="use rule='adaptive', which needs no pieces",
    )


def is_linear(call: Call) -> bool:
    """Whether an operation that bends nowhere is linear in all of its varying operands together."""
    name, kind = call.operation.name, call.operation.kind
    varying = [place for place, t in zip(call.places, call.operands, strict=True) if not is_steps(t)]
    if kind == "random":
        return call.argument("training", 2, call.argument("train", 2, default=True)) is False
    if name in _MAY_VARY and not _MAY_VARY[name].issuperset(varying):
        return False
    if kind == "structural":
        return True
    if kind == "linear":
        return not (name == "batch_norm" and call.argument("training", 5, default=False))
    if kind == "product":
        return sum(place != ADDED.get(name) for place in varying) <= 1 and call.kwargs.get("rounding_mode") is None
    return name in ("deg2rad", "rad2deg")


def gaps(call: Call) -> tuple[Tensor, ...] | None:
    """The values at whose change of sign an operation bends; None where it bends nowhere, or where it picks among several."""
    name = call.operation.name
    if name in ("max", "min"):
        return _difference(call) if isinstance(call.argument("other", 1), Tensor) else None
    return BENDS[name](call) if name in BENDS else None


def makes_steps(call: Call) -> bool:
    """Whether what this operation gives is constant between its bends."""
    return call.operation.name in (*_COMPARED, *_OF_STEPS, "sign")


def _input(call: Call) -> Any:  # noqa: ANN401
    return call.argument("input", 0)


def _at_zero(call: Call) -> tuple[Tensor, ...]:
    if len(call.operands) > 1:
        raise not_piecewise_linear(f"{call.operation.name} whose slope depends on the input", call)
    return call.operands


def _at_zero_unless_training(call: Call) -> tuple[Tensor, ...]:
    if call.argument("training", 3, default=False):
        raise not_piecewise_linear(f"{call.operation.name} with random slopes", call)
    return _at_zero(call)


def _difference(call: Call) -> tuple[Tensor, ...]:
    return (torch.as_tensor(_input(call)) - call.argument("other", 1),)


def _between(*bounds: tuple[int, str, float | None]) -> Callable[[Call], tuple[Tensor, ...]]:
    """Bends where the input passes each of some arguments (place, name, default)."""

    def found(call: Call) -> tuple[Tensor, ...]:
        given = (call.argument(name, place, default) for place, name, default in bounds)
        return tuple(_input(call) - bound for bound in given if bound is not None)

    return found


def _fixed(*bounds: float) -> Callable[[Call], tuple[Tensor, ...]]:
    return lambda call: tuple(call.operands[0] - bound for bound in bounds)


def _shrink(call: Call) -> tuple[Tensor, ...]:
    width = call.argument("lambd", 1, 0.5)
    return call.operands[0] - width, call.operands[0] + width


BENDS: dict[str, Callable[[Call], tuple[Tensor, ...]]] = {
    **dict.fromkeys(("relu", "leaky_relu", "prelu", "abs", "sign"), _at_zero),
    **dict.fromkeys((*_COMPARED, "maximum", "minimum", "fmax", "fmin"), _difference),
    "rrelu": _at_zero_unless_training,
    "relu6": _fixed(0.0, 6.0),
    "hardsigmoid": _fixed(-3.0, 3.0),
    "hardtanh": _between((1, "min_val", -1.0), (2, "max_val", 1.0)),
    "clamp": _between((1, "min", None), (2, "max", None)),
    "clamp_min": _between((1, "min", None)),
    "clamp_max": _between((1, "max", None)),
    "threshold": _between((1, "threshold", None)),
    "softshrink": _shrink,
}
