"""A torch network made of a list of operations: every operation that is more than a view is a layer with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.models.programs.operation import Constant, Listing, Number, Operation
from pellucid.models.programs.passes import shared

_PLAIN = nn.Module()
ALIKE = 8  # operations at one place of a loop with other constants, that are told apart
PLAIN = (bool, int, float, str, type(None), torch.dtype, torch.Size, slice, type(Ellipsis))


class Tied:
    """The parameters of a network: one that is used in several places is one object, so that what is done to it is done to all."""

    def __init__(self) -> None:
        self._known: dict[Any, list[nn.Parameter]] = {}

    def parameter(self, path: str, value: Tensor) -> nn.Parameter:
        """Of a path with this value: it may be there in several parts, of which some may be alike, such as those that are zero."""
        known = self._known.setdefault((path, value.shape, value.dtype), [])
        plain = bool((value == value.reshape(-1)[:1]).all())
        found = next((one for one in known if _is_it(one, value) or (not plain and torch.equal(one, value))), None)
        if found is None:
            found = nn.Parameter(value, requires_grad=False)
            known.append(found)
        return found


def _is_it(one: Tensor, value: Tensor) -> bool:
    """Whether two tensors of one shape are the same numbers in memory."""
    return one.data_ptr() == value.data_ptr() and one.stride() == value.stride()


class Layer(nn.Module):
    """One operation; its constants are parameters where they come from the network's own, else buffers.

    ``channels_last`` says where its output has its channels, None where that is as before it.
    """

    def __init__(self, operation: Operation, names: tuple[str, ...], tied: Tied) -> None:
        super().__init__()
        self.operation = operation.name
        self.channels_last: bool | None = operation.about.get("channels_last")
        self._call: Callable[..., Any] = operation.call
        self._sized = operation.sized
        held: list[str | Number | None] = []  # None: a value; text: the name of a tensor here; else a plain number
        free = iter(names)
        for one in operation.inputs:
            if isinstance(one, int):
                held.append(None)
            elif not isinstance(one.value, Tensor):
                held.append(one.value)
            else:
                name = next(free)
                held.append(name)
                if one.path and one.value.is_floating_point():
                    self.register_parameter(name, tied.parameter(one.path, one.value))
                else:
                    self.register_buffer(name, one.value)
        self._held = tuple(held)

    def forward(self, rows: int, *values: Tensor) -> Any:  # noqa: ANN401
        """The operation on values; ``rows`` is the size of the batch."""
        given = iter(values)
        inputs = [next(given) if one is None else getattr(self, one) if isinstance(one, str) else one for one in self._held]
        return self._call(rows, *inputs) if self._sized else self._call(*inputs)

    def extra_repr(self) -> str:
        """What it does."""
        return self.operation


@dataclass(frozen=True)
class Step:
    """One line of a program: a layer, or a view on values."""

    layer: str
    view: Operation | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    done: tuple[int, ...]  # values that nobody uses afterwards


class Program(nn.Module):
    """A network that was read from another framework."""

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self._inputs, self._outputs, self._pack = listing.inputs, listing.outputs, listing.pack
        once = first_of(listing.operations)
        single = tuple(one for one in listing.operations if one not in once)
        named = {one: ".".join(map(module_name, path.split("."))) for one, path in names(single).items()}
        named.update({one: named[first] for one, first in once.items() if first in named})
        tied = Tied()
        for operation, name in named.items():
            if operation not in once:
                self._add(name, _table(operation) or Layer(operation, _tensor_names(operation), tied))
        used = {one for one in listing.outputs if isinstance(one, int)}
        steps: list[Step] = []
        for operation in reversed(listing.operations):
            done = tuple(one for one in dict.fromkeys((*operation.values, *operation.outputs)) if one not in used)
            used.update(operation.values)
            name = named.get(operation, "")
            steps.append(Step(name, None if name else operation, operation.values, operation.outputs, done))
        self._steps = tuple(reversed(steps))

    def forward(self, *inputs: Tensor, **named: Tensor) -> Any:  # noqa: ANN401
        """Whatever the network returns for the rows of its inputs; by name they come in the order in which it was read."""
        inputs = (*inputs, *named.values())
        if len(inputs) != len(self._inputs):
            raise TypeError(f"the network takes {len(self._inputs)} inputs; received {len(inputs)}")
        rows = len(inputs[0])
        values: dict[int, Any] = dict(zip(self._inputs, inputs, strict=True))
        for step in self._steps:
            if step.view is None:
                layer = self.get_submodule(step.layer)
                given = (values[one] for one in step.inputs)
                made = layer(rows, *given) if isinstance(layer, Layer) else layer(*given)
            else:
                view = step.view
                found = view.compute(rows, *(values[one] if isinstance(one, int) else one.value for one in view.inputs))
                made = found if len(step.outputs) > 1 else next(iter(found))
            values.update(zip(step.outputs, made, strict=True) if len(step.outputs) > 1 else ((next(iter(step.outputs)), made),))
            for one in step.done:
                del values[one]
        return self._pack([values[one] if isinstance(one, int) else one.value for one in self._outputs])

    def _add(self, path: str, layer: nn.Module) -> None:
        """The layer at its place in the tree."""
        *above, last = path.split(".")
        at: nn.Module = self
        for part in above:
            if part not in at._modules:
                at.add_module(part, nn.Module())
            at = at._modules[part]  # type: ignore[assignment]
        before = at._modules.get(last)
        if before is not None:  # made for what lies below it
            for name, child in before._modules.items():
                layer.add_module(name, child)
        at.add_module(last, layer)


def order(net: Program) -> tuple[Step, ...]:
    """The lines of a program, in which they run; no attribute of it, since layers may have any name."""
    return net._steps


def leaving(net: Program) -> tuple[int, ...]:
    """The values that a program returns, without constants."""
    return tuple(one for one in net._outputs if isinstance(one, int))


def module_name(part: str) -> str:
    """A part of a path as a name that a module can have: some are those of its own attributes, such as ``type`` and ``float``."""
    return f"{part}_" if hasattr(_PLAIN, part) else part


def _table(operation: Operation) -> nn.Embedding | None:
    """An embedding as the module that engines know as one, so that tokens can be explained where they enter."""
    if operation.name != "embedding" or len(operation.values) != 1 or len(operation.constants) != 1:
        return None
    weight = operation.constants[0].value
    if not isinstance(weight, Tensor) or weight.ndim != 2 or not operation.constants[0].path or not weight.is_floating_point():
        return None
    return nn.Embedding.from_pretrained(weight)


def first_of(operations: tuple[Operation, ...]) -> dict[Operation, Operation]:
    """For each layer of a later step of a loop the same one of an earlier step: it is called again."""
    known: dict[Any, list[Operation]] = {}
    found: dict[Operation, Operation] = {}
    for operation in operations:
        place = operation.about.get("place")
        if not place or operation.structural:
            continue
        alike = known.setdefault((place, operation.name, operation.sized, operation.affine, len(operation.inputs)), [])
        same = (one for one in alike if all(map(_same, one.inputs, operation.inputs)) and does_the_same(one.call, operation.call))
        first = next(same, None)
        if first is None and len(alike) < ALIKE:
            alike.append(operation)
        elif first is not None:
            found[operation] = first
    return found


def does_the_same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether two calls are of the same function, with the same numbers and functions around it."""
    if one is other:
        return True
    if isinstance(one, partial) and isinstance(other, partial):
        return all(map(does_the_same, (one.func, one.args, one.keywords), (other.func, other.args, other.keywords)))
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        around = ([cell.cell_contents for cell in f.__closure__ or ()] for f in (one, other))
        return one.__code__ is other.__code__ and does_the_same(one.__defaults__, other.__defaults__) and does_the_same(*around)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(does_the_same(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)) and type(one) is type(other):
        return len(one) == len(other) and all(map(does_the_same, one, other))
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return isinstance(one, PLAIN) and type(one) is type(other) and one == other


def _same(one: int | Constant, other: int | Constant) -> bool:
    """Whether two inputs are the same constant, or both values."""
    if isinstance(one, int) or isinstance(other, int):
        return isinstance(one, int) and isinstance(other, int)
    a, b = one.value, other.value
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return type(a) is type(b) and bool(a == b)
    return a is b or (one.path == other.path and a.dtype == b.dtype and torch.equal(a, b))


def names(operations: tuple[Operation, ...]) -> dict[Operation, str]:
    """A name for every operation that is a layer: that of its parameters, without what all have in common; else what it does."""
    layers = [one for one in operations if not one.structural or any(c.path for c in one.constants)]
    paths = {one: shared(tuple(dict.fromkeys(c.path.rpartition(".")[0] or c.path for c in one.constants if c.path))) for one in layers}
    paths = {one: path or one.about.get("path", "") for one, path in paths.items()}
    root = _root([path for path in paths.values() if path])
    places = _places([one for one in layers if not paths[one]])
    taken: set[str] = set()
    found: dict[Operation, str] = {}
    for one in layers:
        path = ".".join(part for part in paths[one][len(root) :].split(".") if part) or places.get(one, "").removeprefix(root)
        name = path or one.name
        if name in taken and paths[one]:
            name = f"{path}.{one.name}"
        base, count = name, 0
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        found[one] = name
    return found


def _places(operations: list[Operation]) -> dict[Operation, str]:
    """Names of layers without parameters: the module that each comes from, where that is known, and what it does if it is not alone."""
    scopes = Counter(one.about.get("scope", "") for one in operations)
    return {one: scope if scopes[scope] == 1 else f"{scope}.{one.name}" for one in operations if (scope := one.about.get("scope", ""))}


def _root(paths: list[str]) -> str:
    """The parts with which all paths begin, such as the name of the whole network; one part at least is left of each."""
    parts = [path.split(".") for path in paths]
    count = 0
    while parts and all(len(one) > count + 1 for one in parts) and len({one[count] for one in parts}) == 1:
        count += 1
    return ".".join(parts[0][:count]) + "." if count else ""


def _tensor_names(operation: Operation) -> tuple[str, ...]:
    """Names for the tensors that an operation holds."""
    tensors = [one for one in operation.constants if isinstance(one.value, Tensor)]
    if operation.affine:
        return ("weight", "bias")[: len(tensors)]
    found: list[str] = []
    for one in tensors:
        name = one.path.rpartition(".")[2] or "constant"
        name = name if name.isidentifier() and not hasattr(nn.Module, name) else "constant"
        found.append(name if name not in found else f"{name}_{len(found)}")
    return tuple(found)
