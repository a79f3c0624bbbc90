"""The loss of a network at weights other than its own: on a plane, along lines, towards another network; and its curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Directions = Literal["random", "hessian", "trajectory"]


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The plane of weights ``trained + a * first direction + b * second direction``.

    Attributes:
        across, up: the values of a (x,) and of b (y,); 0 is among both: the network itself.
        loss: (y, x) the mean over the rows; infinite or not-a-number where it is too large for numbers.
        accuracy: (y, x) the share of rows that are answered rightly; empty where the outputs are no classes.
    """

    across: np.ndarray
    up: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray


@dataclass(frozen=True, eq=False)
class LossLine:
    """Positions along a direction (p,), the loss there (p,), and the accuracy (p,), empty where the outputs are no classes."""

    positions: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray


@dataclass(frozen=True, eq=False)
class WeightTrajectory:
    """Checkpoints on the plane, in the order given.

    Attributes:
        places: (checkpoint, 2) where each lies, seen at a right angle.
        off: (checkpoint,) how far from the plane; ``distance`` (checkpoint,) how far from the trained weights.
        explained: (2,) the share of all squared distances from the trained weights that lies along each direction.
        loss: (checkpoint,) of the checkpoint itself, not of its place on the plane.
    """

    places: np.ndarray
    off: np.ndarray
    distance: np.ndarray
    explained: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True, eq=False)
class LossBetween:
    """The way from this network (0) to another one (1).

    Attributes:
        name: of the other network's class.
        line: loss and accuracy on the way.
        distance: Euclidean, between the parameters of both.
        barrier: (1,) by how much the loss rises at most above the straight line between that of both ends (Frankle et al. 2020; of ends
            that differ as Entezari et al. 2022 have it); 0: no barrier.
        accuracy_barrier: (1,) by how much the accuracy falls at most below that line; not-a-number without classes.
        at: the position of the barrier.
    """

    name: str
    line: LossLine
    distance: float
    barrier: np.ndarray
    accuracy_barrier: np.ndarray
    at: float


@dataclass(frozen=True, eq=False)
class LossCurvature:
    """The Hessian of the loss with respect to the parameters, at the trained weights.

    Attributes:
        how: Hessian-vector products by ``double_backward``, or by ``differences`` of gradients.
        why: what stood against double backward; "" where nothing did.
        values: (k,) the largest eigenvalues, the largest first; ``residuals`` (k,) are the norms of H v - value * v.
        lowest: (2,) the lowest Ritz value and the bound of its residual.
        steps, products: of Lanczos, and Hessian-vector products in all.
        trace: (2,) its estimate and standard error, of ``probes`` random sign vectors; not-a-number without.
        gradient: the norm of the gradient.
        learning_rate: with which the network was trained, where that was said.
    """

    how: Literal["double_backward", "differences"]
    why: str
    values: np.ndarray
    residuals: np.ndarray
    lowest: np.ndarray
    steps: int
    products: int
    trace: np.ndarray
    probes: int
    gradient: float
    learning_rate: float | None


@dataclass(frozen=True, eq=False)
class LossLandscape:
    """What was measured; every loss is a mean over the same rows.

    Attributes:
        directions: of the plane and the lines. ``lengths`` (2,) are their Euclidean norms, ``cosine`` that of the angle between them.
        loss: what the loss is: ``cross_entropy``, ``mse``, or the name of a function.
        own: (2,) loss and accuracy of the network itself; not-a-number where the outputs are no classes.
        base: (1,) the loss of giving the share of each class, or the mean, whatever the row; not-a-number for a function.
        surface, lines: None and empty where they were not asked for.
        trajectory, between, curvature: None where they were not asked for.
        no_curvature: why the loss has no gradient, where it has none; else "".
        parameters, still: how many there are, and how many no direction moves: biases and parameters of normalization layers.
        shared: layers whose products with the rows were made once for all points.
        rows, left_out: on how many rows, and how many had no label.
        evaluations: forward passes over all rows.
    """

    directions: Directions
    lengths: np.ndarray
    cosine: float
    loss: str
    own: np.ndarray
    base: np.ndarray
    surface: LossSurface | None
    lines: tuple[LossLine, ...]
    trajectory: WeightTrajectory | None
    between: LossBetween | None
    curvature: LossCurvature | None
    no_curvature: str
    parameters: int
    still: int
    shared: tuple[str, ...]
    rows: int
    left_out: int
    evaluations: int
    what: Literal["loss_landscape"] = "loss_landscape"

    @property
    def classes(self) -> bool:
        """Whether the outputs are classes, so that there is an accuracy."""
        return bool(np.isfinite(self.own[1]))
