"""Guided backpropagation and deconvolution: the gradient, but for what rectifiers let through on the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.operations import Operation

# they pass what is positive, and hold back what is negative
_RECTIFIERS = frozenset(
    {"relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "hardswish", "prelu", "rrelu"}
)
_OPENED = frozenset({"rnn_relu", "rnn_relu_cell"})


@dataclass(eq=False)
class Rectified:
    """The rule set.

    Attributes:
        rule: *guided*: a rectifier passes its own gradient of what is positive of the signal; *deconvolution*: what is positive of the
            signal, whatever the forward was.
        rectifiers: how many there were.
    """

    rule: Literal["guided", "deconvolution"]
    rectifiers: int = 0
    differentiates: bool = True
    follows_rows: bool = False

    def opens(self, operation: Operation) -> bool:
        """Only what has a rectifier inside."""
        return operation.name in _OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """Nothing is kept."""

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation; a rectifier's backward is changed."""
        if not call.operands[0].requires_grad or not rectifies(call):
            return call.run(*call.operands)
        self.rectifiers += 1
        if self.rule == "deconvolution":
            return _Positive.apply(call.run, *call.operands)
        output = call.run(*call.operands)
        output.register_hook(lambda signal: signal.clamp(min=0))
        return output


class _Positive(torch.autograd.Function):
    """An operation whose backward hands what is positive of a signal to its first operand."""

    @staticmethod
    def forward(ctx: Any, run: Any, *operands: Tensor) -> Tensor:  # noqa: ANN401
        ctx.operands = len(operands)
        return run(*operands)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        return (None, signals[0].clamp(min=0), *[None] * (ctx.operands - 1))


def rectifies(call: Call) -> bool:
    """Whether an operation is a rectifier, a bound at zero included."""
    name = call.operation.name
    if name in _RECTIFIERS:
        return True
    if name in ("clamp", "clamp_min", "hardtanh"):
        least = call.argument("min_val" if name == "hardtanh" else "min", 1, default=-1.0 if name == "hardtanh" else None)
        return _is_zero(least)
    if name == "threshold":
        return _is_zero(call.argument("threshold", 1)) and _is_zero(call.argument("value", 2))
    if name in ("maximum", "max", "fmax") and len(call.operands) == 1:
        others = [t for t in tensors(call.args, call.kwargs) if t is not call.operands[0]]
        return len(others) == 1 and _is_zero(others[0])
    return False


def _is_zero(bound: Any) -> bool:  # noqa: ANN401
    return bool((bound == 0).all()) if isinstance(bound, Tensor) else bound == 0
