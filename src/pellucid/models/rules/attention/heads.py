"""Attention of a batch, samples and heads told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.attention.products import Product


@dataclass(frozen=True, eq=False)
class Attention:
    """One layer's attention in a batch.

    Attributes:
        weights: (sample, head, query, key); a query's weights sum to 1 unless some were dropped or cut.
        values: (sample, head, key, unit).
        gradient: of the score with respect to ``weights``, same shape; zero where it does not depend on them.
        read: (sample, query), whether the score depends on what the query gathered, on its way after this layer.
        projection: (head, unit, output) of the linear map that mixes the heads; None where none follows.
        module: the module in whose forward it happened.
        query_inputs, key_inputs: the explained inputs on which queries and keys depend, by number.
    """

    weights: Tensor
    values: Tensor
    gradient: Tensor
    read: Tensor
    projection: Tensor | None
    module: str
    query_inputs: frozenset[int]
    key_inputs: frozenset[int]


@dataclass(eq=False)
class Part:
    """One product of weights with values: all heads of an attention, or one head computed for itself."""

    product: Product
    kept: list[Tensor]  # weights as the network had them, and values
    gradient: Tensor | None = None
    read: Tensor | None = None

    def hook(self, weights: Tensor, output: Tensor) -> None:
        """Lets the backward pass say how the score depends on the weights, and on what the queries gathered."""

        def note_gradient(gradient: Tensor) -> None:
            self.gradient = self.product.arrange(gradient.detach())

        def note_reading(gradient: Tensor) -> None:
            self.read = (self.product.queries(gradient.detach()) != 0).any(-1)

        if weights.requires_grad:
            weights.register_hook(note_gradient)
        if output.requires_grad:
            output.register_hook(note_reading)


@dataclass(eq=False)
class Found:
    """An attention while the pass is under way."""

    parts: list[Part]
    module: str
    where: str
    query_inputs: frozenset[int]
    key_inputs: frozenset[int]
    columns: np.ndarray | None = None  # (sample, column of what the projection takes) -> group * units + unit
    projection: Tensor | None = None  # (output, column)


def resolved(found: Found, rows: int) -> Attention:
    """The attention with samples and heads apart."""
    each = [part.product.arrange(part.kept[0]) for part in found.parts]
    weights, values = _together(each), _together([part.kept[1] for part in found.parts])
    gradients = _together([_or_zeros(part.gradient, own) for part, own in zip(found.parts, each, strict=True)])
    read = _together([_or_zeros(part.read, own[..., 0]) for part, own in zip(found.parts, each, strict=True)]).bool()
    groups, projection = _groups(found, rows, len(weights))

    def apart(given: Tensor) -> Tensor:
        if np.array_equal(groups.ravel(), np.arange(len(given))):
            return given.reshape(*groups.shape, *given.shape[1:])
        return given[torch.from_numpy(groups).to(given.device)]

    return Attention(
        apart(weights),
        apart(values),
        apart(gradients),
        apart(read).any(1),
        projection,
        found.module,
        found.query_inputs,
        found.key_inputs,
    )


def _together(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _or_zeros(found: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if found is None else found


def _groups(found: Found, rows: int, count: int) -> tuple[np.ndarray, Tensor | None]:
    """The groups (sample, head) that belong to each sample, and the projection (head, unit, output)."""
    units = found.parts[0].kept[1].shape[-1]
    if found.columns is None or found.projection is None:
        lead = found.parts[0].product.lead
        axis = 0 if rows == 1 else lead.index(rows)
        numbers = np.arange(count).reshape(len(found.parts), *lead)
        return (numbers.reshape(1, -1) if rows == 1 else np.moveaxis(numbers, axis + 1, 0).reshape(rows, -1)), None
    if len(found.columns) != rows:
        raise _unreadable(found, f"{len(found.columns)} groups of tokens that attend one another, of {rows} samples")
    groups = np.stack([np.unique(one // units) for one in found.columns])
    first = found.columns[0]
    heads = np.searchsorted(groups[0], first // units)
    projection = found.projection.new_zeros(groups.shape[1], units, len(found.projection))
    projection[heads, first % units] = found.projection.T
    return groups, projection


def _unreadable(found: Found, received: str) -> UnsupportedOperation:
    return UnsupportedOperation(
        "The attention of this network is not over all tokens of a sample, but within windows or groups of them",
        received=f"{received}, at {found.where} in {found.module or 'the network'}",
        remedy="use 'deeplift', 'integrated_gradients' or 'gradcam', which do not read attention",
    )
