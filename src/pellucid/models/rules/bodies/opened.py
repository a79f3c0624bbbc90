"""Functions of torch that are written in Python, opened: their own lines meet the rules."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def opened(function: Any) -> Callable[..., Any]:  # noqa: ANN401
    """The same Python function of torch without its hand-over to modes, so that its body runs under ours."""
    names = {**function.__globals__}
    for check in ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"):
        names[check] = _never
    twin = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _never(*_: object) -> bool:
    return False
