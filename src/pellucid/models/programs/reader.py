"""What the readers of all frameworks share: values get numbers, operations on constants are computed at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.programs.operation import Constant, Number, Operation
from pellucid.models.programs.passes import shared

Ref = int | Constant
UNREADABLE: Any = object()  # stands for constants that are no numbers
LONGEST = 4096  # steps of a loop that are written out
SMALL = 16  # numbers of a constant that tell one place of a program from another
STATES = "states"  # the operation that puts together what a loop made in its steps
_WIDER = {"uint64": np.int64, "uint32": np.int64, "uint16": np.int32}  # what torch does little with


class Reader:
    """Collects operations."""

    framework = ""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._free = count()
        self._known: dict[int, Ref] = {}
        self._derived: dict[Any, tuple[Constant, Constant]] = {}
        self._place: tuple[Any, ...] = ()
        self._scope = ""

    def value(self) -> int:
        """A number for a new value."""
        return next(self._free)

    def add(  # noqa: PLR0913
        self, name: str, call: Callable[..., Any], inputs: Sequence[Ref], outputs: Sequence[int], *,
        sized: bool = False, structural: bool = False, affine: bool = False, about: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """One operation; see :class:`~pellucid.models.programs.operation.Operation`."""
        if not all(isinstance(one.value, (Tensor, bool, int, float)) for one in inputs if isinstance(one, Constant)):
            raise self.unsupported(name, "on what is no array of numbers, such as the state of a random generator")
        about = {"place": self._place, **({"scope": self._scope} if self._scope else {}), **(about or {})}
        operation = Operation(name, call, tuple(inputs), tuple(outputs), sized, structural, affine, about)
        if operation.values or sized:
            self.operations.append(operation)
            return
        with torch.no_grad():
            made = operation.compute(0, *(one.value for one in operation.constants))
        path = shared(tuple(one.path for one in operation.constants if one.path))
        self.alias(outputs, [Constant(one, path) for one in made])

    def made(self, name: str, call: Callable[..., Any], inputs: Sequence[Ref], **options: Any) -> Ref:  # noqa: ANN401
        """The result of an operation on the way."""
        number = self.value()
        self.add(name, call, inputs, (number,), **options)
        return self.known(number)

    def derived(self, source: Constant, how: object, make: Callable[[Tensor], Tensor]) -> Constant:
        """A constant made of another, once for each ``how``: a loop asks for it in every step."""
        known = self._derived.get((id(source), how))
        if known is None:
            value = source.value
            known = source, Constant(make(value).contiguous() if isinstance(value, Tensor) else value, source.path)
            self._derived[id(source), how] = known
        return known[1]

    @contextmanager
    def at(self, line: int, inputs: Sequence[Ref]) -> Iterator[None]:
        """Adds what one line does: in every step of a loop it lies at the same place, unless its small constants are others."""
        before = self._place
        self._place = (*before, line, tuple(_small(one) for one in inputs))
        yield
        self._place = before

    @contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """Adds what a loop does; ``path`` is that of its layer."""
        before = self._scope
        self._scope = path or before
        yield
        self._scope = before

    def stacked(self, parts: Sequence[Ref], output: int, path: str) -> None:
        """What a loop made in its steps, along a new first axis: the output of its layer, which has the rows first."""
        name = path.rpartition(".")
        outer = name[0] if name[0] and name[2].lower().rstrip("s_0123456789").endswith("cell") else path
        made = self.made(STATES, lambda *all_: torch.stack(as_tensors(all_), 1), parts, about={"path": outer, "channels_last": True})
        self.add("transpose", lambda x: x.transpose(0, 1), (made,), (output,), structural=True)

    def loop_path(self, constants: Sequence[Constant]) -> str:
        """Where the parameters of a loop lie."""
        paths = tuple(dict.fromkeys(one.path for one in constants if one.path))
        return shared(paths).rpartition(".")[0] if paths else ""

    def alias(self, outputs: Sequence[int], refs: Sequence[Ref]) -> None:
        """These values are others that are there already."""
        self._known.update(zip(outputs, refs, strict=False))

    def known(self, number: int) -> Ref:
        """What a value is: itself, another, or a constant."""
        return self._known.get(number, number)

    def unsupported(self, operation: str, how: str = "") -> UnsupportedOperation:
        """The error for what can not be read."""
        return UnsupportedOperation(
            f"This operation of {self.framework} has no counterpart among those of torch{f' {how}' if how else ''}",
            received=operation,
            remedy="gradients and black-box methods work without; please report the operation",
        )


def _small(one: Ref) -> object:
    """What tells a constant from another: its numbers, where these are few."""
    if isinstance(one, int) or one.path:
        return None
    value = one.value
    if isinstance(value, Tensor):
        return tuple(value.reshape(-1).tolist()) if value.numel() <= SMALL else None
    return value if isinstance(value, (bool, int, float)) else None


def as_tensors(parts: Sequence[Any]) -> list[Tensor]:
    """Numbers among tensors as tensors of their kind."""
    like = next((one for one in parts if isinstance(one, Tensor)), torch.tensor(0))
    return [one if isinstance(one, Tensor) else torch.tensor(one, dtype=like.dtype) for one in parts]


def constant(value: Any, path: str = "") -> Constant:  # noqa: ANN401
    """A constant: a plain number where it is one and no parameter, else a tensor of its own memory."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiubV":
        return Constant(UNREADABLE)
    if array.ndim == 0 and not path and array.dtype.kind in "fiub":
        return Constant(array.item())
    return Constant(tensor(array), path)


def tensor(array: np.ndarray) -> Tensor:
    """An array as a tensor of its own memory, which no framework can write to behind its back."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(np.array(array, _WIDER.get(array.dtype.name, array.dtype)))


def as_tensor(value: Tensor | Number) -> Tensor:
    """A tensor as it is, a number as one."""
    return value if isinstance(value, Tensor) else torch.as_tensor(value)


def dtype(name: str) -> torch.dtype:
    """The torch dtype of this name."""
    found = getattr(torch, {"bool_": "bool", "uint64": "int64", "uint32": "int64", "uint16": "int32"}.get(name, name), None)
    if not isinstance(found, torch.dtype):
        raise UnsupportedOperation("torch has no such numbers", received=name, remedy="use float32 or float64")
    return found
