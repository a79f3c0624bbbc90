"""Where the gradient leads on a plane of two parameters, or of two directions of a training, and the ways that trainings took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class FlowPath:
    """One training on the plane.

    Attributes:
        name: what it is called. ``places``: (checkpoint, 2) in the units of the axes, seen at a right angle.
        off: (checkpoint,) the distance from the plane. ``loss``: (checkpoint,) of the checkpoint itself.
    """

    name: str
    places: np.ndarray
    off: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The loss on a plane of weights, its gradient at the points of a coarser grid, and trainings.

    Attributes:
        along: ``parameters``: the axes are two parameters, in their own units; ``trajectory``: two directions, 0 at the network itself.
        names: of the axes. ``explained``: (2,) the share of all squared distances of checkpoints along each; empty for parameters.
        across, up: (x,), (y,) places along the axes. ``loss``: (y, x) the mean over the rows.
        places: (arrow, 2) where the gradient was taken. ``gradients``: (arrow, 2) its part along each axis, by autograd.
        whole: (arrow,) the norm of the whole gradient there, over all parameters.
        own: (2,) where the network lies, with the loss ``own_loss`` (1,).
        paths: trainings.
        judged: what the loss is: ``cross_entropy``, ``mse``, or the name of a function. ``rows``: on how many.
        parameters: of the network.
    """

    along: Literal["parameters", "trajectory"]
    names: tuple[str, str]
    explained: np.ndarray
    across: np.ndarray
    up: np.ndarray
    loss: np.ndarray
    places: np.ndarray
    gradients: np.ndarray
    whole: np.ndarray
    own: np.ndarray
    own_loss: np.ndarray
    paths: tuple[FlowPath, ...]
    judged: str
    rows: int
    parameters: int
    what: Literal["gradient_flow"] = "gradient_flow"
