"""Slow twins of loss landscapes: directions drawn by hand, weights set on deep copies, one plain forward pass for each point."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

import pellucid as pl
from pellucid.explanation.contents.loss_landscape import LossLandscape, LossSurface
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape

NORMALIZATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
Directions = tuple[dict[str, Tensor], dict[str, Tensor]]


class Plain(nn.Module):
    """An MLP that flattens first."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.ReLU(inplace=True), nn.Linear(16, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body((x - 0.5) / 0.25)


class Convolutional(nn.Module):
    """Convolutions with batch normalization, whose running statistics were moved, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.second, self.head, self.drop = nn.Conv2d(6, 8, 3, stride=2), nn.Linear(8 * 2 * 2, 3), nn.Dropout(0.5)
        for value in (self.norm.running_mean, self.norm.running_var):
            value += torch.rand(6)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norm(self.first(x)))
        return self.head(self.drop(functional.relu(self.second(inner))).flatten(1))


class Transformer(nn.Module):
    """A transformer encoder."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.enter, self.encoder, self.head = nn.Linear(4, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.enter(x)).mean(1))


class Recurrent(nn.Module):
    """An LSTM, whose module holds its weights in a second list."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Tied(nn.Module):
    """The first layer's weights are used a second time, and the rows too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.tanh(self.first(x.flatten(0, 1)).view(*x.shape[:2], 4).mean(1))
        return self.head(functional.linear(inner, self.first.weight) + self.first(x[:, 0]) + x[:, 0])


SHAPES: dict[type[nn.Module], tuple[int, ...]] = {
    Plain: (3, 4),
    Convolutional: (1, 6, 6),
    Transformer: (5, 4),
    Recurrent: (5, 4),
    Tied: (5, 4),
}


def seen(net: nn.Module, x: Any, labels: Any, *, batch_size: int | None = 8, spec: Any = None, **options: Any) -> LossLandscape:
    """What the inspection sees, of few points and without curvature unless it is said otherwise."""
    look = LookAtLossLandscape(**{"resolution": 5, "eigenvalues": 0, **options})
    content = pl.inspect(net, look, x, labels=labels, batch_size=batch_size, spec=spec).content
    assert isinstance(content, LossLandscape)
    return content


def plane(found: LossLandscape) -> LossSurface:
    """Its surface."""
    assert found.surface is not None
    return found.surface


def case(kind: type[nn.Module], dtype: torch.dtype, rows: int = 23) -> tuple[nn.Module, Tensor, np.ndarray]:
    """A network with rows and labels."""
    torch.manual_seed(1)
    net = kind().to(dtype).eval()
    return net, torch.randn(rows, *SHAPES[kind], dtype=dtype), np.arange(rows) % 3


def directions(net: nn.Module, seed: int = 0) -> Directions:
    """Two filter-normalized draws for the weights that have filters, from the same generators as the inspection's."""
    modules = dict(net.named_modules())
    found = []
    for stream in (11, 12):
        generator, one = torch.Generator().manual_seed(seed * 1_000_003 + stream), {}
        for name, value in net.named_parameters():
            if value.ndim > 1 and not isinstance(modules[name.rpartition(".")[0]], NORMALIZATION):
                drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                rows = [row * (own.double().norm() / row.norm()) for row, own in zip(drawn, value.detach(), strict=True)]
                one[name] = torch.stack(rows).to(value.dtype)
        found.append(one)
    return found[0], found[1]


def moved(net: nn.Module, along: Directions, a: float, b: float) -> nn.Module:
    """A deep copy with its weights at a point of the plane."""
    copied = deepcopy(net)
    with torch.no_grad():
        for name, value in copied.named_parameters():
            if name in along[0]:
                value += b * along[1][name] + a * along[0][name]
    return copied


def plain_loss(net: nn.Module, x: Tensor, labels: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and accuracy by one plain pass."""
    with torch.no_grad():
        outputs, truth = net(x), torch.from_numpy(labels)
        loss = functional.cross_entropy(outputs, truth, reduction="none").double().mean()
        return float(loss), float((outputs.argmax(1) == truth).double().mean())


def slow_plane(
    net: nn.Module, x: Tensor, labels: np.ndarray, axes: tuple[np.ndarray, np.ndarray], along: Directions
) -> tuple[np.ndarray, np.ndarray]:
    """Loss and accuracy (y, x) at every point of a grid."""
    found = np.array([[plain_loss(moved(net, along, a, b), x, labels) for a in axes[0]] for b in axes[1]])
    return found[..., 0], found[..., 1]


def dense_hessian(net: nn.Module, loss: Callable[[nn.Module], Tensor]) -> np.ndarray:
    """The whole Hessian with respect to all parameters, by torch.autograd.functional."""
    names = [name for name, _ in net.named_parameters()]
    values = [value.detach() for _, value in net.named_parameters()]
    sizes, shapes = [value.numel() for value in values], [value.shape for value in values]

    def of(flat: Tensor) -> Tensor:
        parts = dict(zip(names, (part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)), strict=True))
        return loss(_Functional(net, parts))

    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        found = torch.autograd.functional.hessian(of, torch.cat([value.reshape(-1) for value in values]))
    return found.numpy()  # type: ignore[union-attr]


class _Functional(nn.Module):
    """A network called with other parameters."""

    def __init__(self, net: nn.Module, parts: dict[str, Tensor]) -> None:
        super().__init__()
        self.call = lambda x: torch.func.functional_call(net, parts, (x,))

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)
