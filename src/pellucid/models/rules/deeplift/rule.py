"""What a rule of DeepLIFT by operations is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.call import Call, tensors


@dataclass(eq=False)
class Kept:
    """What an operation saw in one pass: its operands and what it made of them, safe from later writing."""

    operands: list[Tensor]
    output: list[Tensor]


Backward = Callable[[Call, Kept, Kept, Tensor], tuple[Tensor, ...]]


def plain_run(call: Call) -> tuple[Any, list[Tensor]]:
    """The operation itself, and the first tensor that it makes."""
    output = call.run(*call.operands)
    return output, [next(tensors((output,), {}))]


@dataclass(frozen=True)
class Rule:
    """How the multipliers of one operation are found.

    Attributes:
        backward: (operation, seen at the rows, seen at the baselines, multipliers of the output) -> those of the operands.
        run: computes the operation, and what is to be kept of the result.
    """

    backward: Backward
    run: Callable[[Call], tuple[Any, list[Tensor]]] = plain_run


def times(gradient: Tensor, slope: Tensor) -> Tensor:
    """The product, where nothing times anything is nothing."""
    product = gradient * slope
    if math.isfinite(product.sum()):
        return product
    return torch.where(gradient == 0, torch.zeros_like(product), product)


def refused(what: str, call: Call, remedy: str) -> UnsupportedOperation:
    """The error for an operation that has no averaged Jacobian here."""
    return UnsupportedOperation(what, received=f"{call.operation.name} at {call.where()}", remedy=remedy)
