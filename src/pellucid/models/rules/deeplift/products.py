"""The multipliers of products: at most quadratic in their operands together, so that the Jacobian at the midpoint is the average."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.deeplift.rule import Kept, Rule


def midpoint(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The operation's own gradient half-way: the average of both orders of operands."""
    with torch.enable_grad():
        points = [((a + b) / 2).requires_grad_() for a, b in zip(actual.operands, other.operands, strict=True)]
        return torch.autograd.grad(call.run(*points), points, gradient)


def mul(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Each operand times the mean of the other."""
    first, second = ((a + b) / 2 for a, b in zip(actual.operands, other.operands, strict=True))
    return (gradient * second).sum_to_size(actual.operands[0].shape), (gradient * first).sum_to_size(actual.operands[1].shape)


def matmul(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Each matrix times the mean of the other."""
    if min(t.ndim for t in actual.operands) < 2:
        return midpoint(call, actual, other, gradient)
    first, second = ((a + b) / 2 for a, b in zip(actual.operands, other.operands, strict=True))
    to_first, to_second = gradient @ second.mT, first.mT @ gradient
    return to_first.sum_to_size(actual.operands[0].shape), to_second.sum_to_size(actual.operands[1].shape)


def quotient(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Times the reciprocal: its mean slope is -1 / (d_a d_b)."""
    if call.places == (1,):  # a constant by what depends on the input
        above = call.args[0] if call.args else call.kwargs["input"]
        ra, rb = 1 / actual.operands[0], 1 / other.operands[0]
        return ((-gradient * above * ra * rb).sum_to_size(actual.operands[0].shape),)
    ra, rb = 1 / actual.operands[1], 1 / other.operands[1]
    middle = (actual.operands[0] + other.operands[0]) / 2
    above = (gradient * (ra + rb) / 2).sum_to_size(actual.operands[0].shape)
    return above, (-gradient * middle * ra * rb).sum_to_size(actual.operands[1].shape)


def product_rule(call: Call) -> Rule | None:
    """The rule of a product, None where only one operand depends on the input and so it is linear."""
    name = call.operation.name
    if name == "div":
        return None if call.places == (0,) else Rule(quotient)
    if len(call.operands) == 1:
        return None
    return Rule({"mul": mul, "matmul": matmul, "bmm": matmul, "mm": matmul}.get(name, midpoint))
