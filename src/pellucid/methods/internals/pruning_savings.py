"""What a network would save if units were cut out, not only set to 0: their own rows, and the columns by which others read them."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from pellucid.methods.internals.pruning_units import Prunable
from pellucid.methods.internals.weights_flow import AFFINE, courses
from pellucid.models.effective_weights import Convolution
from pellucid.models.rules.graph import RECURRENT

if TYPE_CHECKING:
    from pellucid.models.rules.graph import Graph


@dataclass(frozen=True)
class Savings:
    """Parameters and FLOPs of one row: all, and those that would be gone."""

    parameters: int
    cut: int
    flops: int
    saved: int


def savings(net: nn.Module, graph: Graph, layers: list[Prunable], stays: list[np.ndarray]) -> Savings:
    """At least so much: columns count only where the units reach a layer by themselves, with nothing added to them on the way."""
    modules, left = dict(net.named_modules()), _left(net, graph, layers, stays)
    total = sum(value.numel() for value in net.parameters())
    cut = 0
    shares: dict[str, float] = {}
    for path, module in modules.items():
        whole = kept = 0
        for name, value in module._parameters.items():
            if value is not None:
                stay = round(value.numel() * left.get((path, name), 1.0))
                cut += value.numel() - stay
                whole, kept = (whole + value.numel(), kept + stay) if value.ndim > 1 else (whole, kept)
        shares[path] = kept / whole if whole else 1.0
    worked = [(node.module, node.flops // graph.rows) for node in graph.nodes if node.flops]
    saved = sum(flops * (1 - shares.get(path, 1.0)) for path, flops in worked)
    return Savings(total, cut, sum(flops for _, flops in worked), int(saved))


def _left(net: nn.Module, graph: Graph, layers: list[Prunable], stays: list[np.ndarray]) -> dict[tuple[str, str], float]:
    """The share of each parameter that would be left, where that is not all of it."""
    modules, found = dict(net.named_modules()), {}
    read = courses(graph, net)
    for one, stay in zip(layers, stays, strict=True):
        share = float(stay.mean())
        for name in one.parts:
            found[name] = found.get(name, 1.0) * share
            if name.parameter.startswith("weight_hh"):  # what the units give each other
                found[name] *= share
        last = next((path for path in (*reversed(one.joined), one.path) if path in read), "")
        if one.output and read[last].whole and _alone(graph, one.end):
            for path in read[last].next:
                sources = sum(path in course.next for course in read.values())
                if sources == 1 and getattr(modules[path], "groups", 1) == 1 and isinstance(modules[path], (nn.Linear, Convolution)):
                    found[path, "weight"] = found.get((path, "weight"), 1.0) * share
    return {(path, name): share for (path, name), share in found.items()}


def _alone(graph: Graph, start: int) -> bool:
    """Whether nothing but itself joins a value on its way to the layers that read it."""
    made, read = {start}, False
    for node in graph.nodes:
        if node.kind == "query" or not made.intersection(node.arguments):
            continue
        if node.operation in AFFINE or node.operation in RECURRENT:
            read = True
        elif len(node.arguments) > 1:
            return False
        else:
            made.add(node.number)
    return read and graph.output not in made
