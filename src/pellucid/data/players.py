"""Players: the units of an input that are removed together.

A label map gives every element of one row the number of its player: each feature of a table (one-hot columns of a feature
share one), single
pixels of small images and square patches of large ones or patches of like color, tokens, time windows.
"""

from __future__ import annotations

import numpy as np

from pellucid.errors import MissingExtra
from pellucid.explanation.spec import InputSpec

PIXELS = 1024  # up to this many pixels each is its own player
PATCHES = 14  # otherwise patches, at most this many along each side
WINDOWS = 128


def players(shape: tuple[int, ...], spec: InputSpec) -> np.ndarray:
    """The player of each element of one row of this shape: int64, numbered from 0 without gaps."""
    if spec.kind == "tabular" and spec.groups and len(spec.groups) == shape[-1]:
        return _dense(np.broadcast_to(np.asarray(spec.groups), shape))
    axes = spec.axes
    if "y" in axes and "x" in axes:
        return grid(shape, axes, *_patch_counts(shape, axes))
    if (spec.kind in ("tokens", "series", "audio") and len(shape) > 1) or "time" in axes:
        at = axes.index("token") if "token" in axes else axes.index("time") if "time" in axes else 0
        return windows(shape, at, min(shape[at], WINDOWS))
    flat = np.arange(int(np.prod(shape))) if np.prod(shape) <= PIXELS else np.arange(int(np.prod(shape))) * PIXELS // int(np.prod(shape))
    return flat.reshape(shape)


def grid(shape: tuple[int, ...], axes: tuple[str, ...], rows: int, columns: int) -> np.ndarray:
    """A grid of ``rows`` x ``columns`` cells over y and x, the same in every channel."""
    y, x = axes.index("y"), axes.index("x")
    down = np.arange(shape[y]) * rows // shape[y]
    across = np.arange(shape[x]) * columns // shape[x]
    cells = (down[:, None] * columns + across[None, :]) if y < x else (down[None, :] * columns + across[:, None])
    expand = [1] * len(shape)
    expand[y], expand[x] = shape[y], shape[x]
    return np.ascontiguousarray(np.broadcast_to(cells.reshape(expand), shape))


def _patch_counts(shape: tuple[int, ...], axes: tuple[str, ...]) -> tuple[int, int]:
    height, width = shape[axes.index("y")], shape[axes.index("x")]
    return (height, width) if height * width <= PIXELS else (min(height, PATCHES), min(width, PATCHES))


def windows(shape: tuple[int, ...], axis: int, count: int) -> np.ndarray:
    """``count`` windows of equal length along an axis, the same over all others."""
    labels = np.arange(shape[axis]) * count // shape[axis]
    expand = [1] * len(shape)
    expand[axis] = shape[axis]
    return np.ascontiguousarray(np.broadcast_to(labels.reshape(expand), shape))


def _dense(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


def patches(shape: tuple[int, ...], axes: tuple[str, ...], side: int) -> np.ndarray:
    """A grid of at most ``side`` x ``side`` patches over y and x, the same in every channel."""
    return grid(shape, axes, min(shape[axes.index("y")], side), min(shape[axes.index("x")], side))


def superpixels(image: np.ndarray, axes: tuple[str, ...], count: int) -> np.ndarray:
    """About ``count`` regions of like color of one image, numbered from 0, in the image's own shape (SLIC, Achanta et al. 2012).

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise MissingExtra("scikit-image", "data") from error
    channels = tuple(k for k, axis in enumerate(axes) if axis not in ("y", "x"))
    y, x = axes.index("y"), axes.index("x")
    plane = np.transpose(image.astype(np.float64), (y, x, *channels)).reshape(image.shape[y], image.shape[x], -1)
    span = float(np.ptp(plane)) or 1.0
    # three channels are taken as RGB and compared as Lab, whose lightness runs to 100; others are compared as they are, in 0..1
    compactness = 10.0 if plane.shape[-1] == 3 else 0.1
    found = slic((plane - plane.min()) / span, n_segments=count, compactness=compactness, start_label=0, channel_axis=-1)
    labels = np.unique(found, return_inverse=True)[1].reshape(found.shape)
    form = [1] * len(axes)
    form[y], form[x] = image.shape[y], image.shape[x]
    return np.ascontiguousarray(np.broadcast_to((labels if y < x else labels.T).reshape(form), image.shape))
