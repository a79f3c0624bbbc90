"""Where a network changes its mind on a plane of its inputs, and the linear regions that it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class InputPlane:
    """The plane that was looked at: points ``origin + u * along[0] + v * along[1]``, the two directions unit vectors at right angles.

    Attributes:
        kind: the two ``inputs`` themselves, a slice through three ``samples``, or along the two directions of largest variance (``pca``).
        names: of its two axes, empty for a slice.
        samples: numbers of the rows it goes through.
        explained: the share of the data's variance along each direction, for ``pca``.
        span: (left, right, low, high) of the part that was looked at.
    """

    kind: Literal["inputs", "samples", "pca"]
    origin: np.ndarray
    along: np.ndarray
    names: tuple[str, ...]
    samples: tuple[int, ...]
    explained: tuple[float, ...]
    span: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class LinearRegions:
    """Polygons in each of which the network is one linear function.

    Attributes:
        points: (point, 2) corners of all.
        corners: (polygon, place) numbers of points around each; places beyond ``counts`` repeat the first.
        counts: (polygon,) how many corners each has.
        middles: (polygon, 2) the mean of each one's corners.
        levels: (polygon, output) the scores at the middle: the outputs before a final softmax or sigmoid.
        slopes: (polygon, output, 2) their gradients along the plane.
        colors: (polygon,) numbers from 0, another one for each of two neighbors.
    """

    points: np.ndarray
    corners: np.ndarray
    counts: np.ndarray
    middles: np.ndarray
    levels: np.ndarray
    slopes: np.ndarray
    colors: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    def areas(self) -> np.ndarray:
        """(polygon,) the area of each."""
        x, y = np.moveaxis(self.points[self.corners] - self.points[self.corners[:, :1]], -1, 0)
        return 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1))


@dataclass(frozen=True, eq=False)
class PlacedRows:
    """The data on the plane.

    Attributes:
        places: (row, 2) where each lies, seen at a right angle.
        off: (row,) how far from the plane, in the units of the network's input.
        truth: (row,) the true class, -1 where unknown.
        predicted: (row,) the class that the network says of the row itself.
        there: (row,) the class that it says of the row's place on the plane.
        distances: (row,) from that place to the nearest boundary in the part that was looked at; infinite where there is none.
        sure: (row,) whether no boundary outside of that part can be nearer.
    """

    places: np.ndarray
    off: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    there: np.ndarray
    distances: np.ndarray
    sure: np.ndarray


@dataclass(frozen=True, eq=False)
class DecisionBoundary:
    """The classes on a plane.

    Attributes:
        how: ``exact``: from all linear regions; ``traced``: exact in those cells of the grid in which it was seen to run;
            ``sampled``: straight between the points of the grid.
        why: what stands against all regions: the network ``bends`` between any two points, its operations are ``hidden``, or the regions
            are ``many``; "" where nothing does, or sampling was asked for. ``detail`` names the operation, or the most regions allowed.
        plane: what was looked at.
        class_names: of the classes, in order.
        classes: (y, x) the class that the network says at the points of a grid over the span, its sides included; rows from the lowest up.
        confidence: (y, x) the probability that it gives to that class.
        boundary: (segment, 2, 2) both ends of the lines on which the class changes.
        between: (segment, 2) the classes at their sides.
        regions: the linear regions, where they are known.
        agreement: the share of the grid's points at which the polygons, which are float64, say the same class as the network.
        rows: the data.
    """

    how: Literal["exact", "traced", "sampled"]
    why: Literal["", "bends", "hidden", "many"]
    detail: str
    plane: InputPlane
    class_names: tuple[str, ...]
    classes: np.ndarray
    confidence: np.ndarray
    boundary: np.ndarray
    between: np.ndarray
    regions: LinearRegions | None
    agreement: float | None
    rows: PlacedRows
    what: Literal["decision_boundary"] = "decision_boundary"
