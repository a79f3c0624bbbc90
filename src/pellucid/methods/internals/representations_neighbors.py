"""Which rows a layer puts near each other: t-SNE, and how far it can be trusted."""

from __future__ import annotations

import numpy as np

from pellucid.explanation.contents.representations import Neighborhoods
from pellucid.methods.internals.layouts import tsne

MOST = 500  # rows that are laid out
NEAREST = 12  # neighbors by which a layout is judged


def neighborhoods(layer: str, values: np.ndarray, seed: int) -> Neighborhoods | None:
    """The rows of (row, number) by t-SNE; None where the layer gives the same for all.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(values))[:MOST])
    own = values[rows]
    if not np.ptp(own, 0).any():
        return None
    places, perplexity = tsne(own, seed)
    from sklearn.manifold import trustworthiness
    from threadpoolctl import threadpool_limits

    nearest = min(NEAREST, (len(rows) - 1) // 2)
    with threadpool_limits(1):
        trust = float(trustworthiness(own, places, n_neighbors=nearest))
    return Neighborhoods(layer, rows, places, perplexity, trust, nearest)
