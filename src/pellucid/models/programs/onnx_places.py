"""ONNX's operators that take and put elements at places, as torch operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.programs import views
from pellucid.models.programs.onnx_moves import view
from pellucid.models.programs.onnx_sizes import whole
from pellucid.models.programs.operation import Constant

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]


def _slice(reader: OnnxReader, node: Node) -> None:
    value = node.given[0]
    if node.version < 10:
        starts, ends, axes, steps = node.attr("starts"), node.attr("ends"), node.attr("axes"), None
    else:
        starts, ends, axes, steps = (reader.numbers(node.input(i)) for i in (1, 2, 3, 4))
        if any(isinstance(node.input(i), int) for i in (3, 4)):
            raise reader.unsupported(node.type, "of axes that depend on the input")
    rank = reader.rank(value)
    if starts is None or ends is None:
        count = rank if axes is None else len(axes)
        over, by = axes or list(range(count)), steps or [1] * count
        reader.add(
            "getitem", lambda x, a, b: _cut(x, whole(a), whole(b), over, by), (value, *node.given[1:3]), node.outputs, structural=True
        )
        return
    over, by = axes or list(range(len(starts))), steps or [1] * len(starts)
    view(reader, node, "getitem", lambda x: _cut(x, starts, ends, over, by))


def _cut(x: Tensor, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]) -> Tensor:
    places: list[slice] = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = axis % x.ndim
        if step > 0:
            places[at] = slice(start, end, step)
            continue
        kept = range(*slice(start, end if end >= -x.shape[at] else None, step).indices(x.shape[at]))
        x = x.index_select(at, torch.tensor(list(kept), dtype=torch.long, device=x.device))
    return x[tuple(places)]


def _gather(reader: OnnxReader, node: Node) -> None:
    value, places = node.given
    axis = node.attr("axis", 0) % reader.rank(value)
    numbers = reader.numbers(places)
    if numbers is not None and reader.rank(places) == 0:
        at = int(numbers[0])
        view(reader, node, "select", lambda x: x.select(axis, at))
        return
    name = "embedding" if axis == 0 and isinstance(value, Constant) and reader.rank(value) == 2 else "index_select"
    reader.add(name, lambda x, i: views.index(x, axis, i), node.given, node.outputs, structural=name != "embedding")


def _wrapped(x: Tensor, axis: int, places: Tensor) -> Tensor:
    return torch.where(places < 0, places + x.shape[axis], places).long()


def _gather_elements(reader: OnnxReader, node: Node) -> None:
    axis = node.attr("axis", 0)
    reader.add("gather", lambda x, i: torch.gather(x, axis, _wrapped(x, axis, i)), node.given, node.outputs, structural=True)


def _gather_nd(reader: OnnxReader, node: Node) -> None:
    over = node.attr("batch_dims", 0)

    def gather(x: Tensor, places: Tensor) -> Tensor:
        beside = [torch.arange(x.shape[i]).reshape([-1 if j == i else 1 for j in range(places.ndim - 1)]) for i in range(over)]
        along = [_wrapped(x, over + i, places[..., i]) for i in range(places.shape[-1])]
        return x[(*beside, *along)]

    reader.add("gather", gather, node.given, node.outputs, structural=True)


def _scatter_elements(reader: OnnxReader, node: Node) -> None:
    axis, how = node.attr("axis", 0), node.attr("reduction", "none")
    if how not in ("none", "add"):
        raise reader.unsupported(node.type, f"that keeps the {how}")

    def scatter(x: Tensor, places: Tensor, new: Tensor) -> Tensor:
        at = _wrapped(x, axis, places)
        return torch.scatter(x, axis, at, new) if how == "none" else torch.scatter_add(x, axis, at, new)

    reader.add("scatter", scatter, node.given, node.outputs, structural=how == "none")


def _scatter_nd(reader: OnnxReader, node: Node) -> None:
    how = node.attr("reduction", "none")
    if how not in ("none", "add"):
        raise reader.unsupported(node.type, f"that keeps the {how}")

    def scatter(x: Tensor, places: Tensor, new: Tensor) -> Tensor:
        return torch.index_put(x, tuple(_wrapped(x, i, places[..., i]) for i in range(places.shape[-1])), new, accumulate=how == "add")

    reader.add("index_put", scatter, node.given, node.outputs, structural=how == "none")


def _trilu(reader: OnnxReader, node: Node) -> None:
    k = int((reader.numbers(node.input(1)) or [0])[0])
    call = torch.triu if node.attr("upper", 1) else torch.tril
    view(reader, node, call.__name__, lambda x: call(x, k))


def _one_hot(reader: OnnxReader, node: Node) -> None:
    axis, depth = node.attr("axis", -1), (reader.numbers(node.given[1]) or [None])[0]
    if depth is None:
        raise reader.unsupported(node.type, "of a depth that depends on the input")

    def one_hot(places: Tensor, values: Tensor) -> Tensor:
        at = torch.where(places < 0, places + int(depth), places).long()
        hot = at.unsqueeze(axis) == torch.arange(int(depth)).reshape([-1, *[1] * (at.ndim - axis % (at.ndim + 1))])
        return torch.where(hot, values[1], values[0])

    reader.add("one_hot", one_hot, (node.given[0], node.given[2]), node.outputs)


def _top(reader: OnnxReader, node: Node) -> None:
    k = node.attr("k") if node.version < 10 else (reader.numbers(node.input(1)) or [None])[0]
    if k is None:
        raise reader.unsupported(node.type, "of a number that depends on the input")
    axis, largest = node.attr("axis", -1), bool(node.attr("largest", 1))
    reader.add("topk", lambda x: tuple(torch.topk(x, int(k), axis, largest)), node.given[:1], node.outputs)


TABLE: dict[str, Entry] = {
    "Slice": _slice, "Gather": _gather, "GatherElements": _gather_elements, "GatherND": _gather_nd, "ScatterElements": _scatter_elements,
    "Scatter": _scatter_elements, "ScatterND": _scatter_nd, "Trilu": _trilu, "OneHot": _one_hot, "TopK": _top,
}  # fmt: skip
