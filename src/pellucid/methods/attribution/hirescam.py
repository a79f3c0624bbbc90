"""HiResCAM: each cell is credited with its own gradient, not with the channel's mean."""

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
class HiResCAM:
    """Gradient times activation at every cell of a layer, summed over channels (Draelos and Carin 2020).

    Where a linear layer follows, as in most classifiers without hidden layers at their end, the cells add up to the score less its
    bias; Grad-CAM's do so only after global average pooling, where the two are the same.

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: score. ``layer`` as in :class:`GradCAM`.
    One forward per row and a backward that stops at the layer.
    It differs from the paper: no ReLU at the end, so that evidence against the class is not lost.

    What it does not show: detail below one cell of the layer, and evidence that the layers above combine non-linearly.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: Layers = None

    id: ClassVar[str] = "hirescam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        return from_gradients(evaluator, self.layer, _by_own_gradient)


def _by_own_gradient(activations: Tensor, gradients: Tensor) -> Tensor:
    return (gradients * activations).sum(1)
