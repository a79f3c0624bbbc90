"""Loops and branches of TensorFlow, written out: what they count, ask and keep in lists is known while the graph is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import LONGEST, Ref, as_tensor, as_tensors

if TYPE_CHECKING:
    from pellucid.models.programs.tensorflow_reader import Node, TensorflowReader

LOOPS = ("While", "StatelessWhile")
BRANCHES = ("If", "StatelessIf")


@dataclass(frozen=True, eq=False)
class Items:
    """A list of tensors, as it is at some place of the graph; None for what was not written yet.

    ``path`` says which layer's loop it came out of, "" for none.
    """

    all: tuple[Ref | None, ...]
    path: str = ""


def loop(reader: TensorflowReader, graph: Any, node: Node) -> None:  # noqa: ANN401
    """Adds every step of a loop.

    Raises:
        UnsupportedOperation: how long it goes on depends on the input, or it is very long.
    """
    shapes = [one.shape for one in node.leaving]
    condition, body = (reader.function(graph, node.attr(name).name, shapes) for name in ("cond", "body"))
    state = node.inputs
    path = reader.loop_path([one for one in state if isinstance(one, Constant)])
    with reader.inside(path):
        for _ in range(LONGEST + 1):
            (goes_on,) = reader.graph(condition, _entering(condition, state), condition.outputs)
            if not isinstance(goes_on, Constant):
                raise reader.unsupported(node.type, "whose number of steps depends on the input")
            if not bool(goes_on.value):
                break
            state = reader.graph(body, _entering(body, state), body.outputs)
        else:
            raise reader.unsupported(node.type, f"of more than {LONGEST} steps")
    reader.alias(node.outputs, [_out_of(one, path) for one in state])


def branch(reader: TensorflowReader, graph: Any, node: Node) -> None:  # noqa: ANN401
    """Adds the branch that is taken.

    Raises:
        UnsupportedOperation: the input says which.
    """
    test, *inputs = node.inputs
    if not isinstance(test, Constant):
        raise reader.unsupported(node.type, "that depends on the input")
    name = node.attr("then_branch" if bool(test.value) else "else_branch").name
    inner = reader.function(graph, name, [one.shape for one in node.given][1:])
    reader.alias(node.outputs, reader.graph(inner, _entering(inner, inputs), inner.outputs))


def _entering(graph: Any, state: Sequence[Ref]) -> dict[Any, Ref]:  # noqa: ANN401
    return dict(zip((one.name for one in graph.inputs), state, strict=True))


def _out_of(one: Ref, path: str) -> Ref:
    if isinstance(one, Constant) and isinstance(one.value, Items):
        return Constant(replace(one.value, path=path))  # type: ignore[arg-type]
    return one


def _reserve(reader: TensorflowReader, node: Node) -> None:
    _become(reader, node, (None,) * _number(reader, node, 1))


def _empty(reader: TensorflowReader, node: Node) -> None:
    _become(reader, node, ())


def _from_tensor(reader: TensorflowReader, node: Node) -> None:
    length = node.shape(0)[0] if node.shape(0) else -1
    if length < 0:
        raise reader.unsupported(node.type, "of a length that depends on the input")
    _become(reader, node, [reader.made("select", lambda x, i=i: x[i], node.inputs[:1], structural=True) for i in range(length)])


def _get(reader: TensorflowReader, node: Node) -> None:
    found = _items(reader, node).all[_number(reader, node, 1)]
    if found is None:
        raise reader.unsupported(node.type, "before anything was written")
    reader.alias(node.outputs, (found,))


def _set(reader: TensorflowReader, node: Node) -> None:
    items, at = list(_items(reader, node).all), _number(reader, node, 1)
    items += [None] * (at + 1 - len(items))
    items[at] = node.inputs[2]
    _become(reader, node, items)


def _push(reader: TensorflowReader, node: Node) -> None:
    _become(reader, node, [*_items(reader, node).all, node.inputs[1]])


def _length(reader: TensorflowReader, node: Node) -> None:
    reader.alias(node.outputs, (Constant(torch.tensor(len(_items(reader, node).all), dtype=torch.int32)),))


def _stack(reader: TensorflowReader, node: Node) -> None:
    items = _items(reader, node)
    parts = [one for one in items.all if one is not None]
    if len(parts) < len(items.all) or not parts:
        raise reader.unsupported(node.type, "of items that were not written")
    if items.path and (node.leaving[0].shape.rank or 0) > 1:
        reader.stacked(parts, node.outputs[0], items.path)
    else:
        reader.add("stack", lambda *all_: torch.stack(as_tensors(all_)), parts, node.outputs[:1], structural=True)


def _items(reader: TensorflowReader, node: Node) -> Items:
    given = node.inputs[0]
    found: Any = given.value if isinstance(given, Constant) else None
    if not isinstance(found, Items):
        raise reader.unsupported(node.type, "on a list that depends on the input")
    return found


def _number(reader: TensorflowReader, node: Node, place: int) -> int:
    given = node.inputs[place]
    if not isinstance(given, Constant) or not isinstance(given.value, (Tensor, int)):
        raise reader.unsupported(node.type, "at a place, or of a length, that depends on the input")
    return int(as_tensor(given.value))


def _become(reader: TensorflowReader, node: Node, items: Sequence[Ref | None]) -> None:
    reader.alias(node.outputs, (Constant(Items(tuple(items))),))  # type: ignore[arg-type]


LISTS: dict[str, Callable[[Any, Any], None]] = {
    "TensorListReserve": _reserve, "EmptyTensorList": _empty, "TensorListFromTensor": _from_tensor, "TensorListGetItem": _get,
    "TensorListSetItem": _set, "TensorListPushBack": _push, "TensorListLength": _length, "TensorListStack": _stack,
}  # fmt: skip
