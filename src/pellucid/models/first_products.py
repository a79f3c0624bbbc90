"""What a network computes of its rows first, for weights on a plane: products with weights are linear in them, and need be made once.

Where ``W = W0 + a * D1 + b * D2``, the first layer gives ``Z0 + a * Z1 + b * Z2``. The rows go in as a tensor that notices what is made of
them alone; where such a value meets a linear layer or a convolution whose weights are the network's own, what it gives is put
together from the three products. Everything else runs as it is written, so that nothing needs to be known of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from pellucid.models.moved_weights import MovedWeights

# linear in their weights together, with the rows in the first place
LINEAR = frozenset(
    {
        functional.linear,
        *(getattr(torch, f"conv{kind}{n}d") for kind in ("", "_transpose") for n in (1, 2, 3)),
        torch.matmul,
        torch.mm,
        Tensor.matmul,
        Tensor.mm,
        Tensor.__matmul__,
    }
)
_WRITES = frozenset({Tensor.__setitem__, Tensor.data.__set__})  # type: ignore[attr-defined]


class Bypassed(Exception):
    """The forward pass writes into its rows."""


@dataclass(eq=False)
class _Product:
    """One layer's products with the trained weights and the two directions.

    Attributes:
        line: their sum for the second coordinate ``at``.
        given: what was given to the network, one for each call in a pass: it may write into it, but not into that of another call.
        calls: in the present pass.
    """

    parts: tuple[Tensor, Tensor, Tensor]
    line: Tensor
    at: float = 0.0
    given: list[Tensor] = field(default_factory=list)
    calls: int = 0

    def next(self) -> Tensor:
        """The tensor for one more call."""
        self.calls += 1
        if self.calls > len(self.given):
            self.given.append(torch.empty_like(self.line))
        return self.given[self.calls - 1]


class FirstProducts:
    """The products of one batch of rows. What the network gives is to be copied before the next pass: it may lie where that writes.

    Attributes:
        layers: names of the weights of which products were made.
    """

    def __init__(self, weights: MovedWeights, directions: tuple[Tensor, Tensor]) -> None:
        self.weights, self.vectors = weights, (weights.trained, *directions)
        self.layers: dict[str, None] = {}
        self._place = (0.0, 0.0)
        self._kept: dict[Hashable, _Product] = {}

    def begin(self, a: float, b: float) -> None:
        """The network's weights are at these coordinates for the next pass."""
        self._place = (a, b)
        for product in self._kept.values():
            product.calls = 0

    def entered(self, rows: Tensor, slot: int = 0) -> Tensor:
        """The rows of one of the inputs, to be given to the network."""
        return _given(rows, self, (slot,))

    def product(self, func: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
        """What a linear function of weights gives, ``args`` beginning with rows; None where the weights are not the network's own."""
        key = (args[0].recipe, func, *map(_told, args[1:]), *((name, _told(value)) for name, value in kwargs.items()))
        try:
            found = self._kept.get(key)
        except TypeError:  # an argument that can not be looked up
            return None
        if found is None:
            parts = tuple(self._with(vector, func, args, kwargs) for vector in self.vectors)
            if any(part is None for part in parts):
                return None
            found = self._kept[key] = _Product(parts, parts[0].clone())  # type: ignore[arg-type, union-attr]
        a, b = self._place
        if found.at != b:
            torch.add(found.parts[0], found.parts[2], alpha=b, out=found.line)
            found.at = b
        return torch.add(found.line, found.parts[1], alpha=a, out=found.next()) if a else found.next().copy_(found.line)

    def _with(self, vector: Tensor, func: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
        """The same function of the weights in another vector."""
        others = [*args[1:], *kwargs.values()]
        names = [self.weights.name_of(value) for value in others if isinstance(value, Tensor)]
        if not names or None in names:
            return None
        self.layers.update({names[0]: None})  # type: ignore[dict-item]
        views = iter([self.weights.view(vector, name) for name in names])  # type: ignore[arg-type]
        changed = [next(views) if isinstance(value, Tensor) else value for value in others]
        count = len(args) - 1
        return func(args[0], *changed[:count], **dict(zip(kwargs, changed[count:], strict=True)))


class _Given(Tensor):
    """The rows, or what is made of them alone; ``recipe`` says how."""

    products: FirstProducts
    recipe: tuple[Any, ...]

    def __len__(self) -> int:
        """How many rows: asked for in every pass."""
        with torch._C.DisableTorchFunctionSubclass():
            return self.shape[0]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        given = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            if func in LINEAR and args and isinstance(args[0], _Given):
                found = args[0].products.product(func, args, given)
                if found is not None:
                    return found
            if _writes(func, given):
                raise Bypassed
            return _followed(func(*args, **given), func, args, given)


def _followed(made: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
    """What was made, where it was made of rows alone as something of which it is known how; else as it is."""
    if not isinstance(made, (Tensor, list, tuple)):
        return made
    values = (*args, *kwargs.values())
    rows = [value for value in values if isinstance(value, Tensor)]
    if (
        not rows
        or not all(isinstance(value, _Given) for value in rows)
        or any(isinstance(value, (list, tuple)) and _holds(value) for value in values)
    ):
        return made
    recipe = (*(value.recipe for value in rows), func, repr(["" if isinstance(value, Tensor) else value for value in values]))  # type: ignore[attr-defined]
    products = rows[0].products  # type: ignore[attr-defined]
    if isinstance(made, Tensor):
        return _given(made, products, recipe)
    if type(made) not in (list, tuple):
        return made
    return type(made)(_given(one, products, (*recipe, at)) if isinstance(one, Tensor) else one for at, one in enumerate(made))


def _given(values: Tensor, products: FirstProducts, recipe: tuple[Any, ...]) -> Tensor:
    found = values.as_subclass(_Given)
    found.products, found.recipe = products, recipe
    return found


def _told(value: Any) -> Any:  # noqa: ANN401
    """An argument by its value, a tensor by which object it is."""
    return (id(value),) if isinstance(value, Tensor) else value


def _writes(func: Any, kwargs: dict[str, Any]) -> bool:  # noqa: ANN401
    name = getattr(func, "__name__", "")
    return func in _WRITES or kwargs.get("out") is not None or kwargs.get("inplace") is True or (name[-1:] == "_" and name[-2:] != "__")


def _holds(values: Any) -> bool:  # noqa: ANN401
    """Whether tensors lie in a list."""
    return any(isinstance(value, Tensor) or (isinstance(value, (list, tuple)) and _holds(value)) for value in values)
