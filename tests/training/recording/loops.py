"""Training loops that the tests of recording share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import pellucid as pl


def rows(count: int = 256) -> tuple[Tensor, Tensor]:
    """Two clouds in the plane and their classes."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 2
    return torch.randn(count, 2, generator=draw) + 2.0 * (labels[:, None] - 0.5), labels


def images(count: int = 128) -> tuple[Tensor, Tensor]:
    """Noise of 1 x 8 x 8 with a class."""
    draw = torch.Generator().manual_seed(2)
    return torch.randn(count, 1, 8, 8, generator=draw), torch.arange(count) % 3


def mlp(seed: int = 0) -> nn.Sequential:
    """2-16-16-2 with ReLU and Tanh."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))


def convolutional(seed: int = 0) -> nn.Sequential:
    """Batch normalization, dropout, pooling."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(128, 3),
    )


def batches(data: tuple[Tensor, Tensor], *, workers: int = 0, epochs: int = 2, size: int = 16) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled mini-batches; the order is drawn from the global generator."""
    loader = DataLoader(TensorDataset(*data), batch_size=size, shuffle=True, num_workers=workers)
    for _ in range(epochs):
        yield from loader


def train(
    net: nn.Module,
    run: pl.Recorder | None,
    optimizer: torch.optim.Optimizer,
    steps: Iterator[tuple[Tensor, Tensor]],
    *,
    told: Callable[[], None] | None = None,
) -> list[float]:
    """The losses of a plain loop."""
    losses = []
    for inputs, labels in steps:
        loss = F.cross_entropy(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if run is not None:
            run.step(loss=loss)
        if told is not None:
            told()
    return losses
