"""How much can be removed from each layer alone, from all together, and the largest removal that was found to cost no more than allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.methods.internals.pruning_importance import Importance
from pellucid.methods.internals.pruning_runs import Answers, Judged, Runs
from pellucid.methods.internals.pruning_units import Prunable

HALVINGS = 2  # tries between what a layer can and can not spare


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer with its units in order of importance; ``each`` is how many parameters a unit has."""

    one: Prunable
    importance: Importance
    order: np.ndarray
    each: int

    def stays(self, count: int) -> Tensor:
        """Which units stay where ``count`` are removed, (unit,)."""
        found = torch.ones(self.one.units, dtype=torch.bool)
        found[torch.from_numpy(self.order[:count].copy())] = False
        return found


class Search:
    """Tries out removals. A removal is a number of units for each layer: the least important ones; each is run once."""

    def __init__(self, runs: Runs, layers: list[Layer], answers: Answers, choosing: np.ndarray) -> None:
        self.runs, self.layers, self.answers, self.choosing = runs, layers, answers, choosing
        self._known: dict[tuple[int, ...], Judged] = {}

    def judged(self, counts: np.ndarray) -> Judged:
        """Losses and right answers of all rows with so many units of each layer removed."""
        key = tuple(int(count) for count in counts)
        if key not in self._known:
            stays = [layer.stays(count) for layer, count in zip(self.layers, key, strict=True)]
            outputs = self.runs.outputs([layer.one for layer in self.layers], stays)
            self._known[key] = self.answers.judged(outputs, torch.arange(len(outputs), device=outputs.device))
        return self._known[key]

    @property
    def nothing(self) -> np.ndarray:
        """No unit of any layer."""
        return np.zeros(len(self.layers), int)

    def alone(self, layer: int, count: int) -> np.ndarray:
        """So many units of one layer."""
        return np.where(np.arange(len(self.layers)) == layer, count, 0)

    def equal(self, share: float) -> np.ndarray:
        """The same share of every layer; at least one unit of each stays."""
        return np.array([part(layer.one.units, share) for layer in self.layers])

    def ranked(self, share: float, keys: list[np.ndarray]) -> np.ndarray:
        """The share of all units whose ``keys`` are the smallest of all; at least one unit of each layer stays."""
        owner = np.concatenate([np.full(len(key), at) for at, key in enumerate(keys)])
        first = np.argsort(np.concatenate(keys), kind="stable")[: int(share * len(owner) + 0.5)]
        counts = np.bincount(owner[first], minlength=len(keys))
        return np.minimum(counts, [layer.one.units - 1 for layer in self.layers])

    def parameters(self, counts: np.ndarray) -> int:
        """How many parameters are set to 0."""
        return int(sum(layer.each * int(count) for layer, count in zip(self.layers, counts, strict=True)))

    # ---- the suggestion ----------------------------------------------------------------------------------------------------

    def largest(self, starts: list[np.ndarray], steps: list[np.ndarray], tolerance: float) -> np.ndarray:
        """From the largest start that is allowed, layer by layer as far as is allowed, the layers whose own loss rises least going first.

        ``steps`` are the counts that were measured of each layer alone. What is allowed is a score, of the rows that choose, not more
        than ``tolerance`` below that of the whole network.
        """
        least = self.judged(self.nothing).score(self.choosing) - tolerance - 1e-9

        def allowed(counts: np.ndarray) -> bool:
            return self.judged(counts).score(self.choosing) >= least

        counts = max((start for start in (self.nothing, *starts) if allowed(start)), key=self.parameters)
        active = set(range(len(self.layers)))
        while active:
            nexts = {at: self._next(steps[at], int(counts[at])) for at in active}
            active = {at for at in active if nexts[at] is not None}
            if not active:
                break
            at = min(active, key=lambda at: (self._price(at, int(counts[at]), nexts[at] or 0), at))
            tried = counts + self.alone(at, (nexts[at] or 0) - int(counts[at]))
            if allowed(tried):
                counts = tried
            else:
                counts = self._between(at, counts, int(tried[at]), allowed)
                active.discard(at)
        return counts

    def _next(self, steps: np.ndarray, count: int) -> int | None:
        """The next larger number of units that was measured; None where there is none."""
        more = steps[steps > count]
        return int(more[0]) if len(more) else None

    def _price(self, at: int, count: int, more: int) -> float:
        """By how much the layer's own loss rises with each further parameter, on the rows that choose."""
        after, before = (self.judged(self.alone(at, n)).loss(self.choosing) for n in (more, count))
        return (after - before) / (self.layers[at].each * (more - count))

    def _between(self, at: int, counts: np.ndarray, too_many: int, allowed: Callable[[np.ndarray], bool]) -> np.ndarray:
        """The largest allowed number of this layer's units, by halving."""
        for _ in range(HALVINGS):
            middle = (int(counts[at]) + too_many) // 2
            if middle == counts[at]:
                break
            tried = counts + self.alone(at, middle - int(counts[at]))
            if allowed(tried):
                counts = tried
            else:
                too_many = middle
        return counts


def part(units: int, share: float) -> int:
    """How many units a share is; one stays."""
    return min(int(share * units + 0.5), units - 1)
