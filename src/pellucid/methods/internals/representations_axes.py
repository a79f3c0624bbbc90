"""The principal axes of a layer."""

from __future__ import annotations

import numpy as np


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
