"""Convex polygons in a plane, cut along lines on which a value known at their corners is zero.

A value that is linear inside every polygon changes its sign along a straight line there, which meets two edges at known places
(Sotoudeh & Thakur 2019). All polygons that a line crosses are cut at once, and a new corner on an edge that two of them share is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDING = 256.0  # machine epsilons of the largest value within which a corner lies on the line: values at new corners are interpolated
CLOSE = 1e-10  # of the mesh's width, within which corners of different parts are one


@dataclass(frozen=True, eq=False)
class Mesh:
    """Convex polygons.

    Attributes:
        points: (point, 2).
        corners: (polygon, place) numbers of points around each; places beyond ``counts`` repeat the first.
        counts: (polygon,) how many corners each has.
    """

    points: np.ndarray
    corners: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    def of(self, polygons: np.ndarray | slice) -> Mesh:
        """Some of the polygons, with all points."""
        counts = self.counts[polygons]
        return Mesh(self.points, self.corners[polygons][:, : int(counts.max(initial=3))], counts)

    def areas(self) -> np.ndarray:
        """(polygon,) the area of each."""
        x, y = np.moveaxis(self.points[self.corners] - self.points[self.corners[:, :1]], -1, 0)
        return 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1))

    def middles(self) -> np.ndarray:
        """(polygon, 2) the mean of each one's corners, which lies inside."""
        there = np.arange(self.corners.shape[1]) < self.counts[:, None]
        return (self.points[self.corners] * there[..., None]).sum(1) / self.counts[:, None]


def rectangle(left: float, right: float, low: float, high: float) -> Mesh:
    """One polygon."""
    return Mesh(np.array([[left, low], [right, low], [right, high], [left, high]]), np.array([[0, 1, 2, 3]]), np.array([4]))


def grid(across: np.ndarray, up: np.ndarray) -> Mesh:
    """Two triangles between every four neighbors of the points of a grid; the points row by row, from the lowest up."""
    number = np.arange(len(up) * len(across)).reshape(len(up), len(across))
    a, b, c, d = (part.reshape(-1) for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    corners = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Mesh(np.stack(np.meshgrid(across, up), -1).reshape(-1, 2), corners, np.full(len(corners), 3))


def joined(parts: list[Mesh]) -> Mesh:
    """Meshes side by side, each with points of its own."""
    if len(parts) == 1:
        return parts[0]
    width = max(part.corners.shape[1] for part in parts)
    starts = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    corners = [widened(part.corners, width) + start for part, start in zip(parts, starts, strict=True)]
    return Mesh(np.concatenate([part.points for part in parts]), np.concatenate(corners), np.concatenate([part.counts for part in parts]))


def compact(mesh: Mesh) -> Mesh:
    """The mesh without points that no polygon has."""
    used, places = np.unique(mesh.corners, return_inverse=True)
    return Mesh(mesh.points[used], places.reshape(mesh.corners.shape), mesh.counts)


def welded(mesh: Mesh) -> Mesh:
    """The mesh with points that differ by rounding made one."""
    size = CLOSE * float(np.ptp(mesh.points, 0).max())
    names = np.arange(len(mesh.points))
    grids = [np.unique(np.floor(mesh.points / size + shift), axis=0, return_inverse=True)[1].reshape(-1) for shift in (0.0, 0.5)]
    for grid in (*grids, grids[0]):  # points on either side of a line of one grid lie in one cell of the other
        least = np.full(int(grid.max()) + 1, len(names))
        np.minimum.at(least, grid, names)
        names = least[grid]
    return compact(Mesh(mesh.points, names[mesh.corners], mesh.counts))


def shared_edges(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """The edges that two polygons share: (edge, 2) the polygons, and (edge, 2) the points at the ends."""
    here, there = mesh.corners.astype(np.int64), np.roll(mesh.corners, -1, 1)
    polygon, place = (here != there).nonzero()
    here, there = here[polygon, place], there[polygon, place]
    keys = np.minimum(here, there) * len(mesh.points) + np.maximum(here, there)
    order = keys.argsort(kind="stable")
    same = (keys[order][1:] == keys[order][:-1]).nonzero()[0]
    first, second = order[same], order[same + 1]
    return np.stack([polygon[first], polygon[second]], 1), np.stack([here[first], there[first]], 1)


def least_parts(corners: np.ndarray, values: np.ndarray) -> int:
    """How many parts at least a polygon with these corners (corner, 2) is cut into by the lines on which values (corner, line) are zero.

    Each of the different lines makes one more, and every point at which lines meet inside makes one more at least.
    """
    around = np.concatenate([corners, np.ones((len(corners), 1))], 1)
    lines = np.linalg.lstsq(around, values, rcond=None)[0].T
    lines = lines / np.linalg.norm(lines, axis=1, keepdims=True)
    turned = np.where(lines[np.arange(len(lines)), np.abs(lines).argmax(1), None] < 0, -lines, lines)
    lines = lines[np.unique(np.round(turned, 9), axis=0, return_index=True)[1]]
    signs = lines @ around.T
    meet = []
    for number in range(len(lines) - 1):
        x, y, z = np.cross(lines[number], lines[number + 1 :]).T
        met = np.stack([x, y], 1) / np.where(z == 0, np.inf, z)[:, None]
        meet.append(met[_holds(corners, met)])
    size = float(np.ptp(corners, 0).max())
    points = np.unique(np.round(np.concatenate(meet or [corners[:0]]) / size, 9), axis=0)
    return 1 + int(((signs.max(1) > 0) & (signs.min(1) < 0)).sum()) + len(points)


def _holds(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(point,) whether each lies inside a convex polygon."""
    edges, aside = np.roll(corners, -1, 0) - corners, points[:, None] - corners
    turns = edges[:, 0] * aside[..., 1] - edges[:, 1] * aside[..., 0]
    return (turns.min(1) > 0) | (turns.max(1) < 0)


def widened(corners: np.ndarray, width: int) -> np.ndarray:
    """More places for corners; the new ones repeat the first."""
    more = width - corners.shape[1]
    return corners if more <= 0 else np.concatenate([corners, np.repeat(corners[:, :1], more, 1)], 1)


class Patch:
    """Polygons with values at their points that are linear inside each of them, while they are cut.

    Args:
        mesh: the polygons, and no other points than theirs.
        values: (point, unit).
        room: bytes of values after which cutting pauses.
        most: called with the least number of polygons that there will be; raises where those are too many.
    """

    def __init__(self, mesh: Mesh, values: np.ndarray, *, room: int = 2**62, most: Callable[[int], None] = lambda _: None) -> None:
        self.units = values.shape[1]
        self._rows = np.concatenate([values, mesh.points], 1)  # where a point lies is interpolated with its values
        self._points = len(self._rows)
        self._corners, self._counts, self._most = mesh.corners.copy(), mesh.counts.copy(), most
        self._origins, self._room = np.arange(len(mesh)), room
        self._polygons = len(mesh)
        self.within = ROUNDING * np.finfo(np.float64).eps * max(float(np.abs(values).max(initial=0.0)), np.finfo(np.float64).tiny)

    @property
    def mesh(self) -> Mesh:
        """The polygons as they are now."""
        counts = self._counts[: self._polygons].copy()
        corners = self._corners[: self._polygons, : int(counts.max())].copy()
        return Mesh(self._rows[: self._points, self.units :].copy(), corners, counts)

    @property
    def origins(self) -> np.ndarray:
        """(polygon,) of which of the polygons that were given each is a part."""
        return self._origins[: self._polygons].copy()

    def cut_at_zero(self) -> int:
        """Cuts every polygon along the line on which a unit is zero, unit by unit; returns how many are done when it pauses, or all are."""
        crossed = self._crossed()
        self._foresee(crossed)
        return self._one_by_one(crossed, self._halved)

    def cut_at_winners(self, windows: np.ndarray) -> int:
        """The same where another of a window's units becomes the largest, window by window; ``windows`` (window, candidate) are units."""
        apart = np.stack([~self._owned(np.arange(self._polygons), window).any(1) for window in windows])
        return self._one_by_one(apart, lambda which, number: self._parted(which, windows[number]))

    def _one_by_one(self, crossed: np.ndarray, cut: Callable[[np.ndarray, int], np.ndarray]) -> int:
        """Cuts the polygons that each line (line, polygon) may cross; ``cut`` returns of which ones parts were appended."""
        for number in np.flatnonzero(crossed.any(axis=1)):
            if self._points * self._rows.shape[1] * self._rows.itemsize > self._room:
                return int(number)
            which = np.flatnonzero(crossed[number, : self._polygons])
            crossed = self._inherited(crossed, cut(which, int(number)))
        return len(crossed)

    def _foresee(self, crossed: np.ndarray) -> None:
        """Tells at once where lines are so many that there will be too many polygons, from some of those through one of them."""
        counts = crossed.sum(0)
        polygon = int(counts.argmax())
        if counts[polygon] < _MANY:
            return
        corners = self._corners[polygon, : self._counts[polygon]]
        units = np.flatnonzero(crossed[:, polygon])[:_SOME]
        self._most(self._polygons + least_parts(self._rows[corners, self.units :], self._rows[corners][:, units]))

    def winners(self, window: np.ndarray) -> np.ndarray:
        """(polygon,) the place in a window of the largest unit in each polygon, once it was cut there; of equal ones the first."""
        return self._owned(np.arange(self._polygons), window).argmax(1)

    def _inherited(self, crossed: np.ndarray, parents: np.ndarray) -> np.ndarray:
        """What lines (line, polygon) may cross, with the parts that were appended: only lines that cross the whole cross a part."""
        before, after = self._polygons - len(parents), self._polygons
        if after > crossed.shape[1]:
            more = max(after - crossed.shape[1], crossed.shape[1])
            crossed = np.concatenate([crossed, np.zeros((len(crossed), more), bool)], 1)
        crossed[:, before:after] = crossed[:, parents]
        self._most(after)
        return crossed

    # ---- one line ----------------------------------------------------------------------------------------------------------

    def _crossed(self) -> np.ndarray:
        """(unit, polygon) whether a unit is above zero at one corner and below at another."""
        values = self._rows[: self._points, : self.units]
        above, below = values > self.within, values < -self.within
        found = np.zeros((2, self._polygons, self.units), bool)
        for place in range(self._corners.shape[1]):
            for side, at in zip(found, (above, below), strict=True):
                side |= at[self._corners[:, place]]
        return (found[0] & found[1]).T.copy()

    def _halved(self, which: np.ndarray, unit: int) -> np.ndarray:
        """Cuts those of these polygons that the unit's zero crosses: the half above stays in place, the one below is appended."""
        corners = self._corners[which]
        values = self._rows[corners, unit]
        signs = self._signs(values)
        whole = np.flatnonzero((signs.max(1) > 0) & (signs.min(1) < 0))
        if not len(whole):
            return which[:0]
        which = which[whole]
        around, signs = self._with_crossings(corners[whole], self._counts[which], values[whole], first=unit + 1)
        self._put(which, *_kept(around, signs >= 0))
        self._append(*_kept(around, (signs <= 0) & (signs != _NONE)), which)
        return which

    def _signs(self, values: np.ndarray) -> np.ndarray:
        return (values > self.within).astype(np.int8) - (values < -self.within).astype(np.int8)

    def _with_crossings(
        self, corners: np.ndarray, counts: np.ndarray, values: np.ndarray, *, first: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Corners and, between them, the places where an edge crosses zero, made anew; with signs, ``_NONE`` where nothing is.

        Of what is known at a new point the units from ``first`` on are interpolated.
        """
        signs = self._signs(values)
        polygon, place = (signs * np.roll(signs, -1, 1) < 0).nonzero()
        after = (place + 1) % corners.shape[1]
        here, there = corners[polygon, place].astype(np.int64), corners[polygon, after]
        keys, some, numbers = np.unique(
            np.minimum(here, there) * self._points + np.maximum(here, there), return_index=True, return_inverse=True
        )
        start, end = values[polygon[some], place[some]], values[polygon[some], after[some]]
        turned = here[some] > there[some]  # the same edge gives the same point, whichever way it is walked
        start, end = np.where(turned, end, start), np.where(turned, start, end)
        around = np.zeros((len(corners), 2 * corners.shape[1]), corners.dtype)
        around[:, ::2] = corners
        around[polygon, 2 * place + 1] = self._points + numbers.reshape(-1)
        found = np.full(around.shape, _NONE, np.int8)
        found[:, ::2] = np.where(np.arange(corners.shape[1]) < counts[:, None], signs, _NONE)
        found[polygon, 2 * place + 1] = 0
        self._add_points(*np.divmod(keys, self._points), start / (start - end), first)
        return around, found

    def _add_points(self, low: np.ndarray, high: np.ndarray, part: np.ndarray, first: int) -> None:
        after = self._points + len(low)
        if after > len(self._rows):
            more = max(after - len(self._rows), len(self._rows) // 2)
            self._rows = np.concatenate([self._rows, np.zeros((more, self._rows.shape[1]))])
        start, end = self._rows[low, first:], self._rows[high, first:]
        end -= start
        end *= part[:, None]
        end += start
        self._rows[self._points : after, first:] = end
        self._points = after

    # ---- the largest of several --------------------------------------------------------------------------------------------

    def _owned(self, which: np.ndarray, window: np.ndarray) -> np.ndarray:
        """(polygon, candidate) whether a unit of a window is the largest in all of a polygon."""
        values = self._rows[: self._points, window]
        largest = values >= values.max(1, keepdims=True) - self.within
        found = np.ones((len(which), len(window)), bool)
        for place in range(self._corners.shape[1]):
            found &= largest[self._corners[which, place]]
        return found

    def _parted(self, which: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Cuts those of these polygons in which a window's largest unit changes; the first part stays in place, others are appended."""
        which = which[~self._owned(which, window).any(1)]
        if not len(which):
            return which
        values = self._rows[self._corners[which][..., None], window]
        possible = values.max(1) >= values.min(1).max(1, keepdims=True) - self.within
        parts = [self._part_of(which, window, int(own), possible[:, own]) for own in possible.any(0).nonzero()[0]]
        width = max(corners.shape[1] for _, corners, _ in parts)
        parents = np.concatenate([parents for parents, _, _ in parts])
        corners = np.concatenate([widened(corners, width) for _, corners, _ in parts])
        counts = np.concatenate([counts for _, _, counts in parts])
        _, first = np.unique(parents, return_index=True)
        others = np.delete(np.arange(len(parents)), first)
        self._put(parents[first], corners[first], counts[first])
        self._append(corners[others], counts[others], parents[others])
        return parents[others]

    def _part_of(self, which: np.ndarray, window: np.ndarray, own: int, possible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The parts of polygons in which one unit of a window is the largest: of which polygons, and their corners."""
        which = which[possible]
        corners, counts = self._corners[which], self._counts[which]
        for other in (np.arange(len(window)) != own).nonzero()[0]:
            values = self._rows[corners, window[own]] - self._rows[corners, window[other]]
            signs = self._signs(values)
            above, below = signs.max(1) > 0, signs.min(1) < 0
            # of two that are equal everywhere the first is the largest
            stays = np.flatnonzero(above | (~below & (own < other)))
            which, corners, counts, values = which[stays], corners[stays], counts[stays], values[stays]
            cut = np.flatnonzero(below[stays])
            if len(cut):
                around, found = self._with_crossings(corners[cut], counts[cut], values[cut])
                pieces, sizes = _kept(around, found >= 0)
                width = max(corners.shape[1], pieces.shape[1])
                corners = widened(corners, width)
                corners[cut], counts[cut] = widened(pieces, width), sizes
        return which, corners, counts

    # ---- storage -----------------------------------------------------------------------------------------------------------

    def _put(self, which: np.ndarray, corners: np.ndarray, counts: np.ndarray) -> None:
        self._corners = widened(self._corners, corners.shape[1])
        self._corners[which] = widened(corners, self._corners.shape[1])
        self._counts[which] = counts

    def _append(self, corners: np.ndarray, counts: np.ndarray, parents: np.ndarray) -> None:
        after = self._polygons + len(counts)
        if after > len(self._counts):
            more = max(after - len(self._counts), len(self._counts))
            self._corners = np.concatenate([self._corners, np.zeros((more, self._corners.shape[1]), self._corners.dtype)])
            self._counts = np.concatenate([self._counts, np.zeros(more, self._counts.dtype)])
            self._origins = np.concatenate([self._origins, np.zeros(more, self._origins.dtype)])
        which = np.arange(self._polygons, after)
        self._polygons = after
        self._origins[which] = self._origins[parents]
        self._put(which, corners, counts)


_MANY, _SOME = 1000, 2000  # lines through one polygon, from which on it is worth asking for too many parts, and how many are asked
_NONE = -9  # the sign of a place that holds no corner


def _kept(around: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chosen corners of each polygon in their order, and how many they are."""
    counts = chosen.sum(1)
    polygon, place = chosen.nonzero()
    at = np.arange(len(polygon)) - np.repeat(counts.cumsum() - counts, counts)
    found = np.repeat(around[polygon[at == 0], place[at == 0]][:, None], int(counts.max(initial=3)), 1)
    found[polygon, at] = around[polygon, place]
    return found, counts
