"""How alike two representations of the same rows are: debiased linear CKA, and what chance would give."""

from __future__ import annotations

import numpy as np


def kernel(values: np.ndarray) -> np.ndarray:
    """Inner products of rows (row, row) about their mean, the diagonal left out."""
    centered = values - values.mean(0)
    found = centered @ centered.T
    np.fill_diagonal(found, 0)
    return found


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Debiased linear CKA of two kernels without diagonal; not-a-number where a layer does not vary."""
    size = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / np.sqrt(size)) if size > 0 else float("nan")


def matrix(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    """CKA of each of the first kernels with each of the second (first, second)."""
    return np.array([[cka(a, b) for b in second] for a in first])


def chance(rows: int) -> float:
    """The standard deviation of :func:`cka` over all ways of pairing the rows of one with those of the other; its mean is 0.

    Exact, whatever the kernels: centered as HSIC has it they span the n (n - 3) / 2 dimensions of an irreducible representation of the
    permutations of rows, over which the square of an inner product with any turned copy averages to 1 / dimension.
    """
    return float(np.sqrt(2 / (rows * (rows - 3))))


def _hsic(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate (Song et al. 2012, equation 5), up to a factor that cancels."""
    n = len(first)
    both = float((first * second).sum())
    ends = float(first.sum() * second.sum()) / ((n - 1) * (n - 2))
    return both + ends - 2 / (n - 2) * float(first.sum(0) @ second.sum(0))
