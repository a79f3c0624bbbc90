"""What the tests of the CAM family share: a network, and a slow twin of every method, written from its paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.methods.registry import method_class

CAMS = ("gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "ablationcam", "eigencam")


class Net(nn.Module):
    """A classifier whose layer has as many cells as the image has pixels, and a hidden layer above it."""

    def __init__(self, act: Callable[[Tensor], Tensor] = torch.relu, *, inplace: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.layer = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 6, 3, padding=1)
        self.act, self.after = act, nn.ReLU(inplace=inplace)
        self.last, self.head = nn.Conv2d(6, 4, 3, stride=2), nn.Linear(4 * 2 * 2, 3)

    def below(self, x: Tensor) -> Tensor:
        return self.layer(self.act(self.first(x)))

    def above(self, a: Tensor) -> Tensor:
        return self.head(functional.gelu(self.last(self.after(a))).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.above(self.below(x))


def images(rows: int = 3, size: tuple[int, int] = (6, 6), channels: int = 2) -> Tensor:
    return torch.randn(rows, channels, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def explained(net: nn.Module, x: Tensor, method: Any, target: Any = 1, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=target, checks="none", **options).arrays[0].values


def cam(name: str, **fields: Any) -> Any:
    return method_class(name)(**fields)


# ---- slow twins: one row, one channel, one cell at a time ------------------------------------------------------------------


def gradient_of(above: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    """By central differences: no backward pass is shared with what is tested."""
    found = torch.zeros_like(a)
    for at in np.ndindex(*a.shape):
        step = torch.zeros_like(a)
        step[at] = 1e-5
        found[at] = (above(a + step) - above(a - step)) / 2e-5
    return found


def slow_gradcam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    g, found = gradient_of(above, a), torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        found += sum(g[k].reshape(-1).tolist()) / g[k].numel() * a[k]
    return found


def slow_gradcam_plus_plus(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    g, found = gradient_of(above, a), torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        total, weight = max(float(a[k].sum()), 0.0), 0.0
        for at in np.ndindex(*a.shape[1:]):
            slope = float(g[k][at])
            if slope > 0:  # alpha relu(g), from the second and third derivative of exp(S)
                weight += slope**2 / (2 * slope**2 + total * slope**3) * slope
        found += weight * a[k]
    return found


def slow_hirescam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    return (gradient_of(above, a) * a).sum(0)


def slow_layercam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    return sum(torch.relu(g) * one for g, one in zip(gradient_of(above, a), a, strict=True))  # type: ignore[return-value]


def slow_scorecam(_above: Any, a: Tensor, x: Tensor, score: Any) -> Tensor:
    scores = []
    for one in a:
        large = functional.interpolate(one[None, None], x.shape[-2:], mode="bilinear")[0, 0]
        mask = (large - large.min()) / (large.max() - large.min())
        scores.append(float(score(x * mask)) - float(score(torch.zeros_like(x))))
    total = sum(math.exp(s) for s in scores)
    return sum(math.exp(s) / total * one for s, one in zip(scores, a, strict=True))  # type: ignore[return-value]


def slow_ablationcam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    found = torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        without = a.clone()
        without[k] = 0
        found += (above(a) - above(without)) * a[k]
    return found


def slow_eigencam(_above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    cells = a.flatten(1).T
    v = torch.ones(len(a), dtype=a.dtype)
    for _ in range(20_000):  # power iteration
        v = cells.T @ (cells @ v)
        v = v / v.norm()
    found = cells @ v
    return (found if float((found * cells.norm(dim=1)).sum()) > 0 else -found).reshape(a.shape[1:])


SLOW = {
    "gradcam": slow_gradcam,
    "gradcam++": slow_gradcam_plus_plus,
    "hirescam": slow_hirescam,
    "layercam": slow_layercam,
    "scorecam": slow_scorecam,
    "ablationcam": slow_ablationcam,
    "eigencam": slow_eigencam,
}


def close(found: np.ndarray, expected: Tensor, bound: float) -> None:
    wanted = expected.detach().numpy()
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= bound * np.linalg.norm(wanted)
    assert np.linalg.norm(wanted) > 0


def twin(name: str, net: Net, x: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    maps = []
    with torch.no_grad():
        for row in x:
            a = net.below(row[None])[0]
            maps.append(SLOW[name](lambda one: score(net.above(one[None]))[0], a, row, lambda one: score(net(one[None]))[0]))
    return torch.stack(maps)
