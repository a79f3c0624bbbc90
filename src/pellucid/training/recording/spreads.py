"""How many tensors' values are spread: samples taken where the tensors lie, statistics made from them in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pellucid.training.runs.contents import BINS, QUANTILES, Spread

TOTAL = 131_072  # values of all samples together
FEWEST, MOST = 256, 4096  # of one tensor


def sample_size(tensors: int) -> int:
    """Values that are taken of each of so many tensors."""
    return max(FEWEST, min(MOST, TOTAL // max(tensors, 1)))


class Sampler:
    """Takes the same places of each tensor every time: places drawn once from a seed, all of a tensor where it is small.

    Args:
        sizes: values of each tensor. ``device``: where they lie.
    """

    def __init__(self, sizes: Sequence[int], device: torch.device) -> None:
        most = sample_size(len(sizes))
        draw = np.random.default_rng(0)
        self.places: list[Tensor | None] = []
        for size in sizes:
            places = (
                None
                if size <= most
                else np.sort(draw.choice(size, most, replace=False) if size < 1 << 22 else draw.integers(size, size=most))
            )
            self.places.append(None if places is None else torch.from_numpy(places).to(device))
        self.taken = np.array([size if places is None else len(places) for size, places in zip(sizes, self.places, strict=True)], np.int64)

    def __call__(self, tensors: Sequence[Tensor], which: Sequence[int] | None = None) -> Tensor:
        """The samples one after the other, in a tensor of their own; ``which`` of the tensors these are, if not all."""
        known = self.places if which is None else [self.places[at] for at in which]
        parts = [
            tensor.detach().reshape(-1) if places is None else torch.take(tensor.detach(), places)
            for tensor, places in zip(tensors, known, strict=True)
        ]
        return torch.cat([part.float() if part.dtype in (torch.float16, torch.bfloat16) else part for part in parts])


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of each tensor, exact."""
    return torch.stack([torch.linalg.vector_norm(tensor.detach()) for tensor in tensors]).float()


def spread(names: tuple[str, ...], sizes: np.ndarray, taken: np.ndarray, values: np.ndarray, norm: np.ndarray) -> Spread:
    """Statistics of samples that lie one after the other in ``values``; ``taken`` says how many of each tensor."""
    if np.isfinite(values).all():
        kept, finite = values, taken
    else:
        good = np.isfinite(values)
        finite = np.add.reduceat(good.astype(np.int64), _starts(taken))
        kept = values[good]
    mean, std = _moments(kept, finite)
    rows = np.sort(_padded(kept, finite), axis=1)  # not-a-number, behind the shorter ones, stays last
    quantiles = _quantiles(rows, finite)
    return Spread(
        names,
        sizes.astype(np.int64),
        taken.astype(np.int64),
        np.asarray(norm, np.float64),
        mean,
        std,
        quantiles,
        _histograms(kept, finite, quantiles),
        1.0 - finite / np.maximum(taken, 1),
    )


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _moments(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each tensor, not-a-number where nothing is left of it."""
    owner = np.repeat(np.arange(len(counts)), counts)
    some = np.where(counts > 0, counts, np.nan)
    mean = np.bincount(owner, values, len(counts)) / some
    off = values - np.repeat(mean, counts)
    return mean, np.sqrt(np.bincount(owner, off * off, len(counts)) / some)


def _padded(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(tensor, sample) with not-a-number behind the shorter ones."""
    rows = np.full((len(counts), int(counts.max(initial=1)) or 1), np.nan, values.dtype)
    rows[np.arange(rows.shape[1]) < counts[:, None]] = values
    return rows


def _quantiles(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    place = np.array(QUANTILES) * np.maximum(counts - 1, 0)[:, None]
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(counts - 1, 0)[:, None])
    below, above = (np.take_along_axis(rows, at, 1).astype(np.float64) for at in (low, high))
    return below + (place - low) * (above - below)


def _histograms(values: np.ndarray, counts: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Counts (tensor, bin) between the smallest and the largest value of each tensor."""
    low, width = quantiles[:, 0], quantiles[:, -1] - quantiles[:, 0]
    per = np.where(width > 0, BINS / np.where(width > 0, width, 1.0), 0.0)
    bins = ((values - np.repeat(low, counts)) * np.repeat(per, counts)).astype(np.int64)
    np.clip(bins, 0, BINS - 1, out=bins)
    bins += np.repeat(BINS * np.arange(len(counts)), counts)
    return np.bincount(bins, minlength=BINS * len(counts)).reshape(len(counts), BINS).astype(np.uint32)
