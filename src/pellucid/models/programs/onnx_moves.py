"""ONNX's operators that move elements, as torch operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs import views
from pellucid.models.programs.onnx_sizes import whole
from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]


def view(reader: OnnxReader, node: Node, name: str, call: Callable[..., Any], *, sizes: Ref | None = None) -> None:
    """A view of the first input; ``sizes`` where numbers of it are known for each batch only."""
    inputs = (node.given[0],) if sizes is None else (node.given[0], sizes)
    reader.add(name, call, inputs, node.outputs, structural=True)


def _reshape(reader: OnnxReader, node: Node) -> None:
    value = node.given[0]
    keeps = not node.attr("allowzero", 0)
    numbers = node.attr("shape") if node.version < 5 else reader.numbers(node.input(1))

    def target(x: Tensor, shape: Sequence[int]) -> list[int]:
        return [x.shape[i] if size == 0 and keeps else size for i, size in enumerate(shape)]

    if numbers is None:
        view(reader, node, "reshape", lambda x, shape: x.reshape(target(x, whole(shape))), sizes=node.given[1])
        return
    shape = list(map(int, numbers))
    if reader.batch and reader.varies(value):
        _of_fixed_rows(reader, node, target, shape)
    else:
        view(reader, node, "reshape", lambda x: x.reshape(target(x, shape)))


def _of_fixed_rows(reader: OnnxReader, node: Node, target: Callable[..., list[int]], shape: list[int]) -> None:
    """A shape that was written for a fixed number of rows: the axis that holds them grows where it has to."""
    (two, three), batch = reader.shapes(node.given[0]), reader.batch
    filled = [two[i] if size == 0 else size for i, size in enumerate(shape)]
    old = next(i for i, (a, b) in enumerate(zip(two, three, strict=True)) if a != b)
    old = min(old, max(len(shape) - 2, 0))  # rows are never folded into the last axis, that of features
    fitting = [i for i, size in enumerate(shape) if size == batch]
    axis = old if old in fitting or not fitting else fitting[0]
    written = prod(filled) * 2 == prod(two) * batch and shape[axis] > 0
    grows = bool(fitting) and shape[old] != -1 if -1 in shape else written
    if not grows:
        view(reader, node, "reshape", lambda x: x.reshape(target(x, shape)))
        return
    each = shape[axis] // batch

    def grown(x: Tensor, rows: Tensor) -> Tensor:
        return x.reshape(
            [each * int(rows) if i == axis else size for i, size in enumerate(target(x, [*shape[:axis], 1, *shape[axis + 1 :]]))]
        )

    rows = reader.value()
    reader.size((rows,), torch.tensor)
    view(reader, node, "reshape", grown, sizes=rows)


def _flatten(reader: OnnxReader, node: Node) -> None:
    axis = node.attr("axis", 1)
    at = axis % reader.rank(node.given[0]) if axis < 0 else axis
    if at == 1:
        view(reader, node, "flatten", lambda x: x.flatten(1) if x.ndim > 1 else x[:, None])
    else:
        view(reader, node, "reshape", lambda x: x.reshape(prod(x.shape[:at]), -1))


def _axes(reader: OnnxReader, node: Node) -> list[int] | None:
    """The axes of a node, an attribute or an input."""
    given = node.input(1)
    if isinstance(given, int):
        raise reader.unsupported(node.type, "of axes that depend on the input")
    found = node.attr("axes") if given is None else reader.numbers(given)
    return None if found is None else list(map(int, found))


def _squeeze(reader: OnnxReader, node: Node) -> None:
    axes = _axes(reader, node)
    if axes is None:
        axes = [i for i, sizes in enumerate(zip(*reader.shapes(node.given[0]), strict=True)) if set(sizes) == {1}]
    over = tuple(axes)
    if reader.batch == 1 and any(reader.shape(node.given[0])[axis] != 1 for axis in over):
        raise reader.unsupported(node.type, "of the axis of rows")
    view(reader, node, "squeeze", lambda x: x.squeeze(over))


def _unsqueeze(reader: OnnxReader, node: Node) -> None:
    axes = _axes(reader, node) or []
    rank = reader.rank(node.given[0]) + len(axes)
    places = sorted(axis % rank for axis in axes)

    def unsqueeze(x: Tensor) -> Tensor:
        for place in places:
            x = x.unsqueeze(place)
        return x

    view(reader, node, "unsqueeze", unsqueeze)


def _transpose(reader: OnnxReader, node: Node) -> None:
    order = node.attr("perm") or range(reader.rank(node.given[0]))[::-1]
    view(reader, node, "permute", views.moved(order))


def _expand(reader: OnnxReader, node: Node) -> None:
    def expand(x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(shape)))

    numbers = reader.numbers(node.given[1])
    if numbers is None:
        if reader.batch > 1 and isinstance(node.given[0], Constant):
            two, three = (reader.sample(node.given[1], rows) or [] for rows in (2, 3))
            axis = next((i for i, (a, b) in enumerate(zip(two, three, strict=True)) if a != b), -1)
            node = replace(node, inputs=(_of_one_row(node.given[0], axis - len(two)), node.given[1]))
        view(reader, node, "expand", lambda x, shape: expand(x, whole(shape)), sizes=node.given[1])
    else:
        view(reader, node, "expand", lambda x: expand(x, numbers))


def _of_one_row(one: Constant, axis: int) -> Constant:
    """A constant that is the same for each of a fixed number of rows, which lie on an axis counted from the last, for one row."""
    value = one.value
    if not isinstance(value, Tensor) or value.ndim < -axis:
        return one
    first = value.narrow(axis, 0, 1)
    return Constant(first, one.path) if torch.equal(first.expand_as(value), value) else one


def _tile(reader: OnnxReader, node: Node) -> None:
    numbers = reader.numbers(node.given[1])
    if numbers is None:
        view(reader, node, "repeat", lambda x, times: x.repeat(whole(times)), sizes=node.given[1])
    else:
        view(reader, node, "repeat", lambda x: x.repeat(numbers))


def _concat(reader: OnnxReader, node: Node) -> None:
    axis = node.attr("axis")

    def cat(*parts: Tensor) -> Tensor:
        return torch.cat(parts, axis)

    def grown(*parts: Tensor) -> Tensor:
        rows = max(part.shape[0] for part in parts)
        return torch.cat([part.expand(rows, *part.shape[1:]) if part.shape[0] == 1 else part for part in parts], axis)

    fixed = [one for one in node.given if not reader.varies(one)]
    spread = reader.batch == 1 and axis % reader.rank(node.given[0]) != 0 and 0 < len(fixed) < len(node.given)
    reader.add("cat", grown if spread else cat, node.given, node.outputs, structural=True)


def _split(reader: OnnxReader, node: Node) -> None:
    axis = node.attr("axis", 0)
    lengths = node.attr("split") or reader.numbers(node.input(1))
    if isinstance(node.input(1), int):
        raise reader.unsupported(node.type, "at places that depend on the input")
    if lengths is None:
        size, parts = reader.shape(node.given[0])[axis], len(node.outputs)
        each = -(-size // parts)
        lengths = [*[each] * (parts - 1), size - each * (parts - 1)]
    found = list(map(int, lengths))
    call = (lambda x: x.split(found, axis)) if len(node.outputs) > 1 else (lambda x: x)
    reader.add("split", call, node.given[:1], node.outputs, structural=True)


def _pad(reader: OnnxReader, node: Node) -> None:
    value, mode = node.given[0], node.attr("mode", "constant")
    rank = reader.rank(value)
    pads = node.attr("pads") if node.version < 11 else reader.numbers(node.input(1))
    filling, over = node.input(2), reader.numbers(node.input(3))
    if pads is None or isinstance(filling, int):
        raise reader.unsupported(node.type, "by what depends on the input")
    axes = [int(axis) % rank for axis in over] if over else list(range(rank))
    amounts = [(0, 0)] * rank
    for place, axis in enumerate(axes):
        amounts[axis] = int(pads[place]), int(pads[place + len(axes)])
    number = node.attr("value", 0.0) if node.version < 11 else (reader.numbers(filling) or [0.0])[0]
    if mode == "constant":
        view(reader, node, "pad", lambda x: views.padded(x, amounts, number))
    else:
        view(reader, node, "pad", lambda x: _continued(x, amounts, mode))


def _continued(x: Tensor, amounts: Sequence[tuple[int, int]], mode: str) -> Tensor:
    """Padded with what lies at the edges."""
    for axis, (low, high) in enumerate(amounts):
        if low or high:
            size = x.shape[axis]
            places = torch.arange(-low, size + high)
            if mode == "edge":
                places = places.clamp(0, size - 1)
            elif mode == "wrap":
                places = places.remainder(size)
            else:
                places = places.remainder(max(2 * size - 2, 1))
                places = torch.where(places >= size, 2 * size - 2 - places, places)
            x = x.index_select(axis, places.to(x.device))
    return x


def _depth_to_space(reader: OnnxReader, node: Node) -> None:
    size = node.attr("blocksize")
    if node.attr("mode", "DCR") == "CRD":
        view(reader, node, "pixel_shuffle", lambda x: functional.pixel_shuffle(x, size))
        return

    def shuffle(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        split = x.reshape(n, size, size, c // size**2, h, w)
        return split.permute(0, 3, 4, 1, 5, 2).reshape(n, c // size**2, h * size, w * size)

    view(reader, node, "pixel_shuffle", shuffle)


def _space_to_depth(reader: OnnxReader, node: Node) -> None:
    size = node.attr("blocksize")

    def shuffle(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        split = x.reshape(n, c, h // size, size, w // size, size)
        return split.permute(0, 3, 5, 1, 2, 4).reshape(n, c * size**2, h // size, w // size)

    view(reader, node, "pixel_unshuffle", shuffle)


TABLE: dict[str, Entry] = {
    "Reshape": _reshape, "Flatten": _flatten, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Transpose": _transpose, "Expand": _expand,
    "Tile": _tile, "Concat": _concat, "Split": _split, "Pad": _pad, "DepthToSpace": _depth_to_space, "SpaceToDepth": _space_to_depth,
}  # fmt: skip
