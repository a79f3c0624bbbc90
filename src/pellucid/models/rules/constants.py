"""What an operation gives that does not come from its varying operands: constants among elements, biases, what a constant wins."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.models.rules.call import Call, tensors

# products that also add: the place of the tensor that is added, and not multiplied
ADDED = {
    **dict.fromkeys(("addmm", "addmv", "addbmm", "baddbmm", "addr", "addcmul"), 0),
    **{f"conv{t}{n}d": 2 for t in ("", "_transpose") for n in (1, 2, 3)},
    **{"linear": 2, "bilinear": 3, "conv_tbc": 2},
}
_SUMS = frozenset({"add", "sub", "lerp", "index_add", "scatter_add"})
# operations that put constants among the elements they move
_MIXING = frozenset(
    {"cat", "stack", "hstack", "vstack", "dstack", "pad", "where", "masked_fill", "index_fill", "index_copy", "index_put", "scatter"}
    | {"select_scatter", "slice_scatter", "copy", "tril", "triu", "diag", "setitem", "zero", "fill"}
)


def constant_elements(call: Call) -> Tensor | None:
    """One where an element of the result is a constant, zero where it comes from a varying operand; None where none is a constant."""
    if call.operation.name not in _MIXING:
        return None
    with torch.no_grad():  # elements come from operands that are not a number where they are not a number
        marked = [torch.full_like(t, float("nan")) if t.requires_grad else t for t in call.operands]
        result = call.run(*marked)
        own = result.isnan()
    return None if bool(own.all()) else (~own).to(result.dtype)


def lost_elements(call: Call, output: Tensor) -> Tensor | None:
    """One where a maximum (or minimum) is that of a constant, a half where it ties with one; None where there is no constant."""
    others = [t for t in tensors(call.args, call.kwargs) if not t.requires_grad]
    if not others:
        return None
    own = next(t for t in call.operands if t.requires_grad).detach()
    return (own != output.detach()).to(output.dtype) + (others[0].detach() == own).to(output.dtype) / 2


def has_constants(call: Call) -> bool:
    """Whether a linear operation or a product also adds something that does not vary."""
    name = call.operation.name
    if name in _SUMS or ADDED.get(name) == 0:
        return any(not t.requires_grad for t in tensors(call.args, call.kwargs)) or _numbers(call)
    return name == "batch_norm" or (name in ADDED and len(list(tensors(call.args, call.kwargs))) > ADDED[name])


def _numbers(call: Call) -> bool:
    return any(isinstance(a, (int, float)) and a != 0 for a in call.args)


def constant_part(call: Call) -> Tensor:
    """What the operation gives where everything that varies is zero."""
    with torch.no_grad():
        return call.run(*(torch.zeros_like(t) if t.requires_grad else t for t in call.operands))
