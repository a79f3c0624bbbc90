"""Ablation-CAM: channels weighted by the fall of the score when they are silenced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.methods.attribution.layer_grids import find_grids, mapped_input
from pellucid.methods.attribution.layer_maps import attribution, channel_count, strongest_channels, weighted_sum
from pellucid.methods.layers import layer_shapes, open_layer

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.layer_grids import Grid, Layers
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class AblationCAM:
    """Channels weighted by the fall of the score when all their cells are set to zero (Desai and Ramaswamy 2020).

    ``channels`` are the k of largest energy (the others weigh nothing), all for None, as in the paper; on photos the map of 128 of
    1,280 correlates with that of all by .997 or more (``python -m benchmarks.channels``). In token grids the extra tokens
    keep their values.

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: score times activation. ``layer`` as in
    :class:`GradCAM`. Per row and layer one forward, one per channel of what lies above the layer alone, and two of these that prove it
    right (:mod:`pellucid.models.tail`; where it is not, the whole network is run, and the result says so); no gradient. All count
    as evaluations.
    It differs from the paper: the fall is not divided by the score, which would turn the map's sign where the score is negative and
    let it explode near zero; and the final ReLU is left to the reader.

    What it does not show: channels that stand in for one another, which are all rated too low; detail below one cell of the layer.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
        InputError: ``channels`` is not positive.
    """

    layer: Layers = None
    channels: int | None = 128

    id: ClassVar[str] = "ablationcam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        on = mapped_input(evaluator)
        grids = find_grids(evaluator, self.layer, on)
        return attribution(grids, [self._map(evaluator, grid) for grid in grids], on)

    def _map(self, evaluator: Evaluator, grid: Grid) -> Tensor:
        sizes = layer_shapes(evaluator)[grid.layer].sizes
        edits = channel_count(self.channels, sizes[0] if grid.channel == 1 else sizes[-1])
        found = []
        for opened in open_layer(evaluator, grid.layer, edits=edits):
            activations = grid.of(opened.activations)
            channels = strongest_channels(activations, self.channels)

            def ablate(output: Tensor, at: Tensor, numbers: Tensor, *, channels: Tensor = channels) -> Tensor:
                grid.of(output)[torch.arange(len(output), device=output.device), channels[at, numbers]] = 0
                return output

            falls = opened.scores[:, None] - opened.edited(ablate, edits)
            found.append(weighted_sum(activations, channels, falls.to(activations.device)))
        return torch.cat(found)
