"""Where a network changes its class on a plane of its inputs: exact polygons where it is piecewise linear, a sampled map elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import torch

from pellucid.errors import BudgetError, InputError, UnknownName, UnsupportedOperation
from pellucid.explanation.contents.decision_boundary import DecisionBoundary, InputPlane, LinearRegions, PlacedRows
from pellucid.methods.internals.decision_boundary_cells import boundary, changing, colors, distances, located, refined
from pellucid.methods.internals.decision_boundary_exact import Exact
from pellucid.methods.internals.decision_boundary_mesh import grid, rectangle
from pellucid.methods.internals.decision_boundary_plane import plane_of, window
from pellucid.models.widened import Widened

if TYPE_CHECKING:
    from pellucid.explanation.explanation import OutputKind
    from pellucid.methods.internals.decision_boundary_exact import Regions
    from pellucid.methods.internals.decision_boundary_mesh import Mesh
    from pellucid.methods.internals.decision_boundary_plane import Plane
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

Span = tuple[float, float, float, float]
How = Literal["auto", "exact", "sampled"]


@dataclass(frozen=True)
class LookAtDecisionBoundary:
    """The classes on a plane of the inputs, the lines between them, how confident the network is, and how far rows are from a change.

    Of a network that is linear between bends (ReLU, leaky and parametric ReLU, hard tanh, absolute value, maximum, max-pooling; between
    them linear layers, convolutions, sums of branches, average pooling, batch normalization) the plane is cut into polygons in each of
    which it is one linear function (Sotoudeh & Thakur 2019), in float64; the lines between classes follow exactly. Where there would be
    more than ``most`` polygons, only those cells of a sampled grid are cut in which the class changes: lines that the grid missed are
    missing there. Of other networks the lines run straight between the points of the grid.

    The plane is that of the inputs where there are two; else it is a slice, which shows nothing of what lies beside it.

    Args:
        through: three rows (numbers) through which a slice goes.
        pca: along the two directions in which the rows vary most; so it is too where nothing is said and there are more than two inputs.
        span: (left, right, low, high) on the plane; by default what holds the rows, or the three rows of a slice through them.
        resolution: points of the map along each axis; None: 240, and 40 for inputs of more than 4,096 numbers.
        how: ``auto`` does what it can and says what stands in the way of more; ``exact`` is an error where there is something.
        most: polygons that are followed.

    Raises:
        InputError: no rows, several inputs, no classes, rows that span no plane.
        UnsupportedOperation: ``how="exact"``, and the network is not piecewise linear.
        BudgetError: ``how="exact"``, and there are more than ``most`` polygons.
    """

    id: ClassVar[str] = "decision_boundary"
    kind: ClassVar[Kind] = "regions"
    needs: ClassVar[frozenset[Capability]] = frozenset()

    through: tuple[int, int, int] | None = None
    pca: bool = False
    span: Span | None = None
    resolution: int | None = None
    how: How = "auto"
    most: int = 100_000

    def look(self, inside: Inside) -> DecisionBoundary:
        """The boundary, the regions, the map and the rows."""
        if self.how not in get_args(How):
            raise UnknownName("way to look", self.how, get_args(How))
        evaluator = inside.rows("A decision boundary", need="those that the plane should show")
        rows = _flat(evaluator)
        plane = plane_of(rows, tuple(evaluator.values[0].shape[1:]), through=self.through, pca=self.pca)
        places, off = plane.places(rows)
        span = window(places if self.through is None else places[list(self.through)], self.span)
        asked = _Asked(evaluator, plane)

        found = self._found(inside, plane, rectangle(*span))
        points = self._points(rows.shape[1])
        across, up = np.linspace(*span[:2], points), np.linspace(*span[2:], points)
        scores = asked.scores(grid(across, up).points)
        classes = scores.argmax(1).reshape(points, points)
        regions, lines, agreement = found.regions, boundary(grid(across, up), scores), None
        if regions is not None:
            lines = boundary(regions.mesh, asked.two_sided(regions.corners, wide=True))
            agreement = float((_foretold(regions, asked, across, up) == classes).mean())
        elif found.why == "many":
            squares = changing(across, up, classes)
            squares = refined(squares, lambda at: asked.scores(at).argmax(1)) if len(squares) else squares
            traced = self._found(inside, plane, squares).regions
            found = replace(found, how="traced" if traced else "sampled")
            lines = boundary(traced.mesh, asked.two_sided(traced.corners, wide=True)) if traced else lines
        there = asked.scores(places)
        placed = PlacedRows(
            places=places,
            off=off,
            truth=np.full(len(rows), -1) if inside.labels is None else inside.labels,
            predicted=asked.two_sided(evaluator.space.outputs).argmax(1),
            there=there.argmax(1),
            distances=distances(places, lines.ends),
            sure=_sure(places, distances(places, lines.ends), span),
        )
        return DecisionBoundary(
            how=found.how,
            why=found.why,
            detail=found.detail,
            plane=_described(plane, span, evaluator),
            class_names=asked.class_names(),
            classes=classes,
            confidence=_confidence(scores).reshape(classes.shape),
            boundary=lines.ends,
            between=lines.classes,
            regions=None if regions is None else _linear(regions),
            agreement=agreement,
            rows=placed,
        )

    def _points(self, elements: int) -> int:
        if self.resolution is None:
            return 240 if elements <= 4096 else 40
        if not 2 <= self.resolution <= 4096:
            raise InputError("The map needs 2 to 4,096 points a side", received=f"resolution={self.resolution}", remedy="240 is usual")
        return self.resolution

    def _found(self, inside: Inside, plane: Plane, mesh: Mesh) -> _Found:
        """The linear regions of polygons on the plane, or what stands in the way."""
        if self.how == "sampled" or not len(mesh):
            return _Found()
        try:
            return _Found("exact", regions=self._exact(inside, plane, mesh))
        except UnsupportedOperation as error:
            if self.how == "exact":
                raise
            return _Found(why="bends" if "graph" in inside.model.can else "hidden", detail=error.received)
        except BudgetError:
            if self.how == "exact":
                raise
            return _Found(why="many", detail=f"{self.most:,}")

    def _exact(self, inside: Inside, plane: Plane, mesh: Mesh) -> Regions:
        if "graph" not in inside.model.can:
            raise UnsupportedOperation(
                "The operations of this model can not be followed", received=inside.model.name, remedy=inside.model.why_not("graph")
            )
        evaluator = inside.rows("A decision boundary")
        network = Widened(evaluator.bound)  # type: ignore[arg-type] (a model whose graph can be followed is torch's)
        progress = evaluator.situation.progress
        exact = Exact(network, plane, most=self.most, report=lambda n, of: progress(evaluator.stage, n, of) if progress else None)
        try:
            return exact.regions(mesh)
        finally:
            evaluator.spent.forward += network.evaluated
            evaluator.beside += network.evaluated


@dataclass(frozen=True, eq=False)
class _Found:
    """Linear regions, or why there are none; see :class:`DecisionBoundary`."""

    how: Literal["exact", "traced", "sampled"] = "sampled"
    why: Literal["", "bends", "hidden", "many"] = ""
    detail: str = ""
    regions: Regions | None = None


class _Asked:
    """What the network itself says on a plane, as scores of classes."""

    def __init__(self, evaluator: Evaluator, plane: Plane) -> None:
        self.evaluator, self.plane = evaluator, plane
        space = evaluator.space
        self.kind: OutputKind = space.kind
        self.names, self.columns = space.class_names, space.classes
        if space.outputs.ndim > 2 or (space.classes == 1 and space.kind not in ("logits", "probabilities")):
            raise InputError(
                "A decision boundary needs outputs that are scores of classes",
                received=f"outputs of shape {space.outputs.shape[1:]}, kind {space.kind}",
                remedy="for one logit give spec=ModelSpec(outputs='logits')",
            )

    def scores(self, points: np.ndarray) -> np.ndarray:
        """(point, class) logits or log-probabilities at points of the plane."""
        like = self.evaluator.values[0]
        found = []
        for numbers, _ in self.evaluator.pairs(1, rows=len(points)):
            at = points[numbers.cpu().numpy()]

            def call(part: torch.Tensor, at: np.ndarray = at, first: int = int(numbers[0])) -> torch.Tensor:
                rows = self.plane.rows(at[(part - first).cpu().numpy()]).to(like)
                return self.evaluator.bound.outputs((rows,), torch.zeros_like(part))

            found.append(self.evaluator.run("forward", call, numbers).double().cpu().numpy())
        return self.two_sided(np.concatenate(found))

    def two_sided(self, outputs: np.ndarray, *, wide: bool = False) -> np.ndarray:
        """(point, class) scores from outputs; ``wide`` outputs are those before a final softmax or sigmoid."""
        outputs = np.asarray(outputs, float).reshape(len(outputs), -1)
        if self.kind == "probabilities" and not wide:
            outputs = np.concatenate([1 - outputs, outputs], 1) if outputs.shape[1] == 1 else outputs
            return np.log(np.maximum(outputs, np.finfo(float).tiny))
        return np.concatenate([np.zeros_like(outputs), outputs], 1) if outputs.shape[1] == 1 else outputs

    def class_names(self) -> tuple[str, ...]:
        """One for each class; their numbers where they have none."""
        count = max(self.columns, 2)
        return self.names if len(self.names) == count else tuple(map(str, range(count)))


def _flat(evaluator: Evaluator) -> np.ndarray:
    """The rows (row, element) in float64."""
    count = len(evaluator.values)
    if count > 1 or not evaluator.bound.alone:
        received = f"{count} inputs that vary{'' if evaluator.bound.alone else ', and others that do not'}"
        remedy = "give a network that takes one tensor of numbers"
        raise InputError("A decision boundary needs a network of one input, of numbers", received=received, remedy=remedy)
    rows = evaluator.values[0].detach().double().cpu().flatten(1).numpy()
    if not np.isfinite(rows).all():
        raise InputError(
            "The rows hold missing or infinite values",
            received=f"{int((~np.isfinite(rows)).any(1).sum())} rows",
            remedy="leave those rows out",
        )
    return rows


def _foretold(regions: Regions, asked: _Asked, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(up, across) the class at each point of a grid by the linear function of the polygon that it lies in."""
    at = located(regions.mesh, across, up).reshape(-1)
    aside = grid(across, up).points - regions.mesh.middles()[at]
    scores = regions.levels[at] + (regions.slopes[at] * aside[:, None]).sum(-1)
    return asked.two_sided(scores, wide=True).argmax(1).reshape(len(up), len(across))


def _confidence(scores: np.ndarray) -> np.ndarray:
    """(point,) the probability of the class that wins, from logits or log-probabilities."""
    return 1 / np.exp(scores - scores.max(1, keepdims=True)).sum(1)


def _sure(places: np.ndarray, found: np.ndarray, span: Span) -> np.ndarray:
    """Whether the side of the window is farther away than the boundary."""
    low, high = np.array([span[0], span[2]]), np.array([span[1], span[3]])
    return np.minimum(places - low, high - places).min(1) >= found


def _described(plane: Plane, span: Span, evaluator: Evaluator) -> InputPlane:
    names: Any = evaluator.specs[0].names if plane.kind == "inputs" else ()
    return InputPlane(plane.kind, plane.origin, plane.along, tuple(names or ()), plane.samples, plane.explained, span)


def _linear(regions: Regions) -> LinearRegions:
    mesh = regions.mesh
    return LinearRegions(
        mesh.points,
        mesh.corners.astype(np.int32),
        mesh.counts.astype(np.int32),
        mesh.middles(),
        regions.levels,
        regions.slopes,
        colors(mesh).astype(np.uint8),
    )
