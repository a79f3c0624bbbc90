"""Views that readers need, each a torch callable that only moves elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Size = int | Callable[[int], int]  # a number, or what it is for so many rows


def sizes(shape: Sequence[Size], rows: int) -> list[int]:
    """A shape for so many rows."""
    return [size(rows) if callable(size) else int(size) for size in shape]


def fixed(shape: Sequence[Size]) -> bool:
    """Whether a shape is the same for any number of rows."""
    return not any(map(callable, shape))


def reshape(shape: Sequence[Size]) -> Callable[[int, Tensor], Tensor]:
    """(rows, x) to x in another shape."""
    return lambda rows, x: x.reshape(sizes(shape, rows))


def broadcast(shape: Sequence[Size], places: Sequence[int]) -> Callable[[int, Tensor], Tensor]:
    """(rows, x) to x with its axes at these places of a larger shape."""

    def spread(rows: int, x: Tensor) -> Tensor:
        wanted = sizes(shape, rows)
        within = [1] * len(wanted)
        for axis, place in enumerate(places):
            within[place] = x.shape[axis]
        made = x.reshape(within)
        return made if within == wanted else made.expand(wanted)

    return spread


def moved(order: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """The axes in another order."""
    order = tuple(order)
    return (lambda x: x) if order == tuple(range(len(order))) else lambda x: x.permute(order)


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes an order of axes."""
    return tuple(sorted(range(len(order)), key=list(order).__getitem__))


def padded(x: Tensor, amounts: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """So much before and behind each axis; negative amounts cut."""
    flat = [n for pair in reversed(list(amounts)) for n in pair]
    return x if not any(flat) else functional.pad(x, flat, value=value)


def index(x: Tensor, axis: int, places: Tensor) -> Tensor:
    """Slices of one axis at whole-numbered places of any shape; below 0 counts from the end."""
    places = torch.where(places < 0, places + x.shape[axis], places)
    flat = x.index_select(axis, places.reshape(-1).to(torch.long))
    return flat.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


def cut(places: Sequence[Any]) -> Callable[[Tensor], Tensor]:
    """Slices of every axis."""
    found = tuple(places)
    return lambda x: x[found]
