"""Which rows a layer puts near each other: t-SNE, and how far it can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.errors import MissingExtra
from pellucid.explanation.contents.representations import Neighborhoods
from pellucid.methods.internals.representations_axes import principal

MOST = 500  # rows that are laid out
PERPLEXITY = 30.0
NEAREST = 12  # neighbors by which a layout is judged
START = 1e-4  # the spread of the first axis at the start, as scikit-learn has it


def neighborhoods(layer: str, values: np.ndarray, seed: int) -> Neighborhoods | None:
    """The rows of (row, number) by t-SNE, starting from their principal axes; None where the layer gives the same for all.

    One thread: on a busy machine several would wait for each other, and their sums would come in another order every time.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE, trustworthiness
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtra("scikit-learn", "data") from error
    rows = np.sort(np.random.default_rng(seed).permutation(len(values))[:MOST])
    own = values[rows]
    start, _ = principal(own, 2)
    spread = float(start[:, 0].std())
    if not spread > 0:
        return None
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    with threadpool_limits(1):
        first: Any = (start / spread * START).astype(np.float32)
        model: Any = TSNE(2, perplexity=perplexity, init=first, random_state=seed)
        places = model.fit_transform(own)
        nearest = min(NEAREST, (len(rows) - 1) // 2)
        trust = float(trustworthiness(own, places, n_neighbors=nearest))
    return Neighborhoods(layer, rows, places.astype(np.float32), perplexity, trust, nearest)
