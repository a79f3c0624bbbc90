"""Runs of a network with some of its units set to 0, and how good its answers then are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from pellucid.errors import InputError
from pellucid.explanation.contents.pruning import Measure
from pellucid.methods.internals.pruning_units import Prunable, removed, replaced

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch

ROWS = 64  # of a batch: always the same ones, so that rounding is the same in every run
ELEMENTS = 1 << 20  # of the inputs of a batch
LEAST = 1e-12  # of a probability, whose logarithm is taken
Z95 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Answers:
    """What outputs are judged by: ``truth`` is the class of each row, or the network's own outputs and their variances.

    ``kind`` says how classes are read from outputs.
    """

    measure: Measure
    kind: str
    truth: Tensor
    spread: Tensor

    def losses(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """The loss of each row (row,): cross-entropy, or the mean squared error over the variance; may be differentiated."""
        if self.measure == "r2":
            return ((outputs.double() - self.truth[rows]).square() / self.spread).flatten(1).mean(1)
        return -_logarithms(outputs.double(), self.kind).gather(1, self.truth[rows][:, None])[:, 0]

    def base(self, rows: np.ndarray) -> float:
        """The score of always giving the most frequent class, or the mean."""
        return 0.0 if self.measure == "r2" else float(torch.bincount(self.truth[rows]).max()) / len(rows)

    def right(self, outputs: Tensor, rows: Tensor) -> np.ndarray:
        """Which rows are answered rightly, (row,)."""
        return (classes(outputs, self.kind) == self.truth[rows]).cpu().numpy()

    def judged(self, outputs: Tensor, rows: Tensor) -> Judged:
        """The losses and right answers of some rows."""
        losses = self.losses(outputs, rows).detach().cpu().numpy()
        return Judged(losses, None if self.measure == "r2" else self.right(outputs, rows))


@dataclass(frozen=True, eq=False)
class Judged:
    """The loss of each row and whether its answer is right; None where answers are no classes."""

    losses: np.ndarray
    right: np.ndarray | None

    def score(self, rows: np.ndarray) -> float:
        """The share of right answers among some rows, or R2."""
        return float(self.right[rows].mean()) if self.right is not None else 1 - float(self.losses[rows].mean())

    def loss(self, rows: np.ndarray) -> float:
        """The mean loss of some rows."""
        return float(self.losses[rows].mean())

    def measured(self, rows: np.ndarray) -> np.ndarray:
        """Score, low and high end of its 95 % interval (Wilson's; of R2 a normal one), and loss, (4,)."""
        score, loss = self.score(rows), self.loss(rows)
        if self.right is not None:
            interval = binomtest(int(self.right[rows].sum()), len(rows)).proportion_ci(method="wilson")
            return np.array([score, float(interval.low), float(interval.high), loss])
        half = Z95 * float(self.losses[rows].std(ddof=1)) / len(rows) ** 0.5 if len(rows) > 1 else np.nan
        return np.array([score, score - half, min(score + half, 1.0), loss])


class Runs:
    """The rows that are looked at, and the network run on all of them with units removed; about so many runs are ``planned``."""

    def __init__(self, evaluator: Evaluator, rows: np.ndarray, *, planned: int) -> None:
        self.evaluator, self.rows, self.planned = evaluator, torch.from_numpy(rows).to(evaluator.device), planned
        self.bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        self.count = 0
        largest = max(int(np.prod(value.shape[1:])) for value in evaluator.values)
        self.size = evaluator.situation.batch or max(1, min(ROWS, ELEMENTS // max(largest, 1)))

    def batches(self, rows: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """(places among the rows looked at, rows), some at a time."""
        places = torch.arange(len(self.rows), device=self.rows.device) if rows is None else rows
        for some in places.split(self.size):
            yield some, self.rows[some]

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs of these rows by the network as it now is, without gradient."""
        evaluator = self.evaluator

        def call(r: Tensor) -> Tensor:
            with torch.no_grad():
                return self.bound.forward(tuple(value[r].clone() for value in evaluator.values), r).detach()

        return evaluator.run("forward, units removed", call, rows)

    def outputs(self, layers: list[Prunable], stays: list[Tensor]) -> Tensor:
        """The outputs of all rows, with the units that do not stay set to 0."""
        with replaced(self.bound.net, removed(self.bound.net, layers, stays)):
            found = torch.cat([self.forward(rows) for _, rows in self.batches()])
        self.tick()
        return found

    def tick(self, runs: int = 1) -> None:
        """Counts runs over all rows and tells how far the work is."""
        self.count += runs
        report = self.evaluator.situation.progress
        if report:
            report(self.evaluator.stage, self.count, max(self.planned, self.count))


def answers(evaluator: Evaluator, labels: np.ndarray | None, rows: np.ndarray) -> Answers:
    """What the outputs of some rows are judged by.

    Raises:
        InputError: labels that do not fit the outputs, or outputs that are the same for all rows.
    """
    space = evaluator.space
    own = torch.from_numpy(np.asarray(space.outputs[rows], np.float64)).to(evaluator.device)
    none = own.new_ones(())
    columns = 1 if own.ndim == 1 else own.shape[1] if own.ndim == 2 else 0
    several = space.kind == "probabilities" and columns > 1 and not bool(torch.isclose(own.sum(1), none, atol=1e-3).all())
    if columns and space.kind in ("logits", "probabilities") and not several:
        if labels is None:
            return Answers("agreement", space.kind, classes(own, space.kind), none)
        known = labels[rows]
        if known.max() >= max(columns, 2):
            raise InputError(
                "A label is no class of the network", received=f"class {known.max()} of {max(columns, 2)}", remedy="give labels from 0 on"
            )
        return Answers("accuracy", space.kind, torch.from_numpy(known.astype(np.int64)).to(own.device), none)
    if labels is not None:
        raise InputError(
            "Labels are classes, and the outputs of this network are none",
            received=f"outputs of shape {tuple(own.shape[1:])} taken as {'labels of their own' if several else space.kind}",
            remedy="leave labels out: R2 with respect to the network's own outputs is measured; or say ModelSpec(outputs='logits')",
        )
    spread = own.var(0, correction=0)
    if not bool((spread > 0).any()):
        raise InputError("The outputs are the same for every row", received=f"{len(rows)} rows", remedy="give rows that differ")
    return Answers("r2", space.kind, own, torch.where(spread > 0, spread, spread.mean()))


def classes(outputs: Tensor, kind: str) -> Tensor:
    """The class that is answered for each row, (row,)."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    return (outputs.reshape(len(outputs)) > (0.0 if kind == "logits" else 0.5)).long()


def _logarithms(outputs: Tensor, kind: str) -> Tensor:
    """The logarithm of each class's probability, (row, class)."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.log_softmax(1) if kind == "logits" else outputs.clamp_min(LEAST).log()
    flat = outputs.reshape(len(outputs))
    if kind == "logits":
        return torch.stack([torch.nn.functional.logsigmoid(-flat), torch.nn.functional.logsigmoid(flat)], 1)
    return torch.stack([1 - flat, flat], 1).clamp_min(LEAST).log()
