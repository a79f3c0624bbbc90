"""Reads the graph of an ONNX model as torch operations.

Every operation is tried on two and on three rows while it is read: so its shapes are known, and what depends on the number of rows only
(sizes that a graph computes for its reshapes) becomes a function of that number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.programs.composites import with_composites
from pellucid.models.programs.onnx_operators import TABLE
from pellucid.models.programs.operation import Constant, Listing
from pellucid.models.programs.reader import Reader, Ref, dtype, tensor
from pellucid.models.rules.foreign import foreign

TRIED = (2, 3)  # rows
PROBED = (2, 3, 7)  # numbers of rows for which a size is computed to see whether it depends on them
NAMELESS = re.compile(r"(onnx::\w+|val|_?v)_?\d+|\d+|(graph_)?(const|constant|initializer|param)?_?\d*(_fold\w*)?")
SCOPES = "pkg.torch.onnx.name_scopes"  # where torch's exporter writes the module of a node


@dataclass(frozen=True, eq=False)
class Node:
    """One node of a graph.

    Attributes:
        inputs: None for those left out.
        outputs: as many numbers as the node has outputs, those without a name included.
        named: which outputs have a name.
        version: of the operator set.
    """

    type: str
    inputs: tuple[Ref | None, ...]
    outputs: tuple[int, ...]
    named: tuple[bool, ...]
    version: int
    attributes: dict[str, Any]

    def attr(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """An attribute, text as text."""
        found = self.attributes.get(name, default)
        return found.decode() if isinstance(found, bytes) else found

    def input(self, place: int) -> Ref | None:
        """An input, None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    @property
    def given(self) -> tuple[Ref, ...]:
        """The inputs that are there."""
        return tuple(one for one in self.inputs if one is not None)


class OnnxReader(Reader):
    """Collects the operations of a graph.

    Args:
        version: of the operator set.
        batch: the number of rows to which the graph is fixed, 0 where it takes any.
        alone: what computes a node that torch has no operation for, a function of its inputs as tensors; None where there is none.
    """

    framework = "ONNX"

    def __init__(self, version: int, batch: int = 0, alone: Callable[[onnx.NodeProto], Callable[..., Any] | None] = lambda _: None) -> None:
        super().__init__()
        self.version, self.batch, self._alone = version, batch, alone
        self._tried: dict[int, tuple[Any, ...]] = {}  # what a value is for TRIED rows
        self._shapes: dict[int, tuple[tuple[int, ...], ...]] = {}
        self._of_rows: dict[int, Callable[[int], Tensor]] = {}  # values that depend on the number of rows only
        self._env: dict[str, Ref] = {}
        self._uses: Counter[str] = Counter()
        self._shared: Counter[str] = Counter()
        self._scope = ""

    def read(self, graph: onnx.GraphProto, names: Sequence[str], example: Sequence[Tensor]) -> Listing:
        """The whole graph; ``example`` is a row or more of the inputs of these ``names``."""
        self._env = dict(map(self._initializer, graph.initializer))
        entering = tuple(self.value() for _ in names)
        for number, one in zip(entering, example, strict=True):
            self._keep(number, tuple(one[:1].repeat_interleave(rows, 0) for rows in TRIED))
        self._env.update(zip(names, entering, strict=True))
        self._uses.update(used(graph.node))
        self._shared = Counter(self._uses)  # one tensor may be the weight of several layers
        self._uses.update(one.name for one in graph.output)
        self._nodes(graph.node)
        leaving = tuple(self._leaving(self._env[one.name]) for one in graph.output)
        titles = tuple(one.name for one in graph.output)

        def pack(found: list[Any]) -> Any:  # noqa: ANN401
            return found[0] if len(found) == 1 else dict(zip(titles, found, strict=True))

        return with_composites(Listing(tuple(self.operations), entering, leaving, pack))

    # ---- what the tables of operators call -----------------------------------------------------------------------------------

    def add(  # noqa: PLR0913
        self, name: str, call: Callable[..., Any], inputs: Sequence[Ref], outputs: Sequence[int], *,
        sized: bool = False, structural: bool = False, affine: bool = False, about: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """One operation, which is tried; what depends on the number of rows only becomes a function of it."""
        about = {**(about or {}), "scope": self._scope}
        of_rows = [self._of_rows.get(one) if isinstance(one, int) else None for one in inputs]
        values = [one for one, sizes in zip(inputs, of_rows, strict=True) if isinstance(one, int) and sizes is None]
        if not any(of_rows):
            before = len(self.operations)
            super().add(name, call, inputs, outputs, sized=sized, structural=structural, affine=affine, about=about)
            if len(self.operations) > before:
                self._try(name, call, inputs, outputs)
        elif values:
            kept = tuple(one for one, sizes in zip(inputs, of_rows, strict=True) if sizes is None)
            super().add(name, _sized(call, of_rows), kept, outputs, sized=True, structural=structural, about=about)
            self._try(name, call, inputs, outputs)
        else:
            fixed = [None if isinstance(one, int) else one.value for one in inputs]
            self._sizes(lambda rows: call(*(f(rows) if f else x for f, x in zip(of_rows, fixed, strict=True))), outputs)

    def size(self, outputs: Sequence[int], call: Callable[[int], Tensor]) -> None:
        """A value that depends on the number of rows only."""
        self._sizes(call, outputs)

    def shapes(self, ref: Ref) -> tuple[tuple[int, ...], ...]:
        """The shape of a value for each of the numbers of rows that are tried."""
        if isinstance(ref, Constant):
            return (tuple(ref.value.shape) if isinstance(ref.value, Tensor) else (),) * len(TRIED)
        if ref in self._of_rows:
            return tuple(tuple(self._of_rows[ref](rows).shape) for rows in TRIED)
        return self._shapes[ref]

    def shape(self, ref: Ref) -> tuple[int, ...]:
        """The shape of a value for two rows."""
        return self.shapes(ref)[0]

    def rank(self, ref: Ref) -> int:
        """How many axes a value has."""
        return len(self.shape(ref))

    def dtype(self, ref: Ref) -> torch.dtype:
        """The dtype of a value."""
        if isinstance(ref, int):
            return self._of_rows[ref](TRIED[0]).dtype if ref in self._of_rows else self._tried[ref][0].dtype
        return ref.value.dtype if isinstance(ref.value, Tensor) else torch.tensor(ref.value).dtype

    def numbers(self, ref: Ref | None) -> list[Any] | None:
        """The numbers of a small constant; None where it is no constant or left out."""
        if not isinstance(ref, Constant):
            return None
        return ref.value.reshape(-1).tolist() if isinstance(ref.value, Tensor) else [ref.value]

    def sample(self, ref: Ref | None, rows: int = TRIED[0]) -> list[Any] | None:
        """The numbers of a value that depends on the number of rows only, for so many; None for any other."""
        call = self._of_rows.get(ref) if isinstance(ref, int) else None
        return None if call is None else call(rows).reshape(-1).tolist()

    def depends(self, ref: Ref) -> bool:
        """Whether a value depends on more than the number of rows."""
        return isinstance(ref, int) and ref not in self._of_rows

    def kind(self, number: int) -> torch.dtype:
        """The torch dtype of a type of ONNX."""
        return dtype(onnx.helper.tensor_dtype_to_np_dtype(number).name)

    def tensor(self, found: onnx.TensorProto) -> Tensor:
        """A tensor that is an attribute."""
        return tensor(numpy_helper.to_array(found))

    def varies(self, ref: Ref) -> bool:
        """Whether the shape of a value depends on the number of rows."""
        return len(set(self.shapes(ref))) > 1

    def unsupported(self, operation: str, how: str = "") -> UnsupportedOperation:
        """The error for what can not be read, with the way round it."""
        error = super().unsupported(operation, how)
        remedy = "explain the function lambda x: session.run(None, {name: x})[0], with a black-box method such as 'occlusion'"
        return UnsupportedOperation(error.problem, received=error.received, remedy=remedy)

    def branch(self, graph: onnx.GraphProto) -> tuple[Ref, ...]:
        """What the graph inside a node gives, written out."""
        outer = dict(self._env)
        self._env.update(map(self._initializer, graph.initializer))
        self._uses.update(one.name for one in graph.output)
        self._nodes(graph.node)
        found = tuple(self._env[one.name] for one in graph.output)
        self._env = outer
        return found

    # ---- inside --------------------------------------------------------------------------------------------------------------

    def _nodes(self, nodes: Sequence[onnx.NodeProto]) -> None:
        for proto in nodes:
            first = self.value()
            outputs = tuple(self.value() for _ in proto.output)
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in proto.attribute}
            inputs = tuple(self._input(name, proto) if name else None for name in proto.input)
            self._scope = scope(proto)
            node = Node(proto.op_type, inputs, outputs, tuple(map(bool, proto.output)), self.version, attributes)
            if proto.op_type in TABLE and proto.domain in ("", "ai.onnx"):
                TABLE[proto.op_type](self, node)
            else:
                self._foreign(proto, node)
            self._env.update(
                (name, self._renamed(proto, self.known(number))) for name, number in zip(proto.output, outputs, strict=True) if name
            )
            self._uses.subtract(used([proto]))
            self._forget(first, proto)

    def _foreign(self, proto: onnx.NodeProto, node: Node) -> None:
        call = self._alone(proto)
        if call is None:
            raise self.unsupported(f"{proto.domain}.{proto.op_type}".removeprefix("."))
        outputs = [number for number, named in zip(node.outputs, node.named, strict=True) if named]
        name = proto.op_type.lower()
        self.add(name, foreign(name, call), node.given, outputs)

    def _input(self, name: str, proto: onnx.NodeProto) -> Ref:
        found = self._env[name]
        if not isinstance(found, Constant) or not isinstance(found.value, Tensor) or not found.value.ndim:
            return found
        home = scope(proto)
        if home and found.value.is_floating_point() and (not found.path or self._shared[name] > 1):
            place = list(proto.input).index(name)
            return Constant(found.value, f"{home}.{'weight' if place == 1 else 'bias' if place == 2 else 'constant'}")
        return found

    def _renamed(self, proto: onnx.NodeProto, one: Ref) -> Ref:
        """A parameter that is equal to another one, which exporters write as Identity, under its own name."""
        if proto.op_type != "Identity" or not isinstance(one, Constant) or not one.path:
            return one
        return Constant(one.value, self._path(proto.output[0]) or one.path)

    def _initializer(self, one: onnx.TensorProto) -> tuple[str, Constant]:
        """A constant of the graph by its name; one that could be a weight knows its path."""
        found = self.tensor(one)
        weight = found.is_floating_point() or found.dtype in (torch.int8, torch.uint8)
        return one.name, Constant(found, self._path(one.name) if weight else "")

    def _path(self, name: str) -> str:
        """The path of a parameter; "" where its name says nothing."""
        if NAMELESS.fullmatch(name):
            return ""
        return ".".join(part for part in re.split(r"[./:]+", re.sub(r":\d+$", "", name)) if part)

    def _sizes(self, call: Callable[[int], Any], outputs: Sequence[int]) -> None:
        for place, number in enumerate(outputs):
            one = _remembered(call if len(outputs) == 1 else lambda rows, place=place: call(rows)[place])
            found = [one(rows) for rows in PROBED]
            if all(torch.equal(found[0], other) for other in found[1:]):
                self.alias((number,), (Constant(found[0]),))
            else:
                self._of_rows[number] = one

    def _try(self, name: str, call: Callable[..., Any], inputs: Sequence[Ref], outputs: Sequence[int]) -> None:
        made: list[tuple[Any, ...]] = []
        with torch.no_grad():
            for place, rows in enumerate(TRIED):
                given = [self._value(one, place, rows) for one in inputs]
                try:
                    found = call(*given)
                except (RuntimeError, IndexError, TypeError, ValueError) as error:
                    told = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
                    raise self.unsupported(
                        name, f"as it is used here ({told}; inputs {[tuple(getattr(g, 'shape', ())) for g in given]})"
                    ) from error
                made.append(tuple(found) if len(outputs) > 1 else (found,))
        for place, number in enumerate(outputs):
            self._keep(number, tuple(one[place] for one in made))

    def _value(self, one: Ref, place: int, rows: int) -> Any:  # noqa: ANN401
        if isinstance(one, Constant):
            return one.value
        return self._of_rows[one](rows) if one in self._of_rows else self._tried[one][place]

    def _keep(self, number: int, values: tuple[Any, ...]) -> None:
        self._tried[number] = values
        self._shapes[number] = tuple(tuple(value.shape) for value in values)

    def _forget(self, first: int, proto: onnx.NodeProto) -> None:
        """Lets go of the numbers of values that no later node takes."""
        done = {name for name in (*proto.input, *proto.output) if name and self._uses[name] <= 0}
        gone = {one for name in done if isinstance(one := self._env.get(name), int)}
        kept = {one for name, one in self._env.items() if name not in done and isinstance(one, int)} if gone else set()
        ours = {one for name in proto.output if isinstance(one := self._env.get(name), int)}
        gone.update(number for number in range(first, self.value()) if number not in ours)
        for number in gone - kept:
            if number in self._tried:
                self._tried[number] = tuple(value.new_empty(0) for value in self._tried[number])

    def _leaving(self, one: Ref) -> Ref:
        if isinstance(one, int) and one in self._of_rows:
            raise UnsupportedOperation(
                "An output depends on the number of rows only", received="ONNX graph", remedy="choose another output"
            )
        return one


def used(nodes: Sequence[onnx.NodeProto]) -> Iterator[str]:
    """The names that nodes take, those inside their graphs included."""
    for node in nodes:
        yield from (name for name in node.input if name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from used(attribute.g.node)
                yield from (one.name for one in attribute.g.output)


def scope(node: onnx.NodeProto) -> str:
    """The module of the network that a node comes from, as torch's exporters write it down; "" where they did not."""
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            names = re.findall(r"'([^']*)'", entry.value)
            return names[-2] if len(names) > 1 else ""
    if node.name.startswith("/"):
        return ".".join(part for part in node.name.split("/")[1:-1] if part)
    return ""


def _sized(call: Callable[..., Any], of_rows: Sequence[Callable[[int], Tensor] | None]) -> Callable[..., Any]:
    """(rows, *others) to the operation with its sizes put in."""

    def sized(rows: int, *others: Any) -> Any:  # noqa: ANN401
        given = iter(others)
        return call(*(sizes(rows) if sizes else next(given) for sizes in of_rows))

    return sized


def _remembered(call: Callable[[int], Any]) -> Callable[[int], Tensor]:
    @lru_cache(maxsize=8)
    def sizes(rows: int) -> Tensor:
        with torch.no_grad():
            return call(rows)

    return sizes
