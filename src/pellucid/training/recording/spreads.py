"""How many tensors' values are spread: samples taken where the tensors lie, statistics made from them in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        """The samples one after the other, in a tensor of their own."""
        parts = [
            tensor.detach().reshape(-1) if places is None else torch.take(tensor.detach(), places)
            for tensor, places in zip(tensors, self.places, strict=True)
        ]
        return torch.cat([part.float() if part.dtype in (torch.float16, torch.bfloat16) else part for part in parts])


@dataclass(frozen=True, eq=False)
class Taken:
    """Samples of several tensors and what is known of the whole tensors, ready to leave for another thread.

    Attributes:
        values: the samples one after the other; ``norms``: (tensor,).
    """

    values: Tensor
    norms: Tensor


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of each tensor, exact."""
    return torch.stack([torch.linalg.vector_norm(tensor.detach()) for tensor in tensors]).float()


def spread(names: tuple[str, ...], sizes: np.ndarray, taken: np.ndarray, values: np.ndarray, norm: np.ndarray) -> Spread:
    """Statistics of samples that lie one after the other in ``values``; ``taken`` says how many of each tensor."""
    rows = _padded(values, taken)
    finite = np.isfinite(rows).sum(1)
    rows = np.sort(np.where(np.isfinite(rows), rows, np.nan), axis=1)  # what is not finite stands last
    inside = np.arange(rows.shape[1]) < finite[:, None]
    some = np.maximum(finite, 1)
    kept = np.where(inside, rows, 0.0)
    mean = np.where(finite > 0, kept.sum(1) / some, np.nan)
    std = np.sqrt(np.where(inside, (kept - mean[:, None]) ** 2, 0.0).sum(1) / some)
    return Spread(
        names,
        sizes.astype(np.int64),
        taken.astype(np.int64),
        np.asarray(norm, np.float64),
        mean,
        np.where(finite > 0, std, np.nan),
        _quantiles(rows, finite),
        _histograms(rows, finite, inside),
        1.0 - finite / np.maximum(taken, 1),
    )


def _padded(values: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """(tensor, sample) with not-a-number behind the shorter ones."""
    rows = np.full((len(taken), int(taken.max(initial=1))), np.nan)
    rows[np.arange(rows.shape[1]) < taken[:, None]] = values
    return rows


def _quantiles(rows: np.ndarray, finite: np.ndarray) -> np.ndarray:
    place = np.array(QUANTILES) * np.maximum(finite - 1, 0)[:, None]
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(finite - 1, 0)[:, None])
    below, above = np.take_along_axis(rows, low, 1), np.take_along_axis(rows, high, 1)
    return below + (place - low) * (above - below)


def _histograms(rows: np.ndarray, finite: np.ndarray, inside: np.ndarray) -> np.ndarray:
    low = rows[:, :1]
    high = np.take_along_axis(rows, np.maximum(finite - 1, 0)[:, None], 1)
    width = np.where(high > low, high - low, 1.0)
    with np.errstate(invalid="ignore"):
        bins = np.minimum((rows - low) / width * BINS, BINS - 1)
    flat = (np.where(inside, bins, 0).astype(int) + BINS * np.arange(len(rows))[:, None])[inside]
    return np.bincount(flat, minlength=BINS * len(rows)).reshape(len(rows), BINS).astype(np.uint32)
