"""Players for a linear model of the neighborhood: few enough to be fitted, and on photos patches of like color."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pellucid.data.players import PIXELS, patches, players, superpixels, windows
from pellucid.explanation.spec import InputSpec

PLAYERS = ("auto", "superpixels", "grid")
CELLS = 8  # a grid has at most this many cells along each side
MOST = 100  # tokens and time windows


def local_players(values: Tensor, spec: InputSpec, kind: str, segments: int) -> Tensor:
    """The player of each element, int64 (sample, ...) where rows have players of their own, else (1, ...)."""
    shape = tuple(values.shape[1:])
    if "y" in spec.axes and "x" in spec.axes:
        height, width = shape[spec.axes.index("y")], shape[spec.axes.index("x")]
        if kind == "superpixels" or (kind == "auto" and height * width > PIXELS):
            return torch.from_numpy(np.stack([superpixels(row, spec.axes, segments) for row in values.detach().cpu().numpy()]))
        return torch.from_numpy(patches(shape, spec.axes, CELLS).copy())[None]
    found = players(shape, spec)
    if spec.kind != "tabular" and found.max() >= MOST:
        found = windows(shape, _long_axis(shape, spec), MOST)
    return torch.from_numpy(found.copy())[None]


def _long_axis(shape: tuple[int, ...], spec: InputSpec) -> int:
    for axis in ("token", "time"):
        if axis in spec.axes:
            return spec.axes.index(axis)
    return int(np.argmax(shape))
