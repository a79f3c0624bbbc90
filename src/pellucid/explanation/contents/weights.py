"""What the weights of a network are like: every tensor by itself, and the units that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

WeightKind = Literal["dense", "convolution", "recurrent", "attention", "embedding", "gain", "bias", "other"]

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The singular values of a weight as a matrix (unit, input).

    Attributes:
        values: the largest first; all of them, or the leading ones where ``exact`` is False (found at random, from below).
        full: how many there are: the shorter side.
        stable_rank: the squared Frobenius norm over the squared largest singular value.
        edge: the largest that a random matrix of this size with independent entries of the same mean square has (Bai and Yin 1993).
    """

    values: np.ndarray
    full: int
    exact: bool
    stable_rank: float
    edge: float


@dataclass(frozen=True, eq=False)
class RowLayout:
    """The rows of a weight as points in the plane (point, 2): ``rows`` says which; ``explained`` is the share of the variance, of PCA."""

    method: Literal["pca", "tsne"]
    points: np.ndarray
    rows: np.ndarray
    explained: np.ndarray


@dataclass(frozen=True, eq=False)
class WeightChange:
    """How a weight differs from an initial one.

    Attributes:
        relative: the norm of the difference over the initial norm; not-a-number where that is 0. ``angle`` between both, in degrees.
        moved: the same as ``relative`` for every unit (unit,), over the root mean square of the initial norms of the units.
    """

    relative: np.ndarray
    angle: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True, eq=False)
class Weight:
    """One weight as the network applies it: of a parametrized layer what results, of a recurrent layer one gate.

    Attributes:
        name: its layer's path where it is the layer's ``weight``, else its own dotted name; ``parameter`` is always the latter.
        type: the layer's class; ``tied`` are the other names of the same parameter; ``made`` is how it results, "" where it is a parameter.
        shape: as stored; ``units`` rows of ``inputs`` columns as a matrix; 0 columns where it is a vector.
        mean, deviation, norm: of the finite elements; ``strange`` counts the others, ``zeros`` those that are 0.
        quantiles: at :data:`QUANTILES`; ``counts`` between ``edges``.
        map: the matrix, or the means of blocks of ``block`` rows and columns; empty for a vector.
        kernels: (unit, input, y, x) of a convolution, of the units ``kernel_units`` and their inputs ``kernel_inputs``: all, or those with
            the largest norms. Empty where a kernel has one cell; the slices of a volume are inputs of their own.
    """

    name: str
    parameter: str
    type: str
    kind: WeightKind
    tied: tuple[str, ...]
    made: str
    shape: tuple[int, ...]
    dtype: str
    units: int
    inputs: int
    mean: float
    deviation: float
    norm: float
    strange: int
    zeros: int
    quantiles: np.ndarray
    edges: np.ndarray
    counts: np.ndarray
    map: np.ndarray
    block: tuple[int, int]
    kernels: np.ndarray
    kernel_units: np.ndarray
    kernel_inputs: np.ndarray
    spectrum: Spectrum | None
    layout: RowLayout | None
    change: WeightChange | None

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def rms(self) -> float:
        """The root mean square of its elements."""
        return self.norm / max(self.size - self.strange, 1) ** 0.5


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """The units of one layer: what is dead, constant or there twice.

    Attributes:
        layer: its path, with the layer and direction of a recurrent one; ``type`` its class.
        fan_in: how many incoming weights a unit has, its bias included.
        compared: how many units were compared with one another; of more, those were drawn.
        norms, outgoing: of the incoming and the outgoing weights (unit,); ``outgoing`` not-a-number where the next layers are not known.
        nearest: the unit with the most similar incoming weights (unit,), -1 where there is none.
        difference: from that unit (unit,): the norm of the difference of incoming weights and biases, both units scaled to weights of
            norm 1; ``outgoing_cosine`` between the outgoing weights of both. Not-a-number where there is none.
        dimension: of the directions that the incoming weights take: one over the mean squared cosine of two units.
        limit: the difference up to which two units are near-duplicates; ``by_chance`` says that chance sets it.
        smallest: share of the layer's largest norm, or of the unit's own bias, up to which a norm counts as zero.
        silent: units whose outgoing weights are all zero; ``off``: whose incoming weights are all zero and whose activation
            stays at zero; ``constant``: whose incoming weights are all zero and that give another value, or one that is not known.
        normalization, activation, next: the normalization folded into the weights, the activation and the layers that follow, where known.
    """

    layer: str
    type: str
    fan_in: int
    compared: int
    norms: np.ndarray
    outgoing: np.ndarray
    nearest: np.ndarray
    difference: np.ndarray
    outgoing_cosine: np.ndarray
    dimension: float
    limit: float
    by_chance: bool
    smallest: float
    silent: tuple[int, ...]
    off: tuple[int, ...]
    constant: tuple[int, ...]
    normalization: str
    activation: str
    next: tuple[str, ...]

    @property
    def dead(self) -> tuple[int, ...]:
        """Units that can never matter, whatever comes in."""
        return tuple(sorted({*self.silent, *self.off}))

    @property
    def doubled(self) -> tuple[int, ...]:
        """Units that have a near-duplicate."""
        return tuple(int(unit) for unit in np.flatnonzero((self.nearest >= 0) & (self.difference <= self.limit)))

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Each unit that has a near-duplicate with its nearest one, once, the most similar first."""
        found = {tuple(sorted((unit, int(self.nearest[unit])))): float(self.difference[unit]) for unit in self.doubled}
        return tuple((a, b) for a, b in sorted(found, key=lambda pair: (found[pair], pair)))


@dataclass(frozen=True, eq=False)
class Weights:
    """Every weight in order of definition, and the units of the layers that have some.

    ``followed`` says what the next layers are known from: the rows that were given, rows of zeros of the shape ``guessed``, or nothing.
    """

    weights: tuple[Weight, ...]
    units: tuple[LayerUnits, ...]
    parameters: int
    followed: Literal["rows", "guess", "none"]
    guessed: tuple[int, ...]
    what: Literal["weights"] = "weights"
