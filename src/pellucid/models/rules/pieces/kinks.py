"""Finds the kinks of a piecewise-linear network along straight lines, from the running forward pass.

The batch holds points that follow one another on lines. Where nothing bent before, what an operation sees is linear between two neighbors,
so a change of sign there lies at an exactly known place (Sotoudeh & Thakur 2019, section 4). A span in which an operation bends is divided
there; what later operations see is no longer linear in it, and its parts are looked at in the next pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.call import Call
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.pieces.bends import gaps, is_linear, is_steps, makes_steps, mark_steps, not_piecewise_linear, unmark_steps
from pellucid.models.rules.pieces.envelope import choice, crossings
from pellucid.models.rules.rows import FIRST, RowAxis

ROUNDING = 16.0  # machine epsilons of the largest of a row's values by which rounding may move one of them
CLOSED = torch.iinfo(torch.long).max  # the level of a span that is not looked at
OPENED = ("rnn_relu",)


class EnoughSeen(BaseException):
    """Ends a forward pass of which nothing more is needed; no error, so that code which catches errors lets it through."""


class Cuts(NamedTuple):
    """Places at which spans are divided.

    Attributes:
        span: (cut,) the number of the span.
        at: (cut,) the place along the line.
        within: (cut,) how far rounding may have moved it.
        level: (cut,) the number of the operation that bends there.
    """

    span: Tensor
    at: Tensor
    within: Tensor
    level: Tensor


@dataclass
class Structure:
    """What a first pass tells about a network: where the rows lie in what each bending operation sees, by the operation's number.

    ``known`` once a pass has come to its end.
    """

    rows: dict[int, tuple[RowAxis, ...]] = field(default_factory=dict)
    known: bool = False

    @property
    def last(self) -> int:
        """The number of the last operation that bends."""
        return max(self.rows, default=0)


class Kinks:
    """A rule set that looks for kinks between each row of the batch and the next.

    Args:
        at: (batch,) the place of each point on its line, float64.
        levels: (batch - 1,) for the span from each point to the next: the number of the last operation known not to bend in
            it, or ``CLOSED``.
        structure: what is known of the network; filled by a pass that is ``first``.
        apart: bends closer to an end of their span than this belong to that end.
        first: whether this pass is to find the structure.
        most: the pass runs to its end, unless every span has that many bends; None: it stops when there is no more to find.
        complete: whether it runs to its end in any case.

    Attributes:
        least: (batch - 1,) so many bends lie in each span at least.
    """

    differentiates = False

    def __init__(
        self,
        at: Tensor,
        levels: Tensor,
        structure: Structure,
        *,
        apart: float,
        first: bool = False,
        most: int | None = None,
        complete: bool = False,
    ) -> None:
        self.at, self.levels, self.structure, self.apart = at, levels, structure, apart
        self.most, self.complete = most, complete
        self.follows_rows = self.first = first
        self.points = len(at)
        self.lengths = at[1:] - at[:-1]
        self.open = levels != CLOSED
        self.least = torch.zeros_like(levels)
        self.looked = int(levels.min()) if len(levels) else CLOSED
        self.over = False
        self.cuts: list[Cuts] = []

    def opens(self, operation: Operation) -> bool:
        """Only a composite that may be piecewise linear is worth opening."""
        return operation.name in OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is written may not be constant between bends."""
        unmark_steps(tensor)

    def found(self) -> Cuts:
        """All cuts, in no order."""
        return joined(self.cuts, self.at)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation, and looks where it bends."""
        if all(is_steps(t) for t in call.operands):
            output = call.run(*call.operands)
            mark_steps(output)
            return output
        bends = self._bends(call)
        if bends and self._enough(call):
            raise EnoughSeen
        output = call.run(*call.operands)
        if makes_steps(call):
            mark_steps(output)
        elif isinstance(output, Tensor) and not output.is_floating_point():
            raise not_piecewise_linear(f"{call.operation.name} to {output.dtype}", call)
        return output

    def _bends(self, call: Call) -> bool:
        """Looks where an operation bends; False if it does so nowhere."""
        if self.first:
            note_bends(call, self.structure)
        if call.number not in self.structure.rows:
            return False
        if self.looked >= call.number or self.over:  # every span is known to be straight so far, or bends too often
            return True
        if call.operation.kind == "max" and gaps(call) is None:
            self._look_for_winners(call)
        else:
            self._look_for_signs(call, gaps(call) or ())
        self.over = self.most is not None and bool(((self.least >= self.most) | (self.levels == CLOSED)).all())
        return True

    def _enough(self, call: Call) -> bool:
        if self.most is not None:
            return self.over and not self.complete
        return call.number >= self.structure.last or not bool(self.open.any())

    def _look_for_signs(self, call: Call, found: tuple[Tensor, ...]) -> None:
        still, new = self.open.clone(), self.levels < call.number
        for gap, at in zip(found, self.structure.rows[call.number], strict=True):
            values = rows_first(gap.detach(), at, self.points).flatten(1)
            above = values > 0
            span, unit = ((above[1:] != above[:-1]) & new[:, None]).nonzero(as_tuple=True)
            if not len(span):
                continue
            here, there = values[span, unit].double(), values[span + 1, unit].double()
            self._cut(call, values, (span, here / (here - there), (here - there).abs()), still)

    def _look_for_winners(self, call: Call) -> None:
        still = self.open & (self.levels < call.number)
        picked = choice(call, self.structure.rows[call.number][0])
        values = rows_first(picked.values.detach(), picked.rows, self.points).flatten(1, -2)
        winners = rows_first(picked.winners, picked.rows, self.points).flatten(1, -2)
        lines: Any = ((winners[1:] != winners[:-1]) & still[:, None, None]).nonzero(as_tuple=True)
        for crossing in crossings(values, picked.windows, lines):
            self._cut(call, values, (lines[0][crossing.line], crossing.part, crossing.rate), still)

    def _cut(self, call: Call, values: Tensor, found: tuple[Tensor, Tensor, Tensor], still: Tensor) -> None:
        """Divides spans: ``found`` holds the span, the part of it that lies before, and by how much the values part over the span.

        Spans that are not ``still`` straight bend somewhere if the sign changes, but not there: they are counted only.
        """
        span, part, width = found
        length = self.lengths[span]
        before = part * length
        inside = (before > self.apart) & (length - before > self.apart)
        if self.most is not None:
            self.least.index_add_(0, span, inside.long())
        chosen = (inside & still[span]).nonzero()[:, 0]
        if not len(chosen):
            return
        if len(chosen) < len(span):
            span, before, width, length = (t[chosen] for t in (span, before, width, length))
        largest = values.flatten(1).abs().amax(1).double()
        largest = torch.maximum(largest[1:], largest[:-1]).mul_(ROUNDING * torch.finfo(values.dtype).eps)
        self.open[span] = False
        within = torch.minimum(largest[span] / width, torch.ones_like(width)).mul_(length)
        self.cuts.append(Cuts(span, self.at[span] + before, within, torch.full_like(span, call.number)))


def note_bends(call: Call, structure: Structure) -> None:
    """Notes where the rows lie in what an operation that bends sees.

    Raises:
        UnsupportedOperation: it is not piecewise linear.
    """
    found = gaps(call)
    picks = found is None and call.operation.kind == "max"
    if found is not None or picks:
        structure.rows[call.number] = tuple(_row_axis(call, t) for t in (call.operands[:1] if picks else found or ()))
    elif not is_linear(call) and not makes_steps(call):
        raise not_piecewise_linear(call.operation.name, call)


def joined(cuts: list[Cuts], like: Tensor) -> Cuts:
    """Several cuts as one; none, on the device of ``like``, where there are none."""
    none = like.new_zeros(0)
    return Cuts(*(torch.cat(parts) for parts in zip(*cuts, Cuts(none.long(), none, none, none.long()), strict=True)))


def _row_axis(call: Call, gap: Tensor) -> RowAxis:
    """Where the rows lie in a value made of an operation's operands by broadcasting."""
    for operand, at in zip(call.operands, call.rows, strict=True):
        if at is not None:
            axis = at.axis + gap.ndim - operand.ndim
            if axis >= 0 and gap.shape[axis] == operand.shape[at.axis]:
                return RowAxis(axis, at.inner)
    raise not_piecewise_linear(f"{call.operation.name} of values that lie on no axis of rows", call)


def rows_first(values: Tensor, at: RowAxis, rows: int) -> Tensor:
    """The values (row, outer, inner, ...)."""
    if at == FIRST and len(values) == rows:
        return values[:, None]
    if values.shape[at.axis] % (rows * at.inner):
        raise UnsupportedOperation(
            "The forward takes other branches for other points of the path",
            received=f"{rows} rows on an axis of {values.shape[at.axis]}",
            remedy="use rule='adaptive', which needs no pieces",
        )
    return values.unflatten(at.axis, (-1, rows, at.inner)).movedim(at.axis + 1, 0)
