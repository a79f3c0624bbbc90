"""An output whose backward is a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Backward = Callable[[Tensor], tuple[Tensor | None, ...]]


def ruled(output: Tensor, backward: Backward, *operands: Tensor) -> Tensor:
    """The output, computed before, with a backward of its own: from what comes for the output to what goes to each operand."""
    return _Ruled.apply([output.detach()], backward, *operands)


class _Ruled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: list[Tensor], rule: Backward, *operands: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        ctx.rule = rule
        return output.pop()  # in a list, since autograd would take a tensor for an operand that is handed on

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        return (None, None, *ctx.rule(gradients[0]))
