"""The plane on which a network is looked at: its two inputs themselves, or a slice through the space of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import InputError

Kind = Literal["inputs", "samples", "pca"]
_ROUNDING = 64.0  # machine epsilons of a row within which it lies on the plane
MARGIN = 0.12  # of the width of what is shown, left free on every side


@dataclass(frozen=True, eq=False)
class Plane:
    """Points ``origin + u * along[0] + v * along[1]``; the two directions are unit vectors at right angles, so that distances are kept.

    Attributes:
        kind: what it goes through.
        origin: (element,).
        along: (2, element).
        shape: of one row of the network's input.
        samples: the rows it goes through.
        explained: the share of the data's variance in each of the two directions, for ``"pca"``.
    """

    kind: Kind
    origin: np.ndarray
    along: np.ndarray
    shape: tuple[int, ...]
    samples: tuple[int, ...] = ()
    explained: tuple[float, ...] = ()

    def rows(self, points: np.ndarray) -> Tensor:
        """The network's inputs (point, ...) at points (point, 2) of the plane, float64."""
        return torch.from_numpy(self.origin + points @ self.along).reshape(len(points), *self.shape)

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where rows (row, element) lie on the plane (row, 2), seen at a right angle; and how far they are from it (row,)."""
        centered = rows - self.origin
        found = centered @ self.along.T
        off = np.linalg.norm(centered - found @ self.along, axis=1)
        rounding = _ROUNDING * np.finfo(np.float64).eps * (np.linalg.norm(rows, axis=1) + np.linalg.norm(self.origin))
        return found, np.where(off > rounding, off, 0.0)


def plane_of(rows: np.ndarray, shape: tuple[int, ...], *, through: tuple[int, ...] | None, pca: bool) -> Plane:
    """The plane that is asked for; of more than two inputs, where none is, the one along which the rows vary most.

    Args:
        rows: (row, element) the data.
        shape: of one row of the network's input.
        through: three rows.
        pca: along the two directions in which the rows vary most.

    Raises:
        InputError: the rows do not span a plane, or there are fewer than two inputs.
    """
    elements = rows.shape[1]
    if elements < 2:
        raise InputError("A decision boundary needs two inputs or more", received=f"rows of {elements} value", remedy="give more features")
    if through is not None:
        return _through(rows, shape, through)
    if elements == 2 and not pca:
        return Plane("inputs", np.zeros(2), np.eye(2), shape)
    return _principal(rows, shape)


def _through(rows: np.ndarray, shape: tuple[int, ...], through: tuple[int, ...]) -> Plane:
    if len(through) != 3 or len(set(through)) != 3 or not all(0 <= i < len(rows) for i in through):
        raise InputError(
            "A slice goes through three different rows",
            received=f"through={through} of {len(rows)} rows",
            remedy=f"give three numbers of rows, each from 0 to {len(rows) - 1}",
        )
    first, second, third = rows[list(through)]
    along = np.stack([second - first, third - first])
    along[0] /= np.linalg.norm(along[0]) or 1.0
    across = along[1] - (along[1] @ along[0]) * along[0]
    across -= (across @ along[0]) * along[0]  # once more: the first time leaves rounding behind
    if np.linalg.norm(across) <= 1e-9 * np.linalg.norm(along[1]) or not along[0].any():
        raise InputError("Three rows on one line span no plane", received=f"through={through}", remedy="choose rows that differ more")
    along[1] = across / np.linalg.norm(across)
    return Plane("samples", first, along, shape, tuple(through))


def _principal(rows: np.ndarray, shape: tuple[int, ...]) -> Plane:
    middle = rows.mean(0)
    _, sizes, along = np.linalg.svd(rows - middle, full_matrices=False)
    if len(rows) < 3 or sizes[1] <= 1e-9 * sizes[0] or not sizes[0]:
        raise InputError("The rows span no plane", received=f"{len(rows)} rows", remedy="give three rows or more that differ")
    along = along[:2] * np.where(along[:2].sum(1) < 0, -1, 1)[:, None]  # the signs are free: the larger part of each points up
    shares = sizes[:2] ** 2 / (sizes**2).sum()
    return Plane("pca", middle, along, shape, explained=(float(shares[0]), float(shares[1])))


def window(places: np.ndarray, span: tuple[float, float, float, float] | None) -> tuple[float, float, float, float]:
    """(left, right, low, high) of what is shown: a square around the places with some room, unless it is said.

    Raises:
        InputError: a span without extent.
    """
    if span is not None:
        left, right, low, high = span
        if not (left < right and low < high):
            raise InputError("The span has no extent", received=f"span={span}", remedy="give (left, right, low, high)")
        return tuple(map(float, span))  # type: ignore[return-value]
    least, most = places.min(0), places.max(0)
    half = (0.5 + MARGIN) * float((most - least).max() or 1.0)
    middle = (least + most) / 2
    return tuple(float(v) for at in middle for v in (at - half, at + half))  # type: ignore[return-value]
