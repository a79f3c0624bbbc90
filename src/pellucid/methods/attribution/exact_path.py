"""The exact rule for piecewise-linear networks: the path is split at every kink, and each piece has one gradient.

The kinks are found by evaluating the network at the ends of ever more pieces (:mod:`pellucid.models.rules.pieces.kinks`). What was found
is then tested without a further evaluation: each piece foretells the score at both of its ends, and where two pieces meet they must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pellucid.errors import BudgetError, PellucidError, UnsupportedOperation
from pellucid.methods.attribution.path import Integral
from pellucid.methods.run import expand, sum_rows
from pellucid.models.rules.pieces.kinks import CLOSED, ROUNDING, Cuts, EnoughSeen, Kinks, Structure, joined

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.attribution.path import Path

_REMEDY = "use rule='adaptive', which needs no pieces"
APART = 8.0  # kinks closer than that many machine epsilons are one
JOINED = 0.6  # the power of machine epsilon up to which pieces must agree where they meet: far above rounding, far below a missed kink


@dataclass(frozen=True, eq=False)
class ExactIntegral:
    """Integrated gradients of the rows whose path could be split, and which rows these are.

    Attributes:
        integral: zeros in the rows that are not ``done``.
        done: (sample,) whether the row's values are exact up to the stated rounding.
        segments: (sample,) pieces of each path, one gradient each; of rows that are not done as many as were found.
        reasons: why rows are not done, as errors that can be raised.
    """

    integral: Integral
    done: Tensor
    segments: Tensor
    reasons: tuple[PellucidError, ...]


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Pieces of paths in the order of rows and along each path.

    Attributes:
        rows, left, right: (piece,) the explained row and the two ends, 0 the baseline and 1 the row.
        levels: (piece,) the number of the last operation known not to bend inside, ``CLOSED`` if none does.
        within: (piece,) how far rounding may have moved the left end.
    """

    rows: Tensor
    left: Tensor
    right: Tensor
    levels: Tensor
    within: Tensor

    def of(self, which: Tensor) -> _Pieces:
        """Some of the pieces."""
        return _Pieces(*(part[which] for part in (self.rows, self.left, self.right, self.levels, self.within)))


def exact(path: Path, *, max_segments: int, reserve: int = 0) -> ExactIntegral:
    """Splits the path of every row at its kinks and adds up one gradient per piece.

    A row is left undone where its path has more than ``max_segments`` pieces, where the budget's calls do not allow for them (``reserve``
    evaluations per row are kept for what comes after), or where the pieces do not fit together.

    Raises:
        UnsupportedOperation: an operation between input and score is not piecewise linear, or not known.
    """
    search = _Search(path, max_segments, reserve)
    pieces = search.run()
    integral, joined = _Sum(path, pieces, search.ends).integrate()
    done = search.kept & joined
    reasons = list(search.reasons.values())
    if apart := int((search.kept & ~joined).sum()):
        reasons.append(
            UnsupportedOperation(
                "The pieces of the path do not meet: the score jumps, or bends where no operation shows it",
                received=f"{apart} of {len(done)} rows",
                remedy=_REMEDY,
            )
        )
    for tensor in (*integral.values, *integral.errors):
        tensor[~done] = 0
    return ExactIntegral(integral, done, search.segments, tuple(reasons))


class _Search:
    """Splits paths until nothing bends inside a piece."""

    def __init__(self, path: Path, max_segments: int, reserve: int) -> None:
        self.path, self.evaluator, self.max_segments, self.reserve = path, path.evaluator, max_segments, reserve
        rows, device = path.evaluator.rows, path.evaluator.device
        self.apart = APART * max(torch.finfo(d.dtype).eps for d in path.difference)
        self.score = path.evaluator.selection.score
        self.structure = Structure()
        self.kept = torch.ones(rows, dtype=torch.bool, device=device)
        self.segments = torch.ones(rows, dtype=torch.long, device=device)
        self.ends = torch.zeros((rows, 2), dtype=torch.float64, device=device)
        self.reasons: dict[str, PellucidError] = {}

    def run(self) -> _Pieces:
        """All pieces of the rows that are kept."""
        pieces = self._whole_paths()
        cuts = self._pass(pieces, whole=True)
        pieces = self._limited(self._divided(pieces, cuts), self.segments)
        while bool((looked_at := pieces.levels != CLOSED).any()):
            numbers = looked_at.nonzero()[:, 0]
            if not self._affordable(len(numbers) + len(self.kept), self.reserve):
                return self._given_up(pieces)
            cuts = self._pass(pieces.of(numbers))
            pieces = self._divided(pieces, cuts._replace(span=numbers[cuts.span]))
            pieces = self._limited(pieces, torch.bincount(pieces.rows, minlength=len(self.kept)))
        return pieces if self._affordable(len(pieces.rows), 0) else self._given_up(pieces)

    def _whole_paths(self) -> _Pieces:
        rows = torch.arange(len(self.kept), device=self.kept.device)
        zero = torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
        return _Pieces(rows, zero, zero + 1, torch.zeros_like(rows), zero)

    def _pass(self, pieces: _Pieces, *, whole: bool = False) -> Cuts:
        """Looks into all of these pieces, batch by batch; into ``whole`` paths, for the scores at their ends and the structure too."""
        found: list[Cuts] = []

        def look(numbers: Tensor) -> tuple[Tensor, ...]:
            part = pieces.of(numbers)
            rows, at, spans, levels = _points(part)
            first, more = not self.structure.known, int(numbers[-1]) + 1 < len(pieces.rows)
            most = self.max_segments if whole else None
            rules = Kinks(at, levels, self.structure, apart=self.apart, first=first, most=most, complete=first and more)
            try:
                ruled = self.evaluator.bound.under(rules, self.path.points(rows, at), rows, self.score)
            except EnoughSeen:
                pass
            else:
                self._note(rows, at, ruled.scores, ruled.left)
                self.structure.known = True
            if whole:
                self.segments[part.rows] = rules.least[spans] + 1
            cuts = rules.found()
            piece_of = torch.empty(len(levels), dtype=torch.long, device=rows.device)
            piece_of[spans] = numbers
            return tuple(cuts._replace(span=piece_of[cuts.span]))

        for numbers, _ in self.evaluator.pairs(1, "forward kinks", rows=len(pieces.rows)):
            found.append(Cuts(*self.evaluator.run("forward kinks", look, numbers)))
        return joined(found, pieces.left)

    def _note(self, rows: Tensor, at: Tensor, scores: Tensor, left: tuple[str, ...]) -> None:
        """Keeps the scores at the ends of whole paths."""
        if left:
            raise UnsupportedOperation(
                "Values leave torch in the forward pass, and what is made of them can not be followed",
                received=", ".join(left),
                remedy=_REMEDY,
            )
        for end in (0, 1):
            self.ends[rows[at == end], end] = scores[at == end].double()

    def _divided(self, pieces: _Pieces, cuts: Cuts) -> _Pieces:
        """The pieces with each one that was cut replaced by its parts, and those that nothing bends in closed."""
        level = torch.full_like(pieces.rows, CLOSED)
        level[cuts.span] = torch.where(cuts.level < self.structure.last, cuts.level, CLOSED)
        rows = torch.cat([pieces.rows, pieces.rows[cuts.span]])
        left = torch.cat([pieces.left, cuts.at])
        within = torch.cat([pieces.within, cuts.within])
        levels = torch.cat([level, level[cuts.span]])
        order = left.argsort(stable=True)
        order = order[rows[order].argsort(stable=True)]
        rows, left, within, levels = rows[order], left[order], within[order], levels[order]
        starts = torch.ones_like(rows, dtype=torch.bool)
        starts[1:] = rows[1:] != rows[:-1]
        distinct = starts.clone()
        distinct[1:] |= left[1:] - left[:-1] > self.apart
        rows, left, within, levels = rows[distinct], left[distinct], within[distinct], levels[distinct]
        right = torch.ones_like(left)
        right[:-1] = torch.where(rows[1:] == rows[:-1], left[1:], 1.0)
        return _Pieces(rows, left, right, levels, within)

    def _limited(self, pieces: _Pieces, counts: Tensor) -> _Pieces:
        """Without the rows that have too many pieces; ``counts`` (sample,) says how many at least."""
        self.segments = torch.where(self.kept, counts, self.segments)
        over = self.kept & (counts > self.max_segments)
        if not bool(over.any()):
            return pieces
        self.kept &= ~over
        most = int(self.segments.max())
        self.reasons["many"] = BudgetError(
            "The path has more pieces than max_segments allows",
            received=f"{most} or more, {self.max_segments} allowed",
            remedy=f"allow max_segments={2 * most}, which costs a gradient for each, or use rule='adaptive'",
        )
        return pieces.of(self.kept[pieces.rows])

    def _given_up(self, pieces: _Pieces) -> _Pieces:
        self.kept[:] = False
        self.reasons["budget"] = BudgetError(
            "The budget does not allow for a gradient in every piece of the path",
            received=f"{len(pieces.rows)} pieces or more in {len(self.kept)} rows, budget.calls is {self.evaluator.situation.budget.calls}",
            remedy="allow more calls, or use rule='adaptive'",
        )
        return pieces.of(torch.zeros_like(pieces.rows, dtype=torch.bool))

    def _affordable(self, evaluations: int, reserve: int) -> bool:
        """Whether the budget allows so many evaluations in all, and ``reserve`` for each row besides."""
        calls = self.evaluator.situation.budget.calls
        rows = len(self.kept)
        return calls is None or self.evaluator.spent.evaluations + evaluations + reserve * rows <= calls * rows


def _points(pieces: _Pieces) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The ends of pieces, shared ones once: rows and places (point,), the span of each piece, and the levels of all spans."""
    shared = torch.zeros_like(pieces.rows, dtype=torch.bool)
    shared[:-1] = (pieces.rows[1:] == pieces.rows[:-1]) & (pieces.right[:-1] == pieces.left[1:])
    used = torch.stack([torch.ones_like(shared), ~shared], 1).flatten()
    rows = pieces.rows.repeat_interleave(2)[used]
    at = torch.stack([pieces.left, pieces.right], 1).flatten()[used]
    spans = (used.cumsum(0) - 1)[::2]
    levels = torch.full((len(rows) - 1,), CLOSED, dtype=torch.long, device=rows.device)
    levels[spans] = pieces.levels
    return rows, at, spans, levels


class _Sum:
    """Adds up the gradients of all pieces, what rounding may have done to them, and how well the pieces meet."""

    def __init__(self, path: Path, pieces: _Pieces, ends: Tensor) -> None:
        self.path, self.pieces, self.ends = path, pieces, ends
        self.lengths = pieces.right - pieces.left
        self.values = tuple(torch.zeros_like(d) for d in path.difference)
        self.moved = tuple(torch.zeros_like(d) for d in path.difference)
        self.rounded = tuple(d.new_zeros(len(d)) for d in path.difference)
        self.slopes = torch.zeros_like(pieces.left)
        self.scores = torch.zeros_like(pieces.left)
        self.last: tuple[int, tuple[Tensor, ...]] | None = None

    def integrate(self) -> tuple[Integral, Tensor]:
        """The integral, and for each row (sample,) whether its pieces meet."""
        path, pieces = self.path, self.pieces
        evaluator, middles = path.evaluator, (pieces.left + pieces.right) / 2
        score = evaluator.selection.score

        def gradients(numbers: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            rows = pieces.rows[numbers]
            return evaluator.bound.gradients(path.points(rows, middles[numbers]), rows, score)

        for numbers, _ in evaluator.pairs(1, "gradient", rows=len(pieces.rows)):
            self._add(numbers, *evaluator.run("gradient", gradients, numbers))
        jumps, joined = self._jumps()
        eps = [ROUNDING * torch.finfo(d.dtype).eps for d in path.difference]
        values = tuple(d * v for d, v in zip(path.difference, self.values, strict=True))
        errors = tuple(d.abs() * (m + e * expand(r, d)) for d, m, e, r in zip(path.difference, self.moved, eps, self.rounded, strict=True))
        summed = sum((v.double().abs().flatten(1).sum(1) * e for v, e in zip(values, eps, strict=True)), jumps)
        return Integral(values, errors, summed, self.ends[:, 0].cpu(), exact=True), joined

    def _add(self, numbers: Tensor, scores: Tensor, gradients: tuple[Tensor, ...]) -> None:
        rows, lengths, within = self.pieces.rows[numbers], self.lengths[numbers], self.pieces.within[numbers]
        self.scores[numbers] = scores.double()
        before = self.last[1] if self.last is not None and self.last[0] == int(rows[0]) else tuple(g[:1] for g in gradients)
        each = zip(gradients, before, self.path.difference, self.values, self.moved, self.rounded, strict=True)
        for gradient, previous, difference, values, moved, rounded in each:
            self.slopes[numbers] += (gradient * difference.index_select(0, rows)).flatten(1).sum(1, dtype=torch.float64)
            sum_rows(values, rows, gradient * expand(lengths, gradient))
            sum_rows(rounded, rows, gradient.abs().flatten(1).amax(1) * lengths.to(gradient))
            # the left end of a row's first piece is not a kink, and counts for nothing
            change = torch.empty_like(gradient)
            torch.sub(gradient[1:], gradient[:-1], out=change[1:])
            torch.sub(gradient[:1], previous, out=change[:1])
            sum_rows(moved, rows, change.abs_().mul_(expand(within, change)))
        self.last = int(rows[-1]), tuple(g[-1:].clone() for g in gradients)

    def _jumps(self) -> tuple[Tensor, Tensor]:
        """How far apart the scores are that pieces foretell where they meet, summed over each path; and whether that is rounding."""
        rows, half = self.pieces.rows, self.slopes * self.lengths / 2
        left, right = self.scores - half, self.scores + half
        first, last = torch.ones_like(rows, dtype=torch.bool), torch.ones_like(rows, dtype=torch.bool)
        first[1:] = last[:-1] = rows[1:] != rows[:-1]
        before = torch.where(first, self.ends[rows, 0], right.roll(1))
        jumps = (left - before).abs() + torch.where(last, (self.ends[rows, 1] - right).abs(), 0.0)
        count = len(self.ends)
        zeros = jumps.new_zeros(count)
        widest = zeros.scatter_reduce(0, rows, jumps, "amax")
        size = zeros.index_add(0, rows, 2 * half.abs()) + zeros.scatter_reduce(0, rows, self.scores.abs(), "amax")
        eps = max(torch.finfo(d.dtype).eps for d in self.path.difference)
        return zeros.index_add(0, rows, jumps), ~(widest > eps**JOINED * size)
