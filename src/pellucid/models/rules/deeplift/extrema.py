"""The multipliers of the largest (or smallest) of several values: shared by those that are it at the row and at the baseline.

With winners i at the row and j at the baseline, n = y_a - a_j and q = y_b - b_i, the first gets n / (n + q) and the second the rest. Then
the multipliers times the differences are y_a - y_b exactly, whatever else is among the values, and rows never mix.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.rules.axes import axes_of
from pellucid.models.rules.call import Call
from pellucid.models.rules.deeplift.rule import Kept, Rule

_SMALLEST = frozenset({"amin", "min", "minimum", "fmin"})


def share(above: Tensor, below: Tensor) -> Tensor:
    """n / (n + q). Both are nothing only where both winners are one and the same, which gets 1 as well if the second gets it all."""
    return above / (above + below).clamp_min(torch.finfo(above.dtype).tiny)


def run_pool(call: Call) -> tuple[Any, list[Tensor]]:
    """A pooling with the places of its winners, whether or not they were asked for."""
    name = call.operation.name
    kind = name.removesuffix("_with_indices")
    given = {k: v for k, v in call.kwargs.items() if k != "return_indices"}
    args = call.args
    place = 2 if kind.startswith("adaptive") else 6
    wanted = name != kind or bool(call.argument("return_indices", place, default=False))
    pooled = getattr(functional, f"{kind}_with_indices")(*args[:place], **given)
    return (pooled if wanted else pooled[0]), [pooled[0], pooled[1]]


def pool(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Max pooling: the winners of each window."""
    axes = int(re.findall(r"(\d)d", call.operation.name)[0])
    a, b = (t.flatten(-axes) for t in (actual.operands[0], other.operands[0]))
    places = [t.output[1].flatten(-axes) for t in (actual, other)]
    tops = [t.output[0].flatten(-axes) for t in (actual, other)]
    found = _shared(a, b, places[0], places[1], tops[0], tops[1], gradient.flatten(-axes))
    return (found.reshape(actual.operands[0].shape),)


def _shared(a: Tensor, b: Tensor, at_a: Tensor, at_b: Tensor, top_a: Tensor, top_b: Tensor, gradient: Tensor) -> Tensor:
    """Along the last axis: what goes to the winners, added up at each place."""
    b, at_b = b.expand_as(a), at_b.expand_as(at_a)
    first = share(top_a - a.gather(-1, at_b), top_b - b.gather(-1, at_a))
    found = torch.zeros_like(a).scatter_add_(-1, at_a, gradient * first)
    return found.scatter_add_(-1, at_b, gradient * (1 - first))


def reduced(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The largest along some axes, or of all."""
    whole = actual.operands[0]
    if whole.ndim == 0:
        return (gradient,)
    sign = -1 if call.operation.name in _SMALLEST else 1
    axes = tuple(sorted(axes_of(call.argument("dim", 1), whole.ndim)))
    last = tuple(range(whole.ndim - len(axes), whole.ndim))
    a, b = (sign * t.operands[0].movedim(axes, last).flatten(-len(axes)) for t in (actual, other))
    at_a, at_b = a.argmax(-1, keepdim=True), b.argmax(-1, keepdim=True)
    found = _shared(a, b, at_a, at_b, a.gather(-1, at_a), b.gather(-1, at_b), gradient.reshape(a.shape[:-1]).unsqueeze(-1))
    shape = whole.movedim(axes, last).shape
    return (found.reshape(shape).movedim(last, axes),)


def of_two(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The larger of two values that both depend on the input."""
    sign = -1 if call.operation.name in _SMALLEST else 1
    (pa, qa), (pb, qb) = ([sign * o for o in t.operands] for t in (actual, other))
    here, there = pa >= qa, pb >= qb  # whether the first is the larger
    above = torch.maximum(pa, qa) - torch.where(there, pa, qa)
    below = torch.maximum(pb, qb) - torch.where(here, pb, qb)
    part = share(above, below)
    here, there = here.to(part.dtype), there.to(part.dtype)
    first = part * here + (1 - part) * there
    return (gradient * first).sum_to_size(pa.shape), (gradient * (1 - first)).sum_to_size(qa.shape)


def extremum_rule(call: Call) -> Rule | None:
    """The rule of one of the max family; None where it is a function of every element (a maximum with a constant)."""
    name = call.operation.name
    if "pool" in name:
        return Rule(pool, run_pool)
    two = name in ("maximum", "minimum", "fmax", "fmin") or isinstance(call.argument("other", 1), Tensor)
    if two:
        return Rule(of_two) if len(call.operands) > 1 else None
    return Rule(reduced)
