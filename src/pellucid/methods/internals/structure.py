"""What a network is made of: its operations and modules, with shapes, parameters, cost and time, as they run on given rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from pellucid.explanation.contents.structure import Module, Operation, Structure
from pellucid.methods.internals.structure_neurons import neurons
from pellucid.models.visits import Visit

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.protocol import Capability
    from pellucid.models.rules.graph import Node

PASSES = 3  # that are timed; other work on the machine slows some
SEEN = 2  # rows that are run: an axis that is 1 for one row is not taken for another


@dataclass(frozen=True)
class LookAtStructure:
    """The operator graph and the layer table of a network, recorded while it runs on the first rows of the data.

    FLOPs are two for every multiply-add of matrix, convolution, attention and recurrent operations, for one row; element-wise work is
    counted in elements, apart. Times are those of the fastest of :data:`PASSES` passes after one that is not timed. What the network
    does not run on these rows (a branch not taken) is a module without calls. Where the network is a plain chain of linear layers and
    activations, its units and their weights are held too, of each layer the 64 units with the largest weights.

    Raises:
        InputError: no data.
        UnsupportedOperation: the forward pass holds scripted code or an operation that is not known.
    """

    id: ClassVar[str] = "structure"
    kind: ClassVar[Kind] = "graph"
    needs: ClassVar[frozenset[Capability]] = frozenset({"graph"})

    def look(self, inside: Inside) -> Structure:
        """The operations and the modules."""
        evaluator = inside.rows("The structure of a network")
        bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        rows = torch.arange(min(SEEN, evaluator.rows))
        batch = tuple(value[rows] for value in evaluator.values)

        graph = bound.graph(batch, rows)
        bound.visits(batch, rows)  # the first pass makes what later ones find
        visited = min((bound.visits(batch, rows) for _ in range(PASSES)), key=lambda found: found.get("", Visit()).seconds)
        named = dict(bound.net.named_parameters(remove_duplicate=False))
        operations = tuple(_operation(node, len(rows), named) for node in graph.nodes)
        modules = tuple(_modules(bound, operations, visited))
        found = neurons(bound.net, graph, tuple(evaluator.specs[0].names or ()), evaluator.situation.spec.class_names)
        return Structure(operations, modules, tuple(tuple(t.shape) for t in batch), graph.output, len(rows), found)


def _operation(node: Node, rows: int, named: Mapping[str, Tensor]) -> Operation:
    made = sum(math.prod(shape) for shape in node.shapes)
    return Operation(
        number=node.number,
        name=node.operation,
        kind=node.kind,
        arguments=node.arguments,
        module=node.module,
        call=node.call,
        source=f"{Path(node.source.path).name}:{node.source.line}" if node.source else "",
        shape=node.shapes[0] if node.shapes else (),
        dtype=node.dtype,
        parameters=sum(named[name].numel() for name in node.parameters if name in named),
        flops=node.flops // rows,
        elements=0 if node.flops else made // rows,
        bytes=node.bytes,
        seconds=node.seconds,
    )


def _modules(bound: BoundTorch, operations: tuple[Operation, ...], visited: dict[str, Visit]) -> Iterable[Module]:
    """Every module in order of definition, with what ran in it and below it."""
    for path, module in bound.net.named_modules():
        inside = f"{path}." if path else ""
        mine = [op for op in operations if op.module == path or op.module.startswith(inside)]
        visit = visited.get(path, Visit())
        yield Module(
            path=path,
            type=type(module).__name__,
            calls=visit.calls,
            inputs=visit.inputs,
            outputs=visit.outputs,
            parameters=_count(module.parameters()),
            trainable=_trainable(bound, path),
            own=_count(module.parameters(recurse=False)),
            flops=sum(op.flops for op in mine),
            elements=sum(op.elements for op in mine),
            bytes=sum(op.bytes for op in mine),
            seconds=visit.seconds,
        )


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum({id(parameter): parameter.numel() for parameter in parameters}.values())


def _trainable(bound: BoundTorch, path: str) -> int:
    """Elements that the user's own network would train: the opened one asks for no gradient."""
    own = bound.model.net.get_submodule(path) if path else bound.model.net
    return _count(parameter for parameter in own.parameters() if parameter.requires_grad)
