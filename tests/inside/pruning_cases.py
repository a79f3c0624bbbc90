"""A network with planted units, and what torch's own pruning makes of a network."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

import pellucid as pl
from pellucid.explanation.contents import Pruning


class Planted(nn.Module):
    """A convolution with normalization, and a dense head: channels 0 and 1 can never matter, channel 2 carries the class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.hidden, self.head = nn.Linear(8, 10), nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.conv(x))).mean((2, 3))
        return self.head(functional.relu(self.hidden(x)))


@cache
def planted() -> tuple[nn.Module, Tensor, np.ndarray]:
    """The network, rows and labels that it answers rightly by channel 2 and hidden unit 5."""
    torch.manual_seed(0)
    net = Planted()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(0.1)
        net.norm.weight.fill_(1.0)
        net.norm.running_var.fill_(1.0)
        net.norm.bias.normal_(0.2, 0.1)
        net.conv.weight[2], net.conv.weight[2, 0, 1, 1] = 0, 4.0
        net.norm.bias[1] = -50.0  # always off
        net.hidden.weight[:, 0] = 0  # nothing goes out
        net.hidden.weight[5], net.hidden.weight[5, 2], net.hidden.bias[5] = 0, 4.0, -8.0
        net.head.weight[:, 7] = 0
        net.head.weight[:, 5] = torch.tensor([-2.0, 2.0])
    x = torch.rand(120, 1, 6, 6) * 0.4
    labels = np.arange(120) % 2
    x[labels == 1] += 0.6
    return net.eval(), x, labels


@cache
def seen() -> pl.Explanation:
    net, x, labels = planted()
    return pl.inspect(net, "pruning", x, labels=labels)


def content(explanation: pl.Explanation) -> Pruning:
    assert isinstance(explanation.content, Pruning)
    return explanation.content


def halves(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The rows that choose and those that measure, as the documentation says: half each, by the seed."""
    drawn = np.random.default_rng(seed + 2).permutation(rows)
    return np.sort(drawn[: rows // 2]), np.sort(drawn[rows // 2 :])


def masked_by_torch(net: nn.Module, found: Pruning) -> nn.Module:
    """A copy of the network with the masks put on by torch's own function."""
    pruned = copy.deepcopy(net)
    for mask in found.masks:
        prune.custom_from_mask(pruned.get_submodule(mask.path), mask.parameter, torch.from_numpy(mask.full()))
    return pruned


def accuracy(net: nn.Module, x: Tensor, labels: np.ndarray) -> float:
    with torch.no_grad():
        return float((net(x).argmax(1).numpy() == labels).mean())
