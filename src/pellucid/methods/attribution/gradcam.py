"""Grad-CAM: a coarse map of where the evidence lies, from the last layer that still has space."""

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
class GradCAM:
    """Channels of a layer weighted by their mean gradient and summed (Selvaraju et al. 2017, eq. 1 and 2).

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: score times activation. ``layer``
    is found by itself: the last one in order of
    execution whose output has more than one cell, tokens that make a grid included. Several layers, as a tuple of names, are fused
    (:mod:`pellucid.methods.attribution.layer_maps`). One forward per row and a backward that stops at the layer.
    It differs from the paper: the final ReLU is left to the reader, so that evidence against the class is not lost.

    What it does not show: detail below one cell of the layer, and evidence that the layers above combine non-linearly. A channel's
    gradient is averaged over the map, so that a cell may be credited with what another cell's gradient says.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: Layers = None

    id: ClassVar[str] = "gradcam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        return from_gradients(evaluator, self.layer, _by_mean_gradient)


def _by_mean_gradient(activations: Tensor, gradients: Tensor) -> Tensor:
    space = tuple(range(2, activations.ndim))
    return (gradients.mean(space, keepdim=True) * activations).sum(1)
