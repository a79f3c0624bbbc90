"""Products, quotients and logarithms of several values, written out."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def glu(given: Tensor, dim: int = -1) -> Tensor:
    """Half of the channels, gated by the others."""
    signal, gate = given.chunk(2, dim)
    return signal * gate.sigmoid()


def prod(given: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    """Two halves times one another, until one is left."""
    given = given if dtype is None else given.to(dtype)
    values = given.reshape(-1) if dim is None else given.movedim(dim, -1)
    while values.size(-1) > 1:
        half = values.size(-1) // 2
        paired = values[..., :half] * values[..., half : 2 * half]
        values = torch.cat([paired, values[..., 2 * half :]], -1) if values.size(-1) % 2 else paired
    return values.movedim(-1, dim) if keepdim and dim is not None else values.squeeze(-1)


def cumprod(given: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """One product after another."""
    parts = list((given if dtype is None else given.to(dtype)).unbind(dim))
    for place in range(1, len(parts)):
        parts[place] = parts[place - 1] * parts[place]
    return torch.stack(parts, dim)


def remainder(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """What division by whole numbers of times leaves, with the divisor's sign."""
    return given - torch.div(given, other).floor() * other


def fmod(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """The same with the dividend's sign."""
    return given - torch.div(given, other).trunc() * other


def addcdiv(given: Tensor, above: Tensor, below: Tensor, *, value: float = 1) -> Tensor:
    """A quotient added."""
    return given + value * (above / below)


def chain(*matrices: Any) -> Tensor:  # noqa: ANN401
    """A product of several matrices, from the left."""
    given = list(matrices[0]) if isinstance(matrices[0], (list, tuple)) else list(matrices)
    found = given[0]
    for one in given[1:]:
        found = found.matmul(one)
    return found


def xlogy(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """A product with a logarithm."""
    return given * other.log() if isinstance(other, Tensor) else given * math.log(other)


def logaddexp(first: Tensor, second: Tensor) -> Tensor:
    """The logarithm of a sum of two exponentials."""
    return torch.stack(torch.broadcast_tensors(first, second)).logsumexp(0)


def hypot(first: Tensor, second: Tensor) -> Tensor:
    """The length of the long side."""
    return (first.square() + second.square()).sqrt()
