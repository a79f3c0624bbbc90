"""Value functions: what the score is when only some players are present. Each answers another question, and the result names the one used.

- *baseline*: the others have the values of one baseline.
- *marginal*: the others come from background rows, whatever the present ones are (Janzing et al. 2020, interventional).
- *nearest*, *gaussian* (conditional): the others have values that are usual beside those present (Aas et al. 2021), from the background rows
  most like the row in the present features, or from a normal distribution fitted to the background.

A coalition is evaluated at ``fills`` points, and its value is the mean of their scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from pellucid.methods.games.game import Game

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator

AT_ONCE = 2**21  # model rows asked for between two chunks of coalitions: bounds the memory for scores
Fill = Callable[[Tensor, Tensor], tuple[Tensor, ...]]  # (row, coalition) -> per input (row, fill, ...), or one for all rows


class ValueFunction(Protocol):
    """What absent players are replaced by."""

    fills: int

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


def model_game(evaluator: Evaluator, rows: Tensor, elements: Elements, function: ValueFunction, nobody: ValueFunction) -> Game:
    """The game of some explained rows; ``nobody`` is the value function of the empty coalition.

    ``rows`` number the explained rows; ``elements`` and the value functions number these rows from 0.
    """
    none = torch.zeros(1, elements.players, dtype=torch.bool, device=evaluator.device)
    whole = len(rows) == evaluator.rows

    def ask(asked: ValueFunction, masks: Tensor, which: Tensor) -> np.ndarray:
        only = None if whole and len(which) == len(rows) else rows[which]
        points = _points(evaluator, rows, elements, asked, masks)
        found = evaluator.scores(points, len(masks) * asked.fills, only=only)
        return found.reshape(len(which), len(masks), asked.fills).mean(2).numpy()

    def value(coalitions: np.ndarray, which: np.ndarray) -> np.ndarray:
        masks = torch.from_numpy(coalitions).to(evaluator.device)
        size = max(1, AT_ONCE // (max(1, len(which)) * function.fills))
        asked = torch.from_numpy(which).to(evaluator.device)
        return np.concatenate([ask(function, part, asked) for part in masks.split(size)], 1)

    full = evaluator.scores_at_inputs().cpu()[rows.cpu()].numpy()
    empty = ask(nobody, none, torch.arange(len(rows), device=evaluator.device))[:, 0]
    return Game(elements.players, value, empty, full)


def _points(
    evaluator: Evaluator, rows: Tensor, elements: Elements, function: ValueFunction, masks: Tensor
) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    """Where the model is evaluated: (explained row, number of coalition and fill) to one batch per input.

    A batch is a run of neighboring numbers. Whole coalitions in it are filled by one broadcast; the cut ones at its ends alone.
    """
    fills = function.fills
    place = torch.zeros(evaluator.rows, dtype=torch.long, device=evaluator.device)
    place[rows] = torch.arange(len(rows), device=evaluator.device)
    shared = [_present(elements, slot, masks) if len(label) == 1 else None for slot, label in enumerate(elements.labels)]
    elementwise = tuple(masks[:, :0] if mask is None else mask for mask in shared)
    fill = function.prepare(elementwise)

    def block(own: Tensor, coalitions: Tensor) -> list[Tensor]:
        where = place[own]
        filled, found = fill(where, coalitions), []
        for slot, value in enumerate(evaluator.values):
            mask = shared[slot]
            here = mask[coalitions] if mask is not None else _own(elements.labels[slot][where], masks[coalitions])
            each = here[:, None].expand(-1, fills, *here.shape[1:])
            found.append(torch.where(each, value[own][:, None], filled[slot]).flatten(0, 1))
        return found

    def points(own: Tensor, numbers: Tensor) -> tuple[Tensor, ...]:
        if fills == 1:
            return tuple(block(own, numbers))
        first, count = int(numbers[0]), len(numbers)
        head = min(-first % fills, count)
        middle = (count - head) // fills * fills
        parts = []
        for start, stop in ((0, head), (head, head + middle), (head + middle, count)):
            if stop > start:
                low = int(numbers[start]) % fills
                made = block(own[start:stop:fills], numbers[start:stop:fills] // fills)
                parts.append([one[low : low + stop - start] if stop - start < fills else one for one in made])
        return tuple(torch.cat(slot) if len(slot) > 1 else slot[0] for slot in zip(*parts, strict=True))

    return points


def _present(elements: Elements, slot: int, masks: Tensor) -> Tensor:
    """The elements that belong to present players, (coalition, ...), where all rows have the same players."""
    return masks if elements.plain(slot) else masks[:, elements.labels[slot][0]]


def _own(labels: Tensor, masks: Tensor) -> Tensor:
    """The same where each row has players of its own, (coalition, ...)."""
    return masks.gather(1, labels.reshape(len(labels), -1)).reshape(labels.shape)
