"""Guided backpropagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.protocol import Attribution
from pellucid.methods.rectified_gradients import rectified_gradients

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class GuidedBackprop:
    """The gradient, but each rectifier lets only what is positive of the signal pass backward (Springenberg et al. 2015, section 3.4).

    Shapes: like the input; no unit. One gradient evaluation per row. Every rectifier counts, however it is written: ReLU, its leaky and
    smooth kin (which keep their own slope; differs from paper: there it is ReLU alone), a bound at zero.

    What it does not show: what the network learned. It restores the edges of the picture and hardly changes when weights are shuffled
    (Adebayo et al. 2018; Nie et al. 2018), so its verdict is never better than weak.

    Raises:
        UnsupportedOperation: the network has no rectifier.
    """

    id: ClassVar[str] = "guided_backprop"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = "fails_randomization"

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The signal that reaches every row."""
        return Attribution(rectified_gradients(evaluator, "guided"))
