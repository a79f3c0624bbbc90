"""The ways to write "weights times values": which axes of a product are the query, the key and the value's own.

``weights @ values``, ``values @ weights`` (attention over columns), ``bmm``, two-operand ``einsum`` in any order of letters, and a weighted
sum written as ``(weights * values).sum(1)``, which is attention with one query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pellucid.models.rules.call import Call


@dataclass(frozen=True, eq=False)
class Product:
    """Weights times values. A *group* is a head of a sample, in whatever order the network keeps them.

    Attributes:
        arrange: takes the weights, or their gradient, to (group, query, key).
        values: (group, key, unit).
        lead: the sizes whose product the group axis is.
        labels: (group * units + unit) of every element of the product, in the product's own layout; None for a weighted sum.
        queries: takes the product's gradient to (group, query, unit).
    """

    arrange: Callable[[Tensor], Tensor]
    values: Tensor
    lead: tuple[int, ...]
    labels: Tensor | None
    queries: Callable[[Tensor], Tensor]


def as_product(call: Call, weights: Tensor) -> Product | None:
    """The product of ``weights`` (what came out of a softmax) with values that a call computes; None if it is no such product."""
    name = call.operation.name
    if name in ("matmul", "bmm"):
        return _matrix_product(call, weights)
    if name == "einsum":
        return _einsum(call, weights)
    return _weighted_sum(call, weights) if name == "mul" else None


def _two(call: Call) -> tuple[Tensor, Tensor] | None:
    found = [value for value in (*call.args, *call.kwargs.values()) if isinstance(value, Tensor)]
    return (found[0], found[1]) if len(found) == 2 else None


def _matrix_product(call: Call, weights: Tensor) -> Product | None:
    pair = _two(call)
    if pair is None or min(t.ndim for t in pair) < 2 or weights.ndim < 3:
        return None
    first = pair[0] is weights
    values = pair[1] if first else pair[0].mT
    if not _distributes(weights if first else weights.mT):
        return None
    lead = torch.broadcast_shapes(weights.shape[:-2], values.shape[:-2])

    def arrange(given: Tensor) -> Tensor:
        return _grouped(given if first else given.mT, lead)

    labels = _labels(lead, weights.shape[-2 if first else -1], values.shape[-1], weights.device)
    return Product(arrange, _grouped(values.detach(), lead), lead, labels if first else labels.mT, arrange)


def _einsum(call: Call, weights: Tensor) -> Product | None:
    equation, *rest = call.args
    operands = rest[0] if len(rest) == 1 and isinstance(rest[0], (list, tuple)) else rest
    if not isinstance(equation, str) or len(operands) != 2 or not all(isinstance(t, Tensor) for t in operands):
        return None
    terms = _letters(equation, operands)
    if terms is None:
        return None
    at = 0 if operands[0] is weights else 1
    ours, theirs, out = terms[at], terms[1 - at], terms[2]
    shared = [c for c in ours if c in theirs and c in out]
    key = [c for c in ours if c in theirs and c not in out]
    query, unit = [c for c in ours if c not in theirs and c in out], [c for c in theirs if c not in ours and c in out]
    if not (len(key) == len(query) == len(unit) == 1) or len({*ours, *theirs}) != len(shared) + 3 or not shared:
        return None
    order = (*shared, *query, *unit)
    w = weights.permute([ours.index(c) for c in (*shared, *query, *key)])
    v = operands[1 - at].permute([theirs.index(c) for c in (*shared, *key, *unit)])
    if not _distributes(w):
        return None
    lead = w.shape[:-2]
    return Product(
        lambda given: _grouped(given.permute([ours.index(c) for c in (*shared, *query, *key)]), lead),
        _grouped(v.detach(), lead),
        lead,
        _labels(lead, w.shape[-2], v.shape[-1], w.device).permute([order.index(c) for c in out]),
        lambda given: _grouped(given.permute([out.index(c) for c in order]), lead),
    )


def _letters(equation: str, operands: list[Tensor] | tuple[Tensor, ...]) -> tuple[str, str, str] | None:
    """The letters of both operands and of the output, an ellipsis spelled out; None where the equation is of another kind."""
    inputs, arrow, out = equation.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if not arrow or len(parts) != 2:
        return None
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    widths = [t.ndim - len(p.replace("...", "")) for t, p in zip(operands, parts, strict=True)]
    filled = [p.replace("...", "".join(spare[:n]) if "..." in p else "") for p, n in zip(parts, widths, strict=True)]
    if "..." in equation and widths[0] != widths[1]:
        return None
    out = out.replace("...", "".join(spare[: max(widths)]))
    return (filled[0], filled[1], out) if all(len(set(t)) == len(t) for t in (*filled, out)) else None


def _weighted_sum(call: Call, weights: Tensor) -> Product | None:
    pair = _two(call)
    if pair is None or weights.ndim != 3 or weights.shape[-1] != 1:
        return None
    values = pair[1] if pair[0] is weights else pair[0]
    if values.ndim != 3 or values.shape[:2] != weights.shape[:2] or values.shape[-1] == 1:
        return None
    key = next((axis for axis in (1, 0) if weights.shape[axis] > 1 and _sums_to_one(weights, axis)), None)
    if key is None:
        return None
    values = values.detach().movedim(key, 1)
    return Product(
        lambda given: given.movedim(key, 1).mT, values, (len(values),), None, lambda given: given.movedim(key, 1).sum(1, keepdim=True)
    )


def _distributes(weights: Tensor) -> bool:
    """Whether each query's weights, along the last axis, are shares; dropped or cut ones pass unless the shares lie the other way."""
    one = weights.flatten(0, -3)[:1]  # of one head of one sample
    return _sums_to_one(one, -1) or not _sums_to_one(one, -2)


def _sums_to_one(weights: Tensor, axis: int) -> bool:
    return bool(((weights.detach().sum(axis) - 1).abs() < 1e-2).all())


def _labels(lead: tuple[int, ...] | torch.Size, queries: int, units: int, device: torch.device) -> Tensor:
    groups = int(torch.Size(lead).numel())
    numbers = torch.arange(groups * units, device=device, dtype=torch.int32).reshape(*lead, 1, units)
    return numbers.expand(*lead, queries, units)


def _grouped(given: Tensor, lead: tuple[int, ...] | torch.Size) -> Tensor:
    return given.expand(*lead, *given.shape[-2:]).reshape(-1, *given.shape[-2:])
