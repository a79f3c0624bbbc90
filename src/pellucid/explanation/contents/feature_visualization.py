"""What makes single units of an image network strong: optimized pictures, beside the real rows in which they are strongest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Way = Literal["fourier", "spectrum"]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class VisualizedLayer:
    """Some units of a layer. The activation of a row, or of a picture, is that at the strongest of a unit's places.

    Attributes:
        layer: its name; ``""`` are the outputs.
        units: (unit,) out of ``count``; ``places`` the sizes of what each is computed at, empty where that is one number for a row.
        inputs: (way, unit, ...) the optimized pictures as the network takes them.
        pixels: (way, unit, y, x, 3) the same to be shown.
        touched: (way, unit, y, x) in 0..1, how much the gradient asked of each pixel over all steps, against the most.
        reached: (way, unit) the activation, of the picture as it is.
        shifted: (way, unit) its mean over eight small shifts of the picture.
        boxes: (way, unit, 4) what the strongest place can see of the picture: top, bottom, left, right in pixels, ends left out.
        quantiles: (unit, 5) of the rows' activations: 5, 25, 50, 75 and 95 %.
        top_rows, top_values: (unit, rank) the rows in which a unit is strongest, and how strong.
        top_boxes: (unit, rank, 4) what the strongest place can see of the row.
        top_shifted: (unit,) as ``shifted``, of the strongest row.
    """

    layer: str
    units: np.ndarray
    count: int
    places: tuple[int, ...]
    inputs: np.ndarray
    pixels: np.ndarray
    touched: np.ndarray
    reached: np.ndarray
    shifted: np.ndarray
    boxes: np.ndarray
    quantiles: np.ndarray
    top_rows: np.ndarray
    top_values: np.ndarray
    top_boxes: np.ndarray
    top_shifted: np.ndarray

    @property
    def median(self) -> np.ndarray:
        """(unit,) the activation of the median row."""
        return self.quantiles[:, 2]

    @property
    def height(self) -> np.ndarray:
        """(way, unit) what was reached: 0 is the median row, 1 the strongest; not-a-number where they are the same."""
        return (self.reached - self.median) / self._rise

    @property
    def kept(self) -> np.ndarray:
        """(way, unit) the share of what a picture has above the median row that is left after a small shift."""
        above = self.reached - self.median
        return (self.shifted - self.median) / np.where(above > 0, above, np.nan)

    @property
    def top_kept(self) -> np.ndarray:
        """(unit,) the same of the strongest row."""
        return (self.top_shifted - self.median) / self._rise

    @property
    def _rise(self) -> np.ndarray:
        rise = self.top_values[:, 0] - self.median
        return np.where(rise > 0, rise, np.nan)


@dataclass(frozen=True, eq=False)
class FeatureVisualization:
    """Units of some layers.

    Attributes:
        layers: in order of execution, the outputs last.
        ways: how pictures were made, in the order of the axis ``way``; in ``steps`` steps.
        scale: what an output is: ``logits``, ``log-odds`` where the network ends in probabilities, or ``values``.
        low, high: (channel,) the range of the pictures, and ``bounds`` where it comes from.
        shift: the size of a small shift, in pixels.
        shown, shown_pixels: (row,) and (row, y, x, 3) the rows among any unit's strongest.
        labels: (row,) true classes of all rows, -1 where unknown; empty where none were given.
        class_names: or empty.
        rows: how many rows were looked at, out of ``given``.
    """

    layers: tuple[VisualizedLayer, ...]
    ways: tuple[Way, ...]
    steps: int
    scale: Literal["logits", "log-odds", "values"]
    low: np.ndarray
    high: np.ndarray
    bounds: Literal["preparation", "spec", "data"]
    shift: int
    shown: np.ndarray
    shown_pixels: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    rows: int
    given: int
    what: Literal["feature_visualization"] = "feature_visualization"
