"""DeepLIFT by operations: the multiplier of an operation is its own Jacobian, averaged along the line between its two operands.

Two passes. :class:`Reference` runs the baseline and keeps what non-linear operations saw; :class:`Difference` runs the rows themselves
and gives each non-linear operation a backward that multiplies by the averaged Jacobian. What the rules hand down then adds up to f(x) -
f(baseline) for any composition (Shrikumar et al. 2017, extended from layers to operations; rows never mix).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.interceptor import Call, unsupported
from pellucid.models.rules.operations import Operation

_OPENED = frozenset({"composite"})
_PLAIN = frozenset({"structural", "linear"})


@dataclass(eq=False)
class Kept:
    """What an operation saw in one pass: its operands and its output, safe from later writing."""

    operands: list[Tensor]
    output: list[Tensor]


class Keeper:
    """Keeps tensors for later without copying them, unless something writes over them first."""

    def __init__(self) -> None:
        self._places: dict[int, list[tuple[list[Tensor], int]]] = {}

    def keep(self, operands: tuple[Tensor, ...], output: Tensor) -> Kept:
        """Keeps the operands and the output of one operation."""
        kept = Kept([t.detach() for t in operands], [output.detach()])
        for entries in (kept.operands, kept.output):
            for place, tensor in enumerate(entries):
                self._places.setdefault(tensor.untyped_storage().data_ptr(), []).append((entries, place))
        return kept

    def copy_before_writing(self, tensor: Tensor) -> None:
        """Copies whatever is kept of the tensor's memory."""
        for entries, place in self._places.pop(tensor.untyped_storage().data_ptr(), ()):
            entries[place] = entries[place].clone()


def needs_reference(call: Call) -> bool:
    """Whether the multiplier of an operation depends on where its operands are."""
    kind = call.operation.kind
    if kind in _PLAIN:
        return len(call.operands) > 1 and call.operation.name in ("lerp", "grid_sample", "where")
    return len(call.operands) > 1 if kind == "product" and call.operation.name != "div" else True


class Reference:
    """The pass over the baseline."""

    differentiates = False
    follows_rows = False

    def __init__(self) -> None:
        self.keeper = Keeper()
        self.names: list[str] = []
        self.kept: dict[int, Kept] = {}

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        return operation.kind in _OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation, and keeps what it saw if its multiplier depends on it."""
        self.names.append(call.operation.name)
        output = call.run(*call.operands)
        if needs_reference(call):
            self.kept[call.number] = self.keeper.keep(call.operands, _values(output))
        return output


class Difference:
    """The pass over the rows themselves, beside a reference of as many rows."""

    differentiates = True
    follows_rows = False

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.keeper = Keeper()

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        return operation.kind in _OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation; its backward multiplies by the averaged Jacobian."""
        self._check_branch(call)
        if call.operation.name == "detach":
            return call.operands[0].view_as(call.operands[0])
        if not needs_reference(call):
            return call.run(*call.operands)
        rule = rule_of(call)
        with torch.no_grad():
            output = call.run(*call.operands)
        kept = self.keeper.keep(call.operands, _values(output))
        ruled = _Averaged.apply(_values(output), lambda g: rule(call, kept, self.reference.kept[call.number], g), *call.operands)
        return ruled if isinstance(output, Tensor) else type(output)((ruled, *output[1:]))

    def _check_branch(self, call: Call) -> None:
        names = self.reference.names
        if call.number > len(names) or names[call.number - 1] != call.operation.name:
            raise UnsupportedOperation(
                "The forward takes another branch at the baseline than at the input",
                received=f"{call.operation.name} at {call.where()}",
                remedy="choose a baseline on the input's branch, or use 'integrated_gradients' or 'occlusion'",
            )


Backward = Callable[[Tensor], tuple[Tensor, ...]]


class _Averaged(torch.autograd.Function):
    """An output computed before, whose backward is a rule."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, rule: Backward, *operands: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        ctx.rule = rule
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        return (None, None, *ctx.rule(gradients[0]))


Rule = Callable[[Call, Kept, Kept, Tensor], tuple[Tensor, ...]]


def rule_of(call: Call) -> Rule:
    """The rule of an operation."""
    named = BY_NAME.get(call.operation.name) or BY_KIND.get(call.operation.kind)
    if named is None:
        raise unsupported(call.operation.name)
    return named


def ratio(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Element-wise: (f(a) - f(b)) / (a - b), the slope at the midpoint where a and b are near one another (the rescale rule)."""
    if len(call.operands) > 1:
        raise unsupported(f"{call.operation.name} of two values that both depend on the input")
    a, b = actual.operands[0], other.operands[0]
    step = a - b
    scale = torch.maximum(a.abs(), b.abs()).clamp_min(1.0) * torch.finfo(a.dtype).eps ** 0.5
    near = step.abs() <= (0 if call.operation.name in PIECEWISE_LINEAR else 1) * scale / 2
    slope = (actual.output[0] - other.output[0]) / torch.where(near, torch.ones_like(step), step)
    if near.any():
        slope = torch.where(near, _slope(call, (a + b) / 2), slope)
    return (gradient * slope,)


def _slope(call: Call, at: Tensor) -> Tensor:
    with torch.enable_grad():
        point = at.detach().requires_grad_()
        output = call.run(point)
        return torch.autograd.grad(output.sum(), point)[0] if output.requires_grad else torch.zeros_like(at)


def midpoint(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """At most quadratic in its operands together: the Jacobian at the midpoint is the average along the line."""
    with torch.enable_grad():
        points = [((a + b) / 2).requires_grad_() for a, b in zip(actual.operands, other.operands, strict=True)]
        return torch.autograd.grad(call.run(*points), points, gradient)


def softmax(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Exponential, sum, reciprocal and product, each averaged along its own line; the maximum of both sides keeps it finite."""
    a, b = actual.operands[0], other.operands[0]
    dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else -1)
    top = torch.maximum(a.amax(dim, keepdim=True), b.amax(dim, keepdim=True))
    ea, eb = (a - top).exp(), (b - top).exp()
    ra, rb = 1 / ea.sum(dim, keepdim=True), 1 / eb.sum(dim, keepdim=True)
    to_e = gradient * (ra + rb) / 2 - (gradient * (ea + eb) / 2).sum(dim, keepdim=True) * ra * rb
    return (to_e * _exp_ratio(a, b, ea, eb),)


def _exp_ratio(a: Tensor, b: Tensor, ea: Tensor, eb: Tensor) -> Tensor:
    """(e^a - e^b) / (a - b), where ``ea`` and ``eb`` are these exponentials up to a common factor."""
    step = a - b
    near = step.abs() < 1e-5  # there the mean of both, up to step^2 / 12
    return torch.where(near, (ea + eb) / 2, (ea - eb) / torch.where(near, torch.ones_like(step), step))


PIECEWISE_LINEAR = frozenset(
    {"relu", "relu6", "leaky_relu", "hardtanh", "abs", "clamp", "clamp_min", "clamp_max", "prelu", "rrelu", "threshold"}
)
BY_KIND: dict[str, Rule] = {"elementwise": ratio, "product": midpoint}
BY_NAME: dict[str, Rule] = {"softmax": softmax}


def _values(output: Any) -> Tensor:  # noqa: ANN401
    return output if isinstance(output, Tensor) else output[0]
