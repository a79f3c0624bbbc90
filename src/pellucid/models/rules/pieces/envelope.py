"""Operations that pick the largest of several values: where along a line another value becomes the largest.

Between two points on which all values depend linearly, the largest is the upper envelope of straight lines. Where one value is the
largest at both ends it is so all the way; elsewhere the envelope is walked from line to line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.rules.axes import axes_of
from pellucid.models.rules.call import Call
from pellucid.models.rules.pieces.bends import not_piecewise_linear
from pellucid.models.rules.rows import RowAxis

_CHUNK = 2**21  # values compared at once


@dataclass(frozen=True, eq=False)
class Choice:
    """What an operation picks from.

    Attributes:
        values: (..., position), the larger the better.
        windows: (window, candidate) positions; a window with fewer candidates names one of them again.
        winners: (..., window) the position picked.
        rows: where the rows lie in ``values`` and ``winners``.
    """

    values: Tensor
    windows: Tensor
    winners: Tensor
    rows: RowAxis


class Crossing(NamedTuple):
    """Changes of the winner: for each the number of its line, where between 0 and 1, and how fast the two part there."""

    line: Tensor
    part: Tensor
    rate: Tensor


def choice(call: Call, at: RowAxis) -> Choice:
    """What a max-pooling, ``amax`` or ``max`` over an axis picks from; ``at`` says where the rows lie in its operand."""
    name = call.operation.name
    if name in ("amax", "amin", "max", "min"):
        return _over_axes(call, at)
    return _pooled(call, at, adaptive=name.startswith("adaptive"))


def _over_axes(call: Call, at: RowAxis) -> Choice:
    values = call.operands[0]
    dims = sorted(axes_of(call.argument("dim", 1), values.ndim))
    if at.axis in dims:
        raise not_piecewise_linear(f"{call.operation.name} over several rows", call)
    values = values.movedim(dims, list(range(-len(dims), 0))).flatten(-len(dims))
    values = -values if call.operation.name in ("amin", "min") else values
    windows = torch.arange(values.shape[-1], device=values.device)[None]
    rows = RowAxis(at.axis - sum(d < at.axis for d in dims), at.inner)
    return Choice(values, windows, values.argmax(-1, keepdim=True), rows)


def _pooled(call: Call, at: RowAxis, *, adaptive: bool) -> Choice:
    values = call.operands[0]
    axes = int(call.operation.name.split("pool")[1][0])
    if at.axis >= values.ndim - axes:
        raise not_piecewise_linear(f"{call.operation.name} over several rows", call)
    sizes = tuple(values.shape[-axes:])
    if adaptive:
        wanted = call.argument("output_size", 1)
        _, winners = getattr(functional, f"adaptive_max_pool{axes}d")(values, wanted, return_indices=True)
        spans = tuple(_adaptive_span(n, o) for n, o in zip(sizes, winners.shape[-axes:], strict=True))
    else:
        kernel, stride, padding, dilation = (
            call.argument(key, place, default)
            for place, (key, default) in enumerate((("kernel_size", None), ("stride", None), ("padding", 0), ("dilation", 1)), 1)
        )
        stride = kernel if stride is None or stride == [] or stride == () else stride
        ceil = call.argument("ceil_mode", 5, default=False)
        pool: Any = getattr(functional, f"max_pool{axes}d")
        _, winners = pool(values, kernel, stride, padding, dilation, ceil, return_indices=True)
        each = zip(*(_for_each(option, axes) for option in (kernel, stride, padding, dilation)), strict=True)
        spans = tuple((o, *own) for o, own in zip(winners.shape[-axes:], each, strict=True))
    windows = _windows(sizes, spans, adaptive=adaptive).to(values.device)
    return Choice(values.flatten(-axes), windows, winners.flatten(-axes), at)


def _for_each(option: Any, axes: int) -> tuple[int, ...]:  # noqa: ANN401
    given = (option,) if isinstance(option, int) else tuple(option)
    return given * axes if len(given) == 1 else given


def _adaptive_span(size: int, windows: int) -> tuple[int, ...]:
    return windows, size


@cache
def _windows(sizes: tuple[int, ...], spans: tuple[tuple[int, ...], ...], *, adaptive: bool) -> Tensor:
    """The positions (window, candidate) that each window of a pooling sees, numbered through all axes."""
    found, legal = torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool)
    for size, span in zip(sizes, spans, strict=True):
        if adaptive:
            first = torch.arange(span[0]) * size // span[0]
            last = -(-(torch.arange(span[0]) + 1) * size // span[0])
            places = first[:, None] + torch.arange(int((last - first).max()))
            inside = places < last[:, None]
        else:
            count, kernel, stride, padding, dilation = span
            places = torch.arange(count)[:, None] * stride - padding + torch.arange(kernel) * dilation
            inside = (places >= 0) & (places < size)
        found = (found[:, None, :, None] * size + places[None, :, None, :]).flatten(2).flatten(0, 1)
        legal = (legal[:, None, :, None] & inside[None, :, None, :]).flatten(2).flatten(0, 1)
    some = found.gather(1, legal.int().argmax(1, keepdim=True))
    return torch.where(legal, found, some)


def crossings(values: Tensor, windows: Tensor, lines: tuple[Tensor, Tensor, Tensor]) -> Iterator[Crossing]:
    """Walks the upper envelope of every window whose winner differs between two neighboring rows.

    Args:
        values: (row, line, position).
        windows: (window, candidate).
        lines: (row, line, window) of each of these windows; the other end is row + 1.
    """
    size = max(1, _CHUNK // windows.shape[1])
    flat, (_, many, positions) = values.reshape(-1), values.shape
    for low in range(0, len(lines[0]), size):
        row, line, window = (part[low : low + size] for part in lines)
        places = (row * many + line)[:, None] * positions + windows[window]
        here, there = flat[places].double(), flat[places + many * positions].double()
        for number, part, rate in _walk(here, there - here):
            yield Crossing(number + low, part, rate)


def _walk(here: Tensor, slope: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The corners of the upper envelope of lines ``here + u * slope`` (line, candidate) for u in 0..1, one corner of each at a time."""
    lines = torch.arange(len(here), device=here.device)
    top = here.argmax(1, keepdim=True)
    for _ in range(here.shape[1] - 1):
        gain = slope - slope.gather(1, top)
        part = torch.where(gain > 0, (here.gather(1, top) - here) / gain, torch.inf)
        soonest = part.amin(1, keepdim=True)
        # of several that overtake at once the steepest goes on
        following = torch.where(part <= soonest, gain, -torch.inf).argmax(1, keepdim=True)
        rate = gain.gather(1, following)
        more = soonest[:, 0] < 1
        if not bool(more.any()):
            return
        lines, here, slope, top = lines[more], here[more], slope[more], following[more]
        yield lines, soonest[more, 0], rate[more, 0]
