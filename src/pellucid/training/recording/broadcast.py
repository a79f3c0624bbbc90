"""Whether a loss compares every row with every row, read from the graph that leads from it to the network's output."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor

MOST = 1000  # nodes that are walked: the way from a loss to the output is short, penalties of the weights are not


def broadcast_rows(loss: Tensor, output: Any, shape: tuple[int, ...]) -> int:  # noqa: ANN401
    """The rows n of an output (n, 1) or (n,) that somewhere on its way to the loss was spread to (n, n) against something else; else 0.

    Losses over pairs of rows, which spread the output against itself, have two ways from that place to the output and are left alone.
    The shapes are those that the graph keeps; no operation is run or intercepted.

    Args:
        loss: as the loop told it, with its graph. ``output``: the node that made the output. ``shape``: of the output.
    """
    rows = shape[0] if shape else 0
    if rows < 2 or len(shape) > 2 or prod(shape) != rows or loss.grad_fn is None:
        return 0
    graph = _walked(loss.grad_fn, output)
    leading = _leading(graph, output)
    for node in leading:
        ahead = [one for one in graph.get(node, ()) if one in leading]
        if _shape(node) == (rows, rows) and len(ahead) == 1 and prod(_shape(ahead[0])) == rows:
            return rows
    return 0


def _walked(start: Any, output: Any) -> dict[Any, list[Any]]:  # noqa: ANN401
    """What each node was made from, from the loss back to the output; nothing where there are too many."""
    graph: dict[Any, list[Any]] = {}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in graph or node is output:
            continue
        if len(graph) == MOST:
            return {}
        graph[node] = [one for one, _ in node.next_functions if one is not None]
        waiting += graph[node]
    return graph


def _leading(graph: dict[Any, list[Any]], output: Any) -> set[Any]:  # noqa: ANN401
    """The nodes from which the output is reached, itself among them."""
    after: dict[Any, list[Any]] = {}
    for node, ahead in graph.items():
        for one in ahead:
            after.setdefault(one, []).append(node)
    found, waiting = {output}, [output]
    while waiting:
        new = [node for node in after.get(waiting.pop(), ()) if node not in found]
        found.update(new)
        waiting += new
    return found


def _shape(node: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Of what this node made."""
    made = getattr(node, "_input_metadata", ())
    return tuple(made[0].shape) if len(made) == 1 else ()
