"""Variances, lengths and distances, written out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.axes import axes_of


def statistic(result: Callable[[Tensor, Tensor], Any]) -> Callable[..., Any]:
    """What is asked of the variance and the mean along some axes, as torch's functions of them take their arguments."""

    def body(
        given: Tensor,
        dim: Any = None,  # noqa: ANN401
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Any:  # noqa: ANN401
        if isinstance(dim, bool):  # var(x, unbiased)
            dim, unbiased = None, dim
        axes = axes_of(dim, given.dim())
        less = correction if correction is not None else int(unbiased)
        mean = given.mean(axes, keepdim=True)
        spread = (given - mean).square().sum(axes, keepdim=True) / max(0, math.prod(given.size(a) for a in axes) - less)
        return result(spread, mean) if keepdim else result(_dropped(spread, axes), _dropped(mean, axes))

    return body


var = statistic(lambda spread, _: spread)
std = statistic(lambda spread, _: spread.sqrt())
var_mean = statistic(lambda spread, mean: (spread, mean))
std_mean = statistic(lambda spread, mean: (spread.sqrt(), mean))


def _dropped(value: Tensor, axes: tuple[int, ...]) -> Tensor:
    return value.reshape([n for axis, n in enumerate(value.shape) if axis not in axes])


def norm(given: Tensor, p: Any = None, dim: Any = None, keepdim: bool = False, **named: Any) -> Tensor:  # noqa: ANN401
    """The length of vectors, and the Frobenius norm of matrices."""
    p = named.get("ord", p)
    axes = axes_of(dim, given.dim())
    if p in (None, "fro", 2, 2.0):
        found = given.square().sum(axes, keepdim=True).sqrt()
    elif p in (math.inf, -math.inf):
        found = given.abs().amax(axes, keepdim=True) if p > 0 else given.abs().amin(axes, keepdim=True)
    elif p in (1, 1.0):
        found = given.abs().sum(axes, keepdim=True)
    elif isinstance(p, (int, float)) and p:
        found = given.abs().pow(p).sum(axes, keepdim=True).pow(1 / p)
    else:
        raise UnsupportedOperation(
            "No rule covers this norm", received=f"p={p!r}", remedy="use the 1-, 2- or infinity norm, or 'integrated_gradients'"
        )
    return found if keepdim else _dropped(found, axes)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product of two directions."""
    first, second = (functional.normalize(x, dim=dim, eps=eps) for x in torch.broadcast_tensors(x1, x2))
    return (first * second).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The length of differences."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def dist(x1: Tensor, x2: Tensor, p: float = 2) -> Tensor:
    """The length of one difference."""
    return norm(x1 - x2, p)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "") -> Tensor:  # noqa: ARG001
    """The distance of every two."""
    return norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)
