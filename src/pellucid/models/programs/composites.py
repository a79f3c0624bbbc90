"""Activations that are written in several operations, as the one that each is in torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import isclose, sqrt

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.operation import Constant, Listing, Operation
from pellucid.models.programs.passes import needed

Before = Callable[[int | Constant | None], Operation | None]  # what made a value
GATES = {"sigmoid": ("silu", functional.silu), "hardsigmoid": ("hardswish", functional.hardswish)}  # x * gate(x)


def with_composites(listing: Listing) -> Listing:
    """The listing with x * sigmoid(x), x * tanh(softplus(x)) and x * (1 + erf(x / sqrt 2)) / 2 as one operation each."""
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
        gates = [one for one in factors if (made := before(one)) is not None and made.name == "add"]
        if len(factors) != 3 or len(halves) != 1 or not _is(halves[0], 0.5):
            return operation
        for gate in gates:
            (value,) = [one for one in factors if one is not gate and not isinstance(one, Constant)] or (None,)
            erf = _grown(before(gate), before)
            scaled = before(erf.inputs[0]) if erf is not None else None
            if scaled is not None and isinstance(value, int) and scaled.values == (value,) and _is_root(scaled):
                return replace(operation, name="gelu", call=functional.gelu, inputs=(value,))
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


def _grown(operation: Operation | None, before: Before) -> Operation | None:
    """The erf in ``erf(...) + 1``."""
    if operation is None or len(operation.values) != 1 or not any(_is(one, 1.0) for one in operation.constants):
        return None
    erf = before(operation.values[0])
    return erf if erf is not None and erf.name == "erf" else None


def _is_root(operation: Operation) -> bool:
    """Whether it divides by the root of two."""
    wanted = {"div": sqrt(2), "mul": sqrt(0.5)}.get(operation.name)
    return wanted is not None and len(operation.constants) == 1 and _is(operation.constants[0], wanted)


def _is(one: Constant, number: float) -> bool:
    value = one.value
    if isinstance(value, Tensor):
        return value.numel() == 1 and value.is_floating_point() and isclose(float(value), number, rel_tol=1e-6)
    return isinstance(value, float) and isclose(value, number, rel_tol=1e-6)
