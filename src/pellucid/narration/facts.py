"""What is true of one row's numbers, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explanation import Check, Explanation, LabelledArray
from pellucid.views.rasters import covered, richest_region
from pellucid.views.reading import first_sample, reduced

TOP = 3  # entries named in a sentence
REMOVED = 0.1  # the share of the input whose removal is told
NINTHS = 3  # a picture is told in three rows and columns, a series in three parts


@dataclass(frozen=True)
class Place:
    """Where a map lies.

    Part ``index`` of the input holds ``share`` of the map's mass and ``area`` of its elements; the strongest tenth holds ``top``.
    """

    index: int
    share: float
    area: float
    top: float


@dataclass(frozen=True)
class Removal:
    """The score before and after the strongest ``fraction`` is removed, and after as much is removed at random (mean, 2.5 % and 97.5 %)."""

    fraction: float
    start: float
    after: float
    mean: float
    low: float
    high: float


def region(array: LabelledArray, *, signed: bool = True) -> Place | None:
    """The ninth of a picture that holds most positive mass (or most |mass|); None where there is none.

    The map may be coarser than three cells: every cell is divided among the ninths it covers.
    """
    values = reduced(array, ("y", "x"))[0].values if signed else reduced(_absolute(array), ("y", "x"))[0].values
    mass = np.clip(values, 0, None)
    if not mass.sum() > 0:
        return None
    best, share = richest_region(mass)
    return Place(best, share, 1 / NINTHS**2, _top_tenth(mass))


def period(array: LabelledArray) -> Place | None:
    """The third of a series that holds most |attribution|."""
    mass = reduced(_absolute(array), ("time",))[0].values
    if not mass.sum() > 0:
        return None
    thirds = covered(len(mass)) @ mass
    return Place(int(thirds.argmax()), float(thirds.max() / mass.sum()), 1 / NINTHS, _top_tenth(mass))


def _absolute(array: LabelledArray) -> LabelledArray:
    return LabelledArray(array.name, np.abs(array.values), array.axes, array.coordinates, array.valid)


def _top_tenth(mass: np.ndarray) -> float:
    """The share of the mass in the strongest tenth of the elements (the last one counted in part)."""
    ordered = np.sort(mass.ravel())[::-1]
    wanted = len(ordered) / 10
    whole = int(wanted)
    held = ordered[:whole].sum() + (wanted - whole) * (ordered[whole] if whole < len(ordered) else 0)
    return float(held / ordered.sum())


def removal(explanation: Explanation, row: int = 0) -> Removal | None:
    """What the deletion check's curve of a row says near a tenth removed; None where it was not measured."""
    check = next((c for c in explanation.checks if c.name == "deletion"), None)
    curves = {curve.name: first_sample(curve.rows(np.array([row]))).values for curve in check.curves} if check else {}
    if not {"fraction", "curve", "random_mean", "random_low", "random_high"} <= set(curves):
        return None
    fractions = np.asarray(curves["fraction"], float)
    if not (fractions > 0).any():
        return None
    at = int(np.abs(np.where(fractions > 0, fractions, np.inf) - REMOVED).argmin())
    names = ("random_mean", "random_low", "random_high")
    found = Removal(float(fractions[at]), float(curves["curve"][0]), float(curves["curve"][at]), *(float(curves[n][at]) for n in names))
    return found if np.isfinite([found.start, found.after, found.mean]).all() else None


def passed(check: Check) -> bool:
    """Whether the first row is on the good side of the check's reference: the whole interval for a sensitivity, else the value."""
    value, reference, high = float(check.value[0]), float(check.reference[0]), float(check.high[0])
    if check.role == "sensitivity":
        return not max(value, high) >= reference if np.isfinite(high) else value < reference
    return value <= reference if check.direction == "lower" else value >= reference


def input_shares(explanation: Explanation) -> list[float]:
    """The share of all |attribution| that lies in each explained input of the first row."""
    totals = [float(np.nansum(np.abs(first_sample(array).values))) for array in explanation.arrays]
    whole = sum(totals)
    return [total / whole for total in totals] if whole > 0 else [0.0] * len(totals)
