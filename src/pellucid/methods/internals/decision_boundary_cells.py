"""What follows from polygons: where the class changes, how neighbors get different colors, which polygon a point lies in, and distances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.methods.internals.decision_boundary_mesh import Mesh, Patch, compact, shared_edges, welded

COLORS = 6  # as many as any map in the plane may need when it is colored greedily, the most entangled last
FINER = 4  # squares into which each side of one is divided in which the class changes
_PAIRS = 2**22  # pairs that are looked at at once


@dataclass(frozen=True, eq=False)
class Boundary:
    """Where the class changes: (segment, 2, 2) both ends, and (segment, 2) the classes at its two sides, the lower first."""

    ends: np.ndarray
    classes: np.ndarray


def boundary(mesh: Mesh, scores: np.ndarray) -> Boundary:
    """The lines on which another class gets the highest score.

    Args:
        mesh: polygons in which the scores are linear.
        scores: (point, class) at its points.
    """
    mixed = _mixed(mesh, scores)
    part = compact(mesh.of(mixed))
    used = np.unique(mesh.of(mixed).corners)
    if not len(mixed):
        return Boundary(np.zeros((0, 2, 2)), np.zeros((0, 2), int))
    everything = np.arange(scores.shape[1])
    patch = Patch(part, scores[used])
    patch.cut_at_winners(everything[None])
    owners, cells = patch.winners(everything), welded(patch.mesh)
    pairs, edges = shared_edges(cells)
    classes = owners[pairs]
    apart = classes[:, 0] != classes[:, 1]
    return Boundary(cells.points[edges[apart]], np.sort(classes[apart], 1))


def changing(across: np.ndarray, up: np.ndarray, classes: np.ndarray) -> Mesh:
    """The squares between four neighbors of the points of a grid at which not the same one of the classes (up, across) is said."""
    row, column = _mixed_squares(classes[None])[1:]
    return _squares(np.stack(np.meshgrid(across, up), -1)[None], np.zeros_like(row), row, column)


def refined(squares: Mesh, said: Callable[[np.ndarray], np.ndarray]) -> Mesh:
    """The smaller squares, ``FINER`` to a side, at whose corners not the same class is ``said``."""
    part = np.linspace(0, 1, FINER + 1)
    low, high = squares.points[squares.corners[:, 0]], squares.points[squares.corners[:, 2]]
    x, y = (low[:, i, None] + part * (high - low)[:, i, None] for i in (0, 1))
    lattice = np.stack(np.broadcast_arrays(x[:, None, :], y[:, :, None]), -1)
    return _squares(lattice, *_mixed_squares(said(lattice.reshape(-1, 2)).reshape(lattice.shape[:-1])))


def _mixed_squares(classes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Where (lattice, row, column) four neighbors differ: the numbers of lattices, rows and columns."""
    first = classes[:, :-1, :-1]
    others = classes[:, 1:, :-1], classes[:, :-1, 1:], classes[:, 1:, 1:]
    return np.logical_or.reduce([other != first for other in others]).nonzero()


def _squares(lattice: np.ndarray, number: np.ndarray, row: np.ndarray, column: np.ndarray) -> Mesh:
    corners = [lattice[number, row + up, column + across] for up, across in ((0, 0), (0, 1), (1, 1), (1, 0))]
    points = np.stack(corners, 1).reshape(-1, 2)
    return Mesh(points, np.arange(len(points)).reshape(-1, 4), np.full(len(number), 4))


def _mixed(mesh: Mesh, scores: np.ndarray) -> np.ndarray:
    """The polygons at whose corners not the same class wins everywhere, and their neighbors: the class may change at an edge too."""
    owned = scores.argmax(1)[mesh.corners]
    pure = (owned == owned[:, :1]).all(1)
    best = np.sort(scores, 1)[:, -2:] if scores.shape[1] > 1 else np.stack([scores[:, 0] - 1, scores[:, 0]], 1)
    close = (best[:, 1] - best[:, 0] <= 1e-9 * np.abs(scores).max(initial=1.0))[mesh.corners].any(1)
    return (~pure | close | _may_hide(mesh, scores)).nonzero()[0]


def _may_hide(mesh: Mesh, scores: np.ndarray) -> np.ndarray:
    """(polygon,) whether another class than at the corners may win inside: none does that stays under the least of the winner."""
    at = scores[mesh.corners]
    winner = at[:, 0].argmax(1)
    row = np.arange(len(mesh))
    least = at[row, :, winner].min(1)
    others = at.max(1)
    others[row, winner] = -np.inf
    return others.max(1) >= least


def colors(mesh: Mesh) -> np.ndarray:
    """(polygon,) one of ``COLORS`` numbers, another for each of two that share an edge."""
    pairs, _ = shared_edges(mesh)
    beside: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs.tolist():
        if a != b:
            beside[a].add(b)
            beside[b].add(a)
    found = np.full(len(mesh), -1)
    for polygon in reversed(_loosest_first(beside, len(mesh))):
        taken = {int(found[other]) for other in beside[polygon]}
        found[polygon] = next(color for color in range(len(taken) + 1) if color not in taken)
    return found


def _loosest_first(beside: dict[int, set[int]], count: int) -> list[int]:
    """The polygons in an order in which each has fewer than ``COLORS`` neighbors after it."""
    degree = [len(beside[polygon]) for polygon in range(count)]
    order: list[int] = []
    gone = [False] * count
    waiting = [polygon for polygon in range(count) if degree[polygon] < COLORS]
    while len(order) < count:
        if not waiting:  # not with polygons that lie in a plane
            waiting.append(min((p for p in range(count) if not gone[p]), key=degree.__getitem__))
        polygon = waiting.pop()
        if gone[polygon]:
            continue
        gone[polygon] = True
        order.append(polygon)
        for other in beside[polygon]:
            degree[other] -= 1
            if not gone[other] and degree[other] < COLORS:
                waiting.append(other)
    return order


def located(mesh: Mesh, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(up, across) the polygon in which each point of a grid lies; -1 outside of all. ``across`` and ``up`` ascend evenly."""
    found = np.full((len(up), len(across)), -1)
    place = mesh.points[mesh.corners]
    low, high = place.min(1), place.max(1)
    first = [np.searchsorted(axis, low[:, i]) for i, axis in enumerate((across, up))]
    last = [np.searchsorted(axis, high[:, i], side="right") for i, axis in enumerate((across, up))]
    wide, tall = last[0] - first[0], last[1] - first[1]
    sizes = wide * tall
    turn = _turns(place)
    for at in _blocks(sizes.cumsum(), max(1, _PAIRS // mesh.corners.shape[1])):
        polygon = np.repeat(at, sizes[at])
        number = np.arange(len(polygon)) - np.repeat(sizes[at].cumsum() - sizes[at], sizes[at])
        x, y = first[0][polygon] + number % wide[polygon], first[1][polygon] + number // wide[polygon]
        point = np.stack([across[x], up[y]], 1)
        corner = place[polygon]
        edge, aside = np.roll(corner, -1, 1) - corner, point[:, None] - corner
        inside = ((edge[..., 0] * aside[..., 1] - edge[..., 1] * aside[..., 0]) * turn[polygon][:, None] >= 0).all(1)
        found[y[inside], x[inside]] = polygon[inside]
    return found


def _turns(place: np.ndarray) -> np.ndarray:
    """(polygon,) 1 where the corners run counterclockwise, -1 where they do not."""
    x, y = np.moveaxis(place - place[:, :1], -1, 0)
    return np.where((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1) < 0, -1, 1)


def _blocks(sizes: np.ndarray, most: int) -> list[np.ndarray]:
    """Consecutive numbers whose sizes (cumulated) add up to ``most`` at most, one at least."""
    if not len(sizes):
        return []
    number = sizes // most
    return np.split(np.arange(len(sizes)), np.flatnonzero(number[1:] != number[:-1]) + 1)


def distances(points: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(point,) how far each is from the nearest of the segments (segment, 2, 2); infinite where there are none."""
    found = np.full(len(points), np.inf)
    start, way = ends[:, 0], ends[:, 1] - ends[:, 0]
    length = (way**2).sum(1)
    for at in range(0, len(points) if len(ends) else 0, step := max(1, _PAIRS // max(1, len(ends)))):
        aside = points[at : at + step, None] - start
        part = np.clip((aside * way).sum(-1) / np.where(length > 0, length, 1.0), 0, 1)
        found[at : at + step] = np.sqrt(((aside - part[..., None] * way) ** 2).sum(-1).min(1))
    return found
