"""The gradient of the score with respect to the input, plain or times the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class Gradient:
    """How fast the score changes with each input element, at the input itself (Simonyan et al. 2014; signed, not |gradient|).

    Shapes: like the input; units: score per input unit. One gradient evaluation per row.

    What it does not show: anything but the slope at one point. A feature the network has saturated on, or a kink just beyond the input, is
    not seen.
    """

    id: ClassVar[str] = "gradient"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "slope"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The gradient of every row."""
        return Attribution(evaluator.gradient_at_inputs())


@dataclass(frozen=True)
class GradientTimesInput:
    """Gradient times input (Shrikumar et al. 2017, section 2): a first-order share of the score.

    Shapes: like the input; units: score. One gradient evaluation per row. It is exact only for a network that is linear through the origin.

    What it does not show: an element that is zero, which gets nothing however much it matters; and what the slope is elsewhere on the way
    from zero.
    """

    id: ClassVar[str] = "gradient_times_input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Gradient times input of every row."""
        gradients = evaluator.gradient_at_inputs()
        return Attribution(tuple(g * v for g, v in zip(gradients, evaluator.values, strict=True)))
