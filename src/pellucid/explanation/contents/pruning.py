"""What can be removed from a network: how much each unit matters, how much of each layer, and a mask that was tried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Measure = Literal["accuracy", "agreement", "r2"]
Criterion = Literal["measured", "taylor", "l1", "l2"]
Omission = Literal["output", "single", "unreached", "attention", "cell", "projected", "transposed", "made", "tied", "normalization"]
CHEAP: tuple[Criterion, ...] = ("l1", "l2", "taylor")  # in the order of ``agreement``


@dataclass(frozen=True)
class LeftOut:
    """A layer whose units are not looked at, and why."""

    layer: str
    why: Omission


@dataclass(frozen=True, eq=False)
class Mask:
    """Which rows of a parameter stay, (row,); ``shape`` is that of the parameter."""

    path: str
    parameter: str
    shape: tuple[int, ...]
    stays: np.ndarray

    def full(self) -> np.ndarray:
        """The mask in the parameter's shape, 1 where it stays, as ``torch.nn.utils.prune.custom_from_mask`` takes it."""
        rows = self.stays.reshape(-1, *(1,) * (len(self.shape) - 1))
        return np.broadcast_to(rows, self.shape).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PrunedLayer:
    """One layer and its units.

    Attributes:
        layer: its name; ``type`` that of its module.
        joined: modules that are masked with it, unit by unit: the batch normalization behind it, a depthwise convolution.
        parameters: elements that are set to 0 for each unit.
        l1, l2: mean size and root mean square of the weights of each unit, (unit,).
        taylor: first-order importance, (unit,); not-a-number where the loss has no gradient.
        cost: what removing each unit alone does on the rows that choose, (unit, 3): change of the mean loss and of the score, and the mean
            size of the change of a row's loss, by which units are ranked (gains on some rows do not make up for losses on others);
            not-a-number where it was not measured. ``unchanged`` (unit,): not one output moved.
        order: the units from the least important on, (unit,).
        removed: how many units each share of the curve removes, (share,).
        curve: score, low and high end of its interval, loss, with so many units of this layer alone removed, (share, 4).
        suggested: whether each unit is suggested for removal, (unit,).
        agreement: rank correlation of L1, L2 and Taylor with the measured cost: value, low, high, (criterion, 3).
    """

    layer: str
    type: str
    joined: tuple[str, ...]
    parameters: int
    l1: np.ndarray
    l2: np.ndarray
    taylor: np.ndarray
    cost: np.ndarray
    unchanged: np.ndarray
    order: np.ndarray
    removed: np.ndarray
    curve: np.ndarray
    suggested: np.ndarray
    agreement: np.ndarray

    @property
    def units(self) -> int:
        """How many it has."""
        return len(self.order)


@dataclass(frozen=True, eq=False)
class Pruning:
    """The layers in order of definition, curves of all together, and the suggestion with what it costs.

    Every score is measured: the network ran with these units set to 0.

    Attributes:
        measure: what the score is: share of right answers, share of answers equal to the network's own (no labels), or R2 with respect to
            the network's own outputs (outputs that are no classes); its loss is cross-entropy, or the squared error over the variance.
        criterion: by what units are ranked.
        layers, left_out: those looked at and those not; ``known`` is how many could have been looked at.
        shares: of units removed along the curves.
        equal, ranked: the same of all layers, and those that rank lowest in all: score, low, high, loss, share of all parameters set to 0,
            (share, 5).
        tolerance: by how much the score may fall on the rows that choose; ``chosen`` (2,) is what it was on these before and after.
        before, after: score, low, high, loss on the rows that measure, (4,). ``base`` (1,): the score there of always giving the most
            frequent class, or the mean.
        difference: of the score, low, high, (3,); ``lost`` and ``won`` are rows that were right before or after alone, ``p`` (1,) is the
            exact McNemar test's; not-a-number where the score is R2.
        masks: of every parameter of which something is set to 0.
        parameters, zeroed, cut: all, those set to 0, and those that would be gone if the units were cut out.
        flops, saved: of one row, and how many of them at least would be gone if the units were cut out.
        agreement: rank correlations over all layers, ranks taken in each, (criterion, 3).
        ablated, units: units removed alone, out of all. ``taylor_rows``: rows that Taylor importance is the mean of.
        choosing, measuring: rows that rank and choose, and rows that measure; ``apart``: whether they are others.
        runs: how often the network ran over all rows. ``given``: rows that were given.
    """

    measure: Measure
    criterion: Criterion
    layers: tuple[PrunedLayer, ...]
    left_out: tuple[LeftOut, ...]
    known: int
    shares: np.ndarray
    equal: np.ndarray
    ranked: np.ndarray
    tolerance: float
    chosen: np.ndarray
    base: np.ndarray
    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray
    lost: int
    won: int
    p: np.ndarray
    masks: tuple[Mask, ...]
    parameters: int
    zeroed: int
    cut: int
    flops: int
    saved: int
    agreement: np.ndarray
    ablated: int
    units: int
    taylor_rows: int
    choosing: int
    measuring: int
    apart: bool
    runs: int
    given: int
    what: Literal["pruning"] = "pruning"

    @property
    def suggested(self) -> int:
        """How many units are suggested for removal."""
        return sum(int(one.suggested.sum()) for one in self.layers)
