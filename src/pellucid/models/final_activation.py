"""Sees a softmax or sigmoid at the end of a forward pass, so that its probabilities can be had without saturation.

A float32 sigmoid is exactly 1 from a logit of 17 on, and its gradient exactly 0. The same function of the same logits in float64 is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_SOFTMAX = frozenset({torch.softmax, functional.softmax, Tensor.softmax, torch.special.softmax})
_SIGMOID = frozenset({torch.sigmoid, functional.sigmoid, Tensor.sigmoid, torch.special.expit})


class FinalActivation(TorchFunctionMode):
    """Remembers the last softmax or sigmoid of what runs inside it: its input and its output."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[Tensor, Tensor, int | None, int] | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: Any = (),  # noqa: ANN401
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Calls the function, and notes a softmax or sigmoid."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if func in _SIGMOID and args and isinstance(output, Tensor):
            self._last = args[0], output, None, output._version
        elif func in _SOFTMAX and args and isinstance(output, Tensor):
            dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
            self._last = (args[0], output, dim, output._version) if isinstance(dim, int) else None
        return output

    def of(self, output: Tensor) -> tuple[Literal["Softmax", "Sigmoid"], Tensor] | None:
        """The name and the float64 values of the activation that made ``output``; None if none did, or if it was altered afterwards."""
        if self._last is None or output.device.type == "mps":  # no float64 there
            return None
        given, made, dim, version = self._last
        if made.data_ptr() != output.data_ptr() or made.dtype != output.dtype or output._version != version:
            return None
        if [n for n in made.shape if n != 1] != [n for n in output.shape if n != 1] or not (
            made.is_contiguous() and output.is_contiguous()
        ):
            return None
        wide = given.double()
        values = wide.sigmoid() if dim is None else wide.softmax(dim)
        return ("Sigmoid" if dim is None else "Softmax"), values.reshape(output.shape)
