"""The linear regions of a piecewise-linear network on a plane, exactly: polygons cut where one operation after another bends.

The corners of all polygons run through the network up to an operation; inside every polygon what it sees is linear, so that the lines on
which it bends are known from the corners. The polygons are cut there, and their corners, old and new, run up to the next. Nothing is
assumed of the network but that each operation is linear between its bends, which is tested at the middle of every polygon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pellucid.errors import BudgetError, UnsupportedOperation
from pellucid.methods.internals.decision_boundary_mesh import Mesh, Patch, compact, joined, welded
from pellucid.models.rules.pieces.folds import Folds, Layout
from pellucid.models.rules.pieces.kinks import EnoughSeen

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.internals.decision_boundary_plane import Plane
    from pellucid.models.rules.pieces.folds import Seen
    from pellucid.models.widened import Widened

BYTES = 64 * 2**20  # of values that polygons start with, and that one pass through the network holds
ROOM = 4 * BYTES  # up to which values grow while polygons are cut
FITS = 0.5  # the power of machine epsilon up to which a polygon must foretell the output at its middle: far above rounding


@dataclass(frozen=True, eq=False)
class Regions:
    """A plane cut into polygons in each of which the network is one linear function.

    Attributes:
        mesh: the polygons.
        levels: (polygon, output) the outputs at the middle of each.
        slopes: (polygon, output, 2) their gradients.
        corners: (point, output) the outputs at the mesh's points.
        final: the softmax or sigmoid that the network ends in and that is left out here, "" for none.
    """

    mesh: Mesh
    levels: np.ndarray
    slopes: np.ndarray
    corners: np.ndarray
    final: str


class Exact:
    """Cuts a plane at the bends of a network.

    Args:
        network, plane: what is looked at, and where.
        most: so many polygons are allowed.
        report: told how many operations are done, and of how many.
    """

    def __init__(self, network: Widened, plane: Plane, *, most: int, report: Callable[[int, int], None]) -> None:
        self.network, self.plane, self.most, self.report = network, plane, most, report
        self.layout = Layout()

    def regions(self, mesh: Mesh) -> Regions:
        """The polygons of the mesh cut at every bend.

        Raises:
            UnsupportedOperation: the network is not piecewise linear, or jumps.
            BudgetError: there are more polygons than allowed.
        """
        self._first_pass(mesh)
        bending = sorted(self.layout.structure.rows)
        for done, number in enumerate(bending):
            self.report(done, len(bending) + 1)
            mesh = self._cut(mesh, number, f"operation {done + 1} of {len(bending)} that bend")
        self.report(len(bending), len(bending) + 1)
        mesh = welded(mesh)
        corners, middles = self._outputs(mesh.points), self._outputs(mesh.middles())
        slopes = _slopes(mesh, corners)
        self._must_fit(mesh, corners, middles, slopes)
        return Regions(mesh, middles, slopes, corners, self.layout.name)

    def _first_pass(self, mesh: Mesh) -> None:
        points = np.concatenate([mesh.points[:3], mesh.middles()[:1]])
        self.network.output(self.plane.rows(points), Folds(self.layout, len(points), first=True))
        self.layout.structure.known = True

    def _cut(self, mesh: Mesh, number: int, where: str) -> Mesh:
        """Cuts all polygons where an operation bends, as many at once as there is room for their values."""
        waiting, done, together = [(mesh, 0)], [], 16  # of the first few it is seen how many values they have
        while waiting:
            part, first = waiting.pop()
            if len(part) > together:
                waiting.append((part.of(slice(together, None)), first))
                part = part.of(slice(together))
            part = compact(part)
            seen = self._seen(part.points, number)
            others = sum(len(other) for other, _ in waiting) + sum(map(len, done))
            values = seen.values[:, first:] if seen.windows is None else seen.values
            patch = Patch(part, values.numpy(), room=ROOM, most=lambda n, others=others: self._limit(n + others, where))
            bends = values.shape[1] if seen.windows is None else len(seen.windows) - first
            after = patch.cut_at_zero() if seen.windows is None else patch.cut_at_winners(seen.windows[first:].numpy())
            together = max(16, BYTES // (32 * max(1, values.shape[1])))
            if after < bends:
                waiting.append((patch.mesh, first + after))
                together = min(together, max(1, len(patch.mesh) // 4))
            else:
                done.append(patch.mesh)
        return done[0] if len(done) == 1 else welded(joined(done))

    def _limit(self, polygons: int, where: str) -> None:
        if polygons > self.most:
            raise BudgetError(
                "The network has more linear regions here than are followed",
                received=f"over {self.most:,} at {where}",
                remedy=f"allow more with most={10 * self.most}, look at a smaller part with span=..., or use how='sampled'",
            )

    def _seen(self, points: np.ndarray, number: int) -> Seen:
        found: list[Seen] = []
        for rows in self._batches(points):
            rules = Folds(self.layout, len(rows), wanted=number)
            with suppress(EnoughSeen):
                self.network.output(rows, rules)
            if rules.seen is None:
                raise UnsupportedOperation(
                    "The forward takes other branches for other points",
                    received=f"an operation that some points never reach (number {number})",
                    remedy="use how='sampled', which follows no operation",
                )
            found.append(rules.seen)
        return type(found[0])(torch.cat([one.values for one in found]), found[0].windows)

    def _outputs(self, points: np.ndarray) -> np.ndarray:
        """The outputs (point, output)."""
        found = [self.network.output(rows, Folds(self.layout, len(rows))).flatten(1) for rows in self._batches(points)]
        return torch.cat(found).numpy()

    def _batches(self, points: np.ndarray) -> Iterator[Tensor]:
        size = min(16_384, max(16, BYTES // (32 * self.layout.widest)))
        for at in range(0, len(points), size):
            yield self.plane.rows(points[at : at + size])

    def _must_fit(self, mesh: Mesh, corners: np.ndarray, middles: np.ndarray, slopes: np.ndarray) -> None:
        """Every polygon foretells the output at its middle from its corners: no bend was missed, and nothing jumps."""
        there = np.arange(mesh.corners.shape[1]) < mesh.counts[:, None]
        foretold = (corners[mesh.corners] * there[..., None]).sum(1) / mesh.counts[:, None]
        size = np.abs(corners).max()
        wrong = (np.abs(foretold - middles) > np.finfo(np.float64).eps ** FITS * size).any(1) | ~np.isfinite(slopes).all((1, 2))
        if wrong.any():
            raise UnsupportedOperation(
                "The pieces do not fit together: the network jumps, or bends where no operation shows it",
                received=f"{int(wrong.sum()):,} of {len(mesh):,} polygons",
                remedy="use how='sampled', which follows no operation",
            )


def _slopes(mesh: Mesh, corners: np.ndarray) -> np.ndarray:
    """(polygon, output, 2) gradients, each from the three corners of its polygon that lie farthest apart."""
    found = np.empty((len(mesh), corners.shape[1], 2))
    for at in range(0, len(mesh), 4096):
        part = mesh.of(slice(at, at + 4096))
        three = _widest_three(part)
        here, there, beside = (mesh.points[three[:, i]] for i in range(3))
        first, second = there - here, beside - here
        rises = corners[three[:, 1:]] - corners[three[:, :1]]  # (polygon, 2, output)
        area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])[:, None]
        along = (rises[:, 0] * second[:, 1:] - rises[:, 1] * first[:, 1:]) / area
        up = (rises[:, 1] * first[:, :1] - rises[:, 0] * second[:, :1]) / area
        found[at : at + len(part)] = np.stack([along, up], -1)
    return found


def _widest_three(mesh: Mesh) -> np.ndarray:
    """(polygon, 3) the two corners of each that are farthest apart, and the one farthest from the line through them."""
    place = mesh.points[mesh.corners]
    apart = ((place[:, :, None] - place[:, None]) ** 2).sum(-1)
    first, second = np.divmod(apart.reshape(len(mesh), -1).argmax(1), mesh.corners.shape[1])
    row = np.arange(len(mesh))
    line, from_first = (place[row, second] - place[row, first])[:, None], place - place[row, first][:, None]
    third = np.abs(line[..., 0] * from_first[..., 1] - line[..., 1] * from_first[..., 0]).argmax(1)
    return mesh.corners[row[:, None], np.stack([first, second, third], 1)]
