"""Value functions: what the score is when only some players are present. Each answers another question, and the result names the one used.

- *baseline*: the others have the values of one baseline.
- *marginal*: the others come from background rows, whatever the present ones are (Janzing et al. 2020, interventional).
- *nearest*, *gaussian* (conditional): the others have values that are usual beside those present (Aas et al. 2021), from background rows
  most like the row in the present features, or from a normal distribution fitted to the background.

A coalition is evaluated at ``fills`` points, and its value is the mean of their scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Fill = Callable[[Tensor, Tensor], tuple[Tensor, ...]]  # (row, coalition) -> per input (row, fill, ...), or one for all rows


class ValueFunction(Protocol):
    """What absent players are replaced by."""

    @property
    def fills(self) -> int:
        """At how many points a coalition is evaluated."""
        ...

    def prepare(self, present: tuple[Tensor, ...]) -> Fill:
        """For these coalitions, given as elements present (coalition, ...) per input: what fills the others."""
        ...


@dataclass(frozen=True, eq=False)
class Elements:
    """Which elements each player owns.

    ``labels`` hold the player of every element, per input (1, ...) for all rows or (row, ...) for each.
    """

    labels: tuple[Tensor, ...]
    players: int

    def plain(self, slot: int) -> bool:
        """Whether an input's elements are the players, in order."""
        label = self.labels[slot]
        return len(label) == 1 and label.ndim == 2 and torch.equal(label[0], torch.arange(self.players, device=label.device))

    def spread(self, values: Tensor) -> tuple[Tensor, ...]:
        """Values (row, player) shared equally between a player's elements, per input (row, ...)."""
        sizes = torch.zeros_like(values)
        for label in self.labels:
            flat = label.reshape(len(label), -1).expand(len(values), -1)
            sizes.scatter_add_(1, flat, torch.ones_like(flat, dtype=values.dtype))
        shares = values / sizes.clamp(min=1)
        found = []
        for label in self.labels:
            flat = label.reshape(len(label), -1).expand(len(values), -1)
            found.append(shares.gather(1, flat).reshape(len(values), *label.shape[1:]))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Fixed:
    """The same for every coalition: one baseline for each row (row, 1, ...), or background rows (1, fill, ...), per input."""

    points: tuple[Tensor, ...]

    @property
    def fills(self) -> int:
        """How many points a coalition is evaluated at."""
        return max(point.shape[1] for point in self.points)

    def prepare(self, present: tuple[Tensor, ...]) -> Fill:  # noqa: ARG002
        """The points themselves."""
        return lambda rows, _: tuple(point if len(point) == 1 else point[rows] for point in self.points)


@dataclass(frozen=True, eq=False)
class Nearest:
    """The ``fills`` background rows nearest to the row in the present features, each feature over its spread in the background."""

    values: tuple[Tensor, ...]
    background: tuple[Tensor, ...]
    fills: int

    def prepare(self, present: tuple[Tensor, ...]) -> Fill:
        """Distances of all coalitions at once for one row at a time."""
        gaps = []
        for value, rows in zip(self.values, self.background, strict=True):
            scale = rows.std(0, correction=0)
            scaled = (value[:, None] - rows) / torch.where(scale > 0, scale, torch.ones_like(scale))
            gaps.append((scaled * scaled).reshape(len(value), len(rows), -1).double())
        masks = torch.cat([mask.reshape(len(mask), -1).double() for mask in present], 1)
        nearest = torch.stack([self._order(masks, torch.cat([gap[row] for gap in gaps], 1)) for row in range(len(self.values[0]))])
        return lambda rows, coalitions: tuple(part[nearest[rows, coalitions]] for part in self.background)

    def _order(self, masks: Tensor, gaps: Tensor) -> Tensor:
        return (masks @ gaps.T).argsort(dim=1, stable=True)[:, : self.fills]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Draws of the absent features given the present ones, from a normal distribution fitted to the background (one table).

    ``noise`` are standard normal draws (fill, feature), the same for all coalitions and rows, in antithetic pairs.
    """

    values: Tensor
    mean: Tensor
    covariance: Tensor
    noise: Tensor

    @property
    def fills(self) -> int:
        """How many draws."""
        return len(self.noise)

    def prepare(self, present: tuple[Tensor, ...]) -> Fill:
        """The conditional mean and covariance of every coalition."""
        (masks,) = present
        slopes = torch.zeros(len(masks), len(self.mean), len(self.mean), dtype=torch.float64)
        draws = torch.zeros(len(masks), self.fills, len(self.mean), dtype=torch.float64)
        for number, mask in enumerate(masks.cpu()):
            here, gone = mask.nonzero()[:, 0], (~mask).nonzero()[:, 0]
            if not len(gone):
                continue
            across, rest = self.covariance[gone][:, here], self.covariance[gone][:, gone]
            slope = torch.linalg.solve(self.covariance[here][:, here], across.T).T
            left = rest - slope @ across.T
            factor = torch.linalg.cholesky(left + 1e-9 * left.diagonal().mean() * torch.eye(len(gone), dtype=torch.float64))
            slopes[number, gone[:, None], here[None]] = slope
            draws[number][:, gone] = self.noise[:, gone] @ factor.T
        off = self.values.double().cpu() - self.mean

        def fill(rows: Tensor, coalitions: Tensor) -> tuple[Tensor, ...]:
            means = self.mean + torch.einsum("bij,bj->bi", slopes[coalitions.cpu()], off[rows.cpu()])
            return ((means[:, None] + draws[coalitions.cpu()]).to(self.values),)

        return fill
