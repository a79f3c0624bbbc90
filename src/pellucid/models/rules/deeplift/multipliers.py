"""The multiplier of every operation: its Jacobian averaged along the line between what it saw at the row and at the baseline.

A rule takes the operation, what it saw in both passes, and the multipliers of its output; it gives those of its operands. Linear operations
have no rule: autograd's own gradient is their multiplier. Where a baseline is shared its tensors have one row, and broadcast.
"""

from __future__ import annotations

from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.caller import unsupported
from pellucid.models.rules.deeplift.extrema import extremum_rule
from pellucid.models.rules.deeplift.normalizers import NORMALIZERS
from pellucid.models.rules.deeplift.products import midpoint, product_rule
from pellucid.models.rules.deeplift.rule import Kept, Rule, refused, times
from pellucid.models.rules.deeplift.slopes import mean_slope, relu

_LINEAR = frozenset({"structural", "linear"})
_QUADRATIC = frozenset({"lerp", "batch_norm"})  # where more than the first operand depends on the input


def rule_of(call: Call) -> Rule | None:
    """The rule of an operation; None where it is linear in what depends on the input."""
    name, kind = call.operation.name, call.operation.kind
    if name == "batch_norm" and bool(call.argument("training", 5, default=False)):
        raise refused(
            "Batch normalization in training mode makes every row depend on its neighbors",
            call,
            "explain the network in eval mode (mode='eval', the default)",
        )
    if name == "grid_sample" and call.places != (0,):
        raise refused("The places where an image is sampled depend on the input", call, "use 'integrated_gradients' or 'occlusion'")
    if kind in _LINEAR:
        return Rule(midpoint) if name in _QUADRATIC and len(call.operands) > 1 else None
    if kind == "product":
        return product_rule(call)
    if kind == "max":
        return extremum_rule(call) or Rule(ratio)
    if kind == "elementwise":
        return Rule(ratio)
    if name == "instance_norm" and not call.argument("use_input_stats", 5, default=True):
        return None  # by its running statistics
    if name in NORMALIZERS:
        return NORMALIZERS[name]
    if kind == "random" and _draws_nothing(call):
        return None
    if kind == "random":
        raise refused(
            "The forward draws random numbers, so that two passes differ by more than their inputs",
            call,
            "explain the network in eval mode (mode='eval'); for noise that it draws in eval mode too, give a network that fixes it",
        )
    raise unsupported(name)


def _draws_nothing(call: Call) -> bool:
    """Whether it is a dropout that drops nothing."""
    if "dropout" not in call.operation.name:
        return False
    usual = "alpha" not in call.operation.name  # F.dropout drops unless it is told not to
    training = call.kwargs["train"] if "train" in call.kwargs else call.argument("training", 2, default=usual)
    return not training or call.argument("p", 1, default=0.5) == 0


def ratio(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """One function of every element: the mean slope (the rescale rule)."""
    if len(call.operands) > 1:
        raise unsupported(f"{call.operation.name} of two values that both depend on the input")
    a, b, ya, yb = actual.operands[0], other.operands[0], actual.output[0], other.output[0]
    if call.operation.name == "relu":
        return (relu(gradient, a, b, ya, yb),)
    if a.shape == ya.shape:
        return (times(gradient, mean_slope(call.operation.name, call.run, a, b, ya, yb)),)
    wide_a, wide_b = a.expand_as(ya), b.expand_as(yb)  # a constant operand is the larger one
    return (times(gradient, mean_slope(call.operation.name, call.run, wide_a, wide_b, ya, yb)).sum_to_size(a.shape),)
