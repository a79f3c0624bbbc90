"""Points that mix two rows element by element, evaluated from the outputs of the network's first layer on where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator, Points

ENOUGH = 4096  # points from which on it pays to look for the layer
SHARED = 2**24  # elements that all rows share: what the layer gives for the in-fills of every mask
FEW = 3  # explained rows that share them, and in-fills, from which on that pays
WIDE = 64  # features from which on it does: below, adding what is shared takes as long as the layer itself (measured)


@runtime_checkable
class Mixture(Protocol):
    """Points that can also say what a linear layer makes of them."""

    def __call__(self, rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        """The points themselves, one tensor (batch, ...) per explained input."""
        ...

    def through(self, weight: Tensor, bias: Tensor | None) -> Callable[[Tensor, Tensor], Tensor] | None:
        """(rows, samples) -> the layer's output (batch, unit) for these points; None where that would cost more than the points."""
        ...


def evaluation(evaluator: Evaluator, points: Points, total: int) -> Callable[[Tensor, Tensor], Tensor]:
    """(rows, samples) -> the model's outputs at these points, ``total`` of which are coming."""

    def plainly(rows: Tensor, samples: Tensor) -> Tensor:
        return evaluator.bound.outputs(points(rows, samples), rows)

    if total < ENOUGH or not isinstance(points, Mixture):
        return plainly
    entrance = evaluator.entrance()
    hidden = entrance and points.through(entrance.weight, entrance.bias)
    if entrance is None or hidden is None:
        return plainly

    def entering(rows: Tensor, samples: Tensor) -> Tensor:
        if not entrance.usable:
            return plainly(rows, samples)
        found = entrance.outputs(hidden(rows, samples), rows, lambda some: points(some, samples[: len(some)]))
        return plainly(rows, samples) if found is None else found

    return entering


def mixed_outputs(
    values: Tensor, masks: Tensor, fills: Tensor, weight: Tensor, bias: Tensor | None
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """(rows, numbers) -> what a linear layer gives for points that are the row where a mask holds, and one of the in-fills elsewhere.

    A point's number is ``mask * len(fills) + fill``, and a batch holds whole masks of one row after the other. The products of values
    and weights are those of the points themselves, so that nothing cancels that does not there. None where it would not pay.

    Args:
        values: explained rows (row, feature).
        masks: bool (mask, feature).
        fills: (fill, feature), the same for every row.
        weight: (unit, feature).
        bias: (unit,).
    """
    (units, features), count = weight.shape, len(fills)
    if count < FEW or len(values) < FEW or features < WIDE or len(masks) * count * units > SHARED:
        return None
    if not bool(torch.isfinite(values).all() and torch.isfinite(fills).all()):
        return None
    present = masks.to(values.dtype)
    shared = torch.empty(len(masks), count, units, dtype=values.dtype, device=values.device)
    for part, into in zip((1 - present).split(max(1, ENOUGH // count)), shared.split(max(1, ENOUGH // count)), strict=True):
        points = part[:, None] * fills
        torch.matmul(points, weight.T, out=into) if bias is None else torch.add(points @ weight.T, bias, out=into)
    return _Mixed(values, present, shared, weight)


class _Mixed:
    """What :func:`mixed_outputs` gives: ``shared`` (mask, fill, unit) is what the layer makes of the in-fills, for all rows."""

    def __init__(self, values: Tensor, present: Tensor, shared: Tensor, weight: Tensor) -> None:
        self.values, self.present, self.shared, self.weight = values, present, shared, weight
        self.buffer = values.new_empty(0)
        self.own: tuple[int, Tensor] = (-1, values)

    def __call__(self, rows: Tensor, numbers: Tensor) -> Tensor:
        """The layer's outputs (batch, unit), in memory that the next batch writes over."""
        if len(self.buffer) < len(rows):  # fresh memory for every batch would cost as much as filling it
            self.buffer = self.values.new_empty(len(rows), self.shared.shape[2])
        into, start, fills = self.buffer[: len(rows)], 0, self.shared.shape[1]
        for row, count in runs(rows):
            first = int(numbers[start])
            masks = slice(first // fills, -(-(first + count) // fills))
            shared, own, here = self.shared[masks], (self.present[masks] @ self._of(row))[:, None], into[start : start + count]
            if first % fills or count % fills:
                here.copy_((shared + own).flatten(0, 1)[first % fills : first % fills + count])
            else:
                torch.add(shared, own, out=here.unflatten(0, shared.shape[:2]))
            start += count
        return into

    def _of(self, row: int) -> Tensor:
        """The products of a row's values and the weights (feature, unit), kept for the row at hand."""
        if self.own[0] != row:
            self.own = row, (self.values[row] * self.weight).T.contiguous()
        return self.own[1]


def runs(rows: Tensor) -> list[tuple[int, int]]:
    """A batch's explained rows, one after the other, with how many points each has."""
    first = int(rows[0])
    if first == int(rows[-1]):
        return [(first, len(rows))]
    found, counts = torch.unique_consecutive(rows, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))
