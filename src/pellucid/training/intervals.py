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


def balanced_accuracy(confusion: np.ndarray) -> Metric:
    """The mean of the shares found of each true class, with a score interval for as many rows as its variance is worth.

    For the variance one row found and one missed are added to each class (Agresti & Caffo 2000): a rare class without an error would
    otherwise seem certain.
    """
    rows = confusion.sum(1)
    hits, rows = np.diagonal(confusion)[rows > 0], rows[rows > 0]
    careful = (hits + 1) / (rows + 2)
    variance = float((careful * (1 - careful) / (rows + 2)).sum()) / len(rows) ** 2
    worth = float(careful.mean() * (1 - careful.mean())) / variance
    value = float((hits / rows).mean())
    return wilson(value * worth, worth)


def f1_macro(confusion: np.ndarray) -> Metric:
    """The mean of the classes' F1 scores, with a score interval for as many rows as its variance is worth (all, without an error).

    The variance is the delta method's for a multinomial confusion matrix (Takahashi, Yamamoto, Kuchiba & Koyama 2022). Classes that occur
    neither as truth nor as answer are left out.
    """
    total = confusion.sum()
    shares = confusion / total
    either = shares.sum(0) + shares.sum(1)
    seen = either > 0
    either = np.where(seen, either, 1)
    scores = 2 * np.diagonal(shares) / either
    # how the mean F1 moves with each cell: a wrong answer counts against its true and its predicted class, a right one for its own
    slope = -(scores / either)[:, None] - (scores / either)[None, :] + np.diag(2 / either)
    slope = slope / seen.sum()
    variance = float((shares * slope**2).sum() - (shares * slope).sum() ** 2) / total
    value = float(scores[seen].mean())
    varies = variance > 1e-15 and 0 < value < 1
    worth = value * (1 - value) / variance if varies else float(total)
    return wilson(value * worth, worth)


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
    """Where a function turns from below zero to above it, by bisection; the nearer end if it does not."""
    if function(low) > 0:
        return low
    if function(high) < 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2


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
