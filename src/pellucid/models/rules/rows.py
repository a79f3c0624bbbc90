"""Which elements of an intermediate value belong to which row of the batch.

User code may move the row axis or fold it into another, ``(sample * head, query, key)``, and no table of operations says how. It is
found by asking the operation itself: with not-a-number in the first row's elements, what comes out as not-a-number belongs to the first
row. The answer depends on shapes alone and is remembered.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation

if TYPE_CHECKING:
    from pellucid.models.rules.call import Call

_REMEMBERED = 4096  # answers kept


class RowsHidden(UnsupportedOperation):
    """It is not known where the rows lie in a value: what needs them apart must be done one row at a time."""


class RowAxis(NamedTuple):
    """Element ``i`` along ``axis`` belongs to row ``(i // inner) % rows``."""

    axis: int
    inner: int


FIRST = RowAxis(0, 1)
_ANSWERS: dict[Hashable, RowAxis | None] = {}


def follow(call: Call, output: Tensor, rows: int) -> RowAxis | None:
    """The row axis of an operation's output; None where rows lie on no single axis, or where the operation hides it."""
    at = next((axis for axis in call.rows if axis is not None), None)
    if rows == 1:
        return FIRST
    if at is None:
        return None
    looks_up = call.operation.name == "embedding"  # whole numbers can not be marked
    if looks_up or (call.operation.kind in ("elementwise", "softmax", "norm") and output.shape == call.operands[0].shape):
        return call.rows[0]
    key = _key(call, output, rows)
    if key not in _ANSWERS:
        if len(_ANSWERS) >= _REMEMBERED:
            _ANSWERS.clear()
        _ANSWERS[key] = _asked(call, output, rows)
    return _ANSWERS[key]


def by_row(values: Tensor, at: RowAxis, rows: int) -> Tensor:
    """The sum over each row's elements, (rows,)."""
    if rows == 1:
        return values.sum().reshape(1)
    return _apart(values, at, rows).movedim(at.axis + 1, 0).flatten(1).sum(1)


def pick(values: Tensor, at: RowAxis, row: int, *, rows: int, times: int) -> Tensor:
    """One row's elements out of ``rows``, repeated for ``times`` rows (as a view that broadcasts where the axis is not folded)."""
    one = values if rows == 1 else _apart(values, at, rows).narrow(at.axis + 1, row, 1)
    if rows > 1 and one.shape[at.axis] == at.inner == 1:
        return one.flatten(at.axis, at.axis + 2)
    if rows == 1:
        one = _apart(values, at, 1)
    shape = list(one.shape)
    shape[at.axis + 1] = times
    return one.expand(shape).flatten(at.axis, at.axis + 2)


def _apart(values: Tensor, at: RowAxis, rows: int) -> Tensor:
    """The row axis as three: (outer, row, inner)."""
    return values.unflatten(at.axis, (-1, rows, at.inner))


def mark_first(tensor: Tensor, at: RowAxis, rows: int) -> Tensor:
    """A copy with not-a-number in the first row's elements, zeros in a boolean or integer tensor left as they are."""
    if not tensor.is_floating_point():
        return tensor
    marked = tensor.detach().clone(memory_format=torch.contiguous_format)
    _apart(marked, at, rows).narrow(at.axis + 1, 0, 1).fill_(float("nan"))
    return marked


def _asked(call: Call, output: Tensor, rows: int) -> RowAxis | None:
    if not output.is_floating_point():
        return _aligned(call, output)
    marked = [t if at is None else mark_first(t, at, rows) for t, at in zip(call.operands, call.rows, strict=True)]
    with torch.no_grad():
        found = call.run(*marked)
    found = found if isinstance(found, Tensor) else found[0]
    return find(found.isnan(), rows) or _aligned(call, output)


def find(mask: Tensor, rows: int) -> RowAxis | None:
    """The row axis of a tensor in which exactly the first row's elements are marked."""
    for axis in range(mask.ndim):
        others = [a for a in range(mask.ndim) if a != axis]
        line = mask.amax(others) if others else mask
        if bool(line.all()) or len(line) % rows:
            continue
        inner = int((~line).nonzero()[0])
        if inner == 0 or len(line) % (rows * inner):
            return None
        numbers = torch.arange(len(line), device=line.device) // inner % rows
        shape = [-1 if a == axis else 1 for a in range(mask.ndim)]
        return RowAxis(axis, inner) if torch.equal(mask, (numbers == 0).reshape(shape).expand(mask.shape)) else None
    return None


def find_within(first: Tensor, written: Tensor, rows: int) -> RowAxis | None:
    """The row axis of a tensor into a part of which rows were written: the part is a block, and its first row is marked."""
    for axis in range(first.ndim):
        others = [a for a in range(first.ndim) if a != axis]
        line, part = (mask.amax(others) if others else mask for mask in (first, written))
        if bool(part.all()) and not bool(line.all()):
            inner = int((~line).nonzero()[0])
            fits = inner > 0 and len(line) % (rows * inner) == 0
            return RowAxis(axis, inner) if fits else None
    return None


def _aligned(call: Call, output: Tensor) -> RowAxis | None:
    """The axis of an operand of the output's shape: operations that stop not-a-number (comparisons, where) do not move rows."""
    for tensor, at in zip(call.operands, call.rows, strict=True):
        if at is None:
            continue
        axis = at.axis + output.ndim - tensor.ndim
        if axis >= 0 and output.shape[axis] == tensor.shape[at.axis]:
            return RowAxis(axis, at.inner)
    return None


def _key(call: Call, output: Tensor, rows: int) -> Hashable:
    return call.operation.name, rows, call.rows, call.places, _shape(call.args), _shape(call.kwargs), tuple(output.shape)


def _shape(value: Any) -> Hashable:  # noqa: ANN401
    """What of an argument decides where rows go: shapes of tensors, everything else as it is."""
    if isinstance(value, Tensor):
        return "tensor", tuple(value.shape), value.dtype if not value.is_floating_point() else None
    if isinstance(value, dict):
        return tuple((k, _shape(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_shape(v) for v in value)
    if isinstance(value, slice):
        return "slice", value.start, value.stop, value.step
    return repr(value)
