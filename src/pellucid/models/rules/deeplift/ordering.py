"""Sorting and its kin: on a straight line every place in the order belongs to one element after another, each for a share of the way."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.deeplift.rule import Kept, refused

ORDERED = frozenset({"sort", "topk", "kthvalue", "median", "msort"})
_MOST = 128  # elements in one order; each pair of them may cross


def ordered(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Each place in the order hands its multiplier to the elements that hold it along the way, by how long each does."""
    whole = actual.operands[0]
    dim = _dim(call)
    lines = whole if dim is not None else whole.flatten()
    at = dim if dim is not None else 0
    a, b = (t.reshape(lines.shape).movedim(at, -1) for t in (actual.operands[0], other.operands[0].expand_as(whole)))
    down = _by_place(call, gradient.reshape(_with_axis(lines, at, gradient)).movedim(at, -1), a.shape[-1])
    flat = [t.reshape(-1, a.shape[-1]) for t in (a, b, down)]
    found = torch.zeros_like(flat[0])
    same = (_order(flat[0]) == _order(flat[1])).all(-1)
    found[same] = _put(flat[0][same], flat[2][same])
    if not bool(same.all()):
        if a.shape[-1] > _MOST:
            raise refused(
                f"The order of more than {_MOST} values is another one at the baseline than at the input",
                call,
                "use 'integrated_gradients' or 'occlusion'",
            )
        for line in (~same).nonzero()[:, 0].tolist():
            found[line] = _along(*(t[line] for t in flat))
    return (found.reshape(a.shape).movedim(-1, at).reshape(whole.shape),)


def _dim(call: Call) -> int | None:
    name = call.operation.name
    if name == "msort":
        return 0
    if name == "median":
        dim = call.argument("dim", 1)
        return None if dim is None else dim % max(1, call.operands[0].ndim)
    return call.argument("dim", 2 if name in ("topk", "kthvalue") else 1, default=-1) % max(1, call.operands[0].ndim)


def _with_axis(lines: Tensor, at: int, gradient: Tensor) -> tuple[int, ...]:
    """The shape of the multipliers with the ordered axis in its place: kthvalue and median may have dropped it."""
    shape = list(lines.shape)
    shape[at] = gradient.numel() * shape[at] // max(1, lines.numel())
    return tuple(shape)


def _by_place(call: Call, down: Tensor, count: int) -> Tensor:
    """Multipliers of all places, smallest value first."""
    name = call.operation.name
    places = torch.arange(count, device=down.device)
    if name == "kthvalue":
        chosen = places[call.argument("k", 1) - 1 :][:1]
    elif name == "median":
        chosen = places[(count - 1) // 2 :][:1]
    elif name == "topk":
        k, largest = call.argument("k", 1), call.argument("largest", 3, default=True)
        chosen = places.flip(0)[:k] if largest else places[:k]
    else:
        chosen = places.flip(0) if name == "sort" and call.argument("descending", 2, default=False) else places
    full = down.new_zeros(*down.shape[:-1], count)
    full[..., chosen] = down
    return full


def _order(values: Tensor) -> Tensor:
    return torch.argsort(values, dim=-1, stable=True)


def _put(values: Tensor, down: Tensor) -> Tensor:
    """What goes to the elements, from multipliers by place."""
    return torch.zeros_like(values).scatter(-1, _order(values), down)


def _along(a: Tensor, b: Tensor, down: Tensor) -> Tensor:
    """On one line: the order between every two crossings of elements, weighted by how long it lasts."""
    gap, moved = b[:, None] - b[None, :], (a - b)[:, None] - (a - b)[None, :]
    times = (-gap / torch.where(moved == 0, torch.ones_like(moved), moved))[moved != 0]
    inside = times[(times > 0) & (times < 1)].unique()
    ends = torch.cat([times.new_zeros(1), inside, times.new_ones(1)])
    middle, length = (ends[1:] + ends[:-1]) / 2, ends[1:] - ends[:-1]
    values = b + middle[:, None] * (a - b)
    return _put(values, down.expand_as(values) * length[:, None]).sum(0)
