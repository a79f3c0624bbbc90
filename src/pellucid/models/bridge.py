"""A network that torch can not run, as a torch module that can be differentiated: its own framework gives values and gradients.

What only the framework knows stays there; between it and torch go arrays. Such a network has no layers and no operations to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack  # pyright: ignore[reportPrivateUsage]

from pellucid.errors import ModelError, UnsupportedOperation
from pellucid.models.outputs import main_output
from pellucid.models.rules.interceptor import Interceptor

ALIGNMENT = 64  # bytes
Pull = Callable[[Tensor], tuple[Tensor | None, ...]]  # a gradient of the output to those of the inputs; None for what it does not reach
Linearize = Callable[[tuple[Tensor, ...]], tuple[Tensor, Pull]]  # inputs to the output, and how gradients come back
ENDINGS: dict[str, Callable[[Tensor], Tensor]] = {"Softmax": partial(torch.softmax, dim=-1), "Sigmoid": torch.sigmoid}


class Bridge(nn.Module):
    """A differentiable function of another framework.

    Args:
        call: inputs to the output, without gradient.
        linearize: the same, with the way back; inputs and gradients are detached.
        dtype: in which the network computes; None where it takes what it is given.
        reason: why the network was not read as torch operations.
        ends_in: what torch makes of that output, one of :data:`ENDINGS`.
    """

    def __init__(
        self, call: Callable[[tuple[Tensor, ...]], Tensor], linearize: Linearize, dtype: torch.dtype | None, reason: str,
        ends_in: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self._call, self._linearize, self._dtype, self._reason, self.ends_in = call, linearize, dtype, reason, ends_in

    def forward(self, *inputs: Tensor) -> Tensor:
        """The network's main output.

        Raises:
            UnsupportedOperation: a method wants to see its operations.
        """
        if any(isinstance(mode, Interceptor) for mode in _get_current_function_mode_stack()):
            raise UnsupportedOperation(
                "The operations of this network are not known to torch",
                received=self._reason,
                remedy="use a method without rules, such as 'integrated_gradients' or 'occlusion'",
            )
        if self._dtype is not None:
            inputs = tuple(t.to(self._dtype) if t.is_floating_point() else t for t in inputs)
        if not torch.is_grad_enabled() or not any(t.requires_grad for t in inputs):
            output = self._call(tuple(t.detach() for t in inputs))
        else:
            output: Tensor = _Across.apply(self._linearize, *inputs)  # type: ignore[no-redef]
        return ENDINGS[self.ends_in](output) if self.ends_in else output


class _Across(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, linearize: Linearize, *inputs: Tensor) -> Tensor:  # noqa: ANN401
        output, context.pull = linearize(tuple(t.detach() for t in inputs))
        context.needed = tuple(t.requires_grad for t in inputs)
        return output

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # noqa: ANN401 # pyright: ignore[reportIncompatibleMethodOverride]
        found = iter(context.pull(gradients[0].contiguous()))
        return (None, *(gradient if needed else None for gradient, needed in zip(found, context.needed, strict=True)))


def aligned(tensor: Tensor) -> Tensor:
    """The same numbers, without gradient, where another framework can take them as they lie: 64 bytes are what the widest kernels ask."""
    found = tensor.detach().contiguous()
    return found.clone() if found.data_ptr() % ALIGNMENT else found


def place_of(output: Any, leaves: list[Any], select: Any) -> int:  # noqa: ANN401
    """Which of the leaves of what a network returned, as tensors, is its main output.

    Raises:
        ModelError: the user's function makes something new of the outputs, through which the framework gives no gradient.
    """
    main = main_output(output, select)
    found = next((place for place, leaf in enumerate(leaves) if leaf is main), None)
    if found is None:
        raise ModelError(
            "The output to be explained is none of those that the network returns",
            received=f"select={select!r}",
            remedy="name one of them, or make it part of the network",
        )
    return found
