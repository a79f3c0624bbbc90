"""Catches every operation of a running forward pass, and gives it to a rule set.

Nothing is exported and nothing rewritten: the network runs as it is, whatever its control flow, with its live weights. What a value is
computed from is followed by marks on the tensors themselves. Composites (attention, recurrent layers, functions of
``torch.nn.functional``) are opened, and operations in place are computed out of place and written back, so that a rule sees each
operation once and whole.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.operations import Operation, Spelling, spelling
from pellucid.models.rules.rows import FIRST, RowAxis, find_within, follow, mark_first

_MARK = "_pellucid_mark"
# in-place operations that autograd itself does right and that only move elements
_WRITES = frozenset({"setitem", "copy", "zero", "fill", "masked_fill", "index_fill", "index_copy", "index_put", "scatter", "requires_grad"})
_EXAMPLES = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as"})  # their second operand gives its shape or dtype alone
_PACKAGE = Path(__file__).parents[2]
_INSIDE = (
    str(Path(torch.__file__).parent),
    *(str(_PACKAGE / folder) for folder in ("models", "methods", "explanation", "harness", "checks")),
)


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
        given = dict(zip(self.places, operands, strict=True))
        counter = count()
        args = replaced(self.args, given, counter)
        return self.function(*args, **replaced(self.kwargs, given, counter))

    def let_go(self, operands: Iterable[Tensor]) -> None:
        """Holds these in the place of its operands from now on, so that it can be kept without what made them."""
        self.operands, self.written, self.interceptor = tuple(operands), None, nullcontext()
        given = dict(zip(self.places, self.operands, strict=True))
        counter = count()
        self.args = replaced(self.args, given, counter)
        self.kwargs = replaced(self.kwargs, given, counter)

    def where(self) -> str:
        """The line of the user's code that called it."""
        return user_line()


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


@runtime_checkable
class WatchesWrites(Protocol):
    """A rule set that is told of operations in place which only move elements, after autograd has done them itself."""

    def wrote(self, call: Call) -> None:
        """``call.run`` would do the same out of place."""
        ...


@dataclass(eq=False)
class Mark:
    """What is known of a tensor that depends on the inputs: where its rows lie, on which inputs it depends, and what rule sets note."""

    owner: object
    rows: RowAxis | None = None
    sources: frozenset[int] = frozenset()
    notes: dict[str, Any] = field(default_factory=dict)


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
        setattr(tensor, _MARK, Mark(self, rows, sources))
        return tensor

    def mark(self, tensor: object) -> Mark | None:
        """The mark of a tensor, None if it does not depend on the inputs."""
        found = getattr(tensor, _MARK, None) if isinstance(tensor, Tensor) else None
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
        if written is not None and found.operation.name in _WRITES:
            if all(t.is_floating_point() for t in tensors(args[1:], kwargs) if self.mark(t) is not None):
                return self._write(found, args, kwargs, written)
            if found.operation.name in ("setitem", "copy"):
                return self._choose(found, args, written)
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
            self.enter(written, made.rows if made else None, sources_of(output))
            getattr(written, _MARK).notes.update(made.notes if made else {})
            return written

    def _ruled(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor | None) -> Any:  # noqa: ANN401
        marked = [(place, t, mark) for place, t in enumerate(tensors(args, kwargs)) if (mark := self.mark(t)) is not None]
        places, operands, rows = zip(*((place, t, mark.rows) for place, t, mark in marked), strict=True)
        call = Call(found.operation, found.call, args, kwargs, places, operands, rows, self.calls, written, interceptor=self)
        output = self.rules.apply(call)
        sources = frozenset[int]().union(*(mark.sources for _, _, mark in marked))
        for number, made in enumerate(tensors((output,), {})):
            known = self.mark(made)  # an operation may hand its operand on
            axis = known.rows if known else self._follow(call, made, number) if self.rules.follows_rows else None
            call.result_rows = axis if number == 0 else call.result_rows
            if known is None:
                self.enter(made, axis, sources)
            if number == 0 and call.notes:
                getattr(made, _MARK).notes.update(call.notes)
        call.notes = {}
        return output

    def _follow(self, call: Call, made: Tensor, number: int) -> RowAxis | None:
        """The row axis of one of the tensors that an operation made: the parts of a split lie like the first."""
        at = follow(call, made, self.rows) if number == 0 else call.result_rows
        return None if at is None or at.axis >= made.ndim else at

    def _write(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor) -> Any:  # noqa: ANN401
        """An operation in place that only moves elements: autograd does it right where it is."""
        if self.mark(written) is None and written._is_view():
            raise UnsupportedOperation(
                "The forward writes values that depend on the input through a view of a tensor that does not",
                received=f"{found.operation.name} at {user_line()}",
                remedy="write to the tensor itself, x[:, 0] = y, instead of to a view made before",
            )
        self.rules.overwritten(written)
        self.calls += 1
        inplace = found.call if found.operation.name in ("setitem", "copy") else getattr(Tensor, f"{found.operation.name}_")
        watched = self._writing(found, inplace, args, kwargs) if isinstance(self.rules, WatchesWrites) else None
        with torch.set_grad_enabled(self.rules.differentiates):
            output = inplace(*args, **kwargs)
        sources = frozenset[int]().union(*(sources_of(t) for t in tensors(args, kwargs)))
        known = self.mark(written)
        if known is None:
            self.enter(written, self._written_rows(found, args, kwargs, written), sources)
        else:
            known.sources |= sources
        if watched is not None and isinstance(self.rules, WatchesWrites):
            watched.written, watched.result_rows = written, getattr(self.mark(written), "rows", None)
            self.rules.wrote(watched)
        return written if output is not None else None

    def _choose(self, found: Spelling, args: tuple[Any, ...], written: Tensor) -> Any:  # noqa: ANN401
        """``x[mask] = value`` with a mask that depends on the input: a choice between the value and what was there."""
        index, value = (args[1], args[2]) if found.operation.name == "setitem" else (None, args[1])
        mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        with torch.set_grad_enabled(self.rules.differentiates), self:
            if mask is None:
                return written.copy_(value.to(written.dtype))
            if (
                not isinstance(mask, Tensor)
                or mask.dtype != torch.bool
                or mask.shape != written.shape[: mask.ndim]
                or (isinstance(value, Tensor) and value.numel() != 1)
            ):
                raise UnsupportedOperation(
                    "The forward writes to places that depend on the input",
                    received=f"{found.operation.name} at {user_line()}",
                    remedy="choose with torch.where(mask, value, x) instead",
                )
            wide = mask.reshape(*mask.shape, *[1] * (written.ndim - mask.ndim))
            chosen = torch.where(wide, value, written)
            written.copy_(chosen)
        return None

    def _writing(self, found: Spelling, inplace: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The write as an operation out of place."""

        def written(target: Tensor, *rest: Any, **named: Any) -> Tensor:  # noqa: ANN401
            copied = target.clone()
            inplace(copied, *rest, **named)
            return copied

        marked = [(place, t, mark) for place, t in enumerate(tensors(args, kwargs)) if (mark := self.mark(t)) is not None]
        places, operands, rows = zip(*((place, t, mark.rows) for place, t, mark in marked), strict=True)
        return Call(found.operation, written, args, kwargs, places, operands, rows, self.calls, interceptor=self)

    def _written_rows(self, found: Spelling, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor) -> RowAxis | None:
        """Where rows lie in a tensor that values were written into: asked by writing not-a-number there instead."""
        if not self.rules.follows_rows or self.rows == 1:
            return FIRST

        def replayed(*operands: Tensor) -> Tensor:
            copy = torch.zeros_like(written)
            counter, given = count(), dict(zip(places, operands, strict=True))
            (copy.__setitem__ if found.operation.name == "setitem" else getattr(copy, f"{found.operation.name}_"))(
                *replaced(args[1:], given, counter), **replaced(kwargs, given, counter)
            )
            return copy

        marked = [(place, t, mark) for place, t in enumerate(tensors(args[1:], kwargs)) if (mark := self.mark(t)) is not None]
        if not marked:
            return None
        places, operands, axes = zip(*((place, t, mark.rows) for place, t, mark in marked), strict=True)
        one = replayed(*(t if at is None else mark_first(t, at, self.rows) for t, at in zip(operands, axes, strict=True))).isnan()
        full = replayed(*(torch.full_like(t, float("nan")) for t in operands)).isnan()
        return find_within(one, full, self.rows)

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


def soft_of(tensor: Tensor) -> Tensor | None:
    """What the rule set noted beside a tensor of booleans or integers: the same numbers with a graph."""
    found: Mark | None = getattr(tensor, _MARK, None)
    return found.notes.get("soft") if found is not None else None


def sources_of(tensor: Tensor) -> frozenset[int]:
    """The numbers of the inputs on which a tensor of the running pass depends."""
    found: Mark | None = getattr(tensor, _MARK, None)
    return found.sources if found is not None else frozenset()


def unsupported(name: str) -> UnsupportedOperation:
    """The error for an operation that no rule covers."""
    return UnsupportedOperation(
        "No rule covers an operation of this forward pass",
        received=f"{name} at {user_line()}",
        remedy="use a method without rules, such as 'integrated_gradients' or 'occlusion'; docs/operations.md lists what is covered",
    )


def tensors(args: Any, kwargs: dict[str, Any]) -> Iterator[Tensor]:  # noqa: ANN401
    """Every tensor among arguments, in lists and tuples too."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value, {})


def user_line() -> str:
    """The file and line of the innermost frame that is neither torch's nor ours."""
    found = caller()
    return f"{Path(found[0]).name}:{found[1]}" if found else "an unknown line"


def caller() -> tuple[str, int, str] | None:
    """Path, line and function of the innermost frame that is neither torch's nor ours; None where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_INSIDE) and code.co_filename != "<frozen importlib._bootstrap>":
            return code.co_filename, frame.f_lineno, code.co_name
        frame = frame.f_back
    return None


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


def replaced(value: Any, given: dict[int, Tensor], counter: Iterator[int]) -> Any:  # noqa: ANN401
    """The value with the n-th tensor in it replaced, for each n that is given."""
    if isinstance(value, Tensor):
        return given.get(next(counter), value)
    if isinstance(value, dict):
        return {k: replaced(v, given, counter) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        entries = [replaced(v, given, counter) for v in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    return value


def _swapped(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (args[1], args[0], *args[2:])


def _lifted(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A Python number in the first place as a tensor, which torch's functions insist on."""
    if len(args) > 1 and isinstance(args[0], (int, float)) and isinstance(args[1], Tensor):
        return (torch.tensor(args[0], dtype=args[1].dtype, device=args[1].device), *args[1:])
    return args
