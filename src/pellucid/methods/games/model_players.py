"""Who plays: the parts of the explained rows that are present or absent together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from pellucid.data.players import PIXELS, patches, players, superpixels
from pellucid.errors import InputError, UnknownName
from pellucid.methods.games.owen import Group, correlated, regions, spans
from pellucid.methods.games.value_functions import Elements

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator

Players = Literal["auto", "features", "patches", "superpixels"]
NAMES = ("auto", "features", "patches", "superpixels")
SIDE = 7  # patches along each side of a large image: each is four of the patches that the checks remove


def find_elements(evaluator: Evaluator, chosen: Players | Sequence[int] | np.ndarray, segments: int) -> list[tuple[Tensor, Elements]]:
    """The explained rows in groups of as many players each, with the elements that each player owns.

    Raises:
        UnknownName: no such kind of players.
        InputError: a label map of another shape, or superpixels of what is no image.
    """
    if isinstance(chosen, str) and chosen not in NAMES:
        raise UnknownName("kind of players", chosen, NAMES)
    own = isinstance(chosen, str) and chosen == "superpixels"
    every = range(evaluator.rows) if own else range(1)
    labelled = [_numbered([_labels(evaluator, slot, row, chosen, segments) for slot in range(len(evaluator.values))]) for row in every]
    counts = np.array([count for _, count in labelled])
    found = []
    for count in dict.fromkeys(counts.tolist()):
        rows = np.flatnonzero(counts == count)
        parts = zip(*(labelled[row][0] for row in rows), strict=True)
        labels = tuple(torch.from_numpy(np.stack(part)).to(evaluator.device) for part in parts)
        places = torch.from_numpy(rows if own else np.arange(evaluator.rows)).to(evaluator.device)
        found.append((places, Elements(labels, count)))
    return found


def hierarchy(evaluator: Evaluator, elements: Elements) -> Group:
    """Who belongs together: blocks of an image, features that correlate over the background, neighbors in a row elsewhere."""
    background = evaluator.background_rows()
    if len(elements.labels) != 1:
        return spans(np.arange(elements.players))
    rows = background[0]
    label, axes = elements.labels[0][0].cpu().numpy(), evaluator.specs[0].axes
    if "y" in axes and "x" in axes:
        return regions(_centers(label, axes, elements.players))
    if evaluator.specs[0].kind == "tabular" and rows is not None and len(rows) > 2 and elements.plain(0):
        return correlated(np.nan_to_num(rows.double().cpu().numpy()))
    return spans(np.arange(elements.players))


def _numbered(labels: list[np.ndarray]) -> tuple[tuple[np.ndarray, ...], int]:
    """The labels of all inputs, numbered through; and how many players there are."""
    offset, found = 0, []
    for label in labels:
        found.append(label.astype(np.int64) + offset)
        offset += int(label.max()) + 1
    return tuple(found), offset


def _labels(evaluator: Evaluator, slot: int, row: int, chosen: Players | Sequence[int] | np.ndarray, segments: int) -> np.ndarray:
    """The player of every element of one input."""
    spec, values = evaluator.specs[slot], evaluator.values[slot]
    shape = tuple(values.shape[1:])
    if values[0].numel() == 0:
        raise InputError("There are no players", received=f"rows of shape {shape}", remedy="give inputs with at least one element")
    if not isinstance(chosen, str):
        return _given(chosen, shape, evaluator)
    image = "y" in spec.axes and "x" in spec.axes
    if chosen == "superpixels":
        if not image:
            raise _no_image(chosen, spec)
        return superpixels(values[row].cpu().numpy(), spec.axes, segments)
    if chosen == "patches" and not image:
        raise _no_image(chosen, spec)
    large = image and shape[spec.axes.index("y")] * shape[spec.axes.index("x")] > PIXELS
    if chosen == "patches" or (chosen == "auto" and large):
        return patches(shape, spec.axes, SIDE)
    return players(shape, spec)


def _given(chosen: Sequence[int] | np.ndarray, shape: tuple[int, ...], evaluator: Evaluator) -> np.ndarray:
    labels = np.asarray(chosen)
    if len(evaluator.values) > 1 or labels.shape not in (shape, shape[-labels.ndim :]) or labels.dtype.kind not in "iu":
        raise InputError(
            "The players do not fit the input",
            received=f"labels of shape {labels.shape} and dtype {labels.dtype} for {len(evaluator.values)} inputs",
            remedy=f"give one whole number per element, of shape {shape}",
        )
    return np.unique(np.broadcast_to(labels, shape), return_inverse=True)[1].reshape(shape)


def _no_image(chosen: str, spec: InputSpec) -> InputError:
    return InputError(
        f"Only images have {chosen}", received=f"{spec.name} with axes {spec.axes}", remedy="leave players out, or give a label per element"
    )


def _centers(label: np.ndarray, axes: tuple[str, ...], count: int) -> np.ndarray:
    """The middle of every player's elements in the plane, (player, 2)."""
    grids = np.meshgrid(*map(np.arange, label.shape), indexing="ij")
    sizes = np.bincount(label.reshape(-1), minlength=count)
    planes = [grids[axes.index(axis)].reshape(-1) for axis in ("y", "x")]
    return np.stack([np.bincount(label.reshape(-1), plane, count) / sizes for plane in planes], 1)
