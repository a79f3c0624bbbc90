"""Checks: measurements of an explanation, one number per explained row, each beside its reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.explanation.arrays import LabelledArray

Level = Literal["supported", "weak", "refused", "unchecked"]
LEVELS: tuple[Level, ...] = ("supported", "unchecked", "weak", "refused")  # from good to bad
Role = Literal["identity", "faithfulness", "stability", "sensitivity", "fit", "resolution"]


@dataclass(frozen=True, eq=False)
class Check:
    """One measurement, all arrays float64 with the single axis ``sample``.

    Attributes:
        name: ``completeness``, ``deletion``, ``insertion``, ``seed_stability``, ``parameter_randomization``.
        role: how the verdict reads it. *identity*: ``value`` is a residual that must not exceed ``reference``, the error
            the method states for itself. *faithfulness*: ``value`` is compared with ``reference``, what a random order scores,
            and ``p_value`` is the one-sided probability that a random order does as well. *stability*: ``value`` must reach
            ``reference``. *fit*: ``value`` must reach ``reference``, or what was fitted does not describe the network here.
            *resolution*: ``value``, the overlap that the strongest players of another draw are expected to have with these, must reach
            ``reference``, or too little was drawn. *sensitivity*: ``value`` must lie below ``reference``, or the explanation ignores what
            was learned.
        direction: which way is better.
        low, high: two-sided 95 % interval of ``value``.
        p_value: one-sided; not-a-number where the role does not use it.
        evaluations: model rows spent, counting a gradient row as one row.
        curves: what a picture of this check needs (axes ``sample fraction``).
        note: how it was measured, in English (in-fill, players, steps).
    """

    name: str
    role: Role
    direction: Literal["lower", "higher"]
    value: np.ndarray
    reference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    evaluations: int
    curves: tuple[LabelledArray, ...] = ()
    note: str = ""

    def rows(self, index: np.ndarray) -> Check:
        """The same check for these samples only."""
        arrays = {name: getattr(self, name)[index] for name in ("value", "reference", "low", "high", "p_value")}
        curves = tuple(curve.rows(index) for curve in self.curves)
        return Check(self.name, self.role, self.direction, **arrays, evaluations=self.evaluations, curves=curves, note=self.note)

    def __repr__(self) -> str:
        def show(values: np.ndarray) -> str:
            return f"{values[0]:.4g}" if len(values) == 1 else f"{np.median(values):.4g} (median of {len(values)})"

        return f"Check({self.name}: {show(self.value)}, reference {show(self.reference)}, {self.direction} is better)"


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is: a code that narration puts into words, and the numbers it speaks of.

    Codes: ``not_finite``, ``identity_broken``, ``not_better_than_random``, ``interval_includes_random``, ``unstable_over_seeds``,
    ``ignores_parameters``, ``poor_fit``, ``unresolved``, ``unchecked``, ``no_difference``, and the cautions of
    :data:`pellucid.explanation.provenance.Caution`.
    """

    code: str
    check: str
    value: float | None
    reference: float | None


@dataclass(frozen=True)
class Verdict:
    """Whether the explanation of one row may be believed, and why not."""

    level: Level
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        return self.level
