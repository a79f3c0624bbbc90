"""What a method is, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.arrays import LabelledArray
    from pellucid.explanation.check import Check
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a method found, as tensors on the model's device.

    Attributes:
        values: one tensor per explained input in the shape of that input, or, for a layer map, (sample, y, x) or (sample, time);
            or one tensor with ``axes`` of its own.
        errors: the same shapes: standard errors or bounds; empty where the method states none.
        error_kind: what ``errors`` are; ``exact`` where they bound nothing but rounding.
        baseline: the rows compared with, where the method has a baseline.
        completeness: for a method that promises sum(values) = f(x) - f(baseline): the error it states for that identity, (sample,).
        layer: the layer of a layer map; ``input`` is the input on which it lies.
        axes: what the values' axes after the sample are, where they are neither the input's nor a layer's: ("token",) of input
            ``input``, or ("produced", "token") for what each produced token has from it.
        baseline_scores: the score at the baseline, (sample,) in float64, where the method evaluated it; the mean over several baselines.
        checks: what the method measured of itself (a local fit, a ledger), beside what the harness measures.
        alternatives: with several baselines, the values that each of them alone gives; ``values`` is their mean, ``baseline`` the first.
        units: whether the values are those of a layer's units, (sample, unit).
        through: the part of the network through which the values of the inputs flow, where that is not all of it.
        kind: what the result is, where it is no attribution: ``curve`` or ``surface``; ``made`` are then its arrays, all with a
            sample axis, and ``values`` the first of them.
        choices: what the method decided by itself, each a sentence for the provenance.
        compared: by input name, what the values are compared with, where that is more than ``baseline``.
    """

    values: tuple[Tensor, ...]
    errors: tuple[Tensor, ...] = ()
    error_kind: Literal["none", "standard_error", "bound", "exact"] = "none"
    baseline: tuple[Tensor, ...] | None = None
    completeness: Tensor | None = None
    layer: str = ""
    input: int = 0
    axes: tuple[str, ...] = ()
    baseline_scores: Tensor | None = None
    checks: tuple[Check, ...] = ()
    alternatives: tuple[tuple[Tensor, ...], ...] = ()
    units: bool = False
    through: str = ""
    compared: dict[str, str] | None = None
    choices: tuple[str, ...] = ()
    kind: Literal["attribution", "curve", "surface"] = "attribution"
    made: tuple[LabelledArray, ...] = ()


class Method(Protocol):
    """A frozen dataclass whose fields are its hyper-parameters."""

    id: ClassVar[str]
    needs: ClassVar[frozenset[Capability]]
    sampled: ClassVar[bool]  # whether another seed gives another answer
    meaning: ClassVar[Meaning]  # what a value is
    caution: ClassVar[Caution]  # what is known against the method whatever it is used on, "" if nothing is

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Explains every row the evaluator holds."""
        ...
