"""How the layers of a network represent rows: two-dimensional maps, what can be read from each layer, how alike layers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Representations:
    """The layers in order of execution.

    Attributes:
        layers: their names; ``sizes`` how many numbers each gives for a row, before ``pooled`` (mean over places) and after.
        pooled: which layers' maps or tokens were averaged over their places.
        maps: places (layer, sample, 2) on the first two principal axes of each layer, and ``explained`` (layer, 2), their shares of the
            variance.
        probes: accuracy of a linear probe on each layer, cross-validated, (layer, 3): value, low, high of its 95 % interval;
            not-a-number without labels.
        base: the share of the most frequent class, and ``own`` the network's own accuracy; not-a-number without labels.
        similarity: debiased linear CKA between layers, (layer, layer).
        labels, predicted: class index of each row, -1 where unknown, (sample,).
        class_names: names of the classes, or empty.
        rows: how many rows were looked at, out of ``given``.
    """

    layers: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    pooled: tuple[bool, ...]
    maps: np.ndarray
    explained: np.ndarray
    probes: np.ndarray
    base: np.ndarray
    own: np.ndarray
    similarity: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    class_names: tuple[str, ...]
    rows: int
    given: int
    what: Literal["representations"] = "representations"
