"""A forward pass of a convolutional network below its plain cost: normalization folded into the convolutions, channels last.

What may be fused is read from the operator graph of one plain pass: a convolution whose only consumer is a batch normalization with fixed
statistics, or an activation, is computed together with it; every value that anything else looks at stays as it is. Weights are folded
when the plan is made, so that they are those of the network as it is now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.models.rules.call import Call
from pellucid.models.rules.graph import Node, watch
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.weighted import Geometry, Weighted, channel_map, has_fixed_statistics, weighted

# activations that oneDNN computes with the convolution: its name for them, and their scalars
_POINTWISE: dict[str, tuple[str, list[float]]] = {"relu": ("relu", []), "relu6": ("hardtanh", [0.0, 6.0]), "silu": ("swish", [])}


class Diverged(Exception):
    """The forward pass took another branch than the plan's."""


@dataclass(frozen=True, eq=False)
class _Fused:
    """A convolution with what follows it: folded weights in channels-last layout."""

    weight: Tensor
    bias: Tensor | None
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int
    activation: Call | None

    def __call__(self, x: Tensor, *, pointwise: bool) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        form = self.padding, self.stride, self.dilation, self.groups
        if pointwise:
            name, scalars = _POINTWISE[_activation_name(self.activation)] if self.activation else ("none", [])
            return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *form, name, scalars, "")
        y = functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        return self.activation.run(y) if self.activation else y


class Fusion:
    """A rule set that computes what :func:`plan` found fusible in one step each, and everything else as it is."""

    follows_rows = False

    def __init__(self, names: dict[int, str], fused: dict[int, _Fused], passed: frozenset[int]) -> None:
        self.names, self.fused, self.passed = names, fused, passed
        self.differentiates = False

    def opens(self, operation: Operation) -> bool:  # noqa: ARG002
        """Nothing is opened."""
        return False

    def overwritten(self, tensor: Tensor) -> None:
        """Nothing is kept."""

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """One operation, or the operand where the convolution before it has done its work."""
        if self.names.get(call.number) != call.operation.name:
            raise Diverged
        if call.number in self.passed:
            return call.operands[0]
        found = self.fused.get(call.number)
        if found is not None:
            return found(call.operands[0], pointwise=not self.differentiates and call.operands[0].device.type == "cpu")
        if call.operation.name == "view":  # it depends on the layout
            return call.run(call.operands[0].contiguous())
        return call.run(*call.operands)

    def run(self, forward: Callable[[tuple[Tensor, ...]], Tensor], batch: tuple[Tensor, ...], *, differentiates: bool) -> Tensor:
        """The output of ``forward``, which calls the network the plan was made of.

        Raises:
            Diverged: the pass took another branch.
        """
        self.differentiates = differentiates
        interceptor = Interceptor(self, len(batch[0]))
        entered = tuple(interceptor.enter(t.clone()) for t in batch)
        with interceptor:
            output = forward(entered)
        if interceptor.calls != len(self.names):
            raise Diverged
        return output


def plan(net: nn.Module, batch: tuple[Tensor, ...], forward: Callable[[tuple[Tensor, ...]], Tensor]) -> Fusion | None:
    """What can be fused in this network on inputs like these; None if nothing can."""
    graph, calls = watch(net, batch, forward, keep=("conv2d", "batch_norm", "pad", *_POINTWISE, "hardtanh"))
    users: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for number in node.arguments:
            users.setdefault(number, []).append(node)
    fused: dict[int, _Fused] = {}
    passed: set[int] = set()
    for node in graph.nodes:
        convolution = weighted(calls[node.number]) if node.operation == "conv2d" else None
        if convolution is None or convolution.geometry is None:
            continue
        last, norm, activation = node.number, None, None
        padding = _padding_before(node, graph.nodes, users, calls)
        if padding is not None:
            passed.add(node.arguments[0])
        after = _only_user(users, last, graph.output)
        if after is not None and after.operation == "batch_norm" and has_fixed_statistics(calls[after.number]):
            norm, last = calls[after.number], after.number
            passed.add(last)
            after = _only_user(users, last, graph.output)
        if after is not None and after.number in calls and _activation_name(calls[after.number]) in _POINTWISE:
            activation = calls[after.number]
            passed.add(after.number)
        fused[node.number] = _fold(convolution, convolution.geometry, (norm, activation), padding or (0, 0))
    return Fusion({n.number: n.operation for n in graph.nodes}, fused, frozenset(passed)) if fused else None


def _padding_before(node: Node, nodes: tuple[Node, ...], users: dict[int, list[Node]], calls: dict[int, Call]) -> tuple[int, int] | None:
    """The zeros that an operation of its own adds on all sides for this convolution alone, if they are the same on opposite sides."""
    before = node.arguments[0] if node.arguments else 0
    if before < 1 or nodes[before - 1].operation != "pad" or len(users[before]) > 1:
        return None
    given = calls[before].named(("input", "pad", "mode", "value"))
    left, right, top, bottom = [*given["pad"], -1, -1, -1][:4] if len(given["pad"]) == 4 else (-1, -1, -1, -1)
    zeros = given.get("mode", "constant") == "constant" and not given.get("value")
    return (top, left) if zeros and left == right >= 0 and top == bottom >= 0 else None


def _only_user(users: dict[int, list[Node]], number: int, output: int) -> Node | None:
    found = users.get(number, [])
    return found[0] if len(found) == 1 and number != output else None


def _activation_name(call: Call | None) -> str:
    """The name of an activation that can be fused, however it is spelled, or ""."""
    if call is None or len(call.operands) != 1:
        return ""
    if call.operation.name == "hardtanh":
        limits = (*call.args[1:3], *(call.kwargs.get(key) for key in ("min_val", "max_val") if key in call.kwargs))
        return "relu6" if limits == (0.0, 6.0) else ""
    return call.operation.name


def _fold(convolution: Weighted, geometry: Geometry, after: tuple[Call | None, Call | None], more: tuple[int, int]) -> _Fused:
    norm, activation = after
    weight, bias = convolution.weight, convolution.bias
    if norm is not None:
        weight, bias = _folded(weight, bias, channel_map(norm, torch.float64))
    return _Fused(
        weight.contiguous(memory_format=torch.channels_last),
        bias,
        geometry.stride,
        [own + added for own, added in zip(geometry.padding, more, strict=True)],
        geometry.dilation,
        groups=geometry.groups,
        activation=activation,
    )


def _folded(weight: Tensor, bias: Tensor | None, norm: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution followed by a factor and a shift for each channel, in float64."""
    scale, shift = norm
    shift = shift if bias is None else shift + bias.double() * scale
    return weight * scale.to(weight.dtype)[:, None, None, None], shift.to(weight.dtype)
