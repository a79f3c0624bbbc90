"""Operations in place that only move elements, and choices written in place.

Autograd does the first itself, where they are; the second are computed as a choice between the value and what was there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.call import Call, tensors, with_tensors
from pellucid.models.rules.caller import user_line
from pellucid.models.rules.marks import sources_of
from pellucid.models.rules.operations import Spelling
from pellucid.models.rules.rows import FIRST, RowAxis, find_within, mark_first

if TYPE_CHECKING:
    from pellucid.models.rules.interceptor import Interceptor

WRITES = frozenset({"setitem", "copy", "zero", "fill", "masked_fill", "index_fill", "index_copy", "index_put", "scatter", "requires_grad"})


@runtime_checkable
class WatchesWrites(Protocol):
    """A rule set that is told of operations in place which only move elements, after autograd has done them itself."""

    def wrote(self, call: Call) -> None:
        """``call.run`` would do the same out of place."""
        ...


def write(interceptor: Interceptor, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor) -> Any:  # noqa: ANN401
    """An operation in place that only moves elements: autograd does it right where it is."""
    if interceptor.mark(written) is None and written._is_view():
        raise UnsupportedOperation(
            "The forward writes values that depend on the input through a view of a tensor that does not",
            received=f"{found.operation.name} at {user_line()}",
            remedy="write to the tensor itself, x[:, 0] = y, instead of to a view made before",
        )
    rules = interceptor.rules
    rules.overwritten(written)
    interceptor.calls += 1
    inplace = found.call if found.operation.name in ("setitem", "copy") else getattr(Tensor, f"{found.operation.name}_")
    watched = interceptor.call(found, _out_of_place(inplace), args, kwargs) if isinstance(rules, WatchesWrites) else None
    with torch.set_grad_enabled(rules.differentiates):
        output = inplace(*args, **kwargs)
    sources = sources_of(*tensors(args, kwargs))
    known = interceptor.mark(written)
    if known is None:
        interceptor.enter(written, _written_rows(interceptor, inplace, args, kwargs, written), sources)
    else:
        known.sources |= sources
    if watched is not None and isinstance(rules, WatchesWrites):
        watched.written, watched.result_rows = written, getattr(interceptor.mark(written), "rows", None)
        rules.wrote(watched)
    return written if output is not None else None


def _out_of_place(inplace: Callable[..., Any]) -> Callable[..., Tensor]:
    """The write as an operation out of place."""

    def written(target: Tensor, *rest: Any, **named: Any) -> Tensor:  # noqa: ANN401
        copied = target.clone()
        inplace(copied, *rest, **named)
        return copied

    return written


def _written_rows(
    interceptor: Interceptor, inplace: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor
) -> RowAxis | None:
    """Where rows lie in a tensor that values were written into: asked by writing not-a-number there instead."""
    if not interceptor.rules.follows_rows or interceptor.rows == 1:
        return FIRST
    given = {place: (t, mark.rows) for place, t in enumerate(tensors(args[1:], kwargs)) if (mark := interceptor.mark(t)) is not None}
    if not given:
        return None

    def replayed(values: dict[int, Tensor]) -> Tensor:
        copy = torch.zeros_like(written)
        rest, named = with_tensors(args[1:], kwargs, values)
        inplace(copy, *rest, **named)
        return copy.isnan()

    one = replayed({place: t if at is None else mark_first(t, at, interceptor.rows) for place, (t, at) in given.items()})
    full = replayed({place: torch.full_like(t, float("nan")) for place, (t, _) in given.items()})
    return find_within(one, full, interceptor.rows)


def choose(interceptor: Interceptor, found: Spelling, args: tuple[Any, ...], written: Tensor) -> Any:  # noqa: ANN401
    """``x[mask] = value`` with a mask that depends on the input: a choice between the value and what was there."""
    index, value = (args[1], args[2]) if found.operation.name == "setitem" else (None, args[1])
    mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    with torch.set_grad_enabled(interceptor.rules.differentiates), interceptor:
        if mask is None:
            return written.copy_(value.to(written.dtype))
        if (
            not isinstance(mask, Tensor)
            or mask.dtype != torch.bool
            or mask.shape != written.shape[: mask.ndim]
            or (isinstance(value, Tensor) and value.numel() != 1)
        ):
            raise UnsupportedOperation(
                "The forward writes to places that depend on the input",
                received=f"{found.operation.name} at {user_line()}",
                remedy="choose with torch.where(mask, value, x) instead",
            )
        wide = mask.reshape(*mask.shape, *[1] * (written.ndim - mask.ndim))
        chosen = torch.where(wide, value, written)
        written.copy_(chosen)
    return None
