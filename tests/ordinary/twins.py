"""Slow, independent answers: plain autograd row by row and explicit loops over what is removed; nothing of the engine is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from registration.subjects import differences, record

Score = Callable[[Tensor], Tensor]  # one row (1, ...) to its score
STEPS = 6


def gradient(score: Score, x: Tensor) -> Tensor:
    """The gradient of each row, one at a time."""
    found = []
    for row in x:
        leaf = row[None].clone().requires_grad_()
        found.append(torch.autograd.grad(score(leaf * 1).sum(), leaf)[0][0])
    return torch.stack(found)


def integrated(score: Score, x: Tensor, start: Tensor | None = None) -> Tensor:
    """Integrated gradients from ``start`` (zero) with ``STEPS`` midpoints."""
    start = torch.zeros_like(x) if start is None else start
    total = sum(gradient(score, start + (k + 0.5) / STEPS * (x - start)) for k in range(STEPS))
    return total / STEPS * (x - start)


def occluded(score: Score, x: Tensor, parts: list[Tensor], fill: float = 0.0) -> Tensor:
    """The fall of the score when each part (a boolean mask over one row) is filled, shared between the part's elements."""
    found = torch.zeros_like(x)
    with torch.no_grad():
        for i, row in enumerate(x):
            here = score(row[None].clone()).reshape(())
            for part in parts:
                gone = torch.where(part, torch.full_like(row, fill), row)
                found[i][part] = (here - score(gone[None]).reshape(())) / int(part.sum())
    return found


def each_feature(width: int) -> list[Tensor]:
    """Every feature of a table for itself."""
    return list(torch.eye(width).bool())


def each_pixel(channels: int, side: int) -> list[Tensor]:
    """Every pixel of an image with all its channels."""
    return [part.reshape(1, side, side).expand(channels, side, side) for part in torch.eye(side * side).bool()]


def each_time(length: int, width: int) -> list[Tensor]:
    """Every time step of a series with all its features."""
    return [part[:, None].expand(length, width) for part in torch.eye(length).bool()]


def methods() -> dict[str, Any]:
    """The methods that the twins answer for."""
    return {
        "gradient": pl.Gradient(),
        "integrated_gradients": pl.IntegratedGradients(steps=STEPS, baseline=pl.Constant(0.0), rule="midpoint"),
        "occlusion": pl.Occlusion(baseline=pl.Constant(0.0)),
    }


def expected(score: Score, x: Tensor, parts: list[Tensor]) -> dict[str, Tensor]:
    """The twins' answers."""
    return {"gradient": gradient(score, x), "integrated_gradients": integrated(score, x), "occlusion": occluded(score, x, parts)}


def check_right(
    net: Any, x: Tensor, score: Score, parts: list[Tensor], *, tolerance: float = 1e-9, given: Any = None, **options: Any
) -> None:
    """Every method's values are the twins', relative to the largest, and the network is as it was.

    The tolerance is a bound on relative rounding: 1e-9 for float64 networks, 1e-4 for float32 (some hundred additions of 6e-8).
    """
    wanted = expected(score, x, parts)
    for name, method in methods().items():
        before = record(net, x) if isinstance(net, nn.Module) else {}
        found = pl.explain(net, x if given is None else given, method, checks="none", **options)
        assert not before or not differences(before, record(net, x))
        close(found.arrays[0].values, wanted[name], tolerance, name)


def close(found: np.ndarray, wanted: Tensor, tolerance: float, name: str = "") -> None:
    """Equal up to a tolerance relative to the largest value; and not all zero, which would prove nothing."""
    reference = wanted.detach().double().numpy()
    assert found.shape == reference.shape
    size = np.abs(reference).max()
    assert size > 1e-6, f"{name}: nothing to compare"
    assert np.abs(found - reference).max() <= tolerance * size, f"{name}: off by {np.abs(found - reference).max() / size:.2g}"


def table_net(outputs: int = 3, *, seed: int = 0, width: int = 5) -> nn.Sequential:
    """A small smooth network on tables, in eval mode and float64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, outputs)).double().eval()


def table(rows: int = 3, *, width: int = 5) -> Tensor:
    """Rows of a table."""
    return torch.randn(rows, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def images(rows: int = 2, *, channels: int = 1, side: int = 6) -> Tensor:
    """Small images around zero."""
    return torch.randn(rows, channels, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


FEATURES = each_feature(5)
