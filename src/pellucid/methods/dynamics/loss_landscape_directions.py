"""The plane of weights on which the loss is looked at: through the trained weights, along two directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError

if TYPE_CHECKING:
    from pellucid.explanation.contents.loss_landscape import Directions
    from pellucid.models.moved_weights import MovedWeights

MARGIN = 0.1  # of the width of a trajectory, left free on every side
RISE = 1.0  # of the loss, by which the quadratic along the first eigenvector rises up to the side of the plane
SAME = 1e-9  # of the first singular value, below which checkpoints lie on one line

Window = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class WeightPlane:
    """Weights ``trained + a * along[0] + b * along[1]``.

    Attributes:
        kind: of directions.
        along: two vectors of :class:`MovedWeights`.
        window: (left, right, low, high) of what is shown if nothing else is said.
        places, off, distance, explained: of the checkpoints of a trajectory, see :class:`WeightTrajectory`; empty for other planes.
        checkpoints: their vectors.
    """

    kind: Directions
    along: tuple[Tensor, Tensor]
    window: Window
    places: np.ndarray
    off: np.ndarray
    distance: np.ndarray
    explained: np.ndarray
    checkpoints: tuple[Tensor, ...] = ()


def random_plane(weights: MovedWeights, seed: int) -> WeightPlane:
    """Along two random directions with filter normalization (Li et al. 2018, section 4): normal draws whose every filter is scaled to the
    norm of the network's own. Biases, other parameters of one axis and those of normalization layers stay."""
    first, second = (_filter_normalized(weights, torch.Generator().manual_seed(seed * 1_000_003 + stream)) for stream in (11, 12))
    return _plane("random", (first, second), (-1.0, 1.0, -1.0, 1.0))


def _filter_normalized(weights: MovedWeights, generator: torch.Generator) -> Tensor:
    found: dict[str, Tensor] = {}
    for name, axis in weights.filters():
        own = weights.view(weights.trained, name).double().cpu()
        drawn = torch.randn(own.shape, generator=generator, dtype=torch.float64)
        others = [other for other in range(own.ndim) if other != axis]
        norms = [torch.linalg.vector_norm(value, dim=others, keepdim=True) for value in (own, drawn)]
        found[name] = drawn * norms[0] / norms[1].clamp_min(torch.finfo(torch.float64).tiny)
    if not found:
        raise InputError(
            "No weight has filters that a random direction could be scaled to",
            received=", ".join(weights.names[:3]),
            remedy="give directions='hessian', or checkpoints",
        )
    return weights.vector(found)


def hessian_plane(weights: MovedWeights, values: np.ndarray, vectors: Tensor) -> WeightPlane:
    """Along the two top eigenvectors of the Hessian (eigenvector, parameter), of length 1; as far as the first curvature alone would raise
    the loss by 1, and at most the norm of the weights."""
    longest = float(torch.linalg.vector_norm(weights.packed(weights.trained).double())) or 1.0
    reach = min((2 * RISE / values[0]) ** 0.5 if values[0] > 0 else 0.1 * longest, longest)
    first, second = (weights.unpacked(vector) for vector in vectors[:2])
    return _plane("hessian", (first, second), (-reach, reach, -reach, reach))


def trajectory_plane(weights: MovedWeights, trajectory: Any) -> WeightPlane:  # noqa: ANN401
    """Along the two directions in which checkpoints lie farthest from the trained weights.

    # differs from paper: Li et al. take principal components of the differences about their mean; here they are taken about the trained
    weights, through which the plane goes, so that no other plane through them lies closer to the checkpoints.

    Raises:
        InputError: fewer than two checkpoints, all on one line, or of another architecture.
    """
    checkpoints = tuple(checkpoints_of(weights, trajectory))
    own = weights.packed(weights.trained).double().cpu().numpy()
    apart = np.stack([weights.packed(one).double().cpu().numpy() - own for one in checkpoints])
    if not np.isfinite(apart).all():
        raise InputError("A checkpoint holds missing or infinite weights", received=f"{len(apart)} checkpoints", remedy="leave it out")
    _, sizes, along = np.linalg.svd(apart, full_matrices=False)
    if len(sizes) < 2 or sizes[1] <= SAME * sizes[0] or not sizes[0]:
        raise InputError(
            "The checkpoints and the network lie on one line of weights, and span no plane",
            received=f"{len(apart)} checkpoints",
            remedy="give two or more that differ from the network, in other directions",
        )
    along = along[:2] * np.where((apart @ along[:2].T)[0] < 0, -1, 1)[:, None]  # the signs are free: training starts at the upper right
    places = apart @ along.T
    corners = np.concatenate([places, np.zeros((1, 2))])
    low, high = corners.min(0), corners.max(0)
    room = MARGIN * float((high - low).max())
    return WeightPlane(
        "trajectory",
        (weights.unpacked(torch.from_numpy(along[0])), weights.unpacked(torch.from_numpy(along[1]))),
        tuple(float(value) for at in (0, 1) for value in (low[at] - room, high[at] + room)),  # type: ignore[arg-type]
        places,
        np.linalg.norm(apart - places @ along, axis=1),
        np.linalg.norm(apart, axis=1),
        sizes[:2] ** 2 / (sizes**2).sum(),
        checkpoints,
    )


def checkpoints_of(weights: MovedWeights, trajectory: Any) -> Iterable[Tensor]:  # noqa: ANN401
    """The vectors of checkpoints given as state dicts, networks, or rows of an array (checkpoint, parameter)."""
    if isinstance(trajectory, (np.ndarray, Tensor)):
        rows = torch.as_tensor(trajectory)
        if rows.ndim != 2 or rows.shape[1] != weights.elements:
            raise InputError(
                "A trajectory of vectors has one row of all parameters for each checkpoint",
                received=f"shape {tuple(rows.shape)} for {weights.elements} parameters",
                remedy="stack torch.nn.utils.parameters_to_vector(net.parameters()) of each",
            )
        buffers = {name: weights.view(weights.trained, name) for name in weights.names[weights.parameters :]}
        yield from (weights.unpacked(row) + weights.vector(buffers) for row in rows)
        return
    if not isinstance(trajectory, (list, tuple)) or not all(isinstance(one, (Mapping, nn.Module)) for one in trajectory):
        raise InputError(
            "Directions are 'random', 'hessian' or the checkpoints of a trajectory",
            received=repr(trajectory)[:80],
            remedy="give a list of state dicts, or an array (checkpoint, parameter)",
        )
    if len(trajectory) < 2:
        received = f"{len(trajectory)} checkpoint" + ("" if len(trajectory) == 1 else "s")
        raise InputError("A trajectory has two checkpoints or more", received=received, remedy="or give other= for the way to one network")
    for number, one in enumerate(trajectory, 1):
        yield weights.of(one, f"Checkpoint {number}")


def _plane(kind: Directions, along: tuple[Tensor, Tensor], window: Window) -> WeightPlane:
    none = np.zeros(0)
    return WeightPlane(kind, along, window, np.zeros((0, 2)), none, none, none)


def axis(low: float, high: float, points: int) -> np.ndarray:
    """Evenly spaced values about from ``low`` to ``high``, 0 exactly among them.

    Raises:
        InputError: 0 does not lie between.
    """
    if not low <= 0 <= high or not low < high:
        raise InputError(
            "The part that is shown must hold the network itself, which lies at 0",
            received=f"from {low:g} to {high:g}",
            remedy="give span=(left, right, low, high) with left < 0 < right and low < 0 < high",
        )
    step = (high - low) / (points - 1)
    return (np.arange(points) - round(-low / step)) * step
