"""What a check measures: one finished attribution, reduced to the players that can be removed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pellucid.data.players import WINDOWS, grid, players, windows

if TYPE_CHECKING:
    from pellucid.explanation.scores import Score
    from pellucid.methods.protocol import Attribution, Method
    from pellucid.methods.run import Evaluator

FEWEST = 4  # with fewer players some random orders are always as good (1/2, 1/6), so no order can be told from chance


@dataclass(frozen=True, eq=False)
class Players:
    """Who can be removed: a label map per input in the shape of one row, numbered over all inputs; ``count`` labels what never is."""

    labels: tuple[np.ndarray, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """One attribution under test.

    Attributes:
        strengths: (sample, produced, player) in float64, the sum of the values of each player's elements; of values that relate no produced
            tokens to the input there is one row.
        infill: what takes the place of a removed player, per input (sample, ...), and its name.
        rerun: the same method with another ``seed=``, or on a network with parameters ``shuffled=`` by a seed, as strengths.
        can_shuffle: whether there are parameters to shuffle.
        budget: model rows per explained row that the faithfulness checks may spend.
    """

    evaluator: Evaluator
    method: Method
    attribution: Attribution
    players: Players
    strengths: np.ndarray
    infill: tuple[Tensor, ...]
    infill_name: str
    rerun: Callable[..., np.ndarray]
    can_shuffle: bool
    budget: int

    @cached_property
    def empty_scores(self) -> np.ndarray:
        """Scores (sample,) with every player removed; evaluated once, for all checks."""
        return self.scores_without(np.ones((1, 1, self.players.count), bool))[:, 0]

    @cached_property
    def stated(self) -> np.ndarray:
        """The rows of the strengths that say anything in any sample; all where none does."""
        some = np.flatnonzero((self.strengths != 0).any((0, 2)))
        return some if len(some) else np.arange(self.strengths.shape[1])

    def scores_without(self, removed: np.ndarray, score: Score | None = None) -> np.ndarray:
        """Scores (sample, mask) with players removed; ``removed`` is boolean (sample or 1, mask, player).

        Another ``score`` than the target's may give (sample, mask, ...).
        """
        values, infill = self.evaluator.values, self.infill
        gone = torch.from_numpy(np.pad(removed, ((0, 0), (0, 0), (0, 1)))).to(values[0].device)
        labels = [torch.tensor(label).to(values[0].device) for label in self.players.labels]

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            chosen = gone[rows if len(gone) > 1 else torch.zeros_like(rows), samples]
            return tuple(
                torch.where(chosen[:, label], fill[rows], value[rows]) for value, fill, label in zip(values, infill, labels, strict=True)
            )

        return self.evaluator.scores(points, removed.shape[1], score=score).numpy()


def find_players(evaluator: Evaluator, attribution: Attribution) -> Players:
    """The players of each input; for a layer map, the cells of the layer's own grid."""
    labels, offset = [], 0
    for i, (values, spec) in enumerate(zip(evaluator.values, evaluator.specs, strict=True)):
        shape = tuple(values.shape[1:])
        mapped = attribution.layer and i == attribution.input and not attribution.units
        cells = attribution.values[0].shape[1:] if mapped else ()
        if len(cells) == 1:
            found = windows(shape, spec.axes.index("time"), min(cells[0], shape[spec.axes.index("time")], WINDOWS))
        elif cells:
            found = grid(shape, spec.axes, min(cells[0], shape[spec.axes.index("y")]), min(cells[-1], shape[spec.axes.index("x")]))
        else:
            found = players(shape, spec)
        if attribution.axes and i != attribution.input:  # another input's tokens are not in question
            labels.append(np.full(shape, -1))
            continue
        labels.append(found + offset if offset else found)
        offset += int(found.max()) + 1
    return Players(tuple(np.where(label < 0, offset, label) for label in labels), offset)


def strengths_of(attribution: Attribution, found: Players) -> np.ndarray:
    """The sum of the values over each player's elements, (sample, produced, player); a layer map is spread over the input's pixels first.

    The units of a layer are no players of the input: their values are given as they are, (sample, 1, unit).
    """
    if attribution.units:
        return attribution.values[0].detach().double().cpu().numpy()[:, None]
    apart = "produced" in attribution.axes
    samples, rows = len(attribution.values[0]), math.prod(attribution.values[0].shape[: 1 + apart])
    total = np.zeros((rows, found.count))
    explained = (found.labels[attribution.input],) if attribution.layer or attribution.axes else found.labels
    for values, labels in zip(attribution.values, explained, strict=True):
        flat = values.detach().double().cpu().numpy()
        flat = flat.reshape(rows, *flat.shape[2:]) if apart else flat
        if flat.shape[1:] != labels.shape:
            offset = int(labels.min())
            span = int(labels.max()) - offset + 1
            cells = flat.reshape(rows, -1)
            total[:, offset : offset + span] += cells if cells.shape[1] == span else _resampled(flat, labels - offset, span)
            continue
        order = labels.reshape(-1)
        for row in range(rows):
            total[row] += np.bincount(order, weights=flat[row].reshape(-1), minlength=found.count)
    return total.reshape(samples, -1, found.count)


def _resampled(maps: np.ndarray, labels: np.ndarray, span: int) -> np.ndarray:
    """A layer map finer than the image's players: each player takes the mean of the cells that fall into it."""
    if maps.ndim == 2:
        owner = np.arange(maps.shape[1]) * span // maps.shape[1]
        return np.stack([np.bincount(owner, weights=one, minlength=span) / np.bincount(owner, minlength=span) for one in maps])
    plane = labels.reshape(-1, *labels.shape[-2:])[0]
    down = np.arange(maps.shape[1]) * plane.shape[0] // maps.shape[1]
    across = np.arange(maps.shape[2]) * plane.shape[1] // maps.shape[2]
    owner = plane[down][:, across].reshape(-1)
    counts = np.maximum(np.bincount(owner, minlength=span), 1)
    return np.stack([np.bincount(owner, weights=one.reshape(-1), minlength=span) / counts for one in maps])
