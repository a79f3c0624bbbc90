"""The curve of an activation function and its zones: flat, linear, between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pellucid.explanation.contents.activations import Zone
from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.deeplift.slopes import derivative

FLAT = 0.01  # of the reference slope: less is flat
LINEAR = 0.05  # of the reference slope: so far from it is linear
REACH = 64.0  # how far out the curve is looked at
STEP = 1 / 256
POINTS = 161  # of the curve that is drawn
HALVINGS = 60
_FLAT, _LINEAR, _BETWEEN = 0, 1, 2


@dataclass(frozen=True)
class Curve:
    """A function of one number, divided into zones.

    ``edges[i]`` ends ``zones[i]``; it belongs to that zone itself where ``closed[i]``, else to the next.
    """

    call: Call
    slope: float
    edges: tuple[float, ...]
    closed: tuple[bool, ...]
    zones: tuple[Zone, ...]

    @property
    def name(self) -> str:
        """The operation; a ReLU and a ReLU6 are called so however they are written."""
        if self.call.operation.name in ("clamp", "clamp_min", "hardtanh"):
            form = self.edges, self.zones
            if form == ((0.0,), ("zero", "linear")):
                return "relu"
            if form == ((0.0, 6.0), ("zero", "linear", "saturated")):
                return "relu6"
        return self.call.operation.name

    @property
    def several(self) -> bool:
        """Whether every unit has a slope of its own, of which this is the mean."""
        return self.call.operation.name == "prelu" and self.call.argument("weight", 1).numel() > 1

    def is_of(self, call: Call) -> bool:
        """Whether another call computes the same function: everything but its operand is the same, and no tensor."""
        ours, theirs = ((one.operation.name, one.function, one.args[1:], one.kwargs) for one in (self.call, call))
        return len(list(tensors(self.call.args, self.call.kwargs))) == len(list(tensors(call.args, call.kwargs))) == 1 and ours == theirs

    def within(self, values: Tensor, zone: Zone) -> Tensor | None:
        """Which of the values lie in a zone; None where it has no part of the line."""
        parts = [self._part(values, place) for place, name in enumerate(self.zones) if name == zone]
        found = parts[0] if parts else None
        for part in parts[1:]:
            found = found | part  # type: ignore[operator]
        return found

    def drawn(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """The curve between two places, its corners included."""
        inner = [edge for edge in self.edges if low < edge < high]
        x = torch.cat([torch.linspace(low, high, POINTS, dtype=torch.float64), torch.tensor(inner, dtype=torch.float64)]).sort().values
        return x.numpy(), _function(self.call, x).numpy()

    def _part(self, values: Tensor, place: int) -> Tensor:
        """Not-a-number lies nowhere."""
        found = None
        if place:
            low = self.edges[place - 1]
            found = values > low if self.closed[place - 1] else values >= low
        if place < len(self.edges):
            high = self.edges[place]
            below = values <= high if self.closed[place] else values < high
            found = below if found is None else found & below
        return ~values.isnan() if found is None else found


def curve_of(call: Call) -> Curve:
    """The curve of an activation function as it is called."""
    grid = torch.arange(-REACH, REACH + STEP, STEP, dtype=torch.float64)
    slopes = _slopes(call, grid).abs()
    largest, outer = float(slopes.max()), max(float(slopes[0]), float(slopes[-1]))
    goes_on = outer >= FLAT * largest
    reference = outer if goes_on else largest
    kinds = _kinds(slopes, reference)
    changes = (kinds[1:] != kinds[:-1]).nonzero()[:, 0]
    edges, closed = _edges(call, reference, grid[changes], grid[changes + 1])
    bounds = [float(grid[0]), *edges.tolist(), float(grid[-1])]
    parts = [int(kinds[at]) for at in (*changes.tolist(), len(grid) - 1)]
    zones: list[Zone] = [_zone(call, kind, part, goes_on=goes_on) for kind, part in zip(parts, pairwise(bounds), strict=True)]
    kept = [at for at in range(len(edges)) if zones[at] != zones[at + 1]]
    chosen: tuple[Zone, ...] = tuple(zones[at] for at in (*kept, len(zones) - 1))
    return Curve(call, reference, tuple(float(edges[at]) for at in kept), tuple(bool(closed[at]) for at in kept), chosen)


def _kinds(slopes: Tensor, reference: float) -> Tensor:
    linear = (slopes - reference).abs() <= LINEAR * reference
    return torch.where(slopes < FLAT * reference, _FLAT, torch.where(linear, _LINEAR, _BETWEEN))


def _edges(call: Call, reference: float, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Where the kind changes between two neighboring points: the place itself, and whether it is of the left kind.

    A corner at a round number is a point of the grid, and named exactly, whichever side it belongs to.
    """
    low, high = left.clone(), right.clone()
    kind = _kinds(_slopes(call, left).abs(), reference)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        before = _kinds(_slopes(call, middle).abs(), reference) == kind
        low, high = torch.where(before, middle, low), torch.where(before, high, middle)
    closed = high != right
    return torch.where(closed, low, high), closed


def _zone(call: Call, kind: int, part: tuple[float, float], *, goes_on: bool) -> Zone:
    """What a part of the line is called; a flat part between the ends is the turn of a function, unless the function is nothing there."""
    if kind != _FLAT:
        return "linear" if kind == _LINEAR else "between"
    low, high = part
    place = low if low == -REACH else high if high >= REACH else (low + high) / 2
    there, at_zero = (abs(float(value)) for value in _function(call, torch.tensor([place, 0.0], dtype=torch.float64)))
    if there < FLAT and (goes_on or at_zero < FLAT):
        return "zero"
    return "saturated" if low == -REACH or high >= REACH else "between"


def _function(call: Call, x: Tensor) -> Tensor:
    if call.operation.name == "prelu":
        weight = call.argument("weight", 1).detach().double().mean().cpu()
        return torch.where(x > 0, x, weight * x)
    return call.run(x)


def _slopes(call: Call, x: Tensor) -> Tensor:
    return derivative(lambda given: _function(call, given), x)
