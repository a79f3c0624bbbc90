"""Two slow and independent ways to integrate the gradient of a piecewise-linear network exactly along a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.demo.networks import DigitsNetwork

ON_THE_KINK = 1e-13


@dataclass
class Dense:
    """A network of matrices: layers (weight, bias, kind) with kind ``relu``, ``pool`` (groups of four inputs), ``residual`` or ``out``."""

    layers: list[tuple[np.ndarray, np.ndarray, str]]

    def walk(self, start: np.ndarray, difference: np.ndarray, target: int) -> tuple[np.ndarray, int]:
        """Integrated gradients of one row and the number of regions, walked through from kink to kink."""
        at, total, regions = 0.0, np.zeros_like(start), 0
        while at < 1:
            gradient, following = self._region(start + at * difference, difference, target)
            end = min(1.0, at + following)
            total += (end - at) * gradient
            at, regions = end, regions + 1
        return total * difference, regions

    def _region(self, x: np.ndarray, v: np.ndarray, target: int) -> tuple[np.ndarray, float]:
        """The gradient just behind x in the direction v, and how far along v the same units stay active."""
        steps, following = [], np.inf
        for weight, bias, kind in self.layers:
            z, dz = (weight @ np.stack([x, v], 1)).T  # one pass over the matrix
            z = z + bias
            if kind == "out":
                steps.append((weight, None, kind))
                x, v = z, dz
                continue
            if kind == "pool":
                values, slopes = x.reshape(-1, 4), v.reshape(-1, 4)
                # of equal values the one that grows fastest leads from here on
                best = np.where(values >= values.max(1, keepdims=True) - ON_THE_KINK, slopes, -np.inf).argmax(1)
                rows = np.arange(len(values))
                gap = values[rows, best][:, None] - values
                rate = slopes - slopes[rows, best][:, None]
                following = min(following, _soonest(gap, rate))
                steps.append((best, None, kind))
                x, v = values[rows, best], slopes[rows, best]
                continue
            active = np.where(np.abs(z) <= ON_THE_KINK, dz, z) > 0
            following = min(following, _soonest(np.abs(z), -np.sign(z) * dz))
            steps.append((weight, active, kind))
            x, v = active * z + (x if kind == "residual" else 0), active * dz + (v if kind == "residual" else 0)
        back = np.zeros(len(x))
        back[target] = 1.0
        for weight, extra, kind in reversed(steps):
            if kind == "out":
                back = back @ weight
            elif kind == "pool":
                spread = np.zeros((len(weight), 4))
                spread[np.arange(len(weight)), weight] = back
                back = spread.ravel()
            else:
                back = (back * extra) @ weight + (back if kind == "residual" else 0)
        return back, following


def _soonest(gap: np.ndarray, rate: np.ndarray) -> float:
    """When the first gap closes that is not closed already."""
    closing = (rate > 1e-15) & (gap > ON_THE_KINK)
    return float((gap[closing] / rate[closing]).min()) if closing.any() else np.inf


def dense_mlp(net: nn.Sequential) -> Dense:
    """The matrices of an MLP of ``nn.Linear`` and ``nn.ReLU``."""
    linear = [m for m in net if isinstance(m, nn.Linear)]
    kinds = ["relu"] * (len(linear) - 1) + ["out"]
    return Dense([(_numpy(m.weight), _numpy(m.bias), kind) for m, kind in zip(linear, kinds, strict=True)])


def dense_digits(net: DigitsNetwork) -> Dense:
    """The matrices of the digits CNN: its convolutions written out, its pooling as groups of four."""
    stem, first = _matrix(net.stem, (1, 8, 8))
    wide, second = _matrix(net.wide, (16, 8, 8))
    deep, third = _matrix(net.deep, (32, 4, 4))
    order = (
        torch.arange(32 * 64).reshape(32, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).flatten().numpy()
    )  # the four pixels of a window side by side
    empty = np.zeros(0)
    return Dense(
        [
            (stem, first, "relu"),
            (wide[order], second[order], "relu"),
            (np.zeros((0, 2048)), empty, "pool"),
            (deep, third, "residual"),
            (_numpy(net.classifier.weight), _numpy(net.classifier.bias), "out"),
        ]
    )


def _matrix(layer: nn.Conv2d, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    count = int(np.prod(shape))
    with torch.no_grad():
        bias = layer(torch.zeros(1, *shape, dtype=torch.float64)).flatten()
        columns = layer(torch.eye(count, dtype=torch.float64).reshape(count, *shape)).flatten(1) - bias
    return _numpy(columns.T), _numpy(bias)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def bisected(gradient: Callable[[Tensor], Tensor], *, cells: int = 512, narrowest: float = 1e-13) -> Tensor:
    """The mean of a piecewise constant gradient over 0..1, each kink closed in on by halving; ``gradient`` takes places (point,).

    Two kinks between neighboring points that undo one another are not seen: the cells must be finer than the kinks lie.
    """
    edges = torch.linspace(0, 1, cells + 1, dtype=torch.float64)
    left, right = edges[:-1], edges[1:]
    at_left, at_right = gradient(left + narrowest), gradient(right - narrowest)
    total = torch.zeros_like(at_left[0])
    while len(left):
        same = (at_left - at_right).abs().flatten(1).amax(1) <= 1e-11
        thin = right - left <= 2 * narrowest
        width = (right - left).reshape(-1, *[1] * (at_left.ndim - 1))
        total += ((at_left + at_right) / 2 * width)[same | thin].sum(0)
        left, right, at_left, at_right = (t[~(same | thin)] for t in (left, right, at_left, at_right))
        if not len(left):
            break
        middle = (left + right) / 2
        here = gradient(middle)
        left, right = torch.cat([left, middle]), torch.cat([middle, right])
        at_left, at_right = torch.cat([at_left, here]), torch.cat([here, at_right])
    return total
