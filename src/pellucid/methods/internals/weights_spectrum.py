"""Singular values of a weight, and its rows as points in the plane; of very large ones the leading values only."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from scipy import linalg
from torch import Tensor

from pellucid.explanation.contents.weights import RowLayout, Spectrum
from pellucid.methods.internals.layouts import tsne

SIDE = 1024  # up to this shorter side all singular values are computed
LEADING = 128  # that are computed beyond it
SPARE = 16  # directions beyond those wanted, and POWERS the times that the matrix is applied to them (Halko et al. 2011, algorithm 4.4)
POWERS = 4
CHUNK = 4096  # rows that are doubled in precision at once
NEIGHBORS = 2000  # rows that t-SNE places


def spectrum(matrix: Tensor, generator: torch.Generator) -> Spectrum | None:
    """The singular values of (unit, input); None for a single row or column, and where an element is not finite."""
    full = min(matrix.shape)
    if full < 2 or not bool(torch.isfinite(matrix).all()):
        return None
    exact = full <= SIDE
    values = _all_values(matrix) if exact else _leading(matrix, LEADING, generator)[0]
    energy = _energy(matrix)
    largest = float(values[0])
    edge = math.sqrt(energy / matrix.numel()) * sum(math.sqrt(side) for side in matrix.shape)
    return Spectrum(values.float().numpy(), full, exact, energy / largest**2 if largest else 0.0, edge)


def layout(matrix: Tensor, method: Literal["pca", "tsne"], generator: torch.Generator, seed: int) -> RowLayout | None:
    """The rows of (row, column) in the plane; None for fewer than three rows or two columns, and where an element is not finite."""
    if len(matrix) < 3 or matrix.shape[1] < 2 or not bool(torch.isfinite(matrix).all()):
        return None
    if method == "tsne":
        return _neighbors(matrix, generator, seed)
    centered = matrix - matrix.mean(0)
    directions = _directions(centered, generator)
    points = torch.cat([part.double() @ directions for part in centered.split(CHUNK)])
    total = _energy(centered)
    explained = points.square().sum(0) / total if total else torch.zeros(2, dtype=torch.float64)
    return RowLayout("pca", points.float().numpy(), np.arange(len(matrix)), explained.numpy())


def _neighbors(matrix: Tensor, generator: torch.Generator, seed: int) -> RowLayout:
    count = len(matrix)
    rows = torch.arange(count) if count <= NEIGHBORS else torch.randperm(count, generator=generator)[:NEIGHBORS].sort().values
    points, _ = tsne(matrix[rows].double().numpy(), seed)
    return RowLayout("tsne", points, rows.numpy(), np.empty(0))


def _energy(matrix: Tensor) -> float:
    """The squared Frobenius norm, in double precision, a few rows at a time."""
    return float(sum(part.double().square().sum() for part in matrix.split(CHUNK)))


def _gram(matrix: Tensor) -> Tensor:
    """The products of the columns, in double precision, a few rows at a time."""
    total = torch.zeros(matrix.shape[1], matrix.shape[1], dtype=torch.float64)
    for part in matrix.split(CHUNK):
        exact = part.double()
        total += exact.T @ exact
    return total


def _narrow(matrix: Tensor) -> Tensor:
    """The matrix or its transpose, so that it is not wider than high."""
    return matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T.contiguous()


def _all_values(matrix: Tensor) -> Tensor:
    squares = linalg.eigh(_gram(_narrow(matrix)).numpy(), eigvals_only=True, check_finite=False)
    return torch.from_numpy(squares.copy()).clamp_min(0).sqrt().flip(0)


def _directions(matrix: Tensor, generator: torch.Generator) -> Tensor:
    """The two leading right singular vectors (column, 2), their largest element positive, so that a picture is not mirrored by chance."""
    if matrix.shape[1] <= SIDE:
        found = _last_two(_gram(matrix))
    elif len(matrix) <= SIDE:
        found = torch.nn.functional.normalize(matrix.double().T @ _last_two(_gram(matrix.T.contiguous())), dim=0)
    else:
        found = _leading(matrix, 2, generator)[1].double()
    return found * found.gather(0, found.abs().argmax(0, keepdim=True)).sign()


def _last_two(gram: Tensor) -> Tensor:
    """The eigenvectors of the two largest eigenvalues, the largest first."""
    size = len(gram)
    found = linalg.eigh(gram.numpy(), subset_by_index=[size - 2, size - 1], check_finite=False)[1]
    return torch.from_numpy(found[:, ::-1].copy())


def _leading(matrix: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The leading singular values, from below, and right singular vectors, by random directions that the matrix turns to its own."""
    turned = matrix @ torch.randn(matrix.shape[1], count + SPARE, generator=generator).to(matrix.dtype)
    for _ in range(POWERS):
        turned = matrix @ torch.linalg.qr(matrix.T @ torch.linalg.qr(turned).Q).Q
    basis = torch.linalg.qr(turned).Q
    _, values, right = torch.linalg.svd(basis.T @ matrix, full_matrices=False)
    return values[:count], right[:count].T
