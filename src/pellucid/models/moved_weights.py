"""An opened network whose weights can be put elsewhere: all of them in one vector, to which the shadow's tensors point.

The shadow's parameters share storage with the user's; before anything is moved they are made to point into a vector of our own, tensor
object by tensor object, since recurrent layers and tied weights hold one in more than one place. The user's tensors are never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvTransposeNd

from pellucid.errors import CapabilityError, InputError

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch

ALIGNED = 64  # bytes at whose multiples every tensor begins, as torch's own do: matrix products may round otherwise elsewhere
NORMALIZATIONS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
LISTED = 3  # names in an error


class MovedWeights:
    """The weights of a bound network as one vector: its parameters, then its floating-point buffers.

    Attributes:
        names: of the tensors, in order; the first ``parameters`` of them are parameters.
        trained: the vector as the network has it. Between tensors it holds zeros that belong to none.
        elements: how many parameters there are.
    """

    def __init__(self, bound: BoundTorch) -> None:
        self.bound = bound
        own = {name: value for name, value in bound.net.named_parameters() if value.is_floating_point()}
        kinds = {(value.dtype, value.device) for value in own.values()}
        if len(kinds) != 1:
            received = ", ".join(sorted({str(dtype).removeprefix("torch.") for dtype, _ in kinds})) or "no floating-point weights"
            raise CapabilityError(
                "The weights must be of one dtype and on one device", received=received, remedy="convert the network: net.float()"
            )
        (self.dtype, self.device) = next(iter(kinds))
        buffers = {name: value for name, value in bound.net.named_buffers() if (value.dtype, value.device) in kinds}
        self.parameters = len(own)
        self.tensors: dict[str, Tensor] = own | {name: value for name, value in buffers.items() if name not in own}
        self.names = tuple(self.tensors)
        self.elements = sum(value.numel() for value in own.values())
        step = ALIGNED // self.dtype.itemsize
        sizes = [-(-value.numel() // step) * step for value in self.tensors.values()]
        starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self._starts = dict(zip(self.names, starts, strict=False))
        self._length = int(starts[-1])
        self._places = {id(value): name for name, value in self.tensors.items()}
        self.trained = self.vector({name: value.detach() for name, value in self.tensors.items()})
        self.here = self.trained.clone()

    def vector(self, values: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> Tensor:
        """A vector of these tensors; 0 for those that are not given."""
        found = torch.zeros(self._length, dtype=dtype or self.dtype, device=self.device)
        for name, value in values.items():
            self.view(found, name).copy_(value)
        return found

    def view(self, vector: Tensor, name: str) -> Tensor:
        """The part of a vector that is this tensor, in its shape."""
        shape = self.tensors[name].shape
        start = self._starts[name]
        return vector[start : start + shape.numel()].view(shape)

    def name_of(self, tensor: Tensor) -> str | None:
        """Which of the network's tensors this object is."""
        return self._places.get(id(tensor))

    def packed(self, vector: Tensor) -> Tensor:
        """The parameters of a vector one after another (parameter,), as ``torch.nn.utils.parameters_to_vector`` has them."""
        return torch.cat([self.view(vector, name).reshape(-1) for name in self.names[: self.parameters]])

    def unpacked(self, flat: Tensor) -> Tensor:
        """The vector of parameters that lie one after another."""
        sizes = [self.tensors[name].numel() for name in self.names[: self.parameters]]
        parts = flat.to(self.trained).split(sizes)
        own = self.names[: self.parameters]
        return self.vector({name: part.view(self.tensors[name].shape) for name, part in zip(own, parts, strict=True)})

    def filters(self) -> Iterator[tuple[str, int]]:
        """The weights that have filters, and along which axis these lie; not those of normalization layers, nor what has one axis."""
        modules = dict(self.bound.net.named_modules())
        for name in self.names[: self.parameters]:
            owner = modules.get(name.rpartition(".")[0])
            if self.tensors[name].ndim > 1 and not isinstance(owner, NORMALIZATIONS):
                yield name, 1 if isinstance(owner, _ConvTransposeNd) and owner.groups == 1 else 0

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Inside, the network computes with ``here``."""
        before = {name: value.data for name, value in self.tensors.items()}
        try:
            for name, value in self.tensors.items():
                value.data = self.view(self.here, name)
            yield
        finally:
            for name, value in self.tensors.items():
                value.data = before[name]
                value.requires_grad_(False)

    @contextmanager
    def differentiated(self) -> Iterator[tuple[Tensor, ...]]:
        """Inside, gradients reach the parameters, which are given."""
        own = tuple(self.tensors[name] for name in self.names[: self.parameters])
        try:
            with torch.enable_grad():
                for value in own:
                    value.requires_grad_()
                yield own
        finally:
            for value in own:
                value.requires_grad_(False)

    def of(self, weights: nn.Module | Mapping[str, Tensor], what: str) -> Tensor:
        """The vector of another network of the same architecture, or of its state dict.

        Raises:
            InputError: names or shapes differ.
        """
        given = _named(weights)
        stored = self.bound.net.state_dict().keys()  # other buffers are not part of a state dict, and stay
        missing = [name for name in self.names if name not in given and name in stored]
        unknown = [] if missing else [name for name in given if name not in self._known()]
        unlike = [name for name in self.names if name in given and given[name].shape != self.tensors[name].shape]
        if missing or unknown or unlike:
            told = [f"without {_some(missing)}"] if missing else []
            told += [f"with {_some(unknown)}, which the network does not have"] if unknown else []
            told += [f"{name}: {tuple(given[name].shape)} for {tuple(self.tensors[name].shape)}" for name in unlike[:LISTED]]
            raise InputError(
                f"{what} is not of the same architecture",
                received="; ".join(told),
                remedy="give a network of the same class and sizes, or its state_dict()",
            )
        return self.vector({name: given[name].detach() if name in given else self.view(self.trained, name) for name in self.names})

    def _known(self) -> set[str]:
        """All names that a state dict of this network may have."""
        net = self.bound.net
        pairs = chain(net.named_parameters(remove_duplicate=False), net.named_buffers(remove_duplicate=False))
        return {name for name, _ in pairs}


def _named(weights: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    if isinstance(weights, nn.Module):
        return {**dict(weights.named_parameters()), **dict(weights.named_buffers())}
    return {str(name): torch.as_tensor(value) for name, value in weights.items()}


def _some(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
