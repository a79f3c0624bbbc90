"""Pictures as arrays: photos to pixels, maps to limits, enlargements, blocks and regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import LabelledArray
from pellucid.scenes import Image
from pellucid.scenes.palette import ROLES, Theme, colorize, rgb
from pellucid.views.reading import first_sample

PERCENTILE = 99.5
FEW = 1024  # maps of so few values use their full range: a percentile would cut single cells


def photo(data: LabelledArray) -> np.ndarray:
    """Pixels (y, x, 3) uint8 of one sample's image (y, x[, channel]) in 0..1; more than four channels are averaged to gray."""
    array = first_sample(data)
    order = [array.axes.index(axis) for axis in ("y", "x", "channel") if axis in array.axes]
    values = np.asarray(array.values, float).transpose(order)
    if values.ndim == 2:
        values = values[..., None]
    channels = values.shape[2]
    values = values[..., :3] if channels in (3, 4) else np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    return np.round(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)


def quiet_gray(pixels: np.ndarray) -> np.ndarray:
    """A gray copy of a photo with less contrast, over which the colors of both themes can be read."""
    gray = pixels.astype(float) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma
    return np.repeat(np.round(64 + 0.52 * gray).astype(np.uint8)[..., None], 3, axis=2)


@dataclass(frozen=True)
class Limit:
    """Where the colors of a signed map end: the largest size, or a percentile of it when single pixels are far above the rest."""

    value: float
    largest: float
    cut: bool


def limit_of(values: np.ndarray) -> Limit:
    """The symmetric limit of a map's colors."""
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(sizes.max(initial=0.0))
    if largest == 0:
        return Limit(1.0, 0.0, cut=False)
    value = float(np.percentile(sizes, PERCENTILE)) if sizes.size > FEW else largest
    return Limit(value, largest, cut=value < largest) if value > 0 else Limit(largest, largest, cut=False)


def enlarged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """``values`` (y, x) at (height, width): bilinear between cell centers, constant beyond the outermost ones."""
    rows, row_part = _places(values.shape[0], height)
    columns, column_part = _places(values.shape[1], width)
    below, right = np.minimum(rows + 1, values.shape[0] - 1), np.minimum(columns + 1, values.shape[1] - 1)
    upper = values[rows][:, columns] * (1 - column_part) + values[rows][:, right] * column_part
    lower = values[below][:, columns] * (1 - column_part) + values[below][:, right] * column_part
    return upper * (1 - row_part[:, None]) + lower * row_part[:, None]


def _places(cells: int, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    centers = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    left = np.minimum(centers.astype(int), max(cells - 2, 0))
    return left, centers - left


def blocks(values: np.ndarray, most: int = 14) -> list[tuple[int, int, int, int, float]]:
    """(top, bottom, left, right, sum) of at most ``most`` x ``most`` blocks; single cells where the map is that small."""
    ys = np.unique(np.linspace(0, values.shape[0], min(most, values.shape[0]) + 1).round().astype(int))
    xs = np.unique(np.linspace(0, values.shape[1], min(most, values.shape[1]) + 1).round().astype(int))
    sums = np.add.reduceat(np.add.reduceat(np.nan_to_num(values), ys[:-1], axis=0), xs[:-1], axis=1)
    return [
        (int(ys[i]), int(ys[i + 1]) - 1, int(xs[j]), int(xs[j + 1]) - 1, float(sums[i, j]))
        for i in range(len(ys) - 1)
        for j in range(len(xs) - 1)
    ]


def richest_region(mass: np.ndarray) -> tuple[int, float]:
    """Which ninth of a picture (0 upper left ... 8 lower right) holds most of a mass that is nowhere negative, and its share.

    A cell that lies across an edge is divided among the ninths it covers.
    """
    sums = covered(mass.shape[0]) @ np.nan_to_num(mass) @ covered(mass.shape[1]).T
    best = int(np.argmax(sums))
    return best, float(sums.flat[best] / sums.sum()) if sums.sum() else 0.0


def covered(length: int) -> np.ndarray:
    """(3, length): the share of each element that lies in each third."""
    edges = np.linspace(0, length, 4)
    left, right = np.arange(length), np.arange(length) + 1
    return np.clip(np.minimum(right, edges[1:, None]) - np.maximum(left, edges[:-1, None]), 0, None)


def colored(mark: Image, theme: Theme) -> np.ndarray:
    """What an image looks like: (y, x, 3) in 0..1, or (y, x, 4) where it has an opacity.

    Raises:
        InputError: it holds neither pixels nor values that say their color.
    """
    if mark.pixels is not None:
        colors = mark.pixels / 255.0
    elif mark.values is not None and mark.roles:
        colors = np.stack([rgb(ROLES[role][theme]) for role in mark.roles])[mark.values.astype(int)]
    elif mark.values is None or mark.scale is None:
        raise InputError("An image needs pixels, or values with a scale", received=f"image {mark.name!r}", remedy="give one of the two")
    else:
        colors = colorize(mark.values, mark.scale.kind, mark.scale.domain, theme)
    if mark.opacity is not None:
        colors = np.concatenate([colors, np.clip(mark.opacity, 0, 1)[..., None]], axis=-1)
    return colors
