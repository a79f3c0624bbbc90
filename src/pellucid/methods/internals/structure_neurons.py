"""The units and weights of a network that is a plain chain of linear layers and activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.explanation.contents.structure import Neurons

if TYPE_CHECKING:
    from pellucid.models.rules.graph import Graph, Node

MOST = 64  # units that are held of a layer
SAME_ORDER = ("flatten", "reshape", "view", "squeeze", "unsqueeze", "contiguous", "clone", "detach", "to", "float", "double")


def neurons(net: nn.Module, graph: Graph, features: tuple[str, ...], classes: tuple[str, ...]) -> Neurons | None:
    """The chain, of a shadow; None where the network is anything else."""
    chain = _chain(graph)
    places = [at for at, node in enumerate(chain) if node.operation == "linear"]
    read = [_read(net, chain[at]) for at in places]
    if not read or any(one is None for one in read):
        return None
    weights, biases = zip(*(one for one in read if one is not None), strict=True)
    sizes = (weights[0].shape[1], *(len(weight) for weight in weights))
    if any(weight.shape[1] != size for weight, size in zip(weights, sizes, strict=False)):
        return None
    shown = _shown(weights, sizes)
    ends = [*places[1:], len(chain)]
    return Neurons(
        layers=tuple(chain[at].module for at in places),
        activations=tuple(
            " + ".join(node.operation for node in chain[at + 1 : end] if node.kind in ("elementwise", "softmax"))
            for at, end in zip(places, ends, strict=True)
        ),
        sizes=sizes,
        shown=shown,
        weights=tuple(w[np.ix_(own, before)] for w, own, before in zip(weights, shown[1:], shown, strict=False)),
        biases=tuple(bias[own] for bias, own in zip(biases, shown[1:], strict=True)),
        features=features if len(features) == sizes[0] else (),
        classes=classes if len(classes) == sizes[-1] else (),
    )


def _chain(graph: Graph) -> list[Node]:
    """The operations from the input to the output, each working on what the one before gives; empty where it is not so."""
    nodes = {node.number: node for node in graph.nodes}
    found: list[Node] = []
    number = graph.output
    while number > 0:
        node = nodes[number]
        found.insert(0, node)
        if len(set(node.arguments)) != 1 or len(node.shapes) != 1:
            return []
        number = node.arguments[0]
    sizes = [math.prod(node.shapes[0][1:]) for node in found]
    kept = [found[0].operation == "linear" or found[0].operation in SAME_ORDER] if found else []
    kept += [
        node.operation == "linear" or (_plain(node) and size == before)
        for node, size, before in zip(found[1:], sizes[1:], sizes, strict=False)
    ]
    return found if all(kept) and all(len(node.shapes[0]) == 2 for node in found if node.operation == "linear") else []


def _plain(node: Node) -> bool:
    return node.kind in ("elementwise", "softmax", "random") or node.operation in SAME_ORDER


def _read(net: nn.Module, node: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """The weight (unit, input) and the bias (unit,) that an operation applies."""
    module = net.get_submodule(node.module)
    if isinstance(module, nn.Linear):
        weight, bias = module.weight, module.bias
    else:
        named = dict(net.named_parameters(remove_duplicate=False))
        own = [named[name] for name in node.parameters if name in named]
        weight, bias = (next((one for one in own if one.ndim == axes), None) for axes in (2, 1))
    if weight is None or len(weight) != node.shapes[0][-1]:
        return None
    values = _array(weight)
    return values, np.full(len(values), np.nan, np.float32) if bias is None else _array(bias)


def _array(value: Tensor) -> np.ndarray:
    with torch.no_grad():
        return value.detach().to("cpu", torch.float32).numpy().copy()


def _shown(weights: tuple[np.ndarray, ...], sizes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The units of each column, those with the largest weights in and out where there are too many, in their order."""
    strength = [np.zeros(size) for size in sizes]
    for at, weight in enumerate(weights):
        squares = np.nan_to_num(weight.astype(float)) ** 2
        strength[at] += squares.sum(0)
        strength[at + 1] += squares.sum(1)
    return tuple(np.sort(np.argsort(-one, kind="stable")[:MOST]) for one in strength)
