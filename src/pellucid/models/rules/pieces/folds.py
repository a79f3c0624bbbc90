"""What the bending operations of a piecewise-linear network see, one operation at a time, from the running forward pass.

Where nothing bent before an operation inside a polygon, what it sees is linear there, and known everywhere from the polygon's corners. So
the corners of all polygons are run as rows of one batch up to that operation, the polygons are cut where it bends, and the next one
is looked at with the corners of the parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.pieces.bends import gaps, is_steps, makes_steps, mark_steps, not_piecewise_linear, unmark_steps
from pellucid.models.rules.pieces.envelope import choice
from pellucid.models.rules.pieces.kinks import OPENED, EnoughSeen, Structure, note_bends, rows_first
from pellucid.models.rules.rows import RowAxis

_FINAL = ("softmax", "log_softmax", "sigmoid", "logsigmoid")


@dataclass(frozen=True, eq=False)
class Seen:
    """What one operation sees.

    Attributes:
        values: (row, unit), float64.
        windows: (window, candidate) units of which the operation picks the largest; None for units that bend at zero.
    """

    values: Tensor
    windows: Tensor | None = None


@dataclass
class Layout:
    """What a first pass tells about a network.

    Attributes:
        structure: the operations that bend.
        final: the number of a softmax or sigmoid in which it ends, 0 for none, and its name.
        widest: the most values that one row has anywhere.
    """

    structure: Structure = field(default_factory=Structure)
    final: int = 0
    name: str = ""
    widest: int = 1


class Folds:
    """A rule set that reads what operation ``wanted`` sees and stops there; 0: it runs to the end, before a final softmax or sigmoid.

    The ``first`` pass fills the layout.
    """

    differentiates = False

    def __init__(self, layout: Layout, rows: int, *, wanted: int = 0, first: bool = False) -> None:
        self.layout, self.rows, self.wanted = layout, rows, wanted
        self.first = self.follows_rows = first
        self.seen: Seen | None = None

    def opens(self, operation: Operation) -> bool:
        """Only a composite that may be piecewise linear is worth opening."""
        return operation.name in OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is written may not be constant between bends."""
        unmark_steps(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation, and reads what it sees."""
        if all(is_steps(t) for t in call.operands):
            output = call.run(*call.operands)
            mark_steps(output)
            return output
        if self.first:
            self._note(call)
        if call.number == self.wanted:
            self.seen = self._read(call, self.layout.structure.rows[call.number])
            raise EnoughSeen
        if call.number == self.layout.final:
            return call.operands[0]
        output = call.run(*call.operands)
        if makes_steps(call):
            mark_steps(output)
        elif isinstance(output, Tensor) and not output.is_floating_point():
            raise not_piecewise_linear(f"{call.operation.name} to {output.dtype}", call)
        return output

    def _note(self, call: Call) -> None:
        layout = self.layout
        layout.widest = max(layout.widest, *(t.numel() // self.rows for t in call.operands))
        if layout.final and call.operation.kind != "structural":
            raise not_piecewise_linear(f"{layout.name} that is not the last operation", call)
        if call.operation.name in _FINAL and len(call.operands) == 1:
            layout.final, layout.name = call.number, call.operation.name
        else:
            note_bends(call, layout.structure)

    def _read(self, call: Call, at: tuple[RowAxis, ...]) -> Seen:
        if (found := gaps(call)) is not None:
            return Seen(torch.cat([rows_first(g, a, self.rows).double().flatten(1) for g, a in zip(found, at, strict=True)], 1))
        picked = choice(call, at[0])
        values = rows_first(picked.values, picked.rows, self.rows).double().flatten(1, -2)  # (row, channel, position)
        channels, positions = values.shape[1:]
        starts = torch.arange(channels, device=values.device)[:, None, None] * positions
        return Seen(values.flatten(1), (starts + picked.windows).flatten(0, 1))
