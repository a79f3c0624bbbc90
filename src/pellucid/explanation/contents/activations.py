"""What the units of a network do on given rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Distribution:
    """How numbers are spread, counted batch by batch.

    Attributes:
        count, mean, deviation, low, high: of all finite values; ``missing`` counts the others.
        zeros: how many are exactly 0.
        first, width, counts: bin ``i`` counts values from ``(first + i) * width`` up to the next one, without those that are exactly 0. The
            width is the smallest power of two with which 2,048 bins reach from ``low`` to ``high``. Of a row with more than 65,536 values
            those at even distances are ``counted``.
    """

    count: int
    mean: float
    deviation: float
    low: float
    high: float
    missing: int
    zeros: int
    counted: int
    first: int
    width: float
    counts: np.ndarray

    def quantiles(self, shares: tuple[float, ...]) -> np.ndarray:
        """Values below which these shares of all lie, right to one bin's width."""
        whole = int(self.counts.sum()) + self.zeros
        if not whole:
            return np.full(len(shares), np.nan)
        edges = (self.first + np.arange(len(self.counts) + 1)) * self.width
        at_zero = int(np.searchsorted(edges, 0.0))
        places = np.insert(edges, at_zero, 0.0)
        below = np.insert(np.concatenate([[0], np.cumsum(self.counts)]), at_zero, 0)
        below[at_zero] = below[at_zero - 1] if at_zero else 0
        below[at_zero + 1 :] += self.zeros
        found = np.interp(np.asarray(shares) * whole, below, places)
        return np.clip(found, self.low, self.high)


Zone = Literal["zero", "saturated", "linear", "between"]


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """Where on its curve an activation function works.

    A value is *flat* where the size of the slope is under 1 % of the reference: the slope far out where the function goes on for ever, the
    largest slope where it does so on neither side. Flat is called ``zero`` where the function is 0 (and is 0 at 0, or goes on at the other
    end), and ``saturated`` at the other ends. ``linear`` is where the slope is within 5 % of the reference, ``between`` the rest, with the
    turn of a function that has one.

    Attributes:
        layer, function: the site and the operation; ``module`` the path of the module that it runs in.
        before: the layer whose output it takes as it is, "" if there is none.
        x, y: the curve; ``edges`` and ``zones`` divide the number line, ``zones[i]`` lying between ``edges[i - 1]`` and ``edges[i]``.
        slope: the reference.
        spread: of what goes in.
        values: how many values each unit had, all rows and places together.
        zero, saturated, linear: how many of them lay there, for each unit.
        several: whether units have curves of their own (PReLU); ``y`` is their mean then.
    """

    layer: str
    function: str
    module: str
    before: str
    x: np.ndarray
    y: np.ndarray
    edges: tuple[float, ...]
    zones: tuple[Zone, ...]
    slope: float
    spread: Distribution
    values: int
    zero: np.ndarray
    saturated: np.ndarray
    linear: np.ndarray
    several: bool = False

    @property
    def dead(self) -> np.ndarray:
        """The units whose every value lies at the zero side."""
        return np.flatnonzero(self.zero == self.values)

    @property
    def stuck(self) -> np.ndarray:
        """The units whose every value is saturated."""
        return np.flatnonzero(self.saturated == self.values)

    def share(self, zone: Zone) -> float:
        """The share of all values that lie there."""
        whole = float(self.values) * len(self.zero)
        if zone == "between":
            return max(0.0, 1.0 - sum(float(part.sum()) for part in (self.zero, self.saturated, self.linear)) / whole)
        return float({"zero": self.zero, "saturated": self.saturated, "linear": self.linear}[zone].sum()) / whole


@dataclass(frozen=True, eq=False)
class LayerActivations:
    """What a layer gives.

    Attributes:
        layer, operation, module: the site.
        units: how many it has, and ``places`` the sizes of what each is computed at (y, x; tokens; steps).
        spread: of all that it gives.
        mean, deviation: (unit,) of a unit's values, averaged over places, over rows.
        top_rows, top_values: (unit, rank) the rows in which a unit is strongest at some place, and how strong.
        class_means: (class, unit) of the ``classes`` (class,) that have rows; empty without labels.
        selectivity: (unit,) the class selectivity index of Morcos et al. (2018), (a - b) / (a + b) with a the largest of the class means
            and b the mean of the others; not-a-number for a unit with a negative class mean.
        explained: (unit,) the share of the variance over rows that lies between classes (eta squared); not-a-number where there are fewer
            than two rows for each class.
        related: (unit, feature) Pearson correlation with the input's features, for tables; empty else.
        chosen: the units that are shown, those that vary most first; ``rows`` those rows.
        maps: (row, unit, place ...) of the shown rows and units; empty where nothing is shown. Maps larger than 56 are averaged down.
        scatter_rows, scatter: (row,) and (row, unit) of the shown units, at even distances, for tables.
    """

    layer: str
    operation: str
    module: str
    units: int
    places: tuple[int, ...]
    spread: Distribution
    mean: np.ndarray
    deviation: np.ndarray
    top_rows: np.ndarray
    top_values: np.ndarray
    classes: np.ndarray
    class_means: np.ndarray
    selectivity: np.ndarray
    explained: np.ndarray
    related: np.ndarray
    chosen: np.ndarray
    rows: np.ndarray
    maps: np.ndarray
    scatter_rows: np.ndarray
    scatter: np.ndarray

    @property
    def preferred(self) -> np.ndarray:
        """(unit,) the class with the largest mean, -1 without labels."""
        return self.classes[self.class_means.argmax(0)] if len(self.class_means) else np.full(self.units, -1)


@dataclass(frozen=True, eq=False)
class AttentionWeights:
    """The attention of one layer: ``weights`` (row, head, query, key) in the ``rows``."""

    layer: str
    rows: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """What a recurrent layer gives at each step: ``values`` (row, step, unit) in the ``rows``, for these ``units`` out of ``count``."""

    layer: str
    operation: str
    rows: np.ndarray
    units: np.ndarray
    count: int
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class ShownRows:
    """Some of the rows as a person knows them.

    ``pixels`` (row, y, x, 3) of images, at most 64 wide and high; ``signal`` (row, step, feature) of series; ``texts`` the tokens; the
    others are empty. ``table`` (row, feature) are all rows of a table that are drawn in scatters, with ``table_rows`` their numbers.
    """

    rows: np.ndarray
    pixels: np.ndarray
    signal: np.ndarray
    texts: tuple[str, ...]
    features: tuple[str, ...]
    table_rows: np.ndarray
    table: np.ndarray


@dataclass(frozen=True, eq=False)
class Activations:
    """Every layer and activation function in order of execution; maps, examples and classes are of some layers only.

    ``attention_layers`` counts those with attention, of which some may be left out. ``labels`` (row,) are the true classes, -1 where one is
    unknown, and empty where none were given.
    """

    layers: tuple[LayerActivations, ...]
    functions: tuple[OperatingPoints, ...]
    attention: tuple[AttentionWeights, ...]
    attention_layers: int
    states: tuple[HiddenStates, ...]
    shown: ShownRows
    labels: np.ndarray
    class_names: tuple[str, ...]
    rows: int
    what: Literal["activations"] = "activations"

    @property
    def chance(self) -> float:
        """The share of a unit's variance that lies between classes on average, were the labels dealt out at random: (k - 1) / (n - 1)."""
        known = self.labels[self.labels >= 0]
        return (len(np.unique(known)) - 1) / (len(known) - 1) if len(known) > 1 else 0.0
