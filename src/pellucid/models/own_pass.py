"""Forward and backward passes by the framework that a network comes from, where it is faster than torch on the same network.

TensorFlow convolves large pictures faster on a processor. To have its passes costs about as much as some dozen rows, so they are made
once that many went through, and used after they were compared with what torch gives. Nobody can look at layers or operations in them,
so what does goes by torch as before. They go when the network is read anew, as it is when its weights change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import nn

from pellucid.models.bridge import Bridge

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch

ENOUGH = 64  # rows from which on it pays
LARGE = 4096  # numbers in a row below which torch is no slower

Make = Callable[[], Bridge | None]


class OwnPass:
    """The framework's own passes through one network.

    Attributes:
        rows: that went through the network so far.
        net: inputs to the main output, once it was made; None also where it is given up.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.net: Bridge | None = None
        self._open = True

    def begins(self, expected: int) -> bool:
        """Whether it is to be made now, with so many rows to come; it is tried once."""
        begins = self._open and self.rows + expected >= ENOUGH
        self._open = self._open and not begins
        return begins

    def give_up(self) -> None:
        """It failed, or gives something else."""
        self._open, self.net = False, None


_OF: WeakKeyDictionary[nn.Module, OwnPass] = WeakKeyDictionary()


def own_pass(net: nn.Module) -> OwnPass:
    """That of a network which was read as torch operations; it is gone when the network is."""
    return _OF.setdefault(net, OwnPass())


def suits(bound: BoundTorch) -> bool:
    """Whether the framework may be faster: convolutions of one large float32 input on the CPU."""
    values = bound.values
    if len(bound.fixed) != 1 or len(values) != 1 or any(bound.embedded) or values[0].dtype != torch.float32:
        return False
    if bound.model.torch_dtype != torch.float32 or values[0].device.type != "cpu" or values[0][0].numel() < LARGE:
        return False
    return any(getattr(module, "operation", "") == "conv" for module in bound.net.modules())
