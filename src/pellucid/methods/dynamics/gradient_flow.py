"""Where gradients lead: the loss over two parameters, or over the plane of a training, with its gradient and the ways that were taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents.gradient_flow import FlowPath, GradientFlow
from pellucid.methods.dynamics.loss_landscape_curvature import HessianProducts
from pellucid.methods.dynamics.loss_landscape_directions import axis, checkpoints_of, trajectory_plane
from pellucid.methods.dynamics.loss_landscape_losses import Loss, judge
from pellucid.methods.dynamics.loss_landscape_points import PointLosses, affordable_points, flops_of_a_row
from pellucid.models.moved_weights import MovedWeights
from pellucid.models.torch_model import TorchModel

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.models.protocol import Capability

Parameter = tuple[str, tuple[int, ...]]
POINTS = 41
ROOM = 0.15  # of the width of what is shown, left free on every side
NARROW = 0.25  # of the wider axis, that the other has at least where both are parameters


@dataclass(frozen=True, eq=False)
class _Plane:
    """Weights ``trained + a * along[0] + b * along[1]``; the axes show ``origin + (a, b)``."""

    names: tuple[str, str]
    along: tuple[Tensor, Tensor]
    origin: np.ndarray
    explained: np.ndarray
    window: tuple[float, float, float, float]


@dataclass(frozen=True)
class LookAtGradientFlow:
    """The mean loss of the rows over two parameters with arrows of its descent, and the ways that trainings took there.

    Without ``trajectories`` the axes are the two ``parameters`` named, or the two with the largest gradient. With trajectories and no
    parameters named they are the two directions in which all checkpoints together lie farthest from the network. The network runs in eval
    mode, and is itself a point of the plane. Gradients are those of autograd at each arrow, not differences of the map.

    Attributes:
        parameters: two, each a name and an index: ``(("weight", (0, 0)), ("bias", (0,)))``.
        trajectories: by name, the checkpoints of trainings: an array (checkpoint, parameter), as ``pl.Run(folder).trajectory()`` has it, or
            a list of state dicts.
        loss: ``cross_entropy``, ``mse``, or a function of outputs and labels; by the outputs if not given.
        resolution: points of the map along each axis. ``arrows``: along each axis.
        span: (left, right, low, high) in the units of the axes.

    What it does not show: all other parameters, which stay; an arrow is the part of the gradient within the plane, and momentum or Adam
    do not follow it. A checkpoint off the plane has another loss than the place where it is seen.

    Raises:
        InputError: no data, no labels or none that fit; a parameter or index that does not exist; checkpoints of another architecture.
        CapabilityError: a loss that can not be differentiated.
    """

    parameters: tuple[Parameter, Parameter] | None = None
    trajectories: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    loss: Loss = field(default="auto", repr=False)
    resolution: int | None = None
    arrows: int = 11
    span: tuple[float, float, float, float] | None = None

    id: ClassVar[str] = "gradient_flow"
    kind: ClassVar[Kind] = "regions"
    needs: ClassVar[frozenset[Capability]] = frozenset({"parameters", "gradient"})
    labels_are: ClassVar[str] = "as given"

    def look(self, inside: Inside) -> GradientFlow:
        """What was measured."""
        if not isinstance(inside.model, TorchModel):
            received = inside.model.name
            raise CapabilityError("The weights of a torch module are moved", received=received, remedy="give the torch.nn.Module itself")
        self._check()
        evaluator = inside.rows("A gradient flow", need="the rows on which the loss is taken, with labels")
        judged, known = judge(evaluator, inside.given, self.loss)
        weights = MovedWeights(evaluator.bound)  # type: ignore[arg-type] (a torch model opens as BoundTorch)
        losses = PointLosses(evaluator, weights, judged, known)
        paths = {name: tuple(checkpoints_of(weights, given)) for name, given in self.trajectories.items()}
        points = self.resolution or affordable_points(len(known) * flops_of_a_row(evaluator), POINTS)
        losses.planned = 1 + points**2 + 3 * self.arrows**2 + sum(map(len, paths.values()))
        with weights.moving():
            own = losses.at(weights.trained)
            products = HessianProducts(losses)
            plane = self._plane(weights, products, paths)
            left, right, low, high = self._window(plane)
            across, up = axis(left, right, points), axis(low, high, points)
            spots = np.stack([np.tile(across, points), np.repeat(up, points)], 1)
            loss, _ = losses.on_plane(plane.along, spots)
            places = self._spots(across, up)
            gradients, whole = _gradients(products, plane, places)
            seen = tuple(_path(name, vectors, losses, plane) for name, vectors in paths.items())
            return GradientFlow(
                along="trajectory" if plane.explained.size else "parameters",
                names=plane.names,
                explained=plane.explained,
                across=across + plane.origin[0],
                up=up + plane.origin[1],
                loss=loss.reshape(points, points),
                places=places + plane.origin,
                gradients=gradients,
                whole=whole,
                own=plane.origin,
                own_loss=np.array([own[0]]),
                paths=seen,
                judged=judged.name,
                rows=len(known),
                parameters=weights.elements,
            )

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        for name, least in (("resolution", 3), ("arrows", 2)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise InputError(f"{name} is a whole number from {least} on", received=f"{name}={value!r}", remedy="leave it out")

    def _plane(self, weights: MovedWeights, products: HessianProducts, paths: dict[str, tuple[Tensor, ...]]) -> _Plane:
        everything = [vector for vectors in paths.values() for vector in vectors]
        if everything and self.parameters is None and weights.elements > 2:
            flat = torch.stack([weights.packed(vector) for vector in everything])
            found = trajectory_plane(weights, flat)
            names = tuple(f"{at}" for at in (1, 2))
            return _Plane(names, found.along, np.zeros(2), found.explained, found.window)  # type: ignore[arg-type]
        chosen = self.parameters or _steepest(weights, products)
        along = tuple(_unit(weights, name, index) for name, index in chosen)
        own = np.array([float(weights.view(weights.trained, name)[index]) for name, index in chosen])
        places = [np.zeros(2)] + [_within(weights, vector, along) for vector in everything]  # type: ignore[arg-type]
        names = tuple(_called(name, index) for name, index in chosen)
        return _Plane(names, along, own, np.zeros(0), _around(np.stack(places)))  # type: ignore[arg-type]

    def _window(self, plane: _Plane) -> tuple[float, float, float, float]:
        if self.span is None:
            return plane.window
        left, right, low, high = self.span
        (x, y) = plane.origin
        return left - x, right - x, low - y, high - y

    def _spots(self, across: np.ndarray, up: np.ndarray) -> np.ndarray:
        """Where arrows begin: in the middle of equal parts of the map."""
        parts = (np.arange(self.arrows) + 0.5) / self.arrows
        x, y = (one[0] + parts * (one[-1] - one[0]) for one in (across, up))
        return np.stack([np.tile(x, self.arrows), np.repeat(y, self.arrows)], 1)


def _gradients(products: HessianProducts, plane: _Plane, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of the gradient along the axes (place, 2), and its whole norm (place,)."""
    weights = products.weights
    along = torch.stack([weights.packed(vector) for vector in plane.along]).double()
    found, whole = np.zeros((len(places), 2)), np.zeros(len(places))
    for at, (a, b) in enumerate(places.tolist()):
        gradient = products.gradient(weights.trained + a * plane.along[0] + b * plane.along[1]).double()
        found[at], whole[at] = (along @ gradient).cpu().numpy(), float(torch.linalg.vector_norm(gradient))
        products.losses.tick(3)  # forward and backward
    return found, whole


def _path(name: str, vectors: tuple[Tensor, ...], losses: PointLosses, plane: _Plane) -> FlowPath:
    weights = losses.weights
    places = np.stack([_within(weights, vector, plane.along) for vector in vectors])
    apart = [weights.packed(vector - weights.trained).double() for vector in vectors]
    along = torch.stack([weights.packed(vector) for vector in plane.along]).double()
    inside = [torch.from_numpy(place).to(along) @ along for place in places]
    off = np.array([float(torch.linalg.vector_norm(a - i)) for a, i in zip(apart, inside, strict=True)])
    return FlowPath(name, places + plane.origin, off, np.array([losses.at(vector)[0] for vector in vectors]))


def _within(weights: MovedWeights, vector: Tensor, along: tuple[Tensor, Tensor]) -> np.ndarray:
    """Where a vector of weights lies on the plane, seen at a right angle: (a, b)."""
    apart = weights.packed(vector - weights.trained).double()
    return np.array([float(apart @ weights.packed(one).double()) for one in along])


def _steepest(weights: MovedWeights, products: HessianProducts) -> tuple[Parameter, Parameter]:
    """The two parameters along which the loss is steepest; of a network of two, both in their order."""
    gradient = products.gradient().abs()
    if len(gradient) < 2:
        raise InputError("A plane needs two parameters", received=f"a network of {len(gradient)}", remedy="look at a larger network")
    chosen = sorted(torch.topk(gradient, 2).indices.tolist())
    found: list[Parameter] = []
    start = 0
    for name in weights.names[: weights.parameters]:
        shape = tuple(weights.tensors[name].shape)
        count = math.prod(shape)
        found += [(name, tuple(int(i) for i in np.unravel_index(at - start, shape))) for at in chosen if start <= at < start + count]
        start += count
    return found[0], found[1]


def _unit(weights: MovedWeights, name: str, index: tuple[int, ...]) -> Tensor:
    known = weights.names[: weights.parameters]
    if name not in known:
        raise UnknownName("parameter", name, known)
    shape = tuple(weights.tensors[name].shape)
    if len(index) != len(shape) or not all(isinstance(i, int) and 0 <= i < n for i, n in zip(index, shape, strict=True)):
        received = f"{name}{list(index)}, shape {shape}"
        raise InputError("There is no such element of this parameter", received=received, remedy="one index for each axis, from 0 on")
    vector = torch.zeros_like(weights.trained)
    weights.view(vector, name)[index] = 1.0
    return vector


def _called(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _around(places: np.ndarray) -> tuple[float, float, float, float]:
    """A window around all places, with room; 1 to every side where there is only the network itself."""
    if len(places) == 1:
        return -1.0, 1.0, -1.0, 1.0
    low, high = places.min(0), places.max(0)
    width = np.maximum(high - low, NARROW * float((high - low).max()))
    middle = (low + high) / 2
    half = (0.5 + ROOM) * width
    return tuple(float(v) for at in (0, 1) for v in (middle[at] - half[at], middle[at] + half[at]))  # type: ignore[return-value]
