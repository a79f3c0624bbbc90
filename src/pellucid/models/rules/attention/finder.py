"""Finds attention wherever a forward pass does it: a softmax whose output is multiplied with values of matching length.

Modules, ``scaled_dot_product_attention`` and lines of matrix products are one, since all are opened into a softmax and a product. What
comes out of the product is followed on to the linear map that mixes the heads, which says which heads belong to one sample and how each
is projected. The backward pass brings the gradient of the score to the weights, and says at which queries the score reads the result.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.models.rules.attention.heads import Attention, Found, Part, resolved
from pellucid.models.rules.attention.products import Product, as_product
from pellucid.models.rules.call import tensors
from pellucid.models.rules.caller import user_line
from pellucid.models.rules.keeper import Keeper
from pellucid.models.rules.marks import sources_of

if TYPE_CHECKING:
    from pellucid.models.rules.call import Call
    from pellucid.models.rules.operations import Operation

_NOTE = "_pellucid_attention"
_OPENED = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})
_SAME_PLACES = frozenset({"to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda", "clone", "contiguous", "detach"})
_KEEPS = frozenset({"structural", "random"})  # of a softmax's output: still weights


@dataclass(frozen=True, eq=False)
class _Mixed:
    """What a product's output is followed with: which attention it is of, and the label of each element."""

    found: Found
    labels: Tensor


class AttentionRules:
    """Changes nothing, and keeps every attention of the pass; ``names`` are those of the network's modules by ``id``."""

    differentiates = True
    follows_rows = False

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.found: list[Found] = []
        self.keeper = Keeper()

    def opens(self, operation: Operation) -> bool:
        """Attention in one piece is opened."""
        return operation.name in _OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation as it is, and looks at what went in and came out."""
        output = call.run(*call.operands)
        if call.operation.name in ("softmax", "softmin"):
            setattr(output, _NOTE, "weights")
            return output
        for tensor in call.operands:
            note = getattr(tensor, _NOTE, None)
            if note is not None:
                self._follow(call, tensor, note, output)
                break
        return output

    def attentions(self, rows: int) -> tuple[Attention, ...]:
        """Every attention on which the score depends, in order of execution; to be asked for after the backward pass.

        Not where :meth:`mixes_rows`: a row that is run alone has no such doubt.

        Raises:
            UnsupportedOperation: attention whose first axes are not samples and heads (within windows, say).
        """
        return tuple(resolved(found, rows) for found in self.found if any(part.read is not None for part in found.parts))

    def mixes_rows(self, rows: int) -> bool:
        """Whether samples and heads can not be told apart: folded into one axis, with nothing after it that shows how."""
        return rows > 1 and any(found.columns is None and found.parts[0].product.lead.count(rows) != 1 for found in self.found)

    def _follow(self, call: Call, tensor: Tensor, note: Any, output: Any) -> None:  # noqa: ANN401
        if isinstance(note, _Mixed):
            if call.operation.kind in ("structural", "random"):
                _move(call, note, output, self.found)
            elif call.operation.kind == "product":
                _mix(call, note)
            return
        product = as_product(call, tensor) if call.operation.kind == "product" else None
        if product is not None:
            self._record(call, tensor, product, output)
        elif call.operation.kind in _KEEPS or (isinstance(output, Tensor) and output.shape == tensor.shape):
            for made in tensors((output,), {}):
                setattr(made, _NOTE, "weights")

    def _record(self, call: Call, weights: Tensor, product: Product, output: Tensor) -> None:
        values = next((t for t in tensors(call.args, call.kwargs) if t is not weights), weights)
        part = Part(product, self.keeper.keep((weights, product.values)))
        part.hook(weights, output)
        found = Found([part], self._module(), user_line(), sources_of(weights), sources_of(values))
        self.found.append(found)
        if product.labels is not None:
            setattr(output, _NOTE, _Mixed(found, product.labels))

    def _module(self) -> str:
        """The innermost module of the network whose code is running."""
        frame = sys._getframe(2)
        while frame is not None:
            owner = frame.f_locals.get("self") if "self" in frame.f_code.co_varnames else None
            if isinstance(owner, nn.Module) and id(owner) in self.names:
                return self.names[id(owner)]
            frame = frame.f_back
        return ""


def _move(call: Call, note: _Mixed, output: Any, found: list[Found]) -> None:  # noqa: ANN401
    """The labels go where the elements go; heads that are put side by side are parts of one attention from then on."""
    notes = [getattr(t, _NOTE, None) for t in call.operands]
    mixed = [n for n in notes if isinstance(n, _Mixed)]
    if len(mixed) < len(notes):
        return
    if call.operation.name in _SAME_PLACES or call.operation.kind == "random":
        moved: Any = note.labels
    elif len({id(m.found) for m in mixed}) == 1:
        moved = call.run(*(_laid(m.labels, t) for m, t in zip(mixed, call.operands, strict=True)))
    elif call.operation.name in ("cat", "stack", "hstack") and _side_by_side(mixed):
        note, labels = _joined(mixed, found)
        moved = call.run(*labels)
    else:
        return
    for made, labels in zip(tensors((output,), {}), tensors((moved,), {}), strict=True):
        if labels.shape == made.shape:
            setattr(made, _NOTE, _Mixed(note.found, labels))


def _laid(labels: Tensor, like: Tensor) -> Tensor:
    """Labels that lie in memory as the elements do, without which a view that is right for these may not be one of labels."""
    return labels if labels.stride() == like.stride() else torch.empty_like(like, dtype=labels.dtype).copy_(labels)


def _side_by_side(mixed: list[_Mixed]) -> bool:
    """Whether these are heads of one attention, each computed for itself."""
    shapes = {tuple(t.shape for t in m.found.parts[0].kept) for m in mixed}
    return len({id(m.found) for m in mixed}) == len(mixed) and len(shapes) == 1 and all(m.found.projection is None for m in mixed)


def _joined(mixed: list[_Mixed], found: list[Found]) -> tuple[_Mixed, list[Tensor]]:
    """Several attentions as parts of the first one; their labels numbered on."""
    first, labels, offset = mixed[0].found, [], 0
    for one in mixed:
        labels.append(one.labels + offset)
        offset += sum(part.product.values[..., 0, :].numel() for part in one.found.parts)
    for one in mixed[1:]:
        found.remove(one.found)
        first.parts += one.found.parts
    return _Mixed(first, labels[0]), labels


def _mix(call: Call, note: _Mixed) -> None:
    """A linear map of what was gathered: it mixes the heads, and its input's columns say which heads belong to one sample."""
    weight = _constant_map(call)
    if weight is None or note.found.projection is not None or note.labels.shape[-1] != weight.shape[1]:
        return
    _, first = np.unique(note.labels[..., 0].flatten().cpu().numpy(), return_index=True)  # the queries of one sample have the same labels
    columns = note.labels.reshape(-1, weight.shape[1])[torch.from_numpy(first).to(note.labels.device)]
    note.found.columns, note.found.projection = columns.cpu().numpy(), weight.detach()


def _constant_map(call: Call) -> Tensor | None:
    """The matrix (output, column) of a linear map of the call's one operand; None if it is something else."""
    if len(call.operands) != 1:
        return None
    given = list(tensors(call.args, call.kwargs))
    at = next(i for i, t in enumerate(given) if t is call.operands[0])
    name = call.operation.name
    if name == "linear":
        return given[1] if at == 0 and len(given) > 1 else None
    if name == "addmm":
        return given[2].T if at == 1 else None
    return given[1].T if name in ("matmul", "mm") and at == 0 and given[1].ndim == 2 else None
