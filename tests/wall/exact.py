"""Exact integrated gradients: the networks of the wall that are piecewise linear along a path, and the method."""

from __future__ import annotations

from torch import Tensor, nn

import pellucid as pl
from wall.promises import Sides, difference, explained

PIECEWISE_LINEAR = (
    "F.relu",
    "relu in place",
    "ReLU6",
    "softshrink",
    "hardtanh",
    "leaky ReLU",
    "RReLU",
    "clamp",
    "clamp by values",
    "PReLU",
    "dropout, evaluated",
    "abs",
    "max_pool1d",
    "max_pool1d, ceil mode",
    "max_pool1d, dilated",
    "max_pool2d",
    "max_pool2d with places",
    "max_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "amax",
    "amin",
    "max",
    "min",
    "maximum",
    "maximum with a number",
    "fmin",
    "times a mask",
    "sign",
    "one nn.ReLU used twice",
    "data parallel",
    "weight norm",
    "spectral norm",
    "PReLU layer",
    "batch norm",
    "3-d convolution and pool",
    "channel shuffle",
    "RNN, ReLU",
)


def method(baseline: Tensor) -> pl.IntegratedGradients:
    """Split at every kink, of which there may be many."""
    return pl.IntegratedGradients(rule="exact", max_segments=5000, baseline=baseline)  # type: ignore[arg-type]


def integral(net: nn.Module, x: Tensor, baseline: Tensor) -> Sides:
    """The difference from the baseline, as it must be for a piecewise-linear network."""
    return explained(net, x, method(baseline), difference(net, x, baseline))
