"""Deconvolution."""

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
class Deconvolution:
    """The network run backward with its rectifiers applied to the signal itself (Zeiler & Fergus 2014, section 2.1).

    Shapes: like the input; no unit. One gradient evaluation per row. A rectifier passes what is positive of the signal wherever its own
    input was; a max-pool hands it to the element that won. Every rectifier counts, however it is written: ReLU, its leaky and smooth kin
    (differs from paper: there it is ReLU alone), a bound at zero.

    What it does not show: what the network learned. It restores the edges of the picture and hardly changes when weights are shuffled
    (Nie et al. 2018; Adebayo et al. 2018), so its verdict is never better than weak.

    Raises:
        UnsupportedOperation: the network has no rectifier.
    """

    id: ClassVar[str] = "deconvolution"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = "fails_randomization"

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The signal that reaches every row."""
        return Attribution(rectified_gradients(evaluator, "deconvolution"))
