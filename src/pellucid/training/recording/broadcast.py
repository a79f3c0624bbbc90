"""Whether a loss compares every row with every row, read from the graph that leads from it to the network's output."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor

MOST = 500  # nodes that are walked: the way from a loss to the output is short, penalties of the weights are not


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
    ways = _Ways(output)
    ways.lead(loss.grad_fn)
    spread = [node for node, ahead in ways.found if _shape(node) == (rows, rows) and len(ahead) == 1 and prod(_shape(ahead[0])) == rows]
    return rows if spread and ways.left > 0 else 0


class _Ways:
    """The nodes from which an output is reached, each with those next to it from which it is."""

    def __init__(self, output: Any) -> None:  # noqa: ANN401
        self.output, self.left = output, MOST
        self.found: list[tuple[Any, list[Any]]] = []
        self._known: dict[Any, bool] = {}

    def lead(self, node: Any) -> bool:  # noqa: ANN401
        """Whether the output is reached from this node."""
        if node is self.output:
            return True
        if node not in self._known and self.left > 0:
            self.left -= 1
            self._known[node] = False
            ahead = [one for one, _ in node.next_functions if one is not None and self.lead(one)]
            self._known[node] = bool(ahead)
            self.found += [(node, ahead)] if ahead else []
        return self._known.get(node, False)


def _shape(node: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Of what this node made."""
    made = getattr(node, "_input_metadata", ())
    return tuple(made[0].shape) if len(made) == 1 else ()
