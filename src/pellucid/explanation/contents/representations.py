"""How the layers of a network represent rows: two-dimensional maps, what can be read from each layer, how alike layers are.

And, of a table, how its features go together with the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Neighborhoods:
    """Rows by t-SNE of one layer.

    Attributes:
        rows: which of the rows that were looked at, (place,); ``places`` (place, 2) is where they lie.
        perplexity: about how many neighbors each row was given.
        trust: trustworthiness: 1 where the ``nearest`` neighbors of each row are among its nearest in the layer too, about .5 at random.
    """

    layer: str
    rows: np.ndarray
    places: np.ndarray
    perplexity: float
    trust: float
    nearest: int


@dataclass(frozen=True, eq=False)
class OtherNetwork:
    """The layers of another network on the same rows.

    Attributes:
        model: its name; ``fingerprint`` that of its weights.
        similarity: debiased linear CKA of each layer with each of the other network's, (layer, other layer).
        chance: the standard deviation that a similarity has if the rows are paired at random; its mean is then 0.
    """

    model: str
    fingerprint: str
    layers: tuple[str, ...]
    similarity: np.ndarray
    chance: float

    @property
    def limit(self) -> float:
        """What at most 5 % of random pairings reach, whatever the distribution (Cantelli)."""
        return self.chance * 19**0.5

    @property
    def counterparts(self) -> list[tuple[int, int]]:
        """Each layer with the one of the other network that it is most like; those that do not vary left out."""
        return [(k, int(np.nanargmax(row))) for k, row in enumerate(self.similarity) if np.isfinite(row).any()]


@dataclass(frozen=True, eq=False)
class Relations:
    """How the features of a table go together with the outputs, over the rows that were looked at; arrays are (feature, output).

    Attributes:
        features, outputs: their names; ``count`` is how many outputs there are, of which those that win in most rows are here.
        correlation: Spearman's, and ``low`` and ``high``, its 95 % interval; not-a-number where one does not vary.
        gradient: mean over the rows, and ``rising``, the share of rows in which it is above 0; not-a-number where there is none.
        deviation: of each feature as the network gets it, (feature,).
    """

    features: tuple[str, ...]
    outputs: tuple[str, ...]
    count: int
    correlation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gradient: np.ndarray
    rising: np.ndarray
    deviation: np.ndarray

    def order(self, output: int) -> np.ndarray:
        """The features by the size of their correlation with an output, those without one last."""
        return np.argsort(-np.nan_to_num(np.abs(self.correlation[:, output]), nan=-1.0), kind="stable")

    @property
    def strongest(self) -> tuple[int, int] | None:
        """The feature and the output that go together most closely; None where none varies."""
        sizes = np.nan_to_num(np.abs(self.correlation), nan=-1.0)
        place = int(sizes.argmax())
        return divmod(place, sizes.shape[1]) if sizes.flat[place] >= 0 else None

    @property
    def opposed(self) -> np.ndarray:
        """Where the interval of the correlation leaves out 0 and the mean gradient has the other sign, (feature, output)."""
        return (self.low * self.high > 0) & (self.correlation * self.gradient < 0)


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
        neighborhoods: of some layers, their rows by t-SNE.
        other: the layers of another network, if one was given.
        relations: of flat inputs of few features, how they go together with the outputs.
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
    neighborhoods: tuple[Neighborhoods, ...] = ()
    other: OtherNetwork | None = None
    relations: Relations | None = None
    what: Literal["representations"] = "representations"
