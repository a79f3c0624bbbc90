"""Rows laid out: on their principal axes, and by t-SNE."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.errors import MissingExtra

PERPLEXITY = 30.0  # at most a third of the rows
START = 1e-4  # the spread of the first axis at the start, as scikit-learn has it


def principal(values: np.ndarray, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (row, axis) on the first principal axes, the sign such that the largest is positive; and the shares of variance."""
    centered = values - values.mean(0)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    total = float((sizes**2).sum())
    found = np.zeros((len(values), axes))
    count = min(axes, len(sizes))
    found[:, :count] = left[:, :count] * sizes[:count]
    signs = np.where(np.abs(found.max(0)) >= np.abs(found.min(0)), 1.0, -1.0)
    shares = np.zeros(max(axes, len(sizes)))
    shares[: len(sizes)] = sizes**2 / total if total else 0.0
    return found * signs, shares[:axes]


def tsne(values: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Places (row, 2) of the rows of (row, number) by t-SNE, starting from their principal axes; and the perplexity.

    One thread: on a busy machine several would wait for each other, and their sums would come in another order every time.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtra("scikit-learn", "data") from error
    start, _ = principal(values, 2)
    spread = float(start[:, 0].std()) or 1.0
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    with threadpool_limits(1):
        first: Any = (start / spread * START).astype(np.float32)
        model: Any = TSNE(2, perplexity=perplexity, init=first, random_state=seed)
        return model.fit_transform(values).astype(np.float32), perplexity
