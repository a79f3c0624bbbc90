"""Images brought to another size in the ways that frameworks have, each axis by itself, and in torch's own where it is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

TORCH = {1: {"nearest": "nearest", "linear": "linear"}, 2: {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"},
         3: {"nearest": "nearest", "linear": "trilinear"}}  # fmt: skip


def resized(  # noqa: PLR0913
    shape: tuple[int, ...], grown: Mapping[int, tuple[int, float]], *, mode: str, places: str, rounding: str, cubic: tuple[float, bool]
) -> Callable[[Tensor], Tensor]:
    """x to x with some axes brought to another ``(length, scale)``; ``shape`` is that of x.

    ``places``: which place of x a place of the result is (``half_pixel``, ``align_corners``, ...); ``rounding``: to which element a place
    is rounded; ``cubic``: the coefficient of the curve, and whether what lies outside is left out.
    """
    own = _torch(shape, grown, mode=mode, places=places, rounding=rounding, cubic=cubic)
    if own is not None:
        return own
    if mode == "nearest":
        found = {axis: _nearest(shape[axis], *to, places, rounding) for axis, to in grown.items()}

        def pick(x: Tensor) -> Tensor:
            for axis, at in found.items():
                x = x.index_select(axis, at.to(x.device))
            return x

        return pick
    matrices = {axis: _matrix(shape[axis], *to, mode, places, cubic) for axis, to in grown.items()}

    def weigh(x: Tensor) -> Tensor:
        for axis, matrix in matrices.items():
            x = functional.linear(x.movedim(axis, -1), matrix.to(x)).movedim(-1, axis)
        return x

    return weigh


def _torch(  # noqa: PLR0913
    shape: tuple[int, ...], grown: Mapping[int, tuple[int, float]], *, mode: str, places: str, rounding: str, cubic: tuple[float, bool]
) -> Callable[[Tensor], Tensor] | None:
    """torch's own interpolation where it gives the same."""
    name = TORCH.get(len(shape) - 2, {}).get(mode)
    exact = all(length == shape[axis] * scale and axis > 1 for axis, (length, scale) in grown.items())
    aligned = places == "align_corners"
    fits: dict[str, Any] = {
        "nearest": places == "asymmetric" and rounding == "floor",
        "linear": aligned or places in ("half_pixel", "pytorch_half_pixel"),
        "cubic": (aligned or places in ("half_pixel", "pytorch_half_pixel")) and cubic == (-0.75, False),
    }
    if name is None or not exact or not fits[mode] or (places == "half_pixel_symmetric") or any(n == 1 for n, _ in grown.values()):
        return None
    size = [grown[axis][0] if axis in grown else shape[axis] for axis in range(2, len(shape))]
    corners = None if mode == "nearest" else aligned
    return lambda x: functional.interpolate(x, size, mode=name, align_corners=corners)


def _places(size: int, length: int, scale: float, places: str) -> Tensor:
    """Which place of x each place of the result is."""
    at = torch.arange(length, dtype=torch.float64)
    if places == "asymmetric":
        return at / scale
    if places == "align_corners":
        return at * ((size - 1) / (length - 1)) if length > 1 else torch.zeros(length, dtype=torch.float64)
    if places == "pytorch_half_pixel" and length == 1:
        return torch.zeros(1, dtype=torch.float64)
    if places == "half_pixel_symmetric":
        adjustment = length / (size * scale)
        return size / 2 * (1 - adjustment) + (at + 0.5) / scale - 0.5
    return (at + 0.5) / scale - 0.5


def _nearest(size: int, length: int, scale: float, places: str, rounding: str) -> Tensor:
    at = _places(size, length, scale, places)
    ways = {"floor": torch.floor, "ceil": torch.ceil, "round_prefer_floor": lambda x: torch.ceil(x - 0.5)}
    found = ways.get(rounding, lambda x: torch.floor(x + 0.5))(at)
    return found.clamp(0, size - 1).long()


def _matrix(size: int, length: int, scale: float, mode: str, places: str, cubic: tuple[float, bool]) -> Tensor:  # noqa: PLR0913
    """(length, size): how much of each element every place of the result is."""
    at = _places(size, length, scale, places)
    low = torch.floor(at)
    offsets, (a, inside) = ((0, 1) if mode == "linear" else (-1, 0, 1, 2)), cubic
    matrix = torch.zeros(length, size, dtype=torch.float64)
    for offset in offsets:
        far = (at - low - offset).abs()
        if mode == "linear":
            share = 1 - far
        else:
            near = (a + 2) * far**3 - (a + 3) * far**2 + 1
            share = torch.where(far <= 1, near, a * (far**3 - 5 * far**2 + 8 * far - 4))
        place = low + offset
        if inside:
            share = torch.where((place < 0) | (place > size - 1), 0.0, share)
        matrix.scatter_add_(1, place.clamp(0, size - 1).long()[:, None], share[:, None])
    return matrix / matrix.sum(1, keepdim=True) if inside else matrix
