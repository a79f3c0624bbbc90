"""What is kept of numbers that are too many to be kept: moments, a histogram of fixed size, the rows in which each unit is strongest.

Everything is joined from batch to batch; the histogram is the same whatever the batches are, since its bins are as wide as a power of two.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from pellucid.explanation.contents.activations import Distribution

BINS = 2048
AT_ONCE = 1 << 20  # values that are widened to float64 together
COUNTED = 1 << 16  # values of one row that are counted into the histogram; of more, those at even distances
TINY = 2.0**-200  # the narrowest bin


class Sketch:
    """Count, mean, deviation and range of all values; and a histogram."""

    def __init__(self) -> None:
        self.count = self.missing = self.zeros = self.counted = 0
        self.mean = self.squares = 0.0
        self.low, self.high = math.inf, -math.inf
        self.first, self.width = 0, TINY
        self.counts = np.zeros(0, np.int64)

    def add(self, values: Tensor) -> None:
        """Adds (row, ...) values."""
        flat = values.reshape(len(values), -1)
        each = max(1, AT_ONCE // max(1, flat.shape[1]))
        for part in flat.split(each):
            finite = self._moments(part)
            step = -(-part.shape[1] // COUNTED)
            counted = part[:, :: step + (step > 1 and step % 2 == 0)].reshape(-1)
            self._count(counted if finite else counted[counted.isfinite()])

    def join(self, other: Sketch) -> None:
        """Adds what another has seen (Chan, Golub and LeVeque 1983, equation 2.1)."""
        self._join_moments(other.count, other.mean, other.squares)
        self.missing, self.zeros, self.counted = self.missing + other.missing, self.zeros + other.zeros, self.counted + other.counted
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        if other.counts.size:
            self._merge(other.first, other.width, other.counts)

    def spread(self) -> Distribution:
        """What was seen."""
        low, high = (self.low, self.high) if self.count else (0.0, 0.0)
        deviation = math.sqrt(self.squares / self.count) if self.count else 0.0
        return Distribution(
            self.count,
            self.mean,
            deviation,
            low,
            high,
            self.missing,
            self.zeros,
            self.counted,
            self.first,
            self.width,
            self.counts.copy(),
        )

    def _moments(self, part: Tensor) -> bool:
        """Adds to the moments; whether all values are finite."""
        kept = part.double().reshape(-1)
        mean = float(kept.mean()) if kept.numel() else 0.0
        finite = math.isfinite(mean)  # one value that is not makes the mean so
        if not finite:
            there = kept.isfinite()
            self.missing += int((~there).sum())
            kept = kept[there]
            mean = float(kept.mean()) if kept.numel() else 0.0
        if kept.numel():
            self.low, self.high = min(self.low, float(kept.min())), max(self.high, float(kept.max()))
            self._join_moments(kept.numel(), mean, float((kept - mean).square_().sum()))
        return finite

    def _join_moments(self, count: int, mean: float, squares: float) -> None:
        together = self.count + count
        if count:
            difference = mean - self.mean
            self.squares += squares + difference**2 * self.count * count / together
            self.mean += difference * count / together
            self.count = together

    def _count(self, values: Tensor) -> None:
        if not values.numel():
            return
        zeros = int((values == 0).sum())
        self.counted += values.numel()
        self.zeros += zeros
        if zeros == values.numel():
            return
        low, high = float(values.min()), float(values.max())
        width = max(TINY, 2.0 ** math.floor(math.log2(max(high - low, abs(low) / BINS, abs(high) / BINS) / BINS)))
        while math.floor(high / width) - math.floor(low / width) >= BINS:
            width *= 2
        first = math.floor(low / width)
        # dividing by a power of two is exact, so that no value changes its bin with the batch that it comes in
        counts = torch.bincount((values.double() / width).floor_().sub_(first).long()).cpu().numpy()
        if zeros:
            counts[-first] -= zeros
        self._merge(first, width, counts)

    def _merge(self, first: int, width: float, counts: np.ndarray) -> None:
        """Adds a histogram; both are made as coarse as their common range asks for."""
        if not self.counts.size:
            self.first, self.width, self.counts = first, width, counts.astype(np.int64)
            return
        ours, theirs = (self.first, self.width, self.counts), (first, width, counts)
        wide = max(self.width, width)
        ours, theirs = _coarse(*ours, wide), _coarse(*theirs, wide)
        while max(ours[0] + len(ours[2]), theirs[0] + len(theirs[2])) - min(ours[0], theirs[0]) > BINS:
            wide *= 2
            ours, theirs = _coarse(*ours, wide), _coarse(*theirs, wide)
        start = min(ours[0], theirs[0])
        total = np.zeros(max(ours[0] + len(ours[2]), theirs[0] + len(theirs[2])) - start, np.int64)
        for at, _, part in (ours, theirs):
            total[at - start : at - start + len(part)] += part
        self.first, self.width, self.counts = start, wide, total


def _coarse(first: int, width: float, counts: np.ndarray, wide: float) -> tuple[int, float, np.ndarray]:
    """The histogram with bins ``wide`` instead of ``width``."""
    times = round(wide / width)
    if times == 1:
        return first, width, counts
    places = (first + np.arange(len(counts))) // times
    return int(places[0]), wide, np.bincount(places - places[0], counts, int(places[-1] - places[0]) + 1).astype(np.int64)


class Units:
    """For each unit: mean and deviation over rows of its value averaged over places, and the rows in which it is strongest anywhere."""

    def __init__(self, units: int, classes: int, top: int) -> None:
        self.count, self.top = 0, top
        self.mean, self.squares = np.zeros(units), np.zeros(units)
        self.class_sums, self.class_rows = np.zeros((classes, units)), np.zeros(classes, np.int64)
        self.origin: np.ndarray | None = None  # around which squares are summed of rows with a label
        self.class_squares = np.zeros(units)
        self.top_values, self.top_rows = np.zeros((units, 0), np.float32), np.zeros((units, 0), np.int64)

    def add(self, rows: np.ndarray, means: np.ndarray, peaks: np.ndarray, labels: np.ndarray | None) -> None:
        """Adds rows by number with each unit's mean and largest value (row, unit)."""
        count = len(rows)
        center = means.mean(0)
        together, difference = self.count + count, center - self.mean
        self.squares += ((means - center) ** 2).sum(0) + difference**2 * self.count * count / together
        self.mean += difference * count / together
        self.count = together
        if labels is not None and len(self.class_rows):
            self._classes(means[labels >= 0], labels[labels >= 0])
        values = np.concatenate([self.top_values, peaks.T.astype(np.float32)], 1)
        numbers = np.concatenate([self.top_rows, np.broadcast_to(rows, (len(center), count))], 1)
        order = np.argsort(-np.nan_to_num(values, nan=-np.inf), axis=1, kind="stable")[:, : self.top]
        self.top_values, self.top_rows = (np.take_along_axis(array, order, 1) for array in (values, numbers))

    @property
    def deviation(self) -> np.ndarray:
        """Over rows."""
        return np.sqrt(self.squares / max(1, self.count))

    def class_means(self) -> np.ndarray:
        """(class, unit); every class has rows."""
        return self.class_sums / self.class_rows[:, None] + (0.0 if self.origin is None else self.origin)

    def explained(self) -> np.ndarray:
        """(unit,) the share of the variance over rows with a label that lies between classes; not-a-number where there is none.

        With fewer than two rows for each class most of it would lie there by chance: that is not-a-number too.
        """
        count = int(self.class_rows.sum())
        if len(self.class_rows) < 2 or count < 2 * len(self.class_rows):
            return np.full(len(self.mean), np.nan)
        whole = self.class_sums.sum(0) ** 2 / count
        between = (self.class_sums**2 / self.class_rows[:, None]).sum(0) - whole
        total = self.class_squares - whole
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.clip(between / total, 0, 1)
        found[total <= 1e-12 * np.maximum(self.class_squares, np.finfo(float).tiny)] = np.nan
        return found

    def _classes(self, means: np.ndarray, labels: np.ndarray) -> None:
        if not len(means):
            return
        self.origin = means[0].copy() if self.origin is None else self.origin
        centered = means - self.origin
        np.add.at(self.class_sums, labels, centered)
        np.add.at(self.class_rows, labels, 1)
        self.class_squares += (centered**2).sum(0)


class Related:
    """Pearson correlations of units with features, from running sums around the first rows' mean."""

    def __init__(self, features: np.ndarray, units: np.ndarray) -> None:
        self.origin = features.mean(0), units.mean(0)
        self.count = 0
        self.sums = [np.zeros(features.shape[1]), np.zeros(units.shape[1])]
        self.squares = [np.zeros(features.shape[1]), np.zeros(units.shape[1])]
        self.products = np.zeros((units.shape[1], features.shape[1]))

    def add(self, features: np.ndarray, units: np.ndarray) -> None:
        """Adds rows."""
        both = [given - origin for given, origin in zip((features, units), self.origin, strict=True)]
        self.count += len(features)
        for at, given in enumerate(both):
            self.sums[at] += given.sum(0)
            self.squares[at] += (given**2).sum(0)
        self.products += both[1].T @ both[0]

    def correlation(self) -> np.ndarray:
        """(unit, feature), not-a-number where one of the two never changes."""
        spread = [squares - sums**2 / self.count for sums, squares in zip(self.sums, self.squares, strict=True)]
        shared = self.products - np.outer(self.sums[1], self.sums[0]) / self.count
        size = np.sqrt(np.outer(np.maximum(spread[1], 0), np.maximum(spread[0], 0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = shared / size
        small = [part <= 1e-12 * np.maximum(whole, np.finfo(float).tiny) for part, whole in zip(spread, self.squares, strict=True)]
        found[small[1]] = np.nan
        found[:, small[0]] = np.nan
        return np.clip(found, -1, 1)
