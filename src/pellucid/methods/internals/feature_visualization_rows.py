"""What optimized pictures are measured by: real rows, small shifts, and what a place of a layer can see of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid.methods.batching import MEMORY
from pellucid.methods.internals.feature_visualization_canvas import laid_out
from pellucid.methods.layers import layer_shapes

if TYPE_CHECKING:
    from pellucid.methods.internals.feature_visualization_canvas import Canvas
    from pellucid.methods.internals.feature_visualization_climb import Units
    from pellucid.methods.run import Evaluator

MOST, KEPT = 32, 2  # pictures in one batch; times that an output of a layer is kept for the gradient
SEEN, NOISE = 2, 4  # rows, and pictures of noise, whose gradients say what a place can see
AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


@dataclass(frozen=True, eq=False)
class RowValues:
    """Of the rows that were looked at.

    ``rows`` (row,) are their numbers; ``values`` and ``places`` of each layer (row, unit) the activation at the strongest place, and which
    place that is.
    """

    rows: np.ndarray
    values: dict[str, np.ndarray]
    places: dict[str, np.ndarray]

    def top(self, layer: str, units: np.ndarray, most: int) -> np.ndarray:
        """(unit, rank) the positions in ``rows`` of those in which units are strongest."""
        return np.argsort(-self.values[layer][:, units], axis=0, kind="stable")[:most].T


def row_values(evaluator: Evaluator, units: Units, layers: dict[str, bool], chosen: Tensor) -> RowValues:
    """Runs the chosen rows, in batches."""
    parts = []
    for at, _ in evaluator.pairs(1, "layers", rows=len(chosen)):
        parts.append(evaluator.run("forward", lambda rows: units.tops(evaluator.values[0][rows], layers), chosen[at]))
    whole = [torch.cat(one).double().cpu().numpy() for one in zip(*parts, strict=True)]
    values, places = whole[: len(layers)], whole[len(layers) :]
    return RowValues(
        chosen.cpu().numpy(),
        dict(zip(layers, values, strict=True)),
        {name: one.astype(np.int64) for name, one in zip(layers, places, strict=True)},
    )


def size_of(inputs: Tensor, canvas: Canvas) -> tuple[int, int]:
    """Height and width of inputs (picture, ...)."""
    planes = laid_out(inputs[:1], canvas.axes)
    return planes.shape[2], planes.shape[3]


def together(evaluator: Evaluator, size: tuple[int, int]) -> int:
    """How many pictures of a size make a batch with gradients; not by the clock, so that the same seed makes the same pictures."""
    if evaluator.situation.batch is not None:
        return evaluator.situation.batch
    row = laid_out(evaluator.values[0][:1], evaluator.specs[0].axes)
    values = sum(math.prod(shape.sizes) for shape in layer_shapes(evaluator).values())
    each = KEPT * values * row.element_size() * math.prod(size) / math.prod(row.shape[2:])
    return int(np.clip((evaluator.situation.budget.memory or MEMORY) // max(1.0, each), 1, MOST))


def in_parts(evaluator: Evaluator, count: int, size: tuple[int, int]) -> Iterator[Tensor]:
    """The numbers up to ``count`` of pictures of a size in batches."""
    yield from torch.arange(count, device=evaluator.device).split(together(evaluator, size))


def measured(evaluator: Evaluator, units: Units, layer: tuple[str, bool], inputs: Tensor, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """(picture, unit) of one layer: the activation at the strongest place, and that place."""
    size = size_of(inputs, canvas)
    parts = [
        evaluator.run("forward", lambda some: units.tops(inputs[some], dict([layer])), at) for at in in_parts(evaluator, len(inputs), size)
    ]
    values, places = (torch.cat(one).double().cpu().numpy() for one in zip(*parts, strict=True))
    return values, places.astype(np.int64)


def shift_size(height: int, width: int) -> int:
    """Pixels of a small shift."""
    return max(1, round(min(height, width) / 32))


def around(planes: Tensor, size: int) -> Tensor:
    """(shift, picture, channel, y, x) moved by so many pixels to eight sides; what comes in repeats the edge."""
    height, width = planes.shape[2:]
    wide = F.pad(planes, (size,) * 4, mode="replicate")
    return torch.stack([wide[..., size * (1 + down) :, size * (1 + right) :][..., :height, :width] for down, right in AROUND])


def probes(canvas: Canvas, planes: Tensor, seed: int) -> Tensor:
    """Pictures (picture, channel, y, x) at which gradients are taken: two rows, and noise over the whole range."""
    draw = torch.Generator().manual_seed(seed)
    noise = torch.rand((NOISE, *planes.shape[1:]), generator=draw, dtype=torch.float64).to(planes)
    return canvas.inputs(torch.cat([planes[:SEEN], noise]))


def sights(
    evaluator: Evaluator, units: Units, layer: tuple[str, bool], inputs: Tensor, canvas: Canvas, *, chosen: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """(..., 4) what units can see from ``places`` (...): top, bottom, left, right of the pixels with a gradient at any of the ``inputs``.

    The gradient is that of a sum of the ``chosen`` units with weights that nothing cancels; sizes below its rounding count as none.
    """
    distinct, back = np.unique(places, return_inverse=True)
    pairs = [(int(place), picture) for place in distinct for picture in range(len(inputs))]
    weights = torch.linspace(1, 2, len(chosen)).to(inputs) * torch.tensor([(-1.0) ** i for i in range(len(chosen))]).to(inputs)

    def call(some: Tensor) -> tuple[Tensor, ...]:
        at = [pairs[i] for i in some.tolist()]
        with torch.enable_grad():
            leaf = inputs[[picture for _, picture in at]].detach().requires_grad_()
            values = units.values(leaf, dict([layer]))[layer[0]].flatten(2)[:, chosen.tolist()]
            own = (values[torch.arange(len(at)), :, [place for place, _ in at]] * weights).sum(1)
            (gradient,) = units.bound.backward(own, (leaf,))
        sizes = laid_out(gradient, canvas.axes).abs().amax(1)
        return (sizes > torch.finfo(sizes.dtype).eps * sizes.amax((1, 2), keepdim=True),)

    parts = [evaluator.run("gradient", call, at)[0] for at in in_parts(evaluator, len(pairs), size_of(inputs, canvas))]
    seen = torch.cat(parts)
    seen = seen.reshape(len(distinct), len(inputs), *seen.shape[1:]).any(1).cpu().numpy()
    return np.stack([_box(one) for one in seen])[back].reshape(*places.shape, 4)


def _box(seen: np.ndarray) -> np.ndarray:
    """Top, bottom, left, right of what is true; of nothing, the whole."""
    if not bool(seen.any()):
        return np.array([0, seen.shape[0], 0, seen.shape[1]])
    ys, xs = np.nonzero(seen)
    return np.array([ys.min(), ys.max() + 1, xs.min(), xs.max() + 1])
