"""Climbing: pictures of several units at once, each changed so that its own unit grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid.methods.internals.feature_visualization_ways import Fourier, Spectrum
from pellucid.models.watched_layers import called, row_each, watched

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch

JITTER, SCALE, TURN = 1 / 16, 0.1, 8.0  # of the side; of the size; degrees: Fourier pictures are moved by up to so much at each step
CROP = 0.25  # of the side: a crop leaves out up to so much
FIRST, SECOND = 0.9, 0.999  # of Adam: what is kept of the mean gradient and of its mean square


@dataclass(frozen=True)
class Goal:
    """A unit: number ``unit`` of a layer, whose units lie on the last axis where ``last``; the layer "" are the outputs."""

    layer: str
    unit: int
    last: bool = False


class Units:
    """What units give for pictures: the values of the network's layers, and of its outputs, by unit and place."""

    def __init__(self, evaluator: Evaluator, *, odds: bool) -> None:
        self.bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        self.odds = odds

    def values(self, inputs: Tensor, layers: dict[str, bool]) -> dict[str, Tensor]:
        """(picture, unit, place ...) of each layer, whose units lie on the last axis where that is said; with gradient if that is on."""
        names = tuple(name for name in layers if name)
        with watched(self.bound.net, names, lambda output: output) as kept:
            outputs = self.bound.forward((inputs,), torch.zeros(len(inputs), dtype=torch.long, device=inputs.device))
        found = {name: row_each(name, called(kept, name), len(inputs)) for name in names}
        if "" in layers:
            found[""] = torch.logit(outputs, torch.finfo(outputs.dtype).eps) if self.odds else outputs
        return {name: _units_first(found[name], last=last) for name, last in layers.items()}

    def tops(self, inputs: Tensor, layers: dict[str, bool]) -> tuple[Tensor, ...]:
        """Of each layer (picture, unit) the activation at the strongest place, and then of each that place's number; without gradient."""
        with torch.no_grad():
            found = [strongest(values) for values in self.values(inputs, layers).values()]
        return (*(value for value, _ in found), *(place for _, place in found))


def _units_first(values: Tensor, *, last: bool) -> Tensor:
    values = values[:, None] if values.ndim == 1 else values
    return values.movedim(-1, 1) if last else values


def middle(values: Tensor) -> Tensor:
    """(picture, unit) at the middle place."""
    return values[(slice(None), slice(None), *(size // 2 for size in values.shape[2:]))]


def strongest(values: Tensor) -> tuple[Tensor, Tensor]:
    """(picture, unit) at the strongest place, and which of the places that is."""
    found = values.flatten(2).max(2) if values.ndim > 2 else (values, torch.zeros_like(values, dtype=torch.long))
    return found[0], found[1]


class Adam:
    """Steps up of several pictures (Kingma & Ba 2015), as long for a unit whose values are tiny.

    A way that is ``whole`` has one mean square for a picture: with one for each wave, those that do not matter would go as far as
    those that do.
    """

    def __init__(self, way: Fourier | Spectrum) -> None:
        self.rate, self.whole = way.rate, way.whole
        self.steps, self.mean, self.square = 0, torch.zeros(()), torch.zeros(())

    def step(self, gradient: Tensor) -> Tensor:
        """What to add, for gradients (picture, ...)."""
        self.steps += 1
        square = gradient.square()
        square = square.flatten(1).mean(1).reshape(-1, *[1] * (gradient.ndim - 1)) if self.whole else square
        self.mean = FIRST * self.mean.to(gradient) + (1 - FIRST) * gradient
        self.square = SECOND * self.square.to(gradient) + (1 - SECOND) * square
        size = (self.square / (1 - SECOND**self.steps)).sqrt().clamp_min(torch.finfo(gradient.dtype).tiny)
        return self.rate * self.mean / (1 - FIRST**self.steps) / size


@dataclass(frozen=True, eq=False)
class Climb:
    """The way up: ``steps`` of Adam on what a way writes pictures with, some ``together``.

    They are ``moved`` at random at every step, so that what is found does not hang on the exact position.
    """

    evaluator: Evaluator
    units: Units
    way: Fourier | Spectrum
    steps: int
    together: int
    moved: bool = True

    def pictures(self, goals: list[Goal], progress: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """(unit, channel, y, x) planes in 0..1, and (unit, y, x) how much the gradient asked of each pixel in all.

        ``progress`` is how much is done before, and of how much.
        """
        found = [
            self._together(goals[first : first + self.together], (progress[0] + first * self.steps, progress[1]))
            for first in range(0, len(goals), self.together)
        ]
        planes, touched = zip(*found, strict=True)
        return torch.cat(planes), torch.cat(touched)

    def _together(self, goals: list[Goal], progress: tuple[int, int]) -> tuple[Tensor, Tensor]:
        like, seed = self.evaluator.values[0], self.evaluator.situation.seed
        draws = [torch.Generator().manual_seed(crc32(f"{seed} {goal.layer} {goal.unit}".encode())) for goal in goals]
        written = torch.stack([self.way.start(draw, like) for draw in draws])
        moves = torch.stack([torch.rand((self.steps, 4), generator=draw, dtype=torch.float64) for draw in draws])
        begun = torch.zeros(len(goals), dtype=torch.bool, device=like.device)
        adam = Adam(self.way)
        touched: Tensor | None = None
        every = torch.arange(len(goals), device=like.device)
        for step in range(self.steps):
            now = moves[:, step].to(like)

            def call(at: Tensor, now: Tensor = now, written: Tensor = written) -> tuple[Tensor, Tensor]:
                return self._gradients(written[at], now[at], [goals[i] for i in at.tolist()])

            gradient, asked = self.evaluator.run("gradient", call, every)
            touched = asked if touched is None else touched + asked
            begun |= gradient.flatten(1).any(1)
            written += adam.step(gradient)
            for i in torch.nonzero(~begun).flatten().tolist():  # nothing to climb on from here
                written[i] = self.way.start(draws[i], like) * (2.0 + step)
            if self.evaluator.situation.progress:
                self.evaluator.situation.progress(self.evaluator.stage, progress[0] + (step + 1) * len(goals), progress[1])
        with torch.no_grad():
            planes = self.way.picture(written)
        return planes, torch.zeros_like(planes[:, 0]) if touched is None else touched

    def _gradients(self, written: Tensor, now: Tensor, goals: list[Goal]) -> tuple[Tensor, Tensor]:
        """Of each unit at its middle place: gradients by what is written, and their sizes at the pixels."""
        layers = {goal.layer: goal.last for goal in goals}
        with torch.enable_grad():
            leaf = written.detach().requires_grad_()
            planes = self.way.picture(leaf)
            seen = self._moved(planes, now) if self.moved else planes
            values = self.units.values(self.way.canvas.inputs(seen), layers)
            own = torch.stack([middle(values[goal.layer])[i, goal.unit] for i, goal in enumerate(goals)])
            gradient, asked = self.units.bound.backward(own, (leaf, planes))
        return gradient.detach(), asked.detach().abs().sum(1)

    def _moved(self, planes: Tensor, now: Tensor) -> Tensor:
        """Pictures moved, turned and scaled, or cut; what lies outside has the mean color."""
        height, width = planes.shape[2:]
        mean = self.way.canvas.mean[:, None, None]
        if isinstance(self.way, Spectrum):
            size = 1 - CROP * now[:, 0]
            angle = torch.zeros_like(size)
            x, y = ((1 - size) * (2 * now[:, i] - 1) for i in (1, 2))
        else:
            size = 1 + SCALE * (2 * now[:, 0] - 1)
            angle = torch.deg2rad(TURN * (2 * now[:, 3] - 1))
            x, y = (2 * JITTER * (2 * now[:, i] - 1) for i in (1, 2))
        rows = (
            torch.stack([size * angle.cos(), -size * angle.sin() * height / width, x]),
            torch.stack([size * angle.sin() * width / height, size * angle.cos(), y]),
        )
        grid = F.affine_grid(torch.stack(rows).permute(2, 0, 1), list(planes.shape), align_corners=False)
        return mean + F.grid_sample(planes - mean, grid, align_corners=False)
