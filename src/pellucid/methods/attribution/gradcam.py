"""Grad-CAM: a coarse map of where the evidence lies, from the last layer that still has space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import LayerError, UnknownName
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class GradCAM:
    """Channels of a layer weighted by their mean gradient and summed (Selvaraju et al. 2017, eq. 1 and 2).

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: score times activation. ``layer``
    is found by itself: the last one in order of
    execution whose output has more than one cell. One forward per row and a backward that stops at the layer.
    # differs from paper: the final ReLU is left to the reader, so that evidence against the class is not lost.

    What it does not show: detail below one cell of the layer, and evidence that the layers above combine non-linearly.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: str | None = None

    id: ClassVar[str] = "gradcam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        layer = find_layer(evaluator, self.layer)
        maps: list[Tensor] = []
        for _, found in evaluator.layer_gradient(layer):
            space = tuple(range(2, found.activations.ndim))
            weights = found.gradients.mean(space, keepdim=True)
            maps.append((weights * found.activations).sum(1))
        return Attribution((torch.cat(maps),), layer=layer)


def find_layer(evaluator: Evaluator, chosen: str | None) -> str:
    """The chosen layer if it can be used for a map, or the last usable one."""
    shapes = evaluator.layer_shapes()
    ranks = 1 + sum(axis in ("y", "x", "time") for axis in evaluator.specs[0].axes)
    usable = [name for name, shape in shapes.items() if len(shape) == ranks and min(ranks, 2) == 2 and max(shape[1:], default=1) > 1]
    listed = ", ".join(usable[-6:]) or "none; use an input-level method such as 'integrated_gradients'"
    if chosen is None:
        if not usable:
            raise LayerError(
                "No layer of this network has space",
                received=f"{len(shapes)} layers",
                remedy="use an input-level method such as 'occlusion'",
            )
        return usable[-1]
    if chosen not in shapes:
        raise UnknownName("layer", chosen, shapes)
    if chosen not in usable:
        raise LayerError(
            "This layer has no space to make a map of", received=f"{chosen} with output shape {shapes[chosen]}", remedy=f"usable: {listed}"
        )
    return chosen
