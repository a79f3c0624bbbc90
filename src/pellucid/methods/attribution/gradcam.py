"""Grad-CAM: a coarse map of where the evidence lies, from the last layer that still has space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import LayerError, UnknownName
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability, LayerShape


@dataclass(frozen=True)
class GradCAM:
    """Channels of a layer weighted by their mean gradient and summed (Selvaraju et al. 2017, eq. 1 and 2).

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: score times activation. ``layer``
    is found by itself: the last one in order of
    execution whose output has more than one cell. One forward per row and a backward that stops at the layer.
    It differs from the paper: the final ReLU is left to the reader, so that evidence against the class is not lost.

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
        on = next((i for i, spec in enumerate(evaluator.specs) if _space(spec)), 0)
        layer, channels_last = find_layer(evaluator, self.layer, on)
        maps: list[Tensor] = []
        for _, found in evaluator.layer_gradient(layer):
            channel = found.activations.ndim - 1 if channels_last else 1
            space = tuple(axis for axis in range(1, found.activations.ndim) if axis != channel)
            weights = found.gradients.mean(space, keepdim=True)
            maps.append((weights * found.activations).sum(channel))
        return Attribution((torch.cat(maps),), layer=layer, input=on)


def find_layer(evaluator: Evaluator, chosen: str | None, on: int = 0) -> tuple[str, bool]:
    """The chosen layer if it can be used for a map of input ``on``, or the last usable one; and whether its channels come last."""
    shapes = evaluator.layer_shapes()
    size = _sizes(evaluator.specs[on], tuple(evaluator.values[on].shape[1:]))
    if chosen is None:
        found = next(((name, layout) for name in reversed(shapes) if (layout := _layout(shapes[name], size)) is not None), None)
        if found is None:
            raise LayerError(
                "No layer of this network has space",
                received=f"{len(shapes)} layers",
                remedy="use an input-level method such as 'occlusion'",
            )
        return found
    if chosen not in shapes:
        raise UnknownName("layer", chosen, shapes)
    layout = _layout(shapes[chosen], size)
    if layout is None:
        usable = [name for name, shape in shapes.items() if _layout(shape, size) is not None]
        listed = ", ".join(usable[-6:]) or "none; use an input-level method such as 'integrated_gradients'"
        raise LayerError(
            "This layer has no space to make a map of",
            received=f"{chosen} with output shape {shapes[chosen].sizes}",
            remedy=f"usable: {listed}",
        )
    return chosen, layout


def _space(spec: InputSpec) -> tuple[str, ...]:
    """The axes of an input over which a map can lie."""
    return tuple(axis for axis in ("y", "x", "time") if axis in spec.axes)


def _sizes(spec: InputSpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[spec.axes.index(axis)] for axis in _space(spec))


def _layout(shape: LayerShape, size: tuple[int, ...]) -> bool | None:
    """Whether the layer's channels come last; None if it has no space, or if its shape and its modules contradict one another."""
    sizes = shape.sizes
    if len(size) not in (1, 2) or len(sizes) != len(size) + 1:
        return None
    first, last = _fits(sizes[:-1], size), _fits(sizes[1:], size)  # where space would be with channels last, and first
    channels_last = first if len(size) == 2 and first != last else shape.channels_last
    if len(size) == 1 and first != last and first != channels_last:
        return None
    return channels_last if max(sizes[:-1] if channels_last else sizes[1:]) > 1 else None


def _fits(cells: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """Whether these cells can lie on the input: the same length of time, or the same aspect of an image up to one cell."""
    if len(size) == 1:
        return cells == size
    return abs(cells[0] * size[1] - cells[1] * size[0]) <= max(size)
