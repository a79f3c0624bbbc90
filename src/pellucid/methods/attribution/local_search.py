"""How wide a neighborhood is, and how many samples of it are enough: found row by row, for rows in like circumstances together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check
from pellucid.methods.attribution.local_fit import LocalFit, fit, redraw_overlap

if TYPE_CHECKING:
    from pellucid.methods.attribution.removal import Removal
    from pellucid.methods.run import Evaluator

WIDTHS = (0.5, 0.3, 0.2, 0.1)
SURE = 0.98  # expected overlap with another draw at which no more samples are drawn


@dataclass(frozen=True)
class Wanted:
    """What the search goes for: R2 ``fit`` at one of the ``widths``, the ranking of the ``top`` strongest, at most ``samples`` per row."""

    widths: tuple[float, ...]
    fit: float
    top: int
    samples: int
    first: int  # pairs drawn before anything is judged
    sure: float = SURE


@dataclass(frozen=True, eq=False)
class Found:
    """Per row (sample,): the linear model, the width and number of samples, and the expected overlap with another draw."""

    model: LocalFit
    overlap: Tensor
    width: Tensor
    samples: Tensor

    def checks(self, fit: float, stable: float, top: int) -> tuple[Check, Check]:
        """The fit and the ranking as checks, each refused under its threshold."""
        none = np.full(len(self.width), np.nan)
        about = tuple(LabelledArray(name, getattr(self, name).numpy().astype(float), ("sample",), {}) for name in ("width", "samples"))
        note = "R2 of the linear model over its samples, adjusted for the number of players"
        overlap, steady = self.overlap.numpy(), np.full(len(none), stable)
        return (
            Check("local_fit", "fit", "higher", self.model.r2.numpy(), np.full(len(none), fit), none, none, none, 0, about, note),
            Check("redraw", "resolution", "higher", overlap, steady, none, none, none, 0, (), f"expected overlap of the top {top}"),
        )


class Search:
    """One search: points are drawn once, and all rows share them."""

    def __init__(self, evaluator: Evaluator, removal: Removal, wanted: Wanted) -> None:
        self.evaluator, self.removal, self.wanted = evaluator, removal, wanted
        players = int(removal.counts.max())
        self.draws = torch.rand(wanted.samples // 2, players, generator=evaluator.generator())

    def run(self) -> Found:
        """A width for every row, then samples until its ranking stands."""
        rows, players = self.evaluator.rows, self.draws.shape[1]
        blank = torch.zeros(rows, dtype=torch.float64)
        table = torch.zeros(rows, players, dtype=torch.float64)
        model = LocalFit(table, table.clone(), blank)
        found = Found(model, blank.clone(), blank.clone(), torch.zeros(rows, dtype=torch.int64))
        for width, spent, members, scores in self._widths():
            self._resolve(found, width, spent, members, scores)
        return found

    def _widths(self) -> Iterator[tuple[float, int, Tensor, Tensor]]:
        """(width, samples spent, rows, their first scores), each row once: at the widest width with the wanted fit, or else the best."""
        first, left = self.wanted.first, torch.arange(self.evaluator.rows)
        tried: list[tuple[Tensor, Tensor, Tensor]] = []  # rows, scores, R2
        for number, width in enumerate(self.wanted.widths):
            if number and (2 * first * (number + 1) > self.wanted.samples or self.evaluator.affordable(2 * first) < 2 * first):
                break
            scores = self._scores(width, left, (0, first))
            r2 = torch.zeros(len(left), dtype=torch.float64)
            for members, columns in self._alike(left):
                r2[members] = fit(self._points(width, (0, first))[..., :columns], scores[members]).r2
            tried.append((left, scores, r2))
            good = r2 >= self.wanted.fit
            if bool(good.any()):
                yield width, 2 * first * (number + 1), left[good], scores[good]
            left = left[~good]
            if not len(left):
                return
        places = [torch.searchsorted(rows, left) for rows, _, _ in tried]
        best = torch.stack([r2[place] for (_, _, r2), place in zip(tried, places, strict=True)]).argmax(0)
        for number, (_, scores, _) in enumerate(tried):
            mine = best == number
            if bool(mine.any()):
                yield self.wanted.widths[number], 2 * first * len(tried), left[mine], scores[places[number][mine]]

    def _resolve(self, found: Found, width: float, spent: int, rows: Tensor, scores: Tensor) -> None:
        """Adds samples to these rows until another draw would name the same players, and writes down what they found."""
        while True:
            pairs = scores.shape[2]
            overlap = torch.zeros(len(rows), dtype=torch.float64)
            for members, columns in self._alike(rows):
                model = fit(self._points(width, (0, pairs))[..., :columns], scores[members])
                top = max(1, min(self.wanted.top, columns // 3))
                overlap[members] = redraw_overlap(model.coefficients, model.errors, top, self.evaluator.generator(1))
                self._keep(found, rows[members], model)
            found.overlap[rows], found.width[rows], found.samples[rows] = overlap, width, spent
            open_rows = overlap < self.wanted.sure
            more = min(pairs, (self.wanted.samples - spent) // 2)
            more = min(more, self.evaluator.affordable(2 * more) // 2)
            if more < 1 or self.evaluator.expired() or not bool(open_rows.any()) or self._precise(found, rows):
                return
            rows = rows[open_rows]
            scores = torch.cat([scores[open_rows], self._scores(width, rows, (pairs, pairs + more))], 2)
            spent += 2 * more

    def _precise(self, found: Found, rows: Tensor) -> bool:
        """Whether the budget's relative error is reached in all of these rows."""
        error = self.evaluator.situation.budget.error
        values, errors = found.model.coefficients[rows], found.model.errors[rows]
        return error is not None and bool((errors.amax(1) <= error * values.square().mean(1).sqrt()).all())

    @staticmethod
    def _keep(found: Found, rows: Tensor, model: LocalFit) -> None:
        columns = model.coefficients.shape[1]
        found.model.coefficients[rows, :columns], found.model.errors[rows, :columns] = model.coefficients, model.errors
        found.model.r2[rows] = model.r2

    def _points(self, width: float, span: tuple[int, int]) -> Tensor:
        """Who is kept in these pairs, bool (2, pair, player): a uniform number and its mirror image decide for both of a pair."""
        draws = self.draws[span[0] : span[1]]
        return torch.stack([draws >= width, draws < 1 - width])

    def _scores(self, width: float, rows: Tensor, span: tuple[int, int]) -> Tensor:
        """Scores (row, 2, pair)."""
        kept = self._points(width, span)
        found = self.evaluator.scores(self.removal.points(kept.reshape(-1, kept.shape[2])), 2 * kept.shape[1], only=rows)
        return found.reshape(len(rows), 2, -1)

    def _alike(self, rows: Tensor) -> Iterator[tuple[Tensor, int]]:
        """The places of those rows that have as many players, and how many these are."""
        counts = self.removal.counts[rows]
        for columns in counts.unique().tolist():
            yield (counts == columns).nonzero()[:, 0], columns
