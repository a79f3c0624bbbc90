"""The axes that an operation runs over."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.models.rules.call import Call


def axes_of(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The axes counted from the first; all of them where none is given."""
    given = (dim,) if isinstance(dim, int) else dim
    return tuple(d % max(1, ndim) for d in given) if given else tuple(range(ndim))


def softmax_axes(call: Call) -> tuple[int, ...]:
    """The axes that a softmax or a log-sum-exp runs over."""
    dim, ndim = call.argument("dim", 1), call.operands[0].ndim
    if dim is None:  # torch's own rule for a softmax without an axis
        dim = 0 if ndim in (0, 1, 3) else 1
    return axes_of(dim, ndim)
