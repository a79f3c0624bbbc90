"""The adaptive rule: half of the gradients find out where along the path the gradient changes, the other half go there.

Along the path of a trained network the gradient changes at thousands of kinks, more of them near the baseline than elsewhere. Between two
neighboring nodes a kink lies anywhere; the variance of what it adds to an element's error is (gap x change)^2 / 12. Gaps are
divided where that sum over elements falls most. Smooth networks are recognized by how well each node's slope is foretold
by its neighbors, and are integrated by interpolating polynomials, whose error falls much faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pellucid.methods.attribution.path import Integral, Path
from pellucid.methods.attribution.path_nodes import DEGREES, chosen_degree, end_gaps, first_nodes, more_nodes, quadrature

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 256 * 2**20  # bytes of gradients kept at a time; rows take their turns in groups of that size
SHARE = 0.4  # of the nodes that are placed evenly before any is placed where it helps
ROUNDS = 4
SIGMAS = 3.0  # how many standard deviations of kinks at random places the stated error is
SAFE = 10.0  # a polynomial's completeness is stated that many times wider than its last change
_CHUNK = 32 * 2**20  # bytes of gradients compared at once


def adaptive(path: Path, steps: int, chosen: Tensor | None = None) -> Integral:
    """Integrates by ``steps`` gradients per row, placed where the gradient was seen to change; of the ``chosen`` rows only, if given.

    What the sum of the values then lacks of f(x) - f(baseline) is shared out in proportion to the stated errors, if these allow for that
    much; if not, the identity is broken, and the values are left for the completeness check to see.
    """
    evaluator, rows = path.evaluator, path.evaluator.rows
    scores = evaluator.scores_at_inputs().cpu()
    chosen = torch.arange(rows, device=evaluator.device) if chosen is None else chosen
    evaluator.afford(1 + -(-steps * len(chosen) // rows))
    start = path.start_scores()
    found = Integral(
        tuple(torch.zeros_like(d) for d in path.difference),
        tuple(torch.zeros_like(d) for d in path.difference),
        torch.zeros(rows, dtype=torch.float64),
        start,
    )
    row_bytes = sum(d[0].numel() * d.element_size() for d in path.difference)
    group = max(1, KEPT // max(1, row_bytes * steps))
    for low in range(0, len(chosen), group):
        kept = _Kept(path, chosen[low : low + group], (low, len(chosen)), steps)
        kept.collect()
        kept.integrate(found, (scores - start)[kept.chosen.cpu()])
    return found


class _Kept:
    """The gradients of some rows, times the difference, at the nodes placed so far.

    A node keeps the slot in which it was evaluated; ``order`` (row, node) lists the slots along the path.
    """

    def __init__(self, path: Path, chosen: Tensor, within: tuple[int, int], steps: int) -> None:
        self.path, self.chosen, self.within, self.steps = path, chosen, within, steps
        rows = self.rows = len(chosen)
        self.parts = tuple(d.new_empty((rows, steps, d[0].numel())) for d in path.difference)
        self.at = torch.zeros((rows, steps), dtype=torch.float64)
        self.slopes = torch.zeros((rows, steps), dtype=torch.float64)
        self.order = torch.empty((rows, 0), dtype=torch.long)
        self.known: tuple[Tensor, Tensor] = torch.full((rows, steps), -1), torch.zeros((rows, steps), dtype=torch.float64)

    # ---- evaluating ------------------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Places and evaluates all nodes."""
        first = self.steps if self.steps < 2 * ROUNDS else round(SHARE * self.steps)
        self._evaluate(first_nodes(first).expand(self.rows, first))
        left = self.steps - first
        for number in range(ROUNDS):
            share = left // ROUNDS + (number < left % ROUNDS)
            if share:
                self._evaluate(more_nodes(self._sorted(self.at), self._changes(), share))

    def _evaluate(self, nodes: Tensor) -> None:
        """Gradients at new nodes (row, node), batch by batch over all rows of the group."""
        path, evaluator, before, count = self.path, self.path.evaluator, self.order.shape[1], nodes.shape[1]
        score = evaluator.selection.score

        def gradients(rows: Tensor, numbers: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            parts = nodes[rows.cpu(), numbers.cpu()].to(evaluator.device)
            return evaluator.bound.gradients(path.points(self.chosen[rows], parts), self.chosen[rows], score)

        done = (self.within[0] * self.steps + self.rows * before, self.within[1] * self.steps)
        for rows, numbers in evaluator.pairs(count, "gradient", rows=self.rows, within=done):
            _, found = evaluator.run("gradient", gradients, rows, numbers)
            slots = numbers + before
            total = torch.zeros(len(rows), dtype=torch.float64, device=evaluator.device)
            for kept, difference, gradient in zip(self.parts, path.difference, found, strict=True):
                part = (gradient * difference[self.chosen[rows]]).reshape(len(rows), -1)
                kept[rows, slots] = part
                total += part.sum(1, dtype=torch.float64)
            self.slopes[rows.cpu(), slots.cpu()] = total.cpu()
        self.at[:, before : before + count] = nodes
        self.order = self.at[:, : before + count].argsort(dim=1, stable=True)

    def _sorted(self, values: Tensor) -> Tensor:
        """Values by slot (row, slot), in the order of the path."""
        return values.gather(1, self.order)

    def _changes(self) -> Tensor:
        """How far the attribution density moves across each gap (row, gap), as a Euclidean norm; each gap is measured once."""
        left, right = self.order[:, :-1], self.order[:, 1:]
        neighbors, norms = self.known
        new = neighbors.gather(1, left) != right
        rows, gaps = new.nonzero(as_tuple=True)
        squares = torch.zeros(len(rows), dtype=torch.float64)
        for kept in self.parts:
            size = max(1, _CHUNK // max(1, kept.shape[2] * kept.element_size()))
            for low in range(0, len(rows), size):
                part = slice(low, low + size)
                moved = kept[rows[part], right[rows[part], gaps[part]]] - kept[rows[part], left[rows[part], gaps[part]]]
                squares[part] += torch.linalg.vector_norm(moved, dim=1, dtype=torch.float64).square().cpu()
        neighbors[rows, left[rows, gaps]] = right[rows, gaps]
        norms[rows, left[rows, gaps]] = squares.sqrt()
        return norms.gather(1, left)

    # ---- integrating -----------------------------------------------------------------------------------------------------------

    def integrate(self, found: Integral, wanted: Tensor) -> None:
        """Writes values, errors and completeness of these rows; ``wanted`` (row,) is f(x) - f(baseline)."""
        at, slopes = self._sorted(self.at), self._sorted(self.slopes)
        degrees = chosen_degree(at, slopes)
        weights = quadrature(at, degrees)
        lower = quadrature(at, (degrees - 2).clamp(min=DEGREES[0]))
        values, moved = self._weighted(weights), self._weighted(weights - lower)
        errors, sums = self._straight_errors(at, slopes)
        sums, errors = self._stated(degrees, (sums, errors), (((weights - lower) * slopes).sum(1), moved))
        missing = wanted - (weights * slopes).sum(1)
        values = _closed(values, errors, torch.where(missing.abs() <= sums, missing, 0.0))
        for whole, part in zip((*found.values, *found.errors), (*values, *errors), strict=True):
            whole[self.chosen] = part.reshape(self.rows, *whole.shape[1:])
        found.completeness[self.chosen.cpu()] = sums

    def _weighted(self, weights: Tensor) -> tuple[Tensor, ...]:
        """Sums over the nodes with weights (row, node) in path order, per input (row, element)."""
        by_slot = torch.zeros_like(self.at).scatter(1, self.order, weights)
        return tuple((by_slot.to(kept)[:, None] @ kept)[:, 0] for kept in self.parts)

    def _straight_errors(self, at: Tensor, slopes: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """What straight lines between the nodes may miss: per element SIGMAS standard deviations, or the worst case where that is less;
        and the worst case of the sum."""
        gaps = at[:, 1:] - at[:, :-1]
        widths = torch.cat([gaps, end_gaps(at)], 1)  # of the end gaps as if the change beyond them were that of their neighbors
        pairs = [(k, k + 1) for k in range(gaps.shape[1])] + [(0, 1), (gaps.shape[1] - 1, gaps.shape[1])]
        rows = torch.arange(self.rows)
        errors = []
        for kept in self.parts:
            worst, squares = torch.zeros_like(kept[:, 0]), torch.zeros_like(kept[:, 0])
            for gap, (left, right) in enumerate(pairs):
                moved = kept[rows, self.order[:, right]].sub_(kept[rows, self.order[:, left]]).abs_().mul_(widths[:, gap, None].to(kept))
                worst += moved
                squares.addcmul_(moved, moved)
            errors.append(torch.minimum(worst / 2, squares.div_(12).sqrt_() * SIGMAS))
        moves = (slopes[:, 1:] - slopes[:, :-1]).abs()
        moves = torch.cat([moves, moves[:, :1], moves[:, -1:]], 1)
        return tuple(errors), (widths * moves).sum(1) / 2

    def _stated(
        self, degrees: Tensor, straight: tuple[Tensor, tuple[Tensor, ...]], moved: tuple[Tensor, tuple[Tensor, ...]]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The stated errors of the sums and elements: those of straight lines, or, for polynomials, how far the last degree moved the
        values, plus the same share of each element's straight error."""
        bent = degrees > DEGREES[0]
        if not bool(bent.any()):
            return straight
        size = [torch.stack([part.double().square().sum(1) for part in parts]).sum(0).cpu() for parts in (moved[1], straight[1])]
        share = torch.where(bent, (size[0] / size[1].clamp(min=torch.finfo(torch.float64).tiny)).sqrt(), 1.0)
        shift = [torch.where(bent[:, None].to(m.device), m.abs(), 0 * m) for m in moved[1]]
        errors = tuple(s + e * share[:, None].to(e) for s, e in zip(shift, straight[1], strict=True))
        return torch.where(bent, SAFE * (moved[0].abs() + share * straight[0]), straight[0]), errors


def _closed(values: tuple[Tensor, ...], errors: tuple[Tensor, ...], missing: Tensor) -> tuple[Tensor, ...]:
    """The values with what is ``missing`` (row,) in their sum shared out in proportion to their errors; none moves by more than that."""
    total = torch.stack([e.sum(1, dtype=torch.float64).cpu() for e in errors]).sum(0)
    each = torch.where((total > 0) & (missing.abs() <= total), missing / total, 0.0)
    return tuple(v + e * each[:, None].to(e) for v, e in zip(values, errors, strict=True))
