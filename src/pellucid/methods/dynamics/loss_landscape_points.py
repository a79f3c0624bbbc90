"""The mean loss over the rows at many points of a plane of weights.

A batch of rows, small enough for the cache, stays while the weights move over all points; sums are kept in float64, so that memory does
not grow with points times rows. What the network makes of the rows by products with weights alone is computed once for each batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.methods.batching import clock, peak_memory
from pellucid.models.bound_torch import BoundTorch
from pellucid.models.first_products import Bypassed, FirstProducts
from pellucid.models.memory import out_of_memory

if TYPE_CHECKING:
    from pellucid.methods.dynamics.loss_landscape_losses import Judge
    from pellucid.methods.run import Evaluator
    from pellucid.models.moved_weights import MovedWeights

KIND = "forward, weights moved"
TOGETHER = 1 << 17  # numbers among the outputs of points that are judged at once
MOST = 64  # of these points
TRIAL = 3  # passes by which a size of batch is measured
FEWEST = 11  # points along an axis
WORK = 1 << 38  # FLOPs that a plane may take where it is not said how fine it is: about a minute of small batches on one core
PROOF = 16  # rows by which products made once are held against the network itself
AGREE = 1e-3  # of the largest output: beyond rounding, something else was computed

Directions = tuple[Tensor, Tensor]


class PointLosses:
    """Losses of an opened network at other weights than its own; inside ``weights.moving()``.

    Attributes:
        rows: numbers of the rows that are looked at.
        count: passes over all rows so far, of about ``planned``.
        shared: layers whose products were made once for all points.
    """

    def __init__(self, evaluator: Evaluator, weights: MovedWeights, judge: Judge, rows: np.ndarray) -> None:
        self.evaluator, self.weights, self.judge = evaluator, weights, judge
        self.bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        self.rows = torch.from_numpy(rows).to(evaluator.device)
        self.count = self.planned = 0
        self.shared: tuple[str, ...] = ()

    @cached_property
    def size(self) -> int:
        """How many rows are a batch: found by measuring some passes on ever more rows, or as the user says."""
        sizer = self.evaluator.sizer(KIND)
        while not sizer.settled and sizer.size < len(self.rows):
            rows, before, started = self.rows[: sizer.size], peak_memory(), clock()
            try:
                for _ in range(TRIAL):
                    self.weights.here.copy_(self.weights.trained)
                    self.forward(rows)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                sizer.halve(len(rows), error)
            else:
                sizer.report(len(rows), clock() - started, peak_memory() - before)
        size = min(sizer.size, len(self.rows))
        self.evaluator.spent.batch = max(self.evaluator.spent.batch, size)
        return size

    def at(self, vector: Tensor) -> tuple[float, float]:
        """Loss and accuracy at one vector of weights, by the network as it runs; not-a-number for an accuracy that there is not."""
        self.weights.here.copy_(vector)

        def sums(rows: Tensor, start: int) -> np.ndarray:  # noqa: ARG001
            return self.judge.sums(self.forward(rows)[None], rows)[:, 0]

        loss, accuracy = self._summed(sums, np.zeros(2))
        self.tick(1)
        return float(loss), float(accuracy) if self.judge.counts else float("nan")

    def on_plane(self, along: Directions, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss and accuracy (point,) at ``trained + a * along[0] + b * along[1]`` for each (a, b) of ``points`` (point, 2); the accuracies
        are empty where there are none. Points that follow one another should have the same b."""
        batches = _Batches(self, along)
        batches.prove(points)
        loss, accuracy = self._summed(lambda rows, start: self._sums(batches.open(rows), points, start), np.zeros((2, len(points))))
        self.count += len(points)
        return loss, accuracy if self.judge.counts else accuracy[:0]

    def forward(self, rows: Tensor) -> Tensor:
        """The main output of these rows by the network as its weights now are, with whatever gradient the caller's context asks for."""
        before = self.bound.evaluated
        try:
            return self.bound.again(rows)(self.bound.given(rows))  # taken out anew: a forward pass may write into them
        finally:
            self.evaluator.spent.forward += self.bound.evaluated - before

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _summed(self, sums: Callable[[Tensor, int], np.ndarray], total: np.ndarray) -> np.ndarray:
        """The means over all rows, from sums over batches; those in which memory runs out are halved."""
        start = 0
        while start < len(self.rows):
            rows = self.rows[start : start + self.size]
            try:
                total = total + sums(rows, start)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                self.evaluator.sizer(KIND).halve(len(rows), error)
                self.size = len(rows) // 2
            else:
                start += len(rows)
        return total / len(self.rows)

    def _sums(self, batch: _Batch, points: np.ndarray, start: int) -> np.ndarray:
        """(2, point) the sums of losses and right answers of a batch, before which so many rows were done."""
        found, done, step = np.zeros((2, len(points))), 0, 1
        while done < len(points):
            outputs = batch.outputs(points[done : done + step])
            found[:, done : done + len(outputs)] = self.judge.sums(outputs, batch.rows)
            done += len(outputs)
            step = max(1, min(MOST, TOGETHER // max(outputs[0].numel(), 1)))
            self.tick(0, (len(points) * start + done * len(batch.rows)) / len(self.rows))
        return found

    def tick(self, passes: int, beyond: float = 0.0) -> None:
        """Counts passes over all rows, and tells how far the work is."""
        self.count += passes
        report = self.evaluator.situation.progress
        if report:
            report(self.evaluator.stage, min(int(self.count + beyond), self.planned), max(self.planned, 1))


def flops_of_a_row(evaluator: Evaluator) -> float:
    """FLOPs of a forward pass of one row; 0 where that is not known."""
    bound = evaluator.bound
    if not isinstance(bound, BoundTorch) or "graph" not in bound.model.can:
        return 0.0
    some = torch.arange(min(2, evaluator.rows))
    try:
        graph = bound.graph(tuple(value[some] for value in evaluator.values), some)
    except PellucidError:  # an operation that can not be followed
        return 0.0
    return sum(node.flops for node in graph.nodes) / graph.rows


def affordable_passes(cost: float) -> float:
    """How many passes over all rows, of ``cost`` FLOPs each, are made where nobody says how many."""
    return WORK / max(cost, 1.0)


def affordable_points(cost: float, most: int) -> int:
    """How many points along each axis of a plane, odd: at least 11, where a pass over all rows takes ``cost`` FLOPs."""
    points = int(min(affordable_passes(cost), most**2) ** 0.5)
    return max(points - (points % 2 == 0), FEWEST)


class _Batches:
    """Batches of rows on one plane of weights, and whether products with the first weights are made once."""

    def __init__(self, losses: PointLosses, along: Directions) -> None:
        self.losses, self.weights, self.along = losses, losses.weights, along
        self.shares = False
        self._line, self._at = self.weights.trained.clone(), 0.0

    def prove(self, points: np.ndarray) -> None:
        """Finds out whether there are products to be made once, and the network then gives the same: to the last bit where it is, and
        within rounding at the point farthest away."""
        rows = self.losses.rows[:PROOF]
        both = np.stack([np.zeros(2), points[np.abs(points).sum(1).argmax()]])
        plain, batch = self.open(rows).outputs(both), self.open(rows, shares=True)
        try:
            here, there = batch.outputs(both)
        except (Bypassed, PellucidError):
            return
        layers = batch.products.layers if batch.products is not None else {}
        self.shares = bool(layers) and torch.equal(here, plain[0]) and _agree(there, plain[1])
        if self.shares:
            self.losses.shared = tuple(dict.fromkeys((*self.losses.shared, *layers)))

    def open(self, rows: Tensor, *, shares: bool | None = None) -> _Batch:
        """A batch of these rows."""
        return _Batch(self, rows, FirstProducts(self.weights, self.along) if shares or (shares is None and self.shares) else None)

    def put(self, a: float, b: float) -> None:
        """Moves the weights; the part of the second direction stays while its coordinate does."""
        if b != self._at:
            torch.add(self.weights.trained, self.along[1], alpha=b, out=self._line)
            self._at = b
        if a:
            torch.add(self._line, self.along[0], alpha=a, out=self.weights.here)
        else:
            self.weights.here.copy_(self._line)


class _Batch:
    """One batch of rows."""

    def __init__(self, batches: _Batches, rows: Tensor, products: FirstProducts | None) -> None:
        self.batches, self.rows, self.products = batches, rows, products
        self.call = batches.losses.bound.again(rows)
        given = batches.losses.bound.given(rows)
        self.entered = None if products is None else tuple(products.entered(value, slot) for slot, value in enumerate(given))

    def outputs(self, points: np.ndarray) -> Tensor:
        """The main outputs (point, batch, ...) at some points."""
        losses, found = self.batches.losses, None
        before = losses.bound.evaluated
        try:
            for at, (a, b) in enumerate(points.tolist()):
                self.batches.put(a, b)
                if self.products is not None:
                    self.products.begin(a, b)
                made = self.call(self.entered or losses.bound.given(self.rows))
                if found is None:
                    shape = (*made.shape[1:], len(points), len(made))  # so that what is summed over rows and points lies together
                    found = torch.empty(shape, dtype=made.dtype, device=made.device).movedim((-2, -1), (0, 1))
                found[at].copy_(made.as_subclass(Tensor))
        finally:
            losses.evaluator.spent.forward += losses.bound.evaluated - before
        if found is None:
            raise RuntimeError("there are no points")
        return found


def _agree(found: Tensor, plain: Tensor) -> bool:
    known = torch.isfinite(plain)
    if found.shape != plain.shape or not torch.equal(known, torch.isfinite(found)):
        return False
    return not bool(known.any()) or bool((found - plain)[known].abs().amax() <= AGREE * plain[known].abs().amax())
