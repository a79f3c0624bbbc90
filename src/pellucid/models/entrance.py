"""The way into a network of a table: the linear layer that takes the input, where nothing else looks at it.

Points that mix two rows element by element need not be made then. What the layer gives for them is the sum of what it gives for their two
parts, most of which many points share, and the network goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import PellucidError
from pellucid.models.rules.graph import watch

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch

AGREE = 1e-4  # of the largest output: beyond rounding, the way in would be another one
Names = tuple[str, ...]  # of the layer's weight, and of its bias where it has one
# what may be asked of the input without looking at its values
_ABOUT = frozenset(
    {
        *(
            getattr(Tensor, name).__get__
            for name in ("shape", "dtype", "device", "ndim", "layout", "requires_grad", "is_cuda", "is_sparse")
        ),
        *(
            getattr(Tensor, name)
            for name in ("size", "dim", "numel", "__len__", "stride", "is_floating_point", "is_contiguous", "element_size")
        ),
    }
)


class Bypassed(Exception):
    """The forward pass looked at its input in another way than through the layer."""


class Entrance:
    """A bound network from the outputs of its first layer on."""

    def __init__(self, bound: BoundTorch, weight: Tensor, bias: Tensor | None) -> None:
        self.bound, self.weight, self.bias = bound, weight, bias
        self.usable, self._proved = True, False

    def outputs(self, hidden: Tensor, rows: Tensor, points: Callable[[Tensor], tuple[Tensor, ...]]) -> Tensor | None:
        """The main output (batch, ...) for what the layer gives, ``hidden`` (batch, unit).

        ``points`` makes the input for some of the rows, by which the first batch is held against the network itself. None, from then on
        for good, where the network does not go this way.
        """
        if not self.usable:
            return None
        try:
            if not self._proved:
                first = hidden[:1].clone()  # the network may write into what it is given
                plain = self.bound.outputs(points(rows[:1]), rows[:1])
                self.usable = self._proved = _agree(self._from(first, rows[:1]), plain)
            return self._from(hidden, rows) if self.usable else None
        except (Bypassed, PellucidError):
            self.usable = False
            return None

    def _from(self, hidden: Tensor, rows: Tensor) -> Tensor:
        value = self.bound.values[0]
        place = value[:1].expand(len(rows), *value.shape[1:]).as_subclass(_Place)
        place.weight, place.hidden = self.weight, hidden
        with torch.no_grad():
            output = self.bound.forward((place,), rows)
        if place.hidden is not None or isinstance(output, _Place):
            raise Bypassed
        return output


def find_entrance(bound: BoundTorch) -> Names | None:
    """The names of the parameters of the one layer that takes the input; None where there is no such layer. Runs one row."""
    value = bound.values[0]
    if len(bound.values) != 1 or not bound.alone or value.ndim != 2 or bound.narrow[0] != value.dtype or value.dtype not in _KINDS:
        return None
    row = torch.zeros(1, dtype=torch.long)
    try:
        graph, _ = watch(bound.net, (value[:1],), lambda given: bound.forward(given, row))
    except (PellucidError, RuntimeError, TypeError, ValueError, IndexError):
        return None
    users = [node for node in graph.nodes if -1 in node.arguments]
    if len(users) != 1 or users[0].operation != "linear" or users[0].arguments != (-1,) or graph.output == users[0].number:
        return None
    names = users[0].parameters
    return names if 1 <= len(names) <= 2 and parameter(bound, names[0]).ndim == 2 else None


_KINDS = (torch.float32, torch.float64)


def parameter(bound: BoundTorch, name: str) -> Tensor:
    """A parameter or buffer as the network holds it now."""
    path, _, own = name.rpartition(".")
    return getattr(bound.net.get_submodule(path), own)


class _Place(Tensor):
    """Stands for an input whose values nobody may look at: the layer gives what is known beforehand, and only it may be called."""

    weight: Tensor
    hidden: Tensor | None

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        given = kwargs or {}
        if func in _ABOUT:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **given)
        place, weight = (*args, given.get("input"))[0], given["weight"] if "weight" in given else args[1] if len(args) > 1 else None
        if func is not functional.linear or not isinstance(place, _Place) or weight is not place.weight or place.hidden is None:
            raise Bypassed
        hidden, place.hidden = place.hidden, None
        return hidden


def _agree(found: Tensor, plain: Tensor) -> bool:
    return found.shape == plain.shape and bool((found - plain).abs().amax() <= AGREE * plain.abs().amax())
