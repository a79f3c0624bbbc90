"""How much each unit of a layer matters: by its weights, to first order, and measured by removing it alone."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from pellucid.errors import LayerError
from pellucid.explanation.contents.pruning import Criterion
from pellucid.methods.internals.pruning_runs import Z95, Answers, Judged, Runs
from pellucid.methods.internals.pruning_units import Part, Prunable, gated, removed, replaced
from pellucid.models.memory import out_of_memory

if TYPE_CHECKING:
    from pellucid.models.tail import Tail

FEWEST = 4  # units of a rank correlation
PROOF = 4  # runs that it takes to open a layer and prove what lies above it: of fewer units whole runs are cheaper


@dataclass(frozen=True, eq=False)
class Importance:
    """Of each unit of one layer (unit,): see :class:`pellucid.explanation.contents.pruning.PrunedLayer`."""

    l1: np.ndarray
    l2: np.ndarray
    taylor: np.ndarray
    cost: np.ndarray
    unchanged: np.ndarray

    def value(self, criterion: Criterion) -> np.ndarray:
        """The importance by one criterion."""
        return {"measured": self.cost[:, 2], "taylor": self.taylor, "l1": self.l1, "l2": self.l2}[criterion]

    def key(self, criterion: Criterion) -> np.ndarray:
        """What units are ranked by, comparable between layers: sizes of weights relative to the layer's mean."""
        found = self.value(criterion)
        return found / (found.mean() or 1.0) if criterion in ("l1", "l2") else found

    def order(self, criterion: Criterion) -> np.ndarray:
        """The units from the least important on: first those that move no output at all, of equals the smaller weights."""
        return np.lexsort((self.l1, self.key(criterion), ~self.unchanged))


def magnitudes(net: nn.Module, one: Prunable) -> tuple[np.ndarray, np.ndarray]:
    """Mean size (Li et al. 2017) and root mean square of each unit's own incoming weights, (unit,)."""
    modules = dict(net.named_modules())
    rows = []
    for part in one.parts:
        value = modules[part.path]._parameters[part.parameter]
        if part.path == one.path and value is not None and value.ndim > 1:
            rows.append(value.detach().double().cpu().reshape(len(value) // one.units, one.units, -1).transpose(0, 1).flatten(1))
    weights = torch.cat(rows, 1)
    return weights.abs().mean(1).numpy(), weights.square().mean(1).sqrt().numpy()


def taylor(runs: Runs, layers: list[Prunable], answers: Answers, rows: Tensor) -> list[np.ndarray]:
    """The mean over rows of |what a unit gives times the gradient of the row's loss| (Molchanov et al. 2017), (unit,) for each layer.

    A factor of 1 on the parameters of the unit's last output has this product, summed over places and calls, for its derivative; of
    recurrent units the factor is on all their weights (Molchanov et al. 2019).
    """
    total = [torch.zeros(one.units, dtype=torch.float64) for one in layers]
    for place in rows:
        found = _slopes(runs, layers, answers, place)
        for whole, gradient in zip(total, found, strict=True):
            whole += gradient.abs().cpu() if gradient is not None else torch.nan
    runs.tick()
    return [whole.numpy() / len(rows) for whole in total]


def _slopes(runs: Runs, layers: list[Prunable], answers: Answers, place: Tensor) -> Sequence[Tensor | None]:
    """The derivatives of one row's loss with respect to the factors of all units (unit,) of each layer; None where there are none."""
    net, given = runs.bound.net, dict[Part, Tensor]()
    recurrent = any(isinstance(module, nn.RNNBase) for module in net.modules())  # cuDNN goes back through these in training mode only
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not recurrent):
        gates = [torch.ones(one.units, device=runs.rows.device, dtype=torch.float64, requires_grad=True) for one in layers]
        for one, gate in zip(layers, gates, strict=True):
            given |= gated(net, one.gate, gate)
        with replaced(net, given):
            loss = runs.evaluator.run("one row, gradient of units", partial(_loss, runs, answers, place[None]), runs.rows[place][None])
        try:
            return torch.autograd.grad(loss.sum(), gates, allow_unused=True)
        except RuntimeError as error:  # an operation on the way that torch can not differentiate
            if out_of_memory(error):
                raise
            return [None] * len(layers)


def _loss(runs: Runs, answers: Answers, place: Tensor, row: Tensor) -> Tensor:
    outputs = runs.bound.forward(tuple(value[row].clone() for value in runs.evaluator.values), row)
    return answers.losses(outputs, place)


@dataclass(frozen=True, eq=False)
class Alone:
    """What removing single units of a layer does: see ``cost`` and ``unchanged`` of :class:`Importance`."""

    cost: np.ndarray
    unchanged: np.ndarray


def removed_alone(runs: Runs, one: Prunable, units: np.ndarray, answers: Answers, rows: Tensor) -> Alone:
    """The network run once for each of ``units`` with that unit at 0, on some rows; only what lies above the layer, where that is proven.

    The unit's own run and the one it is compared with have the same rows in the same places of the same batches: what does not depend
    on the unit is equal to the last bit.
    """
    cost, unchanged = np.full((one.units, 3), np.nan), np.zeros(one.units, bool)
    unchanged[units], cost[units] = True, 0.0
    tail = runs.bound.tail(one.output) if one.output and len(units) > PROOF else None
    for places, numbers in runs.batches(rows):
        try:
            outputs = _above(runs, one, tail, numbers, units) if tail is not None else None
        except LayerError:  # its output can not be edited row by row
            tail = outputs = None
        own, *others = outputs if outputs is not None else _whole(runs, one, numbers, units)
        before = answers.judged(own, places)
        for unit, other in zip(units, others, strict=True):
            unchanged[unit] &= bool(torch.equal(own, other))
            cost[unit] += _change(before, answers.judged(other, places)) / len(rows)
    runs.tick(len(units))
    return Alone(cost, unchanged)


def _above(runs: Runs, one: Prunable, tail: Tail, rows: Tensor, units: np.ndarray) -> list[Tensor]:
    """The outputs of some rows as they are, then without each unit: what lies above the layer is run."""
    values = runs.evaluator.values
    recorded = tail.record(tuple(value[rows] for value in values), rows)
    at = torch.arange(len(rows), device=rows.device)
    axis = -1 if one.type == "Linear" else 1
    if recorded.activations.shape[axis] != one.units:
        raise LayerError("This layer's units do not lie where they should", received=one.output, remedy="its weights are masked instead")

    def without(edited: Tensor) -> Tensor:
        return runs.evaluator.run("forward above", lambda a: tail.outputs(recorded, edited[a], a), at)

    found = [without(recorded.activations.clone())]
    for unit in units:
        edited = recorded.activations.clone()
        edited.select(axis, int(unit)).zero_()
        found.append(without(edited))
    return found


def _whole(runs: Runs, one: Prunable, rows: Tensor, units: np.ndarray) -> list[Tensor]:
    """The same by whole runs with the unit's parameters at 0."""
    net, found = runs.bound.net, [runs.forward(rows)]
    for unit in units:
        stay = torch.ones(one.units, dtype=torch.bool)
        stay[int(unit)] = False
        with replaced(net, removed(net, [one], [stay])):
            found.append(runs.forward(rows))
    return found


def _change(before: Judged, after: Judged) -> np.ndarray:
    """Summed changes of loss and score, and the summed size of the loss's changes, (3,)."""
    rises = after.losses - before.losses
    scores = -rises if before.right is None or after.right is None else after.right.astype(float) - before.right
    return np.array([rises.sum(), scores.sum(), np.abs(rises).sum()])


def agreement(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Spearman's rank correlation with its 95 % interval (Bonett & Wright 2000), ranks taken within each pair of arrays, (3,)."""
    first, second, free = [], [], -3
    for one, other in pairs:
        known = np.isfinite(one) & np.isfinite(other)
        count = int(known.sum())
        if count >= FEWEST:
            for ranks, values in ((first, one), (second, other)):
                ranks.append((rankdata(values[known]) - (count + 1) / 2) / count)
            free += count if free < 0 else count - 1
    if free < 1:
        return np.full(3, np.nan)
    x, y = np.concatenate(first), np.concatenate(second)
    size = float(np.sqrt((x @ x) * (y @ y)))
    if size == 0:
        return np.full(3, np.nan)
    value = float(np.clip(x @ y / size, -1, 1))
    middle, half = np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)), Z95 * np.sqrt((1 + value**2 / 2) / free)
    return np.array([value, np.tanh(middle - half), np.tanh(middle + half)])
