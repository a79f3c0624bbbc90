"""LayerCAM: positive gradients cell by cell, so that early layers give fine maps."""

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
class LayerCAM:
    """Activations weighted by their own positive gradient and summed over channels (Jiang et al. 2021).

    Made for several layers at once: ``layer=("blocks.3", "blocks.5", "head")`` fuses fine early maps with coarse late ones
    (:mod:`pellucid.methods.attribution.layer_maps`; the paper's tanh scaling of early layers is left out).

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, of the finest layer where there are several; units: score,
    or parts of each layer's largest value where several are fused. The weights are never negative, as in the paper; the map is so
    only where activations are. One forward per row and a backward that stops at the earliest layer.
    It differs from the paper: the final ReLU is left to the reader.

    What it does not show: evidence against the class, which its weights leave out, and evidence that the layers above combine
    non-linearly.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: Layers = None

    id: ClassVar[str] = "layercam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        return from_gradients(evaluator, self.layer, _by_own_positive_gradient)


def _by_own_positive_gradient(activations: Tensor, gradients: Tensor) -> Tensor:
    return (gradients.clamp(min=0) * activations).sum(1)
