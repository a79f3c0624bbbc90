"""What the methods of the CAM family share: maps from one or several layers, fused, signed, in cells of the layer's own grid.

``layer`` is everywhere a name, several names, or None for the last layer with space. The maps of several layers are brought to the
finest of their grids (bilinear between the centers of cells), each divided by its row's largest size so that deep and shallow layers
count alike, and fused by taking, in each cell, the value with the largest size, sign included. This is LayerCAM's element-wise maximum
(Jiang et al. 2021) for maps that keep their sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from pellucid.errors import InputError, LayerError
from pellucid.explanation.provenance import FUSED
from pellucid.methods.attribution.layer_grids import Grid, Layers, find_grids, mapped_input
from pellucid.methods.layers import layer_gradients, layer_outputs
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.run import Evaluator


def from_gradients(evaluator: Evaluator, layer: Layers, weigh: Callable[[Tensor, Tensor], Tensor]) -> Attribution:
    """Maps that ``weigh`` makes of activations and gradients, both (sample, channel, cells...), in one pass for all layers.

    Raises:
        LayerError: the score does not depend on the cells of a token grid, as above the last attention of a network with a class token.
    """
    on = mapped_input(evaluator)
    grids = find_grids(evaluator, layer, on)
    maps: list[list[Tensor]] = [[] for _ in grids]
    reached = [False] * len(grids)
    for _, found in layer_gradients(evaluator, tuple(grid.layer for grid in grids)):
        for i, (grid, one) in enumerate(zip(grids, found, strict=True)):
            gradients = grid.of(one.gradients)
            reached[i] = reached[i] or not grid.extra or bool(gradients.any())
            maps[i].append(weigh(grid.of(one.activations), gradients))
    for grid, some in zip(grids, reached, strict=True):
        if not some:
            raise LayerError(
                "The score does not depend on the cells of this layer, only on its extra tokens",
                received=f"{grid.layer}, a grid of {grid.cells} after {grid.extra} tokens",
                remedy="choose a layer before the last attention, or leave layer out",
            )
    return attribution(grids, [torch.cat(one) for one in maps], on)


def from_outputs(evaluator: Evaluator, layer: Layers, project: Callable[[Tensor], Tensor]) -> Attribution:
    """Maps that ``project`` makes of activations (sample, channel, cells...), in one pass for all layers."""
    on = mapped_input(evaluator)
    grids = find_grids(evaluator, layer, on)
    maps: list[list[Tensor]] = [[] for _ in grids]
    for _, found in layer_outputs(evaluator, tuple(grid.layer for grid in grids)):
        for grid, one, made in zip(grids, found, maps, strict=True):
            made.append(project(grid.of(one)))
    return attribution(grids, [torch.cat(one) for one in maps], on)


def attribution(grids: Sequence[Grid], maps: Sequence[Tensor], on: int) -> Attribution:
    """The finished map, fused where there are several."""
    return Attribution((fused(maps),), layer=FUSED.join(grid.layer for grid in grids), input=on)


def fused(maps: Sequence[Tensor]) -> Tensor:
    """One map of several (see the module's docstring); a single one as it is."""
    if len(maps) == 1:
        return maps[0]
    finest = max((tuple(m.shape[1:]) for m in maps), key=lambda cells: torch.Size(cells).numel())
    scaled = torch.stack([_unit(resized(m, finest)) for m in maps])
    return scaled.gather(0, scaled.abs().argmax(0, keepdim=True))[0]


def resized(maps: Tensor, cells: tuple[int, ...]) -> Tensor:
    """Maps (sample, ...) at another number of cells, linear between the centers of cells."""
    if tuple(maps.shape[1:]) == cells:
        return maps
    return functional.interpolate(maps[:, None], cells, mode="linear" if len(cells) == 1 else "bilinear", align_corners=False)[:, 0]


def channel_count(channels: int | None, available: int) -> int:
    """How many channels are taken; None is all.

    Raises:
        InputError: not a positive number.
    """
    if channels is None:
        return available
    if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
        raise InputError(
            "The number of channels must be a positive whole number",
            received=repr(channels),
            remedy="give channels=64, or None for all",
        )
    return min(channels, available)


def strongest_channels(activations: Tensor, channels: int | None) -> Tensor:
    """The channels (sample, k) of the largest energy sum A^2 in each row, in ascending order; all where there are no more.

    Energy needs no gradient. What an ablated or masked channel can change, and what it adds to the map, grows with it.
    """
    rows, available = activations.shape[:2]
    count = channel_count(channels, available)
    if count == available:
        return torch.arange(available, device=activations.device).expand(rows, available)
    energy = activations.flatten(2).double().square().sum(2)
    return energy.argsort(dim=1, descending=True, stable=True)[:, :count].sort(1).values


def weighted_sum(activations: Tensor, channels: Tensor, weights: Tensor) -> Tensor:
    """Sum over the chosen ``channels`` (sample, k) of weight times activation: (sample, cells...)."""
    taken = chosen(activations, channels)
    return torch.einsum("nk,nkc->nc", weights.to(taken), taken.flatten(2)).unflatten(1, taken.shape[2:])


def chosen(activations: Tensor, channels: Tensor) -> Tensor:
    """The chosen channels (sample, k) of activations (sample, channel, cells...): (sample, k, cells...)."""
    rows = torch.arange(len(activations), device=activations.device)
    return activations[rows[:, None], channels]


def _unit(maps: Tensor) -> Tensor:
    """Maps whose largest size in each row is 1; a map of zeros stays so."""
    largest = maps.abs().flatten(1).amax(1).reshape(-1, *[1] * (maps.ndim - 1))
    return maps / torch.where(largest > 0, largest, 1)
