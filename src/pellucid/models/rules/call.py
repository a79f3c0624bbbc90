"""One operation of a forward pass, as a rule set gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from torch import Tensor

from pellucid.models.rules.caller import user_line
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.rows import RowAxis


@dataclass
class Call:
    """One operation of the forward pass, out of place.

    Attributes:
        function: computes it out of place from ``args`` and ``kwargs``.
        places: which of the tensors among the arguments, counted through lists, depend on the inputs.
        operands: those tensors; one that is used twice is there twice.
        rows: where the rows of the batch lie in each operand; None where that is unknown.
        number: how many operations came before; the same in every run of a forward that takes the same branches.
        written: the tensor that an operation in place overwrites.
        result_rows: where the rows lie in the result, once it is computed.
        notes: what the rule set notes of the result.
        interceptor: catches the operations of a body that a rule set runs in place of this one (``with call.interceptor:``).
    """

    operation: Operation
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    places: tuple[int, ...]
    operands: tuple[Tensor, ...]
    rows: tuple[RowAxis | None, ...]
    number: int = 0
    written: Tensor | None = None
    result_rows: RowAxis | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    interceptor: AbstractContextManager[Any] = field(default_factory=nullcontext)

    def run(self, *operands: Tensor) -> Any:  # noqa: ANN401
        """The operation with these tensors in the place of its operands."""
        args, kwargs = self._with(operands)
        return self.function(*args, **kwargs)

    def on(self, operands: Sequence[Tensor]) -> Call:
        """The same operation on other operands."""
        args, kwargs = self._with(operands)
        return replace(self, args=args, kwargs=kwargs, operands=tuple(operands), notes={})

    def let_go(self, operands: Iterable[Tensor]) -> None:
        """Holds these in the place of its operands from now on, so that it can be kept without what made them."""
        self.operands, self.written, self.interceptor = tuple(operands), None, nullcontext()
        self.args, self.kwargs = self._with(self.operands)

    def argument(self, name: str, place: int, default: Any = None) -> Any:  # noqa: ANN401
        """An argument by its name or its place."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[place] if len(self.args) > place else default

    def named(self, names: tuple[str, ...]) -> dict[str, Any]:
        """All arguments by name, ``names`` being those of the places."""
        return {**dict(zip(names, self.args, strict=False)), **self.kwargs}

    def where(self) -> str:
        """The line of the user's code that called it."""
        return user_line()

    def _with(self, operands: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return with_tensors(self.args, self.kwargs, dict(zip(self.places, operands, strict=True)))


def tensors(args: Any, kwargs: dict[str, Any]) -> Iterator[Tensor]:  # noqa: ANN401
    """Every tensor among arguments, in lists and tuples too."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value, {})


def with_tensors(args: tuple[Any, ...], kwargs: dict[str, Any], given: dict[int, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the n-th tensor among them replaced, for each n that is given."""
    counter = count()
    return _replaced(args, given, counter), _replaced(kwargs, given, counter)


def _replaced(value: Any, given: dict[int, Tensor], counter: Iterator[int]) -> Any:  # noqa: ANN401
    if isinstance(value, Tensor):
        return given.get(next(counter), value)
    if isinstance(value, dict):
        return {k: _replaced(v, given, counter) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        entries = [_replaced(v, given, counter) for v in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    return value
