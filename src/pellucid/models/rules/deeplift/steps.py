"""Comparisons, masks and indices that depend on the input: values that jump.

A tensor of booleans or integers has no gradient. Beside it goes a *soft* twin, the same numbers as floating point with the graph that made
them: a comparison is a step of a difference, whose mean slope is its jump over that difference; ``and``, ``or`` and ``not`` are
polynomials; what is counted, cast or multiplied from a mask is computed from its twin. Where a value was found by its place among others
(argmax, nonzero) there is no twin; it may choose elements as long as it chooses the same ones at the row and at the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.deeplift.ordering import ORDERED, ordered
from pellucid.models.rules.deeplift.products import midpoint
from pellucid.models.rules.deeplift.rule import Kept, Rule, refused
from pellucid.models.rules.marks import soft_of
from pellucid.models.rules.operations import operations

_CASTS = frozenset({"to", "type", "type_as", "long", "int", "short", "byte", "char", "bool"})
_CHOOSERS = frozenset(
    {"gather", "take", "take_along_dim", "index_select", "masked_select", "getitem", "scatter", "scatter_add", "index_add", "index_copy"}
    | {"index_fill", "index_put", "embedding", "repeat_interleave"}
)
_COMPARED = frozenset({"gt", "ge", "lt", "le", "eq", "ne", "isclose"})
_LOGIC: dict[str, tuple[str, Callable[..., Tensor]]] = {  # as polynomials of zeros and ones
    "and": ("mul", lambda p, q: p * q),
    "or": ("mul", lambda p, q: p + q - p * q),
    "xor": ("mul", lambda p, q: p + q - 2 * p * q),
    "not": ("neg", lambda p: 1 - p),
}
_EXTREMES: dict[str, tuple[str, Callable[..., Tensor]]] = {"any": ("amax", torch.amax), "all": ("amin", torch.amin)}
BLOCKED = 1e30  # in the place of infinity: a difference of two infinities is not a number


class Follower(Protocol):
    """The pass that the operations below belong to."""

    def follow(self, call: Call, rule: Rule | None, output: Tensor | None = None, only: Sequence[int] | None = None) -> Tensor:
        """The output of an operation with the graph of its rule; ``only`` some of its operands are differentiated."""
        ...

    def plain_rule(self, call: Call) -> Rule | None:
        """The rule of an operation on floating-point operands."""
        ...

    def same(self, call: Call, places: Sequence[int]) -> bool:
        """Whether these operands are the same at the baseline."""
        ...


def jumps(call: Call) -> bool:
    """Whether an operation makes or takes values that jump."""
    return (
        call.operation.kind in ("comparison", "discrete")
        or not all(t.is_floating_point() for t in call.operands)
        or (call.operation.name in _CASTS and not _to_floating(call))
    )


def _to_floating(call: Call) -> bool:
    if call.operation.name not in ("to", "type", "type_as"):
        return False
    wanted = [v.dtype if isinstance(v, Tensor) else v for v in (*call.args[1:], *call.kwargs.values())]
    return all(dtype.is_floating_point for dtype in wanted if isinstance(dtype, torch.dtype))


def run(call: Call) -> tuple[Any, list[Tensor]]:
    """The operation itself and what it makes; infinities that a mask lets in become large numbers."""
    if any(t.is_complex() for t in call.operands):
        raise refused("Complex numbers have no rule", call, "write it in real numbers, or use 'integrated_gradients' or 'occlusion'")
    mask, p, q = choices(call)
    if mask is None:
        output = call.run(*call.operands)
        return output, list(tensors((output,), {}))
    plain = torch.where(mask, p, q)
    chosen = torch.where(mask, _bounded(p, plain.dtype), _bounded(q, plain.dtype)).to(plain.dtype)
    return chosen, [chosen]


def _bounded(value: Any, dtype: torch.dtype) -> Any:  # noqa: ANN401
    if not dtype.is_floating_point:
        return value
    most = min(BLOCKED, torch.finfo(dtype).max / 4)
    if not isinstance(value, Tensor):
        return max(-most, min(most, value))
    return torch.where(value.isinf(), value.sign() * most, value)


def choices(call: Call) -> tuple[Tensor | None, Any, Any]:
    """Of a choice by a mask that depends on the input: the mask, what is taken where it is true, and elsewhere; None for all else."""
    if call.operation.name == "masked_fill":
        mask, p, q = call.argument("mask", 1), call.argument("value", 2), call.args[0]
    elif call.operation.name != "where" or len(call.args) + len(call.kwargs) < 3:
        return None, None, None
    elif call.function is Tensor.where:
        mask, p, q = call.argument("condition", 1), call.args[0], call.argument("other", 2)
    else:
        mask, p, q = call.argument("condition", 0), call.argument("input", 1), call.argument("other", 2)
    return (mask if _place(call, mask) is not None else None), p, q


def _place(call: Call, value: object) -> int | None:
    return next((place for place, operand in enumerate(call.operands) if operand is value), None)


def stepped(call: Call, output: Any, follower: Follower) -> Any:  # noqa: ANN401
    """The result of an operation that jumps: floating point with a graph, or booleans and integers with a twin where there is one."""
    first = next(tensors((output,), {}))
    soft = _soft(call, first, follower)
    if soft is None:
        return output
    if first.is_floating_point():
        soft = soft.to(first.dtype)
        return soft if isinstance(output, Tensor) else type(output)((soft, *output[1:]))
    call.notes["soft"] = soft
    return output


def _soft(call: Call, output: Tensor, follower: Follower) -> Tensor | None:
    name = call.operation.name
    if name in ORDERED and output.is_floating_point():
        return follower.follow(call, Rule(ordered), output)
    twins = [t if t.is_floating_point() else soft_of(t) for t in call.operands]
    found = [t for t in twins if t is not None]
    chooses = name in _CHOOSERS and any(
        place > 0 and not t.is_floating_point() for place, t in zip(call.places, call.operands, strict=True)
    )
    if chooses or call.operation.kind == "discrete" or len(found) < len(twins):
        return _chosen(call, output, follower)
    soft = call.on(found)
    if choices(call)[0] is not None:
        return follower.follow(soft, Rule(_roles(call).select), output.to(_widest(found)))
    if name in _COMPARED:
        return follower.follow(soft, Rule(step), output.to(found[0].dtype))
    logic = name.removeprefix("logical_").removeprefix("bitwise_")
    if call.operation.kind == "comparison":
        return _logic(soft, logic, output, follower)
    if name in _CASTS:
        return _cast(soft, output, follower)
    return follower.follow(soft, follower.plain_rule(soft))


def _widest(values: Sequence[Tensor]) -> torch.dtype:
    return max((v.dtype for v in values), key=lambda dtype: torch.finfo(dtype).bits)


def _chosen(call: Call, output: Tensor, follower: Follower) -> Tensor | None:
    """Elements chosen by values without a twin: these must be the same at the baseline, and are constants then."""
    if not output.is_floating_point():
        return None  # it chooses again later
    kept = [place for place, t in enumerate(call.operands) if t.is_floating_point()]
    jumping = [place for place in range(len(call.operands)) if place not in kept]
    if call.operation.kind == "discrete" or not follower.same(call, jumping):
        raise refused(
            "Elements are chosen by an index or a mask that is another one at the baseline than at the input",
            call,
            "choose a baseline that keeps it, write the choice with torch.where or a product, or use 'integrated_gradients' or 'occlusion'",
        )
    if not kept:
        return None
    fewer = replace(
        call,
        places=tuple(call.places[place] for place in kept),
        operands=tuple(call.operands[place] for place in kept),
        rows=tuple(call.rows[place] for place in kept),
        notes={},
    )
    return follower.follow(fewer, follower.plain_rule(fewer), None, kept)


def _cast(soft: Call, output: Tensor, follower: Follower) -> Tensor:
    """A cast of floating point to integers cuts the fraction off, one to booleans asks whether it is zero."""
    value = soft.operands[0]
    return follower.follow(soft, Rule(step), output.to(value.dtype))


def _logic(soft: Call, name: str, output: Tensor, follower: Follower) -> Tensor | None:
    if any(bool(((t != 0) & (t != 1)).any()) for t in soft.operands):
        return None  # it asks numbers whether they are zero, or infinite
    if name in _EXTREMES:
        plain, function = _EXTREMES[name]
        extreme = replace(soft, operation=operations()[plain], function=function)
        return follower.follow(extreme, follower.plain_rule(extreme), output.to(soft.operands[0].dtype))
    if name not in _LOGIC:
        return None
    plain, function = _LOGIC[name]
    dtype = soft.operands[0].dtype
    args = tuple(a.to(dtype) if isinstance(a, Tensor) else float(a) for a in soft.args)
    logic = replace(soft, operation=operations()[plain], function=function, args=args)
    return follower.follow(logic, Rule(midpoint), output.to(dtype))


def step(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """A step of the difference of two values: its jump over how far that difference moves."""
    jump = actual.output[0] - other.output[0].to(actual.output[0].dtype)
    moved = _difference(call, actual.operands) - _difference(call, other.operands)
    slope = torch.where(jump != 0, jump / torch.where(moved == 0, torch.ones_like(moved), moved), torch.zeros_like(jump))
    signs = (-1,) if call.places == (1,) else (1, -1)
    return tuple((sign * gradient * slope).sum_to_size(t.shape) for sign, t in zip(signs, actual.operands, strict=False))


def _difference(call: Call, operands: Sequence[Tensor]) -> Tensor:
    """The first less the second operand; a constant one shifts both ends alike."""
    if len(operands) > 1:
        return operands[0] - operands[1]
    return -operands[0] if call.places == (1,) else operands[0]


@dataclass(frozen=True)
class _Roles:
    """Which operand is the mask of a choice, and where its two values are: (number of the operand or None, the constant)."""

    mask: int
    p: tuple[int | None, Any]
    q: tuple[int | None, Any]

    def select(self, call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002
        """The mask times one value, and what it leaves times the other, each product at its midpoint.

        Where one of the values is not finite at the end that does not take it, all goes to the mask.
        """
        here, there = actual.operands[self.mask], other.operands[self.mask]
        (pa, pb), (qa, qb) = (self._ends(side, actual, other) for side in (self.p, self.q))
        jump = (pa + pb) / 2 - (qa + qb) / 2
        lost = (here != there) & ~jump.isfinite()
        mean = torch.where(lost, torch.zeros_like(jump), (here + there) / 2)
        rest = torch.where(lost, torch.zeros_like(jump), 1 - (here + there) / 2)
        jump = torch.where(here == there, torch.zeros_like(jump), jump)
        jump = torch.where(lost, (actual.output[0] - other.output[0]) / torch.where(lost, here - there, torch.ones_like(jump)), jump)
        found = [torch.zeros_like(t) for t in actual.operands]
        for place, part in ((self.mask, jump), (self.p[0], mean), (self.q[0], rest)):
            if place is not None:
                found[place] = found[place] + (gradient * part).sum_to_size(found[place].shape)
        return tuple(found)

    @staticmethod
    def _ends(side: tuple[int | None, Any], actual: Kept, other: Kept) -> tuple[Tensor, Tensor]:
        place, constant = side
        if place is not None:
            return actual.operands[place], other.operands[place]
        value = _bounded(torch.as_tensor(constant, dtype=actual.output[0].dtype), actual.output[0].dtype)
        return value, value


def _roles(call: Call) -> _Roles:
    mask, p, q = choices(call)
    sides = [(_place(call, v), None if _place(call, v) is not None else v) for v in (p, q)]
    return _Roles(_place(call, mask) or 0, sides[0], sides[1])
