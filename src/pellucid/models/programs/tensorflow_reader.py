"""Reads the graph of a concrete TensorFlow function as torch operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.composites import with_composites
from pellucid.models.programs.operation import Constant, Listing
from pellucid.models.programs.reader import Reader, Ref, constant
from pellucid.models.programs.tensorflow_loops import BRANCHES, LOOPS, branch, loop
from pellucid.models.programs.tensorflow_operators import operator

CALLS = ("PartitionedCall", "StatefulPartitionedCall")
NOTHING = ("NoOp", "Placeholder", "Assert")


@dataclass(frozen=True, eq=False)
class Node:
    """One node of a graph, its inputs resolved."""

    type: str
    inputs: tuple[Ref, ...]
    outputs: tuple[int, ...]
    _node: Any

    def attr(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """An attribute, text as text."""
        try:
            found = self._node.get_attr(name)
        except ValueError:
            return default
        return found.decode() if isinstance(found, bytes) else found

    @property
    def given(self) -> Any:  # noqa: ANN401
        """The tensors of the graph that go in."""
        return self._node.inputs

    @property
    def leaving(self) -> Any:  # noqa: ANN401
        """The tensors of the graph that come out."""
        return self._node.outputs

    def shape(self, place: int) -> list[int]:
        """The shape of an input; -1 where it is not fixed, and empty where nothing is known of it."""
        known = self.inputs[place]
        if isinstance(known, Constant) and isinstance(known.value, Tensor):
            return list(known.value.shape)
        found = self._node.inputs[place].shape
        return [] if found.rank is None else [-1 if size is None else size for size in found.as_list()]

    def rank(self, place: int, *, usual: int = 4) -> int:
        """The number of axes of an input; ``usual`` where that is not known, as inside functions that were saved."""
        return len(self.shape(place)) or usual


class TensorflowReader(Reader):
    """Collects the operations of a graph and of the functions it calls."""

    framework = "TensorFlow"

    def __init__(self, outermost: Any = None) -> None:  # noqa: ANN401
        """``outermost``: the graph that knows all functions."""
        super().__init__()
        self._outermost = outermost

    def graph(self, graph: Any, entering: Mapping[Any, Ref], leaving: Sequence[Any]) -> tuple[Ref, ...]:  # noqa: ANN401
        """Reads a graph; ``entering`` are its placeholders by tensor name, ``leaving`` tensors of it."""
        env: dict[str, Ref] = dict(entering)
        needed = _needed(leaving)
        for line, node in enumerate(graph.get_operations()):
            if node.type.startswith("Assign") and any(one.op.name in needed for one in node.inputs[:1]):
                raise self.unsupported(node.type, "to a variable that the network reads")
            if node.type in NOTHING or node.name not in needed:
                continue
            outputs = tuple(self.value() for _ in node.outputs)
            if all(one.name in env for one in node.inputs):
                inputs = tuple(env[one.name] for one in node.inputs)
                with self.at(line, inputs):
                    self._one(graph, Node(node.type, inputs, outputs, node))
                env.update((one.name, self.known(number)) for one, number in zip(node.outputs, outputs, strict=True))
        return tuple(env[one.name] for one in leaving)

    # ---- inside ----------------------------------------------------------------------------------------------------------------

    def _one(self, graph: Any, node: Node) -> None:  # noqa: ANN401
        if node.type == "Const":
            self.alias(node.outputs, (constant(tf.make_ndarray(node.attr("value"))),))
        elif node.type == "ReadVariableOp":
            self.alias(node.outputs, node.inputs)  # a variable stands for its value
        elif node.type in CALLS:
            self.alias(node.outputs, self._called(graph, node))
        elif node.type == "IdentityN" and _is_swish(node):
            self.add("silu", functional.silu, node.inputs[1:2], node.outputs[:1])
            self.alias(node.outputs[1:], node.inputs[1:])
        elif node.type in LOOPS:
            loop(self, graph, node)
        elif node.type in BRANCHES:
            branch(self, graph, node)
        elif not operator(self, node):
            raise self.unsupported(node.type)

    def _called(self, graph: Any, node: Node) -> tuple[Ref, ...]:  # noqa: ANN401
        """A function inside the graph, written out."""
        inner = self.function(graph, node.attr("f").name, [one.shape for one in node.given])
        return self.graph(inner, dict(zip((one.name for one in inner.inputs), node.inputs, strict=True)), inner.outputs)

    def function(self, graph: Any, name: str, shapes: Sequence[Any]) -> Any:  # noqa: ANN401
        """The graph of a function inside a graph, for inputs of these shapes."""
        from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

        places: tuple[Any, ...] = (graph, self._outermost or graph, tf.compat.v1.get_default_graph())
        found: Any = next((one for place in places if (one := place._get_function(name)) is not None), None)
        if found is None:
            raise self.unsupported(name, "whose body is not there")
        definition = found.cached_definition if hasattr(found, "cached_definition") else found.definition
        return function_def_to_graph(definition, input_shapes=list(shapes))


def _needed(leaving: Sequence[Any]) -> set[str]:
    """The names of the operations on which these tensors depend."""
    found: set[str] = set()
    ahead = [one.op for one in leaving]
    while ahead:
        node = ahead.pop()
        if node.name not in found:
            found.add(node.name)
            ahead += [one.op for one in node.inputs]
    return found


def _is_swish(node: Node) -> bool:
    """Whether a function with a gradient of its own is ``tf.nn.silu``, whose gradient is the usual one; of others nothing is known."""
    made, x, *more = node.given
    beta = node.inputs[-1]
    one = isinstance(beta, Constant) and torch.as_tensor(beta.value).eq(1).all()
    return len(more) == 1 and bool(one) and made.op.type == "Mul" and made.op.inputs[0] is x and made.op.inputs[1].op.type == "Sigmoid"


def listing(function: Any, count: int, paths: Mapping[int, tuple[Any, str]], pack: Callable[[list[Any]], Any]) -> Listing:  # noqa: ANN401
    """The operations of a concrete function; ``paths`` says which variable and path the id of each handle belongs to.

    The first ``count`` outputs are the function's own: behind them lies what a gradient of it, taken by the user, needs of its way.
    """
    graph = function.graph
    reader = TensorflowReader(graph)
    captured = list(graph.captures)
    own = [one for one in graph.inputs if not any(one is inner for _, inner in captured)]
    values = tuple(reader.value() for _ in own)
    entering: dict[Any, Ref] = dict(zip((one.name for one in own), values, strict=True))
    for outer, inner in captured:
        variable = paths.get(id(outer))
        entering[inner.name] = constant(variable[0].numpy(), variable[1]) if variable else constant(outer.numpy())
    leaving = reader.graph(graph, entering, graph.outputs[:count])
    return with_composites(Listing(tuple(reader.operations), values, leaving, pack))
