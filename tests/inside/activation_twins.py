"""Counts one by one of where activation functions work, and small networks, for the tests of activations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.explanation.contents import Activations
from pellucid.explanation.contents.activations import LayerActivations, OperatingPoints
from pellucid.methods.internals.activations import LookAtActivations

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "hardswish": functional.hardswish,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softsign": functional.softsign,
    "logsigmoid": functional.logsigmoid,
}
TWO_ENDS = {"hardtanh", "hardsigmoid", "sigmoid", "tanh", "softsign", "relu6"}  # flat at both; the others go on with slope 1
ZERO_SIDE = {"relu", "relu6", "gelu", "silu", "mish", "softplus", "hardswish", "logsigmoid"}
TURN = {"gelu": -2.0, "silu": -3.0, "mish": -3.0, "hardswish": -2.0}  # the lowest point lies above: flat there is no end


@torch.enable_grad()
def counted(function: str, before: Tensor) -> dict[str, np.ndarray]:
    """How many values (row, unit) lie where, one by one: from the slope that autograd finds at each."""
    largest = {"sigmoid": 0.25, "hardsigmoid": 1 / 6}.get(function, 1.0)
    found = {zone: np.zeros(before.shape[1], int) for zone in ("zero", "saturated", "linear")}
    for unit in range(before.shape[1]):
        for value in before[:, unit].tolist():
            x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
            slope = abs(float(torch.autograd.grad(FUNCTIONS[function](x), x)[0]))
            if slope < 0.01 * largest:
                if function in TURN and value > TURN[function]:
                    continue
                low = function in ZERO_SIDE and (value > 0 if function == "logsigmoid" else value < 3)
                found["zero" if low else "saturated"][unit] += 1
            elif abs(slope - largest) <= 0.05 * largest:
                found["linear"][unit] += 1
    return found


def seen_in(net: nn.Module, x: Tensor, what: LookAtActivations | str = "activations", **options: object) -> Activations:
    content = pl.inspect(net, what, x, **options).content  # type: ignore[arg-type]
    assert isinstance(content, Activations)
    return content


def function_of(seen: Activations, layer: str) -> OperatingPoints:
    return next(one for one in seen.functions if one.layer == layer)


def layer_of(seen: Activations, layer: str) -> LayerActivations:
    return next(one for one in seen.layers if one.layer == layer)


def agree(one: OperatingPoints, function: str, before: Tensor) -> None:
    """``before`` (value, unit)."""
    twin = counted(function, before)
    assert one.function == function and one.values == len(before)
    for zone in ("zero", "saturated", "linear"):
        assert np.array_equal(getattr(one, zone), twin[zone]), zone
    assert one.dead.tolist() == np.flatnonzero(twin["zero"] == len(before)).tolist()


class Plain(nn.Module):
    """One function between two layers."""

    def __init__(self, function: str, width: int = 4) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(5, width), nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(FUNCTIONS[self.function](self.first(x)))


class Convolutions(nn.Module):
    """Written in place, used twice, and with a batch normalization between."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 2)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.one(x)))
        x = self.relu(self.two(x))
        return self.head(x.mean((2, 3)))
