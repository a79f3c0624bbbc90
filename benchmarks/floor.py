"""The floor: the model evaluations that the mathematics needs, and nothing else.

Points are made beforehand, parameters ask for no gradient, and nothing is kept of what comes out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn


def frozen(net: nn.Module) -> nn.Module:
    """A copy whose parameters ask for no gradient."""
    return copy.deepcopy(net).eval().requires_grad_(requires_grad=False)


def forward_rows(net: nn.Module, points: Tensor, size: int) -> None:
    """Every point through the network, without gradient."""
    with torch.no_grad():
        for batch in points.split(size):
            net(batch)


def gradient_rows(net: nn.Module, points: Tensor, size: int, target: int) -> None:
    """The gradient of one output with respect to every point."""
    for batch in points.split(size):
        leaf = batch.detach().requires_grad_()
        torch.autograd.grad(net(leaf)[:, target].sum(), leaf)


def tail_rows(parts: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]], x: Tensor, points: Tensor, size: int) -> None:
    """The rows themselves through the network, and edited outputs of a layer through what lies above it."""
    before, after = parts
    with torch.no_grad():
        after(before(x))
        for batch in points.split(size):
            after(batch)


def layer_gradient_rows(
    parts: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]], points: Tensor, size: int, target: int
) -> None:
    """The gradient of one output with respect to a layer; what comes before the layer runs without gradient."""
    before, after = parts
    for batch in points.split(size):
        with torch.no_grad():
            hidden = before(batch)
        hidden.requires_grad_()
        torch.autograd.grad(after(hidden)[:, target].sum(), hidden)
