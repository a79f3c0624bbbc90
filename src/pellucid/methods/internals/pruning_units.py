"""Which units a network has that can be removed, and the parameters that make each of them.

Removing a unit is setting its parameters to 0: its row of weights and its bias and, where batch normalization follows, that channel's
weight and bias too. (With the row alone at 0, normalization would go on giving a constant.) Past the last of these the unit gives 0. A
depthwise convolution that reads nothing but these units filters each of them alone: its filters go with them. So what a mask does is
what is measured, and nothing else.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNormalization
from torch.nn.utils import parametrize

from pellucid.explanation.contents.pruning import LeftOut, Omission
from pellucid.methods.internals.weights_flow import AFFINE, KEEPING, SPATIAL
from pellucid.models.effective_weights import Convolution, TransposedConvolution
from pellucid.models.rules.graph import RECURRENT

if TYPE_CHECKING:
    from pellucid.models.rules.graph import Graph, Node

Layers = (nn.Linear, Convolution, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)


class Part(NamedTuple):
    """A parameter of which unit u has the rows u, u + units, ... : one, or one for each gate."""

    path: str
    parameter: str


@dataclass(frozen=True, eq=False)
class Prunable:
    """Units that can be removed one by one.

    Attributes:
        layer: the name; ``path`` that of the module, ``type`` its class.
        parts: all that is set to 0; ``gate`` are those of them in which the unit's last output is linear.
        joined: paths of the modules beside the layer's own.
        output: the module whose output's channels the units are, where it is called once; else "".
        end: the number of the operation that makes this output.
    """

    layer: str
    path: str
    type: str
    units: int
    parts: tuple[Part, ...]
    gate: tuple[Part, ...]
    joined: tuple[str, ...] = ()
    output: str = ""
    end: int = 0


def prunable(net: nn.Module, graph: Graph) -> tuple[list[Prunable], list[LeftOut]]:
    """The layers whose units can be removed, in order of definition, and those left out."""
    modules, found, left = dict(net.named_modules()), [], []
    outer = _makes_output(graph, net)
    holders = _holders(net)
    for path, module in modules.items():
        if not isinstance(module, Layers):
            continue
        calls = [node for node in graph.nodes if node.module == path and node.operation in AFFINE | RECURRENT]
        why = _why_not(module, path, calls, outer, modules)
        if why:
            left.append(LeftOut(path, why))
        elif isinstance(module, nn.RNNBase):
            found += _recurrent(path, module, last=path in outer)
            left += [LeftOut(path, "output")] if path in outer else []
        else:
            one = _followed(path, module, calls, graph, modules)
            found += [one] if one is not None else []
            left += [LeftOut(path, "normalization")] if one is None else []
    behind = {path for one in found for path in one.joined}
    kept = []
    for one in found:
        if one.path not in behind:
            why = _values_why_not(one, modules, holders)
            left += [LeftOut(one.layer, why)] if why else []
            kept += [] if why else [one]
    return kept, left


@contextmanager
def replaced(net: nn.Module, values: dict[Part, Tensor]) -> Iterator[None]:
    """A shadow with other values of some parameters."""
    modules, before = dict(net.named_modules()), {}
    try:
        for part, value in values.items():
            before[part] = modules[part.path]._parameters[part.parameter]
            _put(modules[part.path], part.parameter, value)
        yield
    finally:
        for part, value in before.items():
            _put(modules[part.path], part.parameter, value)


def gated(net: nn.Module, parts: tuple[Part, ...], gate: Tensor) -> dict[Part, Tensor]:
    """The parameters with the rows of every unit multiplied by its entry of ``gate`` (unit,)."""
    modules, found = dict(net.named_modules()), {}
    for part in parts:
        value = modules[part.path]._parameters[part.parameter]
        if value is not None:
            rows = gate.to(value).repeat(len(value) // len(gate))
            found[part] = value * rows.reshape(-1, *(1,) * (value.ndim - 1))
    return found


def removed(net: nn.Module, layers: list[Prunable], stays: list[Tensor]) -> dict[Part, Tensor]:
    """The parameters with units set to 0, those of whole layers left out; ``stays`` says of each layer which units (unit,) stay."""
    found: dict[Part, Tensor] = {}
    for one, stay in zip(layers, stays, strict=True):
        if not bool(stay.all()):
            found |= gated(net, one.parts, stay)
    return found


# ---- which ------------------------------------------------------------------------------------------------------------------


def _why_not(module: nn.Module, path: str, calls: list[Node], outer: set[str], modules: dict[str, nn.Module]) -> Omission | None:
    """Why the units of a layer are not looked at, if they are not."""
    parent = modules[path.rpartition(".")[0]] if path else None
    if isinstance(module, nn.MultiheadAttention) or isinstance(parent, nn.MultiheadAttention):
        return "attention"
    if isinstance(module, nn.RNNCellBase):
        return "cell"
    if isinstance(module, TransposedConvolution):
        return "transposed"
    if getattr(module, "proj_size", 0):
        return "projected"
    if not calls:
        return "unreached"
    if isinstance(module, nn.RNNBase):
        lowest = module.num_layers == 1 and path in outer
        return "output" if lowest else "single" if module.hidden_size < 2 else None
    if path in outer:
        return "output"
    return "single" if _width(module) < 2 else None


def _values_why_not(one: Prunable, modules: dict[str, nn.Module], holders: Counter[int]) -> Omission | None:
    """Why parameters can not be masked: they are computed, or used under two names."""
    for part in one.parts:
        module = modules[part.path]
        if parametrize.is_parametrized(module) or part.parameter not in module._parameters:
            return "made"
        if holders[id(module._parameters[part.parameter])] > 1:
            return "tied"
    return None


def _makes_output(graph: Graph, net: nn.Module) -> set[str]:
    """The layers from which the output is reached without another layer, or a product with a matrix of weights, between."""
    modules, matrices = dict(net.named_modules()), {name for name, value in net.named_parameters() if value.ndim > 1}
    nodes, waiting, seen, found = {node.number: node for node in graph.nodes}, [graph.output], set(), set()
    while waiting:
        number = waiting.pop()
        if number in seen or number not in nodes:
            continue
        seen.add(number)
        node = nodes[number]
        if node.operation in AFFINE | RECURRENT or isinstance(modules.get(node.module), nn.MultiheadAttention):
            found.add(node.module)
        elif node.kind == "product" and matrices.intersection(node.parameters):
            continue
        else:
            waiting += node.arguments
    return found


def _holders(net: nn.Module) -> Counter[int]:
    """How many modules hold each parameter."""
    return Counter(id(value) for module in net.modules() for value in module._parameters.values())


def _width(module: nn.Module) -> int:
    return module.out_features if isinstance(module, nn.Linear) else module.out_channels  # type: ignore[return-value, union-attr]


def _recurrent(path: str, module: nn.RNNBase, *, last: bool) -> Iterator[Prunable]:
    """The hidden units of every level and direction, but for the ``last`` level where that is the network's output."""
    for level in range(module.num_layers - last):
        for end in ("", "_reverse") if module.bidirectional else ("",):
            own = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if module.bias else ()))
            parts = tuple(Part(path, f"{name}_l{level}{end}") for name in own)
            name = f"{path}.l{level}{end.replace('_', '.')}".lstrip(".")
            yield Prunable(name, path, type(module).__name__, module.hidden_size, parts, parts)


# ---- what goes with a layer -------------------------------------------------------------------------------------------------


def _followed(path: str, module: nn.Module, calls: list[Node], graph: Graph, modules: dict[str, nn.Module]) -> Prunable | None:
    """A layer's units with the normalization and depthwise convolutions behind them; None where normalization has nothing to mask."""
    units, parts = _width(module), [Part(path, "weight")]
    parts += [Part(path, "bias")] if module.bias is not None else []
    gate, joined, output, end = tuple(parts), [], path, calls[-1].number
    if len(calls) > 1:
        return Prunable(path, path, type(module).__name__, units, tuple(parts), gate)
    readers = _readers(graph)
    current = calls[0]
    while len(following := readers.get(current.number, [])) == 1:
        node, own = following[0], modules.get(following[0].module)
        if node.operation == "batch_norm" and isinstance(own, BatchNormalization) and own.num_features == units:
            if own.weight is None:
                return None
        elif not _depthwise(node, own, units, graph):
            if not _keeps(current, node):
                break
            current = node
            continue
        more = tuple(Part(node.module, name) for name in ("weight", "bias") if getattr(own, name) is not None)
        parts += more
        gate, output, end, current = more, node.module, node.number, node
        joined.append(node.module)
    return Prunable(path, path, type(module).__name__, units, tuple(parts), gate, tuple(joined), output, end)


def _depthwise(node: Node, module: nn.Module | None, units: int, graph: Graph) -> bool:
    """Whether an operation filters each of the units alone."""
    if not isinstance(module, Convolution) or isinstance(module, TransposedConvolution):
        return False
    alone = sum(other.module == node.module and other.operation in AFFINE for other in graph.nodes) == 1
    return alone and node.operation in AFFINE and module.groups == module.in_channels == module.out_channels == units


def _keeps(source: Node, node: Node) -> bool:
    """Whether an operation leaves every unit where it is, and reads nothing else."""
    if len(node.arguments) > 1 or not source.shapes or not node.shapes:
        return False
    before, after = source.shapes[0], node.shapes[0]
    if node.operation in SPATIAL:
        return len(before) == len(after) and before[1] == after[1]
    return before == after and (node.kind == "elementwise" or node.operation in KEEPING)


def _readers(graph: Graph) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for number in node.arguments if node.kind != "query" else ():
            found.setdefault(number, []).append(node)
    return found


def _put(module: nn.Module, name: str, value: Tensor | None) -> None:
    """Sets a parameter of a shadow; a recurrent module holds it in a second place."""
    module._parameters[name] = value  # type: ignore[assignment]
    if isinstance(module, nn.RNNBase):
        module._flat_weights[module._flat_weights_names.index(name)] = value  # type: ignore[call-overload, assignment]


def stay_all(layers: list[Prunable]) -> list[Tensor]:
    """Every unit of every layer stays."""
    return [torch.ones(one.units, dtype=torch.bool) for one in layers]
