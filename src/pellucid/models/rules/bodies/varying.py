"""What is opened because more of its operands depend on the input than a rule of its own could average: an exponent, a bound, a gain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies.opened import opened
from pellucid.models.rules.call import Call


def body_of(call: Call) -> Callable[..., Any] | None:
    """What is opened because of how many of its operands depend on the input: more than its rule can average."""
    name, varying = call.operation.name, len(call.operands)
    if name == "div" and call.kwargs.get("rounding_mode") is not None:
        return div
    if name == "einsum" and varying > 2:
        return einsum
    if name == "bilinear" and varying > 2:
        return lambda x1, x2, weight, bias=None: bilinear(x1, x2, weight, bias)
    if varying > 1 and name in _OF_SEVERAL:
        return _OF_SEVERAL[name]
    if name == "normalize" and call.argument("p", 1, default=2.0) != 2:
        return opened(functional.normalize)
    if call.operation.kind == "norm" and varying > 1:
        return weighted_norm(name)
    return None


def div(given: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:  # noqa: ANN401
    """A quotient, rounded."""
    found = torch.div(given, other)
    return found if rounding_mode is None else found.floor() if rounding_mode == "floor" else found.trunc()


def bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A bilinear layer whose weight varies too."""
    found = (torch.einsum("...i,kij->...kj", x1, weight) * x2.unsqueeze(-2)).sum(-1)
    return found if bias is None else found + bias


def power(given: Any, exponent: Any) -> Tensor:  # noqa: ANN401
    """A power of a positive number, base and exponent both varying."""
    return (exponent * given.log()).exp()


def clamp(given: Tensor, min: Any = None, max: Any = None) -> Tensor:  # noqa: ANN401
    """Bounds that vary."""
    found = given if min is None else torch.maximum(given, _tensor(min, given))
    return found if max is None else torch.minimum(found, _tensor(max, given))


def _tensor(value: Any, like: Tensor) -> Tensor:  # noqa: ANN401
    return value if isinstance(value, Tensor) else like.new_full((), value)


def prelu(given: Tensor, weight: Tensor) -> Tensor:
    """A slope of negative values that varies."""
    wide = weight.reshape([-1 if axis == 1 else 1 for axis in range(given.dim())]) if weight.numel() > 1 else weight
    return given.relu() - wide * (-given).relu()


def einsum(equation: str, *operands: Any) -> Tensor:  # noqa: ANN401
    """Two operands at a time: what later operands or the result still need is kept."""
    given = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    if "..." in left:
        raise UnsupportedOperation(
            "No rule covers an einsum of more than two varying operands with an ellipsis",
            received=equation,
            remedy="name every axis, or multiply two operands at a time",
        )
    if not arrow:
        joined = "".join(names)
        right = "".join(sorted(name for name in set(joined) if joined.count(name) == 1))
    while len(given) > 2:
        kept = "".join(dict.fromkeys(n for n in names[0] + names[1] if n in "".join(names[2:]) + right))
        given[:2] = [torch.einsum(f"{names[0]},{names[1]}->{kept}", given[0], given[1])]
        names[:2] = [kept]
    return torch.einsum(f"{','.join(names)}->{right}", *given)


def weighted_norm(name: str) -> Callable[..., Tensor]:
    """A normalization whose weight or bias varies too: without them, then times and plus."""

    def body(given: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        named = {**dict(zip(_NORM_ARGUMENTS[name], args, strict=False)), **kwargs}
        weight, bias = named.pop("weight", None), named.pop("bias", None)
        found = getattr(functional, name)(given, **named)
        by_channel = name in ("group_norm", "instance_norm")
        for value, joined in ((weight, torch.mul), (bias, torch.add)):
            if value is not None:
                wide = value.reshape(-1, *[1] * (given.dim() - 2)) if by_channel else value
                found = joined(found, wide)
        return found

    return body


_NORM_ARGUMENTS = {
    "layer_norm": ("normalized_shape", "weight", "bias", "eps"),
    "rms_norm": ("normalized_shape", "weight", "eps"),
    "group_norm": ("num_groups", "weight", "bias", "eps"),
    "instance_norm": ("running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps"),
}

_OF_SEVERAL: dict[str, Callable[..., Any]] = {
    "pow": power,
    "float_power": power,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": lambda given, max: clamp(given, None, max),
    "prelu": prelu,
}
