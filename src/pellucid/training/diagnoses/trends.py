"""How a loss goes: where it began, where it is, whether it falls."""

from __future__ import annotations

import math

import numpy as np

from pellucid.training.diagnoses.evidence import Evidence

FEWEST = 20  # losses below which nothing is said of a trend: a mean of ten is known to a third of the noise
CLEAR = 2.0  # standard errors: 95 % two-sided
WARMING = 1.5  # times the first learning rate: it is being raised, so small steps are meant


def began(values: np.ndarray) -> float:
    """The median of the first losses: a twentieth, at least three."""
    return float(np.median(values[: max(3, len(values) // 20)]))


def now(values: np.ndarray) -> float:
    """The median of the latest quarter."""
    return float(np.median(values[-max(3, len(values) // 4) :]))


def fallen(values: np.ndarray) -> float:
    """By which part of its size the loss has fallen since it began; below 0 where it has risen."""
    first = began(values)
    return (first - now(values)) / abs(first) if first else 0.0


def falling(values: np.ndarray) -> bool:
    """Whether the loss of the later half is clearly below that of the half before (Welch's t)."""
    values = values[np.isfinite(values)]
    half = len(values) // 2
    if half < FEWEST // 2:
        return False
    before, after = values[:half], values[half:]
    error = math.sqrt(before.var() / max(len(before), 1) + after.var() / max(len(after), 1))
    return bool(before.mean() - after.mean() > CLEAR * error)


def warming(evidence: Evidence) -> bool:
    """Whether the learning rate is being raised."""
    rates = evidence.numbers.get("learning_rate")
    return rates is not None and len(rates) > 0 and bool(rates.values[-1] > WARMING * rates.values[0])
