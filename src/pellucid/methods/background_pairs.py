"""Every explained row beside every background row: one forward a row, one backward a pair.

The graph of one side is made once; its rules look the other side's rows up as the backward reaches them, one row of that side for all rows
of the graph. Multipliers are the same in both directions, so the larger side is the graph and its backwards run in full batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.methods.batching import MEMORY
from pellucid.methods.differences import Pass, check_outputs, check_sums, sum_of
from pellucid.methods.run import sum_rows
from pellucid.models.rules.deeplift.difference import Difference, Reference, score_multipliers
from pellucid.models.rules.rows import RowsHidden

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.ruled_pass import RuledOutputs

_KIND = "gradient, pairs"
_KEPT = "forward, reference"


@dataclass
class Sums:
    """Sums over background rows of multiplier times difference and of its square, one tensor per explained input (sample, ...)."""

    values: tuple[Tensor, ...]
    squares: tuple[Tensor, ...]
    passes: Pass = field(default_factory=Pass)

    @classmethod
    def like(cls, values: tuple[Tensor, ...]) -> Sums:
        """Nothing yet."""
        return cls(tuple(torch.zeros_like(v) for v in values), tuple(torch.zeros_like(v) for v in values))

    def add(self, other: Sums, rows: Tensor | slice) -> None:
        """Takes in what was found for these rows."""
        for mine, theirs in ((self.values, other.values), (self.squares, other.squares)):
            for whole, part in zip(mine, theirs, strict=True):
                whole[rows] += part


@dataclass(frozen=True)
class _Side:
    """One side of the pairs: rows (row, ...) of every explained input, and their outputs once a pass has run over them."""

    values: tuple[Tensor, ...]
    explained: bool  # the explained rows, not the background

    def __len__(self) -> int:
        return len(self.values[0])


@dataclass(frozen=True)
class _Kept:
    """A reference pass over rows ``at``, ``at + 1``, ... of its side."""

    at: int
    reference: Reference
    outputs: RuledOutputs


def pair_sums(evaluator: Evaluator, background: tuple[Tensor | None, ...], start: tuple[Tensor, ...], scores: Tensor) -> Sums:
    """Over all background rows; an input without a background stays at ``start``, which follows the row.

    Args:
        evaluator: holds the explained rows.
        background: (row, ...) of every input, all of one length; None for an input without.
        start: (sample, ...) of every input.
        scores: (sample, background row), by the plain model.
    """
    whole = tuple(rows for rows in background if rows is not None)
    if evaluator.bound.alone and len(whole) == len(background):
        try:
            return _Pairs(evaluator, whole, scores).sums()
        except RowsHidden:  # nothing was kept of what was found
            pass
    return _aligned(evaluator, background, start, scores)


class _Pairs:
    def __init__(self, evaluator: Evaluator, background: tuple[Tensor, ...], scores: Tensor) -> None:
        self.evaluator, self.scores = evaluator, scores
        self.here = evaluator.scores_at_inputs().cpu()
        sides = _Side(evaluator.values, explained=True), _Side(background, explained=False)
        self.graph, self.other = sides if len(sides[0]) >= len(sides[1]) else sides[::-1]
        self.found = Sums.like(evaluator.values)
        self.seeds: dict[tuple[int, int], Tensor] = {}  # of a linear score, by class and rows

    def sums(self) -> Sums:
        """Reference passes until memory is full, then all of the graph's rows beside these, and so on."""
        kept: list[_Kept] = []
        size, most = 0, self.evaluator.situation.budget.memory or MEMORY

        def keep(rows: Tensor) -> Tensor:
            reference = Reference(follows_rows=len(rows) > 1)
            outputs = self.evaluator.bound.outputs_under(reference, tuple(v[rows] for v in self.other.values), torch.zeros_like(rows))
            reference.rows, reference.picked = len(rows), 0
            kept.append(_Kept(int(rows[0]), reference, outputs))
            return outputs.outputs

        for rows, _ in self.evaluator.pairs(1, _KEPT, rows=len(self.other)):
            before = len(kept)
            self.evaluator.run(_KEPT, keep, rows)
            size += sum(one.reference.size for one in kept[before:])
            if size > most or int(rows[-1]) == len(self.other) - 1:
                self._beside(kept)
                kept.clear()
                size = 0
        return self.found

    def _beside(self, kept: list[_Kept]) -> None:
        """All of the graph's rows beside the rows of these references."""
        first = kept[0].reference
        if len(self.graph) == 1 == first.rows and len(kept) == 1:
            first.picked = None

        def block(rows: Tensor) -> Tensor:
            difference = Difference(first, len(rows), others=[one.reference for one in kept[1:]])
            batch = tuple(v[rows] for v in self.graph.values)
            made = self.evaluator.bound.outputs_under(difference, batch, torch.zeros_like(rows))
            part = Sums.like(tuple(v[rows] for v in self.evaluator.values) if self.graph.explained else self.evaluator.values)
            sums: list[Tensor] = []
            for one in kept:
                difference.reference = one.reference
                for number in range(one.reference.rows):
                    one.reference.picked = None if one.reference.picked is None else number
                    last = one is kept[-1] and number == one.reference.rows - 1
                    explained = rows if self.graph.explained else torch.full_like(rows, one.at + number)
                    multipliers = made.back(self._seed(made.outputs, one.outputs.outputs[number], explained), again=not last)
                    sums.append(self._add(part, multipliers, batch, one.at + number))
                self.found.passes.note(one.reference, difference, made, one.outputs)
            at = torch.cat([torch.arange(one.at, one.at + one.reference.rows) for one in kept])
            self._check(torch.stack(sums), part, at, rows.cpu(), made)
            self.found.add(part, rows if self.graph.explained else slice(None))
            return made.outputs[:, :0]

        for rows, _ in self.evaluator.pairs(1, _KIND, rows=len(self.graph)):
            self.evaluator.run(_KIND, block, rows)

    def _add(self, part: Sums, multipliers: tuple[Tensor, ...], batch: tuple[Tensor, ...], at: int) -> Tensor:
        """Adds the pairs of all rows of the graph with one row of the other side; their sums (row,) in float64."""
        whole = torch.zeros(len(batch[0]), dtype=torch.float64, device=batch[0].device)
        for i, (m, here, other) in enumerate(zip(multipliers, batch, self.other.values, strict=True)):
            value = (here - other[at] if self.graph.explained else other[at] - here).mul_(m)
            whole += value.flatten(1).sum(1)
            if self.graph.explained:
                part.values[i].add_(value)
                part.squares[i].addcmul_(value, value)
            else:
                part.values[i][at] += value.sum(0)
                part.squares[i][at] += value.square_().sum(0)
        return whole

    def _check(self, sums: Tensor, part: Sums, at: Tensor, rows: Tensor, made: RuledOutputs) -> None:
        """Every pair must add up: ``sums`` (row of the other side, row of the graph)."""
        pairs = len(at) if self.graph.explained else len(rows)
        size = torch.stack([(q / pairs).sqrt().flatten(1).sum(1) for q in part.squares]).sum(0).double().cpu()  # of one pair, about
        if self.graph.explained:
            here, there, size = self.here[rows][None], self.scores[rows][:, at].T, size[None]
        else:
            here, there, size = self.here[at][:, None], self.scores[at][:, rows], size[at][:, None]
        self.found.passes.left.update(dict.fromkeys(made.left))
        check_sums(sums.cpu(), here - there, size + here.abs() + there.abs(), self.found.passes)

    def _seed(self, outputs: Tensor, other: Tensor, explained: Tensor) -> Tensor:
        """The multipliers of the score with respect to the graph's outputs; of a linear score the same for all pairs of one class."""
        selection = self.evaluator.selection
        row, count = int(explained[0]), len(explained)
        key = (-1 - row, count) if self.graph.explained else (int(selection.classes[row]), count)
        if key in self.seeds and (self.graph.explained or key[0] >= 0):
            return self.seeds[key]
        seed, linear = score_multipliers(selection.score, outputs, other.expand_as(outputs), explained)
        if linear:
            self.seeds[key] = seed
        return seed


def _aligned(evaluator: Evaluator, background: tuple[Tensor | None, ...], start: tuple[Tensor, ...], scores: Tensor) -> Sums:
    """Every pair run by itself: where other inputs follow the row, or the network hides where rows lie."""
    found, score = Sums.like(evaluator.values), evaluator.selection.score
    here = evaluator.scores_at_inputs().cpu()
    evaluator.afford(2 * scores.shape[1])

    def both(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        reference = Reference()
        points = tuple(s[rows] if b is None else b[samples] for b, s in zip(background, start, strict=True))
        at_baseline = evaluator.bound.outputs_under(reference, points, rows)
        difference = Difference(reference, len(rows))
        batch = tuple(v[rows] for v in evaluator.values)
        at_rows = evaluator.bound.outputs_under(difference, batch, rows)
        found.passes.note(reference, difference, at_baseline, at_rows)
        check_outputs(evaluator, at_rows.outputs, rows, found.passes)
        multipliers = at_rows.back(score_multipliers(score, at_rows.outputs, at_baseline.outputs, rows)[0])
        values = tuple(m * (v - p) for m, v, p in zip(multipliers, batch, points, strict=True))
        there = scores[rows.cpu(), samples.cpu()]
        size = sum_of(values, absolute=True) + here[rows.cpu()].abs() + there.abs()
        check_sums(sum_of(values), here[rows.cpu()] - there, size, found.passes)
        return values

    for rows, samples in evaluator.pairs(scores.shape[1], _KIND + ", aligned"):
        values = evaluator.run(_KIND + ", aligned", both, rows, samples)
        for total, squares, value in zip(found.values, found.squares, values, strict=True):
            sum_rows(total, rows, value)
            sum_rows(squares, rows, value.square())
    return found
