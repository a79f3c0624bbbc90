"""What was measured of a loss landscape, put into the form in which it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.explanation.contents.loss_landscape import (
    LossBetween,
    LossCurvature,
    LossLine,
    LossSurface,
    WeightTrajectory,
)
from pellucid.methods.dynamics.loss_landscape_directions import WeightPlane, axis
from pellucid.models.shadow import unwrap

if TYPE_CHECKING:
    from pellucid.methods.dynamics.loss_landscape_curvature import HessianProducts, Ritz
    from pellucid.methods.dynamics.loss_landscape_points import PointLosses
    from pellucid.models.moved_weights import MovedWeights

Span = tuple[float, float, float, float] | None
NONE = np.zeros((0, 0))


def geometry(weights: MovedWeights, plane: WeightPlane) -> tuple[np.ndarray, float, int]:
    """The lengths of both directions (2,), the cosine of the angle between them, and how many parameters no direction moves: of random
    directions those that have no filters."""
    first, second = (weights.packed(vector).double() for vector in plane.along)
    lengths = np.array([float(torch.linalg.vector_norm(vector)) for vector in (first, second)])
    still = int((~((first != 0) | (second != 0))).sum()) if plane.kind == "random" else 0
    return lengths, float(first @ second) / (float(lengths.prod()) or 1.0), still


def surface(losses: PointLosses, plane: WeightPlane, span: Span, points: int) -> LossSurface:
    """The loss on the plane."""
    across, up = _axes(plane, span, points)
    places = np.stack([np.tile(across, len(up)), np.repeat(up, len(across))], 1)
    loss, accuracy = losses.on_plane(plane.along, places)
    return LossSurface(across, up, loss.reshape(points, points), accuracy.reshape(points, points) if len(accuracy) else NONE)


def lines(losses: PointLosses, plane: WeightPlane, span: Span, points: int, seen: LossSurface | None) -> tuple[LossLine, ...]:
    """The loss along each of the two directions: the middle row and column of the surface, where there is one."""
    across, up = _axes(plane, span, points)
    if seen is not None:
        row, column = int(np.abs(up).argmin()), int(np.abs(across).argmin())
        accuracies = (seen.accuracy[row], seen.accuracy[:, column]) if seen.accuracy.size else (NONE[0:0].reshape(0),) * 2
        return LossLine(across, seen.loss[row], accuracies[0]), LossLine(up, seen.loss[:, column], accuracies[1])
    places = np.concatenate([np.stack([across, 0 * across], 1), np.stack([0 * up, up], 1)])
    loss, accuracy = losses.on_plane(plane.along, places)
    return LossLine(across, loss[:points], accuracy[:points]), LossLine(up, loss[points:], accuracy[points:])


def trajectory(losses: PointLosses, plane: WeightPlane) -> WeightTrajectory | None:
    """The checkpoints on the plane, each with its own loss."""
    if not plane.checkpoints:
        return None
    own = np.array([losses.at(vector)[0] for vector in plane.checkpoints])
    return WeightTrajectory(plane.places, plane.off, plane.distance, plane.explained, own)


def between(losses: PointLosses, other: Any, points: int) -> LossBetween:  # noqa: ANN401
    """The loss on the straight way to another network.

    Raises:
        InputError: it is not of the same architecture, or has the same weights.
    """
    if not isinstance(other, (nn.Module, Mapping)):
        received = type(other).__name__
        raise InputError("The other network is no torch module", received=received, remedy="give a torch.nn.Module, or its state_dict()")
    weights = losses.weights
    net = unwrap(other) if isinstance(other, nn.Module) else other
    apart = weights.of(net, "The other network") - weights.trained
    distance = float(torch.linalg.vector_norm(weights.packed(apart).double()))
    if not distance > 0:
        raise InputError(
            "The other network has the same weights", received=type(other).__name__, remedy="give another one, or leave other= out"
        )
    positions = np.linspace(0.0, 1.0, points)
    loss, accuracy = losses.on_plane((apart, torch.zeros_like(apart)), np.stack([positions, np.zeros(points)], 1))
    rise, at = _above_the_line(positions, loss)
    fall, _ = _above_the_line(positions, -accuracy) if len(accuracy) else (np.nan, 0)
    name = type(net).__name__ if isinstance(net, nn.Module) else losses.bound.model.name
    line = LossLine(positions, loss, accuracy)
    return LossBetween(name, line, distance, np.array([rise]), np.array([fall]), float(positions[at]))


def _above_the_line(positions: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """By how much values rise at most above the straight line between both ends, and where; infinite where they are not finite."""
    above = values - ((1 - positions) * values[0] + positions * values[-1])
    above = np.where(np.isfinite(values), above, np.inf)
    at = int(above.argmax())
    return float(above[at]), at


def curvature(
    products: HessianProducts, ritz: Ritz, gradient: Tensor, trace: np.ndarray, *, probes: int, learning_rate: float | None
) -> LossCurvature:
    """The Hessian in numbers."""
    return LossCurvature(
        how=products.how,
        why=products.why,
        values=ritz.values,
        residuals=ritz.residuals,
        lowest=ritz.lowest,
        steps=ritz.steps,
        products=products.count,
        trace=trace,
        probes=probes,
        gradient=float(torch.linalg.vector_norm(gradient)),
        learning_rate=learning_rate,
    )


def _axes(plane: WeightPlane, span: Span, points: int) -> tuple[np.ndarray, np.ndarray]:
    left, right, low, high = span or plane.window
    return axis(left, right, points), axis(low, high, points)
