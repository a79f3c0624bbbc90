"""Score-CAM: channels weighted by the score of the input that they let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from pellucid.methods.attribution.layer_grids import find_grids, mapped_input, space_of
from pellucid.methods.attribution.layer_maps import attribution, chosen, strongest_channels, weighted_sum
from pellucid.methods.layers import layer_outputs

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.attribution.layer_grids import Layers
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class ScoreCAM:
    """Channels weighted by the softmax of the scores of masked inputs (Wang et al. 2020, Algorithm 1).

    Each channel's activations, enlarged to the input (bilinear) and stretched to 0..1, are multiplied with it; the scores of these
    inputs, through a softmax over the channels, are the weights. ``channels`` are the k of largest energy, all for None; the paper
    takes all, and the softmax is then over all (on photos the map of 64 of 1,280 correlates with that of all by .99 or more:
    ``python -m benchmarks.channels``). What is masked becomes zero in the model's own input.

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution; units: activation. ``layer`` as in :class:`GradCAM`.
    One forward per row, and one per channel and layer; no gradient.
    It differs from the paper: the final ReLU is left to the reader. The paper's score of a black input is the same for all channels
    and cancels in the softmax.

    What it does not show: evidence against the class, since a softmax is never negative; and how much a channel matters: where scores
    are large, the softmax leaves next to nothing of all channels but the best.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
        InputError: ``channels`` is not positive.
    """

    layer: Layers = None
    channels: int | None = 64

    id: ClassVar[str] = "scorecam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        on = mapped_input(evaluator)
        grids = find_grids(evaluator, self.layer, on)
        taken: list[list[Tensor]] = [[] for _ in grids]  # the chosen channels alone are kept
        for _, found in layer_outputs(evaluator, tuple(grid.layer for grid in grids)):
            for grid, one, kept in zip(grids, found, taken, strict=True):
                activations = grid.of(one)
                kept.append(chosen(activations, strongest_channels(activations, self.channels)))
        return attribution(grids, [_scored(evaluator, torch.cat(kept), on) for kept in taken], on)


def _scored(evaluator: Evaluator, activations: Tensor, on: int) -> Tensor:
    """The map from activations (sample, k, cells...)."""
    values, spec = evaluator.values, evaluator.specs[on]

    def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        batch = [v[rows] for v in values]
        batch[on] = batch[on] * _masks(activations[rows, samples].to(batch[on]), tuple(batch[on].shape[1:]), spec)
        return tuple(batch)

    count = activations.shape[1]
    weights = evaluator.scores(points, count).softmax(1)
    every = torch.arange(count, device=activations.device).expand(len(activations), count)
    return weighted_sum(activations, every, weights.to(activations.device))


def _masks(maps: Tensor, shape: tuple[int, ...], spec: InputSpec) -> Tensor:
    """Maps (batch, cells...) as factors 0..1 for inputs of this shape; a map without differences lets nothing through."""
    at = [spec.axes.index(axis) for axis in space_of(spec)]
    size = tuple(shape[i] for i in at)
    large = functional.interpolate(maps[:, None], size, mode="linear" if len(size) == 1 else "bilinear", align_corners=False)[:, 0]
    low, high = torch.aminmax(large.flatten(1), dim=1, keepdim=True)
    spread = torch.where(high > low, high - low, 1)
    stretched = ((large.flatten(1) - low) / spread).reshape(large.shape)
    form = [1] * len(shape)
    for i, side in zip(at, size, strict=True):
        form[i] = side
    return (stretched if at == sorted(at) else stretched.transpose(1, 2)).reshape(len(maps), *form)
