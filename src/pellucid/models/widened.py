"""A torch network in float64: what its weights mean without the rounding of narrower numbers."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError, UnsupportedOperation
from pellucid.models.memory import out_of_memory
from pellucid.models.outputs import main_output
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.shadow import shadow
from pellucid.models.torch_run import first_line

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.rules.interceptor import Rules


class Widened:
    """A copy of an opened network of one input, in float64 on the CPU.

    Attributes:
        evaluated: rows that went through it so far.
    """

    def __init__(self, bound: BoundTorch) -> None:
        self.net = _wide(bound.net)
        self.keywords, self.select = bound._run.keywords, bound.model.spec.select
        self.evaluated = 0

    def output(self, rows: Tensor, rules: Rules) -> Tensor:
        """The main output (row, ...) under a rule set.

        Raises:
            UnsupportedOperation: the network does not run in float64, or values leave torch on the way.
        """
        interceptor = Interceptor(rules, len(rows))
        self.evaluated += len(rows)
        entered = interceptor.enter(rows.double().clone())
        try:
            with torch.no_grad(), interceptor:
                found = main_output(self._call(entered), self.select)
        except PellucidError:
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            raise UnsupportedOperation(
                f"The network does not run in float64: {first_line(error)}",
                received=type(error).__name__,
                remedy="use how='sampled', which runs it as it is",
            ) from error
        if interceptor.left:
            raise UnsupportedOperation(
                "Values leave torch in the forward pass, and what is made of them can not be followed",
                received=", ".join(dict.fromkeys(interceptor.left)),
                remedy="use how='sampled', which follows no operation",
            )
        return found

    def _call(self, rows: Tensor) -> Any:  # noqa: ANN401
        return self.net(**{self.keywords[0]: rows}) if self.keywords else self.net(rows)


def _wide(net: nn.Module) -> nn.Module:
    """A copy of the module tree whose floating-point parameters and buffers are float64, on the CPU."""
    copied = shadow(net, training=None)
    for tensor in chain(copied.parameters(), copied.buffers()):
        # in the tensor object itself: recurrent layers and tied weights hold it in more than one place
        tensor.data = tensor.detach().to("cpu", torch.float64 if tensor.is_floating_point() else tensor.dtype)
    return copied
