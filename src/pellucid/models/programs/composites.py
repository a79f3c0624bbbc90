"""Activations that are written in several operations, as the one that each is in torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import isclose, pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.operation import Constant, Listing, Operation, exponent, number_of, with_constant
from pellucid.models.programs.passes import needed

Before = Callable[[int | Constant | None], Operation | None]  # what made a value
GATES = {"sigmoid": ("silu", functional.silu), "hardsigmoid": ("hardswish", functional.hardswish)}  # x * gate(x)
CUBED = 0.044715  # in the approximation of GELU by tanh
KNOWN = (sqrt(0.5), -sqrt(0.5), sqrt(2 / pi), CUBED)


def with_composites(listing: Listing) -> Listing:
    """The listing with SiLU, hard swish, Mish, GELU (exact and by tanh) and masked softmax as one operation each."""
    maker = {number: operation for operation in listing.operations for number in operation.outputs}
    users = Counter(one for operation in listing.operations for one in operation.values)

    def before(one: int | Constant | None) -> Operation | None:
        return maker.get(one) if isinstance(one, int) else None

    def gated(operation: Operation) -> Operation:
        if operation.name != "mul" or len(operation.values) != 2:
            return operation
        for value, gate in (operation.inputs, operation.inputs[::-1]):
            made = before(gate)
            if made is None:
                continue
            if made.name in GATES and made.inputs == (value,):
                name, call = GATES[made.name]
                return replace(operation, name=name, call=call, inputs=(value,))
            inner = before(made.inputs[0]) if made.name == "tanh" else None
            if inner is not None and inner.name == "softplus" and inner.inputs == (value,):
                return replace(operation, name="mish", call=functional.mish, inputs=(value,))
        return operation

    def bell(operation: Operation) -> Operation:
        """The Gaussian gate, in any order of its products."""
        if operation.name != "mul":
            return operation
        factors = _factors(operation, before, users)
        halves = [one for one in factors if isinstance(one, Constant)]
        values = [one for one in factors if isinstance(one, int)]
        if len(values) != 2 or len(halves) != 1 or not _is(halves[0], 0.5):
            return operation
        for value, gate in (values, values[::-1]):
            how = _bell(gate, value, before)
            if how is not None:
                return replace(operation, name="gelu", call=partial(functional.gelu, approximate=how), inputs=(value,))
        return operation

    def whole(operation: Operation) -> Operation:
        """A softmax that gives zeros where everything is masked: not-a-number would come back through its gradient."""
        if operation.name != "where" or len(operation.values) != 2:
            return operation
        test, zero, shares = operation.inputs
        asked, made = before(test), before(shares)
        if asked is None or asked.name != "isnan" or asked.inputs != (shares,) or made is None or made.name != "softmax":
            return operation
        fits = isinstance(zero, Constant) and _is(zero, 0.0) and "axes" in made.about
        return replace(operation, name="softmax", call=_masked_softmax(*made.about["axes"]), inputs=made.inputs) if fits else operation

    changed = tuple(whole(bell(gated(operation))) for operation in listing.operations)
    return needed(replace(listing, operations=changed))


def _masked_softmax(axis: int) -> Callable[[Tensor], Tensor]:
    def softmax(x: Tensor) -> Tensor:
        masked = (x == float("-inf")).all(axis, keepdim=True)
        return torch.softmax(x.masked_fill(masked, 0.0), axis).masked_fill(masked, 0.0)

    return softmax


def _factors(operation: Operation, before: Before, users: Counter[int]) -> list[int | Constant]:
    """What is multiplied, through products that nobody else uses."""
    found: list[int | Constant] = []
    for one in operation.inputs:
        made = before(one)
        inner = made if made is not None and made.name == "mul" and isinstance(one, int) and users[one] == 1 else None
        found.extend([one] if inner is None else _factors(inner, before, users))
    return found


def _bell(gate: int, value: int, before: Before) -> str | None:
    """How torch calls twice the Gaussian gate of a value: "none" where exact, "tanh" where approximate; None if it is no such gate."""
    made = before(gate)
    if made is None:
        return None
    if made.name == "erfc":  # of -x / sqrt 2
        return "none" if _times(made.inputs[0], before) == (value, -sqrt(0.5)) else None
    if made.name != "add" or len(made.values) != 1 or not any(_is(one, 1.0) for one in made.constants):
        return None
    bent = before(made.values[0])
    if bent is not None and bent.name == "erf":
        return "none" if _times(bent.inputs[0], before) == (value, sqrt(0.5)) else None
    if bent is not None and bent.name == "tanh":
        inner, scale = _times(bent.inputs[0], before)
        total = before(inner)
        if scale != sqrt(2 / pi) or total is None or total.name != "add" or len(total.values) != 2:
            return None
        for cube in total.values:
            powered, share = _times(cube, before)
            power = before(powered)
            if share == CUBED and power is not None and exponent(power) == 3 and sorted(total.values) == sorted((value, cube)):
                return "tanh" if power.values == (value,) else None
    return None


def _times(one: int | Constant, before: Before) -> tuple[int | None, float]:
    """A value and the number that it is multiplied with; a number that is one of :data:`KNOWN` up to single precision is that."""
    scale = 1.0
    made = before(one)
    while made is not None and made.name in ("mul", "div", "neg") and len(made.values) == 1:
        number = -1.0 if made.name == "neg" else number_of(made.constants[0]) if with_constant(made) else None
        if not number or (made.name == "div" and not isinstance(made.inputs[0], int)):
            break
        scale = scale / number if made.name == "div" else scale * number
        one = made.values[0]
        made = before(one)
    exact = next((known for known in KNOWN if isclose(known, scale, rel_tol=1e-6)), scale)
    return (one, exact) if isinstance(one, int) else (None, exact)


def _is(one: Constant, number: float) -> bool:
    value = one.value
    if isinstance(value, Tensor):
        return value.numel() == 1 and value.is_floating_point() and isclose(float(value), number, rel_tol=1e-6)
    return isinstance(value, float) and isclose(value, number, rel_tol=1e-6)
