"""95 % intervals of what an evaluation measures, each by a method that stays honest at 0 and at 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class Metric:
    """A measured value and its two-sided 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def wilson(hits: float, rows: float) -> Metric:
    """A share with its score interval (Wilson 1927); of no rows, not-a-number."""
    if rows <= 0:
        return Metric(math.nan, math.nan, math.nan)
    share, z2 = hits / rows, Z95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = Z95 / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return Metric(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def mean_of_shares(hits: np.ndarray, rows: np.ndarray) -> Metric:
    """The mean of independent shares, their Wilson limits combined in squares (Newcombe 1998; Zou & Donner 2008)."""
    shares = [wilson(float(h), float(n)) for h, n in zip(hits, rows, strict=True) if n > 0]
    value = sum(share.value for share in shares) / len(shares)
    down = math.sqrt(sum((share.value - share.low) ** 2 for share in shares)) / len(shares)
    up = math.sqrt(sum((share.high - share.value) ** 2 for share in shares)) / len(shares)
    return Metric(value, max(value - down, 0.0), min(value + up, 1.0))


def mean(values: np.ndarray) -> Metric:
    """A mean with its normal interval: value +- 1.96 standard errors."""
    value = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Metric(value, value - half, value + half)


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> Metric:
    """The area under the ROC curve, ties counted half; Newcombe's score-type interval (2006, method 5), Hanley & McNeil's variance."""
    ups, downs = int(positive.sum()), int((~positive).sum())
    order = np.sort(scores)
    ranks = (np.searchsorted(order, scores, "left") + np.searchsorted(order, scores, "right") + 1) / 2
    value = float((ranks[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))

    def half(area: float) -> float:
        pairs = (ups + downs) / 2 - 1
        spread = 1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)
        return Z95 * math.sqrt(area * (1 - area) * spread / (ups * downs))

    low = _root(lambda area: area + half(area) - value, 0.0, value)
    high = _root(lambda area: area - half(area) - value, value, 1.0)
    return Metric(value, low, high)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function crosses zero, by bisection; the nearer end if it does not cross."""
    if function(low) >= 0:
        return low
    if function(high) <= 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2


def f1_macro(confusion: np.ndarray, *, seed: int, draws: int = 4000) -> Metric:
    """The mean of the classes' F1 scores, its interval from the posterior of the confusion matrix (Caelen 2017).

    Each true class's row is drawn from a Dirichlet distribution with Perks' prior (1/k a cell), so that a matrix without an error does not
    claim certainty. Classes that occur neither as truth nor as answer are left out.
    """
    value = float(_f1(confusion[None].astype(float))[0])
    random = np.random.default_rng(seed)
    classes = len(confusion)
    rows = confusion.sum(1)
    shares = np.zeros((draws, classes, classes))
    for label in np.flatnonzero(rows):
        shares[:, label] = random.dirichlet(confusion[label] + 1 / classes, size=draws) * rows[label]
    low, high = np.quantile(_f1(shares), (0.025, 0.975))
    return Metric(value, min(float(low), value), max(float(high), value))


def _f1(confusions: np.ndarray) -> np.ndarray:
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    either = confusions.sum(1) + confusions.sum(2)
    scores = np.divide(2 * hits, either, out=np.full(hits.shape, np.nan), where=either > 0)
    return np.nanmean(scores, axis=1)


def bootstrap(measure: Callable[[np.ndarray], float], rows: int, *, seed: int, draws: int = 2000) -> np.ndarray:
    """``measure(row indices)`` of ``draws`` resamples of the rows, sorted."""
    random = np.random.default_rng(seed)
    return np.sort([measure(random.integers(rows, size=rows)) for _ in range(draws)])


def percentile(value: float, drawn: np.ndarray) -> Metric:
    """A value with the percentile interval of its bootstrap draws."""
    finite = drawn[np.isfinite(drawn)]
    low, high = np.quantile(finite, (0.025, 0.975)) if len(finite) else (-math.inf, math.inf)
    return Metric(value, min(float(low), value), max(float(high), value))


def binomial_tail(hits: int, trials: int) -> float:
    """The probability of at least ``hits`` heads in ``trials`` throws of a fair coin: the exact one-sided sign test."""
    logs = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(hits, trials + 1)]
    return min(1.0, math.fsum(math.exp(log - trials * math.log(2)) for log in logs))
