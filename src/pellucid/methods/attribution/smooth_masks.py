"""Random smooth masks over space or time: coarse grids of zeros and ones, enlarged linearly and shifted by less than a cell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.explanation.spec import InputSpec

SPACE = ("y", "x", "time")


@dataclass(frozen=True, eq=False)
class SmoothMasks:
    """Masks for one input: ``axes`` are the places of its axes of space or time in a row, ``sides`` their lengths."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    cells: int

    @classmethod
    def over(cls, shape: tuple[int, ...], spec: InputSpec, cells: int) -> SmoothMasks:
        """Masks over the space or time of an input with rows of this shape.

        Raises:
            InputError: the input has neither.
        """
        axes = tuple(spec.axes.index(axis) for axis in SPACE if axis in spec.axes)
        if not axes or len(spec.axes) != len(shape):
            raise InputError(
                "Smooth masks need an image or a series",
                received=f"{spec.name} with axes {', '.join(spec.axes) or 'without names'}",
                remedy="use 'lime', 'shap' or 'occlusion' for tables and tokens",
            )
        return cls(shape, axes, cells)

    @property
    def elements(self) -> int:
        """How many pixels or steps a mask has."""
        count = 1
        for axis in self.axes:
            count *= self.shape[axis]
        return count

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Masks (mask, y, x) or (mask, time) in 0..1 with mean 1/2 everywhere."""
        coarse = tuple(min(self.cells, self.shape[axis]) + 1 for axis in self.axes)
        masks = (torch.rand(count, *coarse, generator=generator) < 0.5).float()
        for place, axis in enumerate(self.axes):
            shifts = torch.rand(count, generator=generator)
            weights = _enlarging(self.shape[axis], coarse[place], shifts)  # (mask, side, cell)
            masks = torch.einsum("nsc,n...c->n...s", weights, masks.movedim(1 + place, -1)).movedim(-1, 1 + place)
        return masks

    def shaped(self, masks: Tensor) -> Tensor:
        """Masks as factors of rows: every mask with a single entry along the other axes."""
        order = sorted(range(len(self.axes)), key=lambda place: self.axes[place])
        form = [side if axis in self.axes else 1 for axis, side in enumerate(self.shape)]
        return masks.permute(0, *(1 + place for place in order)).reshape(len(masks), *form)


def _enlarging(side: int, cells: int, shifts: Tensor) -> Tensor:
    """Linear interpolation (mask, side, cell) from ``cells`` centers, of which all but one cover the side; shifted by parts of a cell."""
    width = side / (cells - 1)
    at = (torch.arange(side) + 0.5) / width + shifts[:, None] - 0.5
    return (1 - (at[:, :, None] - torch.arange(cells)).abs()).clamp(min=0) + _beyond(at, cells)


def _beyond(at: Tensor, cells: int) -> Tensor:
    """What lies before the first or behind the last center takes the value there."""
    ends = torch.zeros(*at.shape, cells)
    ends[..., 0] = (-at).clamp(min=0)
    ends[..., -1] = (at - (cells - 1)).clamp(min=0)
    return ends
