"""The values that operations make, summed up batch by batch in little memory: mean, deviation, range, units that never fire."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.explanation.contents.source import Spread

# operations whose output is nothing, or next to nothing, from zero downwards: a unit that is there for every row never fires
FIRES = frozenset({"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "rrelu", "threshold"})
FLAT = 1 / 20  # of the steepest slope
# where, in terms of the output, the slope is less than that
SATURATES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": lambda y: y * (1 - y) < FLAT / 4,
    "tanh": lambda y: 1 - y.square() < FLAT,
    "softsign": lambda y: (1 - y.abs()).square() < FLAT,
    "hardsigmoid": lambda y: (y <= 0) | (y >= 1),
    "relu6": lambda y: y >= 6,
}


class Gathered:
    """What is kept of one operation's output; the shape of every batch is the same but for its rows."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.count = self.not_finite = 0
        self.mean = self.squares = 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.quiet: Tensor | None = None  # (unit,) that fired nowhere so far
        self.flat: Tensor | None = None  # (unit,) that left the flat ends nowhere so far

    def add(self, output: Tensor) -> None:
        """One more batch."""
        values = output.detach()
        finite = values.isfinite()
        whole = bool(finite.all())
        kept = (values if whole else values[finite]).reshape(-1).cpu().double()
        self.not_finite += 0 if whole else int((~finite).sum())
        if kept.numel():
            mean = float(kept.mean())
            self._together(kept.numel(), mean, float((kept - mean).square().sum()))
            self.low, self.high = min(self.low, float(kept.min())), max(self.high, float(kept.max()))
        if self.operation in FIRES:
            self.quiet = _also(self.quiet, _every(values <= 0))
        if self.operation in SATURATES:
            self.flat = _also(self.flat, _every(SATURATES[self.operation](values)))

    def join(self, other: Gathered) -> None:
        """What was gathered of other rows."""
        self._together(other.count, other.mean, other.squares)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.not_finite += other.not_finite
        self.quiet = self.quiet if other.quiet is None else _also(self.quiet, other.quiet)
        self.flat = self.flat if other.flat is None else _also(self.flat, other.flat)

    def _together(self, number: int, mean: float, squares: float) -> None:
        """Chan, Golub and LeVeque 1983, equation 2.1: mean and squared deviations of two parts together."""
        together, difference = self.count + number, mean - self.mean
        if together:
            self.squares += squares + difference**2 * self.count * number / together
            self.mean += difference * number / together
        self.count = together

    def spread(self) -> Spread | None:
        """What was seen; None where there was no number."""
        if not self.count:
            return None
        seen = self.quiet if self.quiet is not None else self.flat
        return Spread(
            self.mean,
            (self.squares / self.count) ** 0.5,
            self.low,
            self.high,
            self.not_finite,
            0 if seen is None else len(seen),
            _share(self.quiet),
            _share(self.flat),
        )


def _every(holds: Tensor) -> Tensor:
    """For each unit, whether it holds at every place and row: channels lie on axis 1 of maps, features on the last axis else."""
    if holds.ndim < 2:
        return holds.all().reshape(1)
    return holds.movedim(1 if holds.ndim > 3 else -1, 0).flatten(1).all(1).cpu()


def _also(before: Tensor | None, now: Tensor) -> Tensor:
    return now if before is None or before.shape != now.shape else torch.logical_and(before, now)


def _share(units: Tensor | None) -> float:
    return 0.0 if units is None else float(units.double().mean())
