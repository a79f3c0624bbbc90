"""The mean slope of a function of one number between two places, (f(a) - f(b)) / (a - b), where it does not cancel away.

This is the rescale rule of Shrikumar et al. (2017), section 3.5.1, for any function. Where a and b are near one another the quotient is all
rounding, and the derivative takes its place: at the midpoint for a smooth function (wrong by f''' step^2 / 24), on the piece where both lie
for a piecewise-linear one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

PIECEWISE_LINEAR = frozenset(
    {"relu6", "leaky_relu", "hardtanh", "abs", "clamp", "clamp_min", "clamp_max", "prelu", "rrelu", "softshrink", "hardsigmoid"}
    | {"maximum", "minimum", "fmax", "fmin", "max", "min"}
)
# constant or linear between jumps: only where both ends are the same number is there no jump to account for
JUMPING = frozenset({"round", "floor", "ceil", "trunc", "frac", "sign", "sgn", "heaviside", "threshold", "hardshrink", "nan_to_num"})
_FLAT = frozenset({"round", "floor", "ceil", "trunc", "sign", "sgn", "heaviside"})
# how far a place is from where a function bends ever more sharply
_ROOM: dict[str, Function] = {
    **dict.fromkeys(("log", "log2", "log10", "pow", "float_power", "lgamma", "digamma"), torch.abs),
    "log1p": lambda x: 1 + x,
    "acosh": lambda x: x - 1,
    "logit": lambda x: torch.minimum(x, 1 - x),
    **dict.fromkeys(("asin", "acos", "atanh", "erfinv"), lambda x: 1 - x.abs()),
}
_SHARP = frozenset({"tan", "erfcx", "i0", "atan2"})  # nothing is known of these


def relu(gradient: Tensor, a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:
    """The multipliers times the mean slope of a ReLU, in few passes over memory; its own slope where both ends are the same."""
    found = (ya - yb).mul_(gradient).div_(a - b)
    if math.isfinite(found.sum()):
        return found
    return torch.where(a == b, torch.where(a > 0, gradient, 0), found)


def square(a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:  # noqa: ARG001
    """a^2 - b^2 = (a + b) (a - b)."""
    return a + b


def sqrt(a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:  # noqa: ARG001
    """1 / (sqrt a + sqrt b); nothing where both are zero."""
    total = ya + yb
    return torch.where(total > 0, 1 / total, torch.zeros_like(total))


def rsqrt(a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:  # noqa: ARG001
    """With r = 1 / sqrt: -(r_a r_b)^2 / (r_a + r_b)."""
    return -((ya * yb) ** 2) / (ya + yb)


def reciprocal(a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:  # noqa: ARG001
    """1/a - 1/b = -(a - b) / (a b)."""
    return -ya * yb


def exp(a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:
    """Like the exponentials of a softmax: see :func:`exponential`."""
    return exponential(a, b, ya, yb)


def exponential(a: Tensor, b: Tensor, ea: Tensor, eb: Tensor) -> Tensor:
    """(e^a - e^b) / (a - b), where ``ea`` and ``eb`` are these exponentials up to a common factor; half their sum where a and b are near.

    The near branch is wrong by step^2 / 12 of itself. Two blocked entries, both -inf, count as equal.
    """
    step = a - b
    near = (step.abs() < torch.finfo(a.dtype).eps ** (1 / 3)) | (a == b)
    return torch.where(near, (ea + eb) / 2, (ea - eb) / torch.where(near, torch.ones_like(step), step))


CLOSED: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "square": square,
    "sqrt": sqrt,
    "rsqrt": rsqrt,
    "reciprocal": reciprocal,
    "exp": exp,
}


def mean_slope(name: str, function: Function, a: Tensor, b: Tensor, ya: Tensor, yb: Tensor) -> Tensor:
    """The mean slope between a and b, element by element, where ya = f(a) and yb = f(b)."""
    closed = CLOSED.get(name)
    if closed is not None:
        return closed(a, b, ya, yb)
    step = a - b
    same = step == 0
    near = same if name in JUMPING else step.abs() <= _reach(name, a, b)
    if not bool(near.any()):
        return (ya - yb) / step
    quotient = (ya - yb) / torch.where(same, torch.ones_like(step), step)
    if name in _FLAT:  # torch knows no derivative of some
        return quotient
    if name in JUMPING or name in PIECEWISE_LINEAR:
        here = derivative(function, a)
        return torch.where(near & (same | (here == derivative(function, b))), _finite(here), quotient)
    return torch.where(near, _finite(derivative(function, (a + b) / 2)), quotient)


def _reach(name: str, a: Tensor, b: Tensor) -> Tensor | float:
    """How near is near: where the error of the derivative falls below the rounding of the quotient."""
    eps = torch.finfo(a.dtype).eps
    if name in _ROOM:
        return torch.minimum(_ROOM[name](a), _ROOM[name](b)).clamp(0, 1) * eps ** (1 / 3)
    return eps ** (1 / 2) if name in _SHARP else eps ** (1 / 3)


def _finite(slope: Tensor) -> Tensor:
    """Where a function has no slope at a place that both ends share, nothing passes and nothing is lost."""
    return torch.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)


def derivative(function: Function, at: Tensor) -> Tensor:
    """The derivative of an element-wise function."""
    with torch.enable_grad():
        point = at.detach().requires_grad_()
        output = function(point)
        return torch.autograd.grad(output.sum(), point)[0] if output.requires_grad else torch.zeros_like(at)
