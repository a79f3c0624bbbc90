"""Grad-CAM++: Grad-CAM whose weights count the cells that speak for the class, not their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.attribution.layer_maps import from_gradients

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.layer_grids import Layers
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class GradCAMPlusPlus:
    """Channels weighted by their positive gradients, each cell by a pixel-wise factor (Chattopadhay et al. 2018, eq. 19).

    With g the gradient of the score S at a cell and A the channel's activations, the factor of the paper for Y = exp(S) is
    g^2 / (2 g^2 + g^3 sum A) = 1 / (2 + g sum A), and the weight is its sum over cells times relu(g): several objects of one
    class count alike, whatever their size.

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution; units: score times activation. The weights are never
    negative, as in the paper; the map is so only where activations are. ``layer`` as in :class:`GradCAM`. One forward per row and a
    backward that stops at the layer.
    It differs from the paper: the final ReLU is left to the reader; the factor exp(S), the same for all channels of a row, is left
    out; sum A counts as zero where it is negative (the paper's layers end in ReLU), since the factor would have a pole there.

    What it does not show: evidence against the class, which its weights leave out, and detail below one cell of the layer.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: Layers = None

    id: ClassVar[str] = "gradcam++"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        return from_gradients(evaluator, self.layer, _by_positive_gradients)


def _by_positive_gradients(activations: Tensor, gradients: Tensor) -> Tensor:
    space = tuple(range(2, activations.ndim))
    positive = gradients.clamp(min=0)
    # differs from paper: a sum of activations below zero counts as zero
    factor = 1 / (2 + positive * activations.sum(space, keepdim=True).clamp(min=0))
    return ((positive * factor).sum(space, keepdim=True) * activations).sum(1)
