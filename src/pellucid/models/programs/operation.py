"""One operation of a network that was read, on values that have numbers for names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Number = bool | int | float


@dataclass(frozen=True, eq=False)
class Constant:
    """What does not depend on the inputs: a tensor or a plain number; ``path`` says which parameter it is or was made of, "" for none."""

    value: Tensor | Number
    path: str = ""


@dataclass(frozen=True, eq=False)
class Operation:
    """A torch callable on values and constants.

    Attributes:
        name: what it does, as torch calls it; layers without parameters are named after it.
        call: ``(*inputs)`` to one tensor, or to a tuple of tensors where there are several ``outputs``.
        inputs: numbers of values, and constants.
        outputs: numbers of the values it makes.
        sized: whether ``call`` takes the number of rows before the inputs.
        structural: only moves elements: such an operation is no layer.
        affine: ``call`` is ``(x, weight, bias=None)``, linear in x; a constant added behind it can be its bias.
        about: what passes over the list want to know of it.
    """

    name: str
    call: Callable[..., Any]
    inputs: tuple[int | Constant, ...]
    outputs: tuple[int, ...]
    sized: bool = False
    structural: bool = False
    affine: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> tuple[int, ...]:
        """The values that go in, without constants."""
        return tuple(one for one in self.inputs if isinstance(one, int))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The constants that go in."""
        return tuple(one for one in self.inputs if isinstance(one, Constant))

    def compute(self, rows: int, *inputs: Tensor | Number) -> tuple[Any, ...]:
        """All outputs."""
        made = self.call(rows, *inputs) if self.sized else self.call(*inputs)
        return made if len(self.outputs) > 1 else (made,)


def with_constant(operation: Operation) -> bool:
    """Whether it takes one value and one constant, and nothing that depends on the number of rows."""
    return not operation.sized and len(operation.values) == 1 and len(operation.constants) == 1


@dataclass(frozen=True, eq=False)
class Listing:
    """Everything that a reader found, in order of execution.

    Attributes:
        operations: each value is made before it is used.
        inputs: numbers of the values that come from outside, each with a first axis of rows.
        outputs: the values, or constants, that leave.
        pack: from the list of what leaves to what the network returns.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int | Constant, ...]
    pack: Callable[[list[Any]], Any] = lambda leaving: leaving[0] if len(leaving) == 1 else tuple(leaving)


def exponent(operation: Operation) -> float | None:
    """That of a power with a constant, None of any other operation."""
    if operation.name != "pow" or len(operation.values) != 1 or not isinstance(operation.inputs[0], int):
        return None
    return operation.about.get("exponent", number_of(operation.constants[0]) if operation.constants else None)


def number_of(one: Constant) -> float | None:
    """A constant that is one number."""
    value = one.value
    if isinstance(value, Tensor):
        return float(value) if value.numel() == 1 and not one.path and value.dtype != torch.bool else None
    return float(value)
