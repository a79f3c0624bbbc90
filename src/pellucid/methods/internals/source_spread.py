"""The values that operations make, summed up batch by batch in little memory: mean, deviation, range, units that never fire."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.explanation.contents.source import Spread
from pellucid.methods.internals.activations_curves import Curve


class Gathered:
    """What is kept of one operation's output, and of an activation function's input, with its units on an axis counted from the end."""

    def __init__(self) -> None:
        self.count = self.not_finite = 0
        self.mean = self.squares = 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.quiet: Tensor | None = None  # (unit,) whose every value so far lay where the function is nothing
        self.flat: Tensor | None = None  # (unit,) whose every value so far was saturated

    def add(self, output: Tensor) -> None:
        """What came out in one more batch."""
        values = output.detach()
        values = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
        low, high = torch.aminmax(values) if values.numel() else (values.new_tensor(0.0), values.new_tensor(0.0))
        if not bool(torch.isfinite(low + high)):  # not-a-number passes on
            finite = values.isfinite()
            self.not_finite += int((~finite).sum())
            values = values[finite]
            low, high = torch.aminmax(values) if values.numel() else (low, high)
        if values.numel():
            mean = values.mean()
            away = torch.linalg.vector_norm(values - mean)
            self._together(values.numel(), float(mean), float(away) ** 2)
            self.low, self.high = min(self.low, float(low)), max(self.high, float(high))

    def operate(self, operand: Tensor, curve: Curve, unit: int) -> None:
        """What went into an activation function in one more batch."""
        values = operand.detach()
        zero, saturated = curve.within(values, "zero"), curve.within(values, "saturated")
        nowhere = torch.zeros_like(values, dtype=torch.bool)
        self.quiet = _also(self.quiet, _every(nowhere if zero is None else zero, unit))
        self.flat = _also(self.flat, _every(nowhere if saturated is None else saturated, unit))

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
        units = 0 if self.quiet is None else len(self.quiet)
        deviation = (self.squares / self.count) ** 0.5
        return Spread(self.mean, deviation, self.low, self.high, self.not_finite, units, _share(self.quiet), _share(self.flat))


def _every(holds: Tensor, unit: int) -> Tensor:
    """For each unit, whether it holds at every place of every row."""
    if not holds.ndim:
        return holds.reshape(1).cpu()
    return holds.movedim(unit, 0).flatten(1).all(1).cpu() if holds.ndim > 1 else holds.cpu()


def _also(before: Tensor | None, now: Tensor) -> Tensor:
    return now if before is None or before.shape != now.shape else torch.logical_and(before, now)


def _share(units: Tensor | None) -> float:
    return 0.0 if units is None else float(units.double().mean())
