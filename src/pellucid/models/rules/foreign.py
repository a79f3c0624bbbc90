"""Operations that torch does not have, seen whole and by their name by whatever follows a forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

NAME = "pellucid_operation"  # the attribute under which such a function has its name


def foreign(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as an operation of this name. It has no rules: rule sets refuse it."""

    def operation(*given: Tensor) -> Any:  # noqa: ANN401
        if has_torch_function(given):
            return handle_torch_function(operation, given, *given)
        return call(*given)

    setattr(operation, NAME, name)
    return operation
