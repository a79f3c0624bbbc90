"""The midpoint rule: equal steps, one gradient in the middle of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch

from pellucid.methods.attribution.path import Integral, Path
from pellucid.methods.run import Evaluator, Points, sum_rows

if TYPE_CHECKING:
    from torch import Tensor

Gradients = Callable[[Evaluator, Points, int], "Iterator[tuple[Tensor, tuple[Tensor, ...]]]"]


def plain_gradients(evaluator: Evaluator, points: Points, steps: int) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
    """Yields (rows, gradients) batch by batch."""
    for rows, _, _, gradients in evaluator.gradients(points, steps):
        yield rows, gradients


def midpoint(path: Path, steps: int, gradients: Gradients = plain_gradients) -> Integral:
    """The mean gradient at the middle of ``steps`` equal cells, times the difference.

    The error is bounded by how much the gradient changes between neighboring steps, |x - b| sum_k |g_k+1 - g_k| / 2n, the two end cells
    taken as their neighbors. It is the local form of step doubling and costs no evaluation; it covers every path whose gradient is
    monotone between steps, and does not see a kink before the first or after the last midpoint.
    """

    def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        return path.points(rows, (samples.double() + 0.5) / steps)

    sums = tuple(torch.zeros_like(d) for d in path.difference)
    variation = _Variation(path.difference)
    for rows, found in gradients(path.evaluator, points, steps):
        for total, part in zip(sums, found, strict=True):
            sum_rows(total, rows, part)
        variation.add(rows, found)
    values = tuple(d * s / steps for d, s in zip(path.difference, sums, strict=True))
    return Integral(values, *variation.bounds(steps))


class _Variation:
    """Collects how much the gradient changes from step to step, per element and along the path."""

    def __init__(self, difference: tuple[Tensor, ...]) -> None:
        self.difference = difference
        self.elements = tuple(torch.zeros_like(d) for d in difference)
        self.slope = torch.zeros(len(difference[0]), dtype=torch.float64, device=difference[0].device)
        self.last: tuple[int, Tensor, tuple[Tensor, ...]] | None = None

    def add(self, rows: Tensor, gradients: tuple[Tensor, ...]) -> None:
        """Takes in one batch; a row's steps arrive in order, possibly split over batches."""
        inputs = zip(gradients, self.difference, strict=True)
        slopes = torch.stack([(g * d[rows]).reshape(len(rows), -1).sum(1).double() for g, d in inputs]).sum(0)
        if self.last is not None and self.last[0] == int(rows[0]):
            self._change(rows[:1], slopes[:1] - self.last[1], tuple(g[:1] - old for g, old in zip(gradients, self.last[2], strict=True)))
        inside = (rows[1:] == rows[:-1]).nonzero()[:, 0]
        if len(inside) == len(rows) - 1:  # the usual case of one row: no gathering
            self._change(rows[1:], slopes[1:] - slopes[:-1], tuple(g[1:] - g[:-1] for g in gradients))
        elif len(inside):
            self._change(rows[inside], slopes[inside + 1] - slopes[inside], tuple(g[inside + 1] - g[inside] for g in gradients))
        self.last = int(rows[-1]), slopes[-1:].clone(), tuple(g[-1:].clone() for g in gradients)

    def _change(self, rows: Tensor, slopes: Tensor, gradients: tuple[Tensor, ...]) -> None:
        sum_rows(self.slope, rows, slopes.abs())
        for total, change in zip(self.elements, gradients, strict=True):
            sum_rows(total, rows, change.abs_())

    def bounds(self, steps: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """The bound on each element's error and on the sum's; the two end cells count like the mean of the others."""
        factor = (1 + 2 / (steps - 1)) / (2 * steps)
        return tuple(d.abs() * c * factor for d, c in zip(self.difference, self.elements, strict=True)), self.slope * factor
