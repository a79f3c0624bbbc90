"""Catches every operation of a running forward pass, and gives it to a rule set.

Nothing is exported and nothing rewritten: the network runs as it is, whatever its control flow, with its live weights. What a value is
computed from is followed by marks on the tensors themselves (:mod:`marks`). Composites (attention, recurrent layers, functions of
``torch.nn.functional``) are opened (:mod:`bodies`), and operations in place are computed out of place and written back (:mod:`writes`
has those that are not), so that a rule sees each operation once and whole.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies.opened import opened
from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.caller import unsupported, user_line
from pellucid.models.rules.marks import Mark, mark_of, put_mark, sources_of
from pellucid.models.rules.operations import Operation, Spelling, spelling
from pellucid.models.rules.rows import FIRST, RowAxis, follow
from pellucid.models.rules.writes import WRITES, choose, write

_EXAMPLES = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as"})  # their second operand gives its shape or dtype alone


class Rules(Protocol):
    """What happens to each operation.

    Attributes:
        differentiates: whether the pass is to be differentiated, also where the user's code says ``no_grad``.
        follows_rows: whether it must be known where the rows of the batch lie in each value.
    """

    differentiates: bool
    follows_rows: bool

    def opens(self, operation: Operation) -> bool:
        """Whether this operation is to be computed by our own body from simpler ones."""
        ...

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Computes one operation on what depends on the inputs."""
        ...

    def overwritten(self, tensor: Tensor) -> None:
        """Told before a tensor is written over: whatever is kept of it must be copied."""
        ...


class Interceptor(TorchFunctionMode):
    """Runs a forward pass of ``rows`` rows under a rule set. ``enter`` marks the inputs; only what depends on them meets a rule."""

    def __init__(self, rules: Rules, rows: int) -> None:
        super().__init__()
        self.rules, self.rows = rules, rows
        self.calls = 0
        self.left: list[str] = []  # lines where values left torch
        self._refused: UnsupportedOperation | None = None

    def enter(self, tensor: Tensor, rows: RowAxis | None = FIRST, sources: frozenset[int] = frozenset()) -> Tensor:
        """Marks a tensor as depending on these inputs, its rows on this axis."""
        put_mark(tensor, Mark(self, rows, sources))
        return tensor

    def mark(self, tensor: object) -> Mark | None:
        """The mark of a tensor, None if it does not depend on the inputs."""
        found = mark_of(tensor) if isinstance(tensor, Tensor) else None
        return found if found is not None and found.owner is self else None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """One call of the forward pass."""
        try:
            return self._met(func, args, kwargs or {})
        except UnsupportedOperation as error:
            self._refused = error
            raise

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:  # noqa: ANN401
        """An operation that was refused is the error: torch's operators turn it into NotImplemented, since it is a TypeError too."""
        super().__exit__(kind, error, trace)
        if error is not None and self._refused is not None and error is not self._refused:
            raise self._refused from error

    def _met(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        found = spelling(func)
        if found is None:
            return self._unknown(func, args, kwargs)
        kind = found.operation.kind
        if kind == "query":
            return func(*args, **kwargs)
        if not self._any_depends(args, kwargs) or (found.operation.name in _EXAMPLES and self.mark(args[0]) is None):
            return func(*args, **kwargs)
        if kind == "leaving":
            self.left.append(user_line())
            return func(*args, **kwargs)
        return self._operation(found, args, kwargs)

    def call(
        self,
        found: Spelling,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        written: Tensor | None = None,
    ) -> Call:
        """An operation, with those of its tensors that depend on the inputs as its operands."""
        marked = [(place, t, mark) for place, t in enumerate(tensors(args, kwargs)) if (mark := self.mark(t)) is not None]
        places, operands, rows = zip(*((place, t, mark.rows) for place, t, mark in marked), strict=True)
        return Call(found.operation, function, args, kwargs, places, operands, rows, self.calls, written, interceptor=self)

    def _operation(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        written = None
        if found.inplace or kwargs.get("inplace") is True:
            written = args[0] if args else kwargs["input"]
            kwargs = {**kwargs, "inplace": False} if "inplace" in kwargs else kwargs
        if "out" in kwargs and kwargs["out"] is not None:
            written, kwargs = kwargs["out"], {k: v for k, v in kwargs.items() if k != "out"}
        if found.reflected:
            args = _swapped(args)
        if found.operation.name in ("add", "sub", "mul", "div", "pow", "maximum", "minimum"):
            args = _lifted(args)
        if written is not None and found.operation.name in WRITES:
            if all(t.is_floating_point() for t in tensors(args[1:], kwargs) if self.mark(t) is not None):
                return write(self, found, args, kwargs, written)
            if found.operation.name in ("setitem", "copy"):
                return choose(self, found, args, written)
        with torch.set_grad_enabled(self.rules.differentiates):
            if self.rules.opens(found.operation):
                output = self._opened(found, args, kwargs)
            else:
                self.calls += 1
                output = self._ruled(found, args, kwargs, written)
            if written is None or output is written:
                return output
            self.rules.overwritten(written)
            written.copy_(output)
            made = self.mark(output)
            put_mark(written, Mark(self, made.rows, made.sources, dict(made.notes)) if made else Mark(self))
            return written

    def _ruled(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor | None) -> Any:  # noqa: ANN401
        call = self.call(found, found.call, args, kwargs, written)
        sources = sources_of(*call.operands)
        output = self.rules.apply(call)
        for number, made in enumerate(tensors((output,), {})):
            known = self.mark(made)  # an operation may hand its operand on
            axis = known.rows if known else self._follow(call, made, number) if self.rules.follows_rows else None
            call.result_rows = axis if number == 0 else call.result_rows
            mark = known or Mark(self, axis, sources)
            if number == 0:
                mark.notes.update(call.notes)
            put_mark(made, mark)
        call.notes = {}
        return output

    def _follow(self, call: Call, made: Tensor, number: int) -> RowAxis | None:
        """The row axis of one of the tensors that an operation made: the parts of a split lie like the first."""
        at = follow(call, made, self.rows) if number == 0 else call.result_rows
        return None if at is None or at.axis >= made.ndim else at

    def _opened(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        body = BODIES.get(found.operation.name)
        if body is None and not isinstance(found.call, types.FunctionType):
            raise unsupported(found.operation.name)
        with self:
            return (body or opened(found.call))(*args, **kwargs)

    def _unknown(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__", "__delete__"):
            return func(*args, **kwargs)
        if not self._any_depends(args, kwargs):
            return func(*args, **kwargs)
        if isinstance(func, types.FunctionType) and func.__module__ == functional.__name__:
            with self:
                return opened(func)(*args, **kwargs)
        raise unsupported(resolve_name(func) or name)

    def _any_depends(self, args: Any, kwargs: dict[str, Any]) -> bool:  # noqa: ANN401
        found = [self._depends(t) for t in tensors(args, kwargs)]  # every one is looked at, since each may raise
        return any(found)

    def _depends(self, tensor: Tensor) -> bool:
        made_by = tensor.grad_fn
        followed = self.mark(tensor) is not None
        if followed and (made_by is None or _ours_or_torch(type(made_by))):
            return True
        if made_by is not None:  # parameters of the user's own have none
            raise UnsupportedOperation(
                "A value that depends on the input came from an operation that can not be followed",
                received=f"a tensor of shape {tuple(tensor.shape)} made by {type(made_by).__name__}, used at {user_line()}",
                remedy="scripted modules and custom autograd functions hide their operations: give the plain network, or use "
                "'integrated_gradients'",
            )
        return False


@cache
def _ours_or_torch(node: type) -> bool:
    """Whether a node of the autograd graph is not of a custom function, whose backward would pass a rule by."""
    forward = getattr(node, "_forward_cls", None)
    return forward is None or forward.__module__.startswith("pellucid.")


def _swapped(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (args[1], args[0], *args[2:])


def _lifted(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A Python number in the first place as a tensor, which torch's functions insist on."""
    if len(args) > 1 and isinstance(args[0], (int, float)) and isinstance(args[1], Tensor):
        return (torch.tensor(args[0], dtype=args[1].dtype, device=args[1].device), *args[1:])
    return args
