"""Curves of the score over a feature: of a row, of background rows on average, and of their accumulated local effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.methods.run import Evaluator


class Sweep:
    """Some columns of one table, each moved through its range in steps.

    Attributes:
        at: the values a column takes, (sample, column, step).
        background: rows to average over, or None.
    """

    def __init__(self, evaluator: Evaluator, i: int, columns: tuple[int, ...], points: int, background: Tensor | None) -> None:
        self.evaluator, self.input, self.points, self.background = evaluator, i, points, background
        self.columns = torch.tensor(columns, device=evaluator.device)
        values = evaluator.values[i][:, self.columns]
        if background is None:
            reach = torch.nan_to_num(values).abs().clamp(min=1)
            low, high = torch.nan_to_num(values) - reach, torch.nan_to_num(values) + reach
        else:
            known = background[:, self.columns]
            low = torch.nan_to_num(known, nan=torch.inf).amin(0).expand_as(values)
            high = torch.nan_to_num(known, nan=-torch.inf).amax(0).expand_as(values)
        steps = torch.linspace(0, 1, points, dtype=values.dtype, device=values.device)
        self.at = torch.lerp(low[:, :, None], high[:, :, None], steps)

    def curves(self) -> Tensor:
        """The score of each row with one column moved, (sample, column, step)."""

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            batch = [v[rows] for v in self.evaluator.values]
            column, step = samples // self.points, samples % self.points
            batch[self.input] = batch[self.input].scatter(1, self.columns[column][:, None], self.at[rows, column, step][:, None])
            return tuple(batch)

        return self.evaluator.scores(points, len(self.columns) * self.points).reshape(-1, len(self.columns), self.points)

    def surface(self) -> Tensor:
        """The score of each row with two columns moved, (sample, second column's step, first column's step)."""

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            batch = [v[rows] for v in self.evaluator.values]
            second, first = samples // self.points, samples % self.points
            moved = torch.stack([self.at[rows, 0, first], self.at[rows, 1, second]], 1)
            batch[self.input] = batch[self.input].scatter(1, self.columns.expand(len(rows), 2), moved)
            return tuple(batch)

        return self.evaluator.scores(points, self.points**2).reshape(-1, self.points, self.points)

    def averages(self) -> dict[str, Tensor]:
        """The mean over background rows with its standard error, and the accumulated local effect, each (sample, column, step)."""
        if self.background is None:
            return {}
        parts = [self._column(place, self.background) for place in range(len(self.columns))]
        return {name: torch.stack([part[name] for part in parts], 1) for name in ("mean", "error", "ale")}

    def _column(self, place: int, background: Tensor) -> dict[str, Tensor]:
        column, count = int(self.columns[place]), len(background)
        at = self.at[0, place]
        every = self._scores(lambda samples: at[samples % self.points], column, count * self.points)
        every = every.reshape(-1, count, self.points)
        spread = every.std(1) / count**0.5 if count > 1 else torch.full_like(every[:, 0], torch.nan)
        return {"mean": every.mean(1), "error": spread, "ale": self._accumulated(column, at, background)}

    def _accumulated(self, column: int, at: Tensor, background: Tensor) -> Tensor:
        """Bins hold as many background rows each; every row is moved to the two edges of its own bin."""
        values = background[:, column].double()
        known = ~values.isnan()
        shares = torch.linspace(0, 1, self.points + 1, dtype=torch.float64, device=values.device)
        edges = torch.unique(torch.quantile(values[known], shares))
        if len(edges) < 2:
            return torch.zeros(self.evaluator.rows, len(at), dtype=torch.float64)
        owner = (torch.searchsorted(edges, torch.nan_to_num(values), right=False) - 1).clamp(0, len(edges) - 2)
        ends = torch.stack([edges[owner], edges[owner + 1]], 1).to(background.dtype)
        scores = self._scores(lambda samples: ends[samples // 2, samples % 2], column, 2 * len(background)).reshape(-1, len(background), 2)
        steps = torch.where(known.cpu(), scores[:, :, 1] - scores[:, :, 0], 0.0)
        bins = torch.zeros(len(scores), len(edges) - 1, dtype=torch.float64).index_add_(1, owner.cpu(), steps)
        held = torch.bincount(owner[known].cpu(), minlength=len(edges) - 1)
        whole = torch.cat([torch.zeros(len(scores), 1, dtype=torch.float64), (bins / held.clamp(min=1)).cumsum(1)], 1)
        middle = ((whole[:, :-1] + whole[:, 1:]) / 2 * held).sum(1, keepdim=True) / held.sum()
        return _between(at.double().cpu(), edges.cpu(), whole - middle)

    def _scores(self, moved: Callable[[Tensor], Tensor], column: int, count: int) -> Tensor:
        """Scores (sample, point) of background rows with one column moved: evaluated once for all rows that explain the same class."""
        evaluator, kept = self.evaluator, self.background
        if kept is None:
            raise RuntimeError("there are no background rows")
        each = count // len(kept)
        classes = torch.from_numpy(evaluator.selection.classes)
        alike = bool((classes >= 0).all()) and len(evaluator.values) == 1
        kinds, which = classes.unique(return_inverse=True) if alike else (classes, torch.arange(evaluator.rows))
        first = torch.stack([(which == k).nonzero()[0, 0] for k in range(len(kinds))])

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            batch = [v[rows] for v in evaluator.values]
            batch[self.input] = kept[samples // each]
            batch[self.input][:, column] = moved(samples)
            return tuple(batch)

        return evaluator.scores(points, count, only=first.to(evaluator.device))[which]


def _between(at: Tensor, edges: Tensor, heights: Tensor) -> Tensor:
    """Heights (sample, edge) at other places, linear between the edges."""
    right = torch.searchsorted(edges, at).clamp(1, len(edges) - 1)
    part = ((at - edges[right - 1]) / (edges[right] - edges[right - 1])).clamp(0, 1)
    return torch.lerp(heights[:, right - 1], heights[:, right], part)
