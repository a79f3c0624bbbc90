"""Forward passes of rows that differ from a known row in one window: only what the window touches is computed, while it is small.

The early layers of a convolutional network see a window through a small region of each map. The known row's maps are kept from one pass;
for every other row only the touched region is cut out of them, patched and convolved, until a region covers too much of its map or an
operation comes that looks at all of it. From there on full maps go through the rest of the network. The result is that of the full pass,
up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.rules.call import Call
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.tuned.fusion import Diverged, Fusion, _Fused

WHOLE = 0.5  # share of a map from which on it is computed as a whole
_EVERYWHERE = frozenset({"relu", "relu6", "silu", "hardtanh", "gelu", "hardswish", "sigmoid", "tanh", "elu", "leaky_relu", "mish", "clamp"})
_HANDED_ON = frozenset({"dropout", "contiguous", "clone", "detach"})


@dataclass(frozen=True, eq=False)
class Patches:
    """Maps (row, channel, y, x) that differ from one known map inside a region of one size, each row's at a place of its own.

    Attributes:
        known: the map of the known row, (1, channel, y, x), channels last.
        values: what is in the regions, (row, channel, height, width), channels last.
        top, left: where each row's region begins, (row,).
    """

    known: Tensor
    values: Tensor
    top: Tensor
    left: Tensor

    @property
    def share(self) -> float:
        """The share of the map that a region covers."""
        return self.values.shape[2] * self.values.shape[3] / (self.known.shape[2] * self.known.shape[3])

    def whole(self) -> Tensor:
        """The maps themselves."""
        size = self.known.shape[2:]
        maps = self.known.expand(len(self.values), -1, -1, -1).clone(memory_format=torch.channels_last)
        places = _cells(self.top, self.values.shape[2])[:, :, None] * size[1] + _cells(self.left, self.values.shape[3])[:, None, :]
        places += torch.arange(len(self.values), device=places.device)[:, None, None] * (size[0] * size[1])
        maps.permute(0, 2, 3, 1).flatten(0, 2).index_copy_(0, places.flatten(), _pixels(self.values))
        return maps

    def crop(self, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
        """A region of this size out of every row's map, zero where it reaches beyond the map."""
        height, width = self.known.shape[2:]
        own = self.values.shape[2] * self.values.shape[3]
        y, x = _cells(top, size[0])[:, :, None], _cells(left, size[1])[:, None, :]
        down, across = y - self.top[:, None, None], x - self.left[:, None, None]
        changed = (down >= 0) & (down < self.values.shape[2]) & (across >= 0) & (across < self.values.shape[3])
        number = torch.arange(len(self.values), device=y.device)[:, None, None]
        outside = (y < 0) | (y >= height) | (x < 0) | (x >= width)
        places = torch.where(changed, height * width + 1 + number * own + down * self.values.shape[3] + across, y * width + x)
        places.masked_fill_(outside, height * width)
        source = torch.cat([_pixels(self.known), self.known.new_zeros(1, self.known.shape[1]), _pixels(self.values)])
        return source.index_select(0, places.flatten()).view(len(self.values), *size, -1).permute(0, 3, 1, 2)


def changed_windows(batch: Tensor, known: Tensor) -> Patches:
    """The rows (row, channel, y, x) of a batch as what they differ in from a known row (1, channel, y, x)."""
    # pairs of float32 compared as one integer take a tenth of the time; the window may grow by a pixel
    paired = batch.element_size() == 4 and batch.shape[3] % 2 == 0 and batch.is_contiguous() and known.is_contiguous()
    different = (batch.view(torch.int64) != known.view(torch.int64) if paired else batch != known).any(1)
    (top, height), (left, width) = (_extent(different.any(axis)) for axis in (2, 1))
    left, width = (2 * left, 2 * width) if paired else (left, width)
    known = known.contiguous(memory_format=torch.channels_last)
    whole = Patches(known, batch, torch.zeros_like(top), torch.zeros_like(left))
    return Patches(known, _cut(batch, top, left, (height, width)), top, left) if height * width < batch.shape[2] * batch.shape[3] else whole


def _cut(maps: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """A region of this size out of each of the maps (row, channel, y, x)."""
    y, x = _cells(top, size[0])[:, None, :, None], _cells(left, size[1])[:, None, None, :]
    row = torch.arange(len(maps), device=maps.device)[:, None, None, None]
    return maps[row, torch.arange(maps.shape[1], device=maps.device)[:, None, None], y, x].contiguous(memory_format=torch.channels_last)


def _extent(touched: Tensor) -> tuple[Tensor, int]:
    """Where the touched cells of each row begin, and the largest extent; (row, cell) to (row,) and a number."""
    side = touched.shape[1]
    place = torch.arange(side, device=touched.device)
    first = torch.where(touched, place, side).amin(1)
    last = torch.where(touched, place, -1).amax(1)
    extent = max(1, int((last - first).max()) + 1)
    return first.clamp(0, side - extent), extent


def _pixels(maps: Tensor) -> Tensor:
    """(row, channel, y, x) as (row * y * x, channel)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _cells(start: Tensor, count: int) -> Tensor:
    """The cells of every row's region along one axis, (row, count)."""
    return start[:, None] + torch.arange(count, device=start.device)


class Regions:
    """A rule set that computes touched regions while they are small, and full maps by a :class:`Fusion` from there on."""

    differentiates = False
    follows_rows = False

    def __init__(self, fusion: Fusion) -> None:
        self.fusion = fusion
        self.known: dict[int, Tensor] = {}  # the known row's maps by the number of the call that made them
        self._patches: dict[int, tuple[Tensor, Patches]] = {}

    def opens(self, operation: Operation) -> bool:  # noqa: ARG002
        """Nothing is opened."""
        return False

    def overwritten(self, tensor: Tensor) -> None:
        """Nothing is kept of what is not a stand-in, and those are not written to."""

    def run(self, forward: Callable[[tuple[Tensor, ...]], Tensor], batch: Tensor, patches: Patches) -> Tensor:
        """The output of ``forward`` for a batch (row, channel, y, x) whose rows are these patches of one known row.

        Raises:
            Diverged: the pass took another branch than the plan's, or looks at values on the way.
        """
        interceptor = Interceptor(self, len(batch))
        entered = interceptor.enter(batch.view_as(batch))  # nothing is written to it: operations in place meet stand-ins
        self._patches = {id(entered): (entered, patches)}
        with interceptor:
            output = forward((entered,))
        self._patches = {}
        if interceptor.calls != len(self.fusion.names) or interceptor.left:
            raise Diverged
        return output

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """One operation on regions, if it can be; on full maps otherwise."""
        held = [self._patches.get(id(t)) for t in call.operands]
        if not any(held):
            return self.fusion.apply(call)
        if self.fusion.names.get(call.number) != call.operation.name:
            raise Diverged
        if call.number in self.fusion.passed or call.operation.name in _HANDED_ON:
            return call.operands[0]
        found = self._on_regions(call, [entry[1] if entry else None for entry in held])
        if found is None:
            return self._on_maps(call, held)
        stand_in = found.known.new_empty(()).expand(len(found.values), *found.known.shape[1:])
        self._patches[id(stand_in)] = stand_in, found
        if call.written is None:
            return stand_in
        self._patches[id(call.written)] = call.written, found
        return call.written

    def _on_maps(self, call: Call, held: list[tuple[Tensor, Patches] | None]) -> Any:  # noqa: ANN401
        operands = [t if entry is None else entry[1].whole() for t, entry in zip(call.operands, held, strict=True)]
        fused = self.fusion.fused.get(call.number)
        if fused is not None:
            return fused(operands[0], pointwise=operands[0].device.type == "cpu")
        if call.operation.name == "view":
            operands = [t.contiguous() for t in operands]
        return call.run(*operands)

    def _on_regions(self, call: Call, patches: list[Patches | None]) -> Patches | None:
        """The operation on regions alone; None where it can not be done or would not be worth it."""
        first = patches[0]
        fused = self.fusion.fused.get(call.number)
        if first is None:
            return None
        if fused is not None:
            return self._convolved(call.number, fused, first)
        if call.operation.name == "pad":
            return self._padded(call, first)
        if call.operation.name in _EVERYWHERE and len(patches) == 1:
            return replace(first, known=self._once(call.number, lambda: call.run(first.known)), values=call.run(first.values))
        second = patches[1] if len(patches) == 2 else None
        if call.operation.name in ("add", "mul") and second is not None and second.known.shape == first.known.shape:
            return self._joined(call, first, second)
        return None

    def _once(self, number: int, make: Callable[[], Tensor]) -> Tensor:
        if number not in self.known:
            self.known[number] = make()
        return self.known[number]

    def _convolved(self, number: int, fused: _Fused, given: Patches) -> Patches | None:
        pointwise = given.known.device.type == "cpu"
        known = self._once(number, lambda: fused(given.known, pointwise=pointwise))
        places = [
            _reached(start, extent, (kernel, *form), side)
            for start, extent, kernel, *form, side in zip(
                (given.top, given.left), given.values.shape[2:], fused.weight.shape[2:], fused.stride, fused.padding, fused.dilation,
                known.shape[2:], strict=True,
            )
        ]  # fmt: skip
        (top, height), (left, width) = places
        if height * width > WHOLE * known.shape[2] * known.shape[3]:
            return None
        size = [
            (e - 1) * s + d * (k - 1) + 1
            for e, s, d, k in zip((height, width), fused.stride, fused.dilation, fused.weight.shape[2:], strict=True)
        ]
        corner = [at * s - p for at, s, p in zip((top, left), fused.stride, fused.padding, strict=True)]
        same = size == list(given.values.shape[2:]) and torch.equal(corner[0], given.top) and torch.equal(corner[1], given.left)
        cut = given.values if same else given.crop(corner[0], corner[1], (size[0], size[1]))
        return Patches(known, replace(fused, padding=[0, 0])(cut, pointwise=pointwise), top, left)

    def _padded(self, call: Call, given: Patches) -> Patches | None:
        widths = call.args[1] if len(call.args) > 1 else call.kwargs["pad"]
        if len(widths) != 4 or min(widths) < 0 or call.kwargs.get("mode", "constant") != "constant" or len(call.args) > 2:
            return None
        if call.kwargs.get("value") not in (None, 0, 0.0):
            return None
        known = self._once(call.number, lambda: functional.pad(given.known, widths).contiguous(memory_format=torch.channels_last))
        return Patches(known, given.values, given.top + widths[2], given.left + widths[0])

    def _joined(self, call: Call, first: Patches, second: Patches) -> Patches | None:
        """Both operands on the smallest region that holds what changed in either."""
        tops, lefts = (_union(a, b) for a, b in (_spans(first, second, 0), _spans(first, second, 1)))
        size = tops[1], lefts[1]
        if size[0] * size[1] > WHOLE * first.known.shape[2] * first.known.shape[3]:
            return None
        known = self._once(call.number, lambda: call.run(first.known, second.known))
        cut = [p.crop(tops[0], lefts[0], size) for p in (first, second)]
        return Patches(known, call.run(*cut), tops[0], lefts[0])


def _reached(start: Tensor, extent: int, form: tuple[int, int, int, int], side: int) -> tuple[Tensor, int]:
    """The outputs of a convolution that see a region along one axis: their first cell in each row, and how many."""
    kernel, stride, padding, dilation = form
    low = -((dilation * (kernel - 1) - padding - start) // stride)  # rounded up
    high = (start + extent - 1 + padding) // stride
    low, high = low.clamp(0, side - 1), high.clamp(0, side - 1)
    count = int((high - low).max()) + 1
    return low.clamp(max=side - count), count


def _spans(first: Patches, second: Patches, axis: int) -> tuple[tuple[Tensor, int, int], tuple[Tensor, int, int]]:
    side = first.known.shape[2 + axis]
    return (
        ((first.top, first.left)[axis], first.values.shape[2 + axis], side),
        ((second.top, second.left)[axis], second.values.shape[2 + axis], side),
    )


def _union(first: tuple[Tensor, int, int], second: tuple[Tensor, int, int]) -> tuple[Tensor, int]:
    low = torch.minimum(first[0], second[0])
    high = torch.maximum(first[0] + first[1], second[0] + second[1])
    count = int((high - low).max())
    return low.clamp(max=first[2] - count), count
