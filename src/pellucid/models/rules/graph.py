"""The operator graph of a forward pass: what was computed, where in the source, from what, at what cost.

It is recorded while the network runs on the very rows it is asked about, so there is nothing that could be stale, and whatever runs can be
recorded: branches that depend on data, loops, reused modules (each call is a node of its own).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.caller import caller
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.operations import Kind, Operation


@dataclass(frozen=True)
class Source:
    """A line of the user's code: the file's path, the line's number, the function it is in."""

    path: str
    line: int
    function: str


@dataclass(frozen=True)
class Node:
    """One operation of one forward pass.

    Attributes:
        number: its place in the order of execution, from 1; ``arguments`` are the numbers of the nodes that made its operands,
            negative for inputs (-1 is the first).
        operation, kind: the canonical operation and its kind.
        module: dotted path of the innermost module it ran in, "" for the network itself; ``call`` counts that module's calls.
        source: the innermost line of user code, None where none can be had.
        shapes, dtype: of its outputs, the row axis included.
        parameters: names of the parameters and buffers it reads.
        flops: multiplications and additions of matrix products, convolutions, attention and recurrent layers, for all rows together
            (two per multiply-add); element-wise work is not counted.
        bytes: of its outputs.
        seconds: that it took.
    """

    number: int
    operation: str
    kind: Kind
    arguments: tuple[int, ...]
    module: str
    call: int
    source: Source | None
    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    parameters: tuple[str, ...]
    flops: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Graph:
    """The operations of a forward pass in order of execution; ``output`` is the number of the node that made the output."""

    nodes: tuple[Node, ...]
    output: int
    rows: int


def record(net: nn.Module, batch: tuple[Tensor, ...], forward: Callable[[tuple[Tensor, ...]], Tensor]) -> Graph:
    """Runs ``forward``, which calls ``net`` on the batch, and records what was computed.

    Fused paths that torch takes for attention without gradients, and that hide its layers, are not taken. Counting what an operation
    costs takes longer than the operation: its time is that of a second pass.
    """
    fused = any(isinstance(module, _FUSED) for module in net.modules())
    counted, timed = (_recorded(_Recorder(net, frozenset(), costs=costs), batch, forward, gradient=fused)[0] for costs in (True, False))
    if [node.operation for node in counted.nodes] != [node.operation for node in timed.nodes]:  # it draws, or counts its calls
        return counted
    pairs = zip(counted.nodes, timed.nodes, strict=True)
    return replace(counted, nodes=tuple(replace(node, seconds=again.seconds) for node, again in pairs))


def watch(
    net: nn.Module, batch: tuple[Tensor, ...], forward: Callable[[tuple[Tensor, ...]], Tensor], *, keep: tuple[str, ...] = ()
) -> tuple[Graph, dict[int, Call]]:
    """The same without FLOPs, and the calls of the operations named in ``keep`` by number."""
    return _recorded(_Recorder(net, frozenset(keep), costs=False), batch, forward)


_RUN = str(Path(__file__).parents[1] / "torch_run.py")  # what lies outside the network's own run is no line of it
_FUSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)


def _recorded(
    recorder: _Recorder, batch: tuple[Tensor, ...], forward: Callable[[tuple[Tensor, ...]], Tensor], *, gradient: bool = False
) -> tuple[Graph, dict[int, Call]]:
    interceptor = Interceptor(recorder, len(batch[0]))
    with torch.set_grad_enabled(gradient), recorder.followed_modules(), interceptor:
        leaves = (t.detach().clone().requires_grad_(gradient and t.is_floating_point()) for t in batch)
        entered = tuple(interceptor.enter(leaf.clone()) for leaf in leaves)
        for place, tensor in enumerate(entered):
            recorder.made[id(tensor)] = -1 - place
            recorder.alive.append(tensor)
        output = forward(entered)
    return Graph(tuple(recorder.nodes), recorder.made.get(id(output), 0), len(batch[0])), recorder.calls


class _Recorder:
    """A rule set that changes nothing and writes down every operation; composites stay whole."""

    differentiates = False
    follows_rows = False

    def __init__(self, net: nn.Module, keep: frozenset[str], *, costs: bool) -> None:
        self.net, self.keep, self.costs = net, keep, costs
        self.calls: dict[int, Call] = {}
        self.nodes: list[Node] = []
        self.made: dict[int, int] = {}
        self.alive: list[Tensor] = []  # so that no other tensor gets the same id
        self.names = {id(t): name for name, t in (*net.named_parameters(), *net.named_buffers())}
        self.stack: list[tuple[str, int]] = [("", 0)]

    def opens(self, operation: Operation) -> bool:  # noqa: ARG002
        """Nothing is opened."""
        return False

    def overwritten(self, tensor: Tensor) -> None:
        """What is written to is made anew by the operation that writes."""

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation and writes it down."""
        counter = FlopCounterMode(display=False) if self.costs and call.operation.name not in RECURRENT else None
        with counter or nullcontext():
            started = perf_counter()
            output = call.run(*call.operands)
            seconds = perf_counter() - started
        self.note(call, output, counter.get_total_flops() if counter else _recurrent_flops(call) if self.costs else 0, seconds)
        if call.operation.name in self.keep:
            self.calls[call.number] = call
        return output

    def wrote(self, call: Call) -> None:
        """Writes down an operation that wrote into a tensor."""
        self.note(call, call.written, 0, 0.0)

    def note(self, call: Call, output: Any, flops: int, seconds: float) -> None:  # noqa: ANN401
        """Writes down one operation."""
        made = list(tensors((output,), {}))
        number = call.number
        first = made[0] if made else None
        module, times = self.stack[-1]
        place = caller(within=_RUN)
        self.nodes.append(
            Node(
                number=number,
                operation=call.operation.name,
                kind=call.operation.kind,
                arguments=tuple(dict.fromkeys(self.made[id(t)] for t in call.operands if id(t) in self.made)),
                module=module,
                call=times,
                source=Source(*place) if place else None,
                shapes=tuple(tuple(t.shape) for t in made),
                dtype=str(first.dtype).removeprefix("torch.") if first is not None else "",
                parameters=tuple(dict.fromkeys(self.names[id(t)] for t in tensors(call.args, call.kwargs) if id(t) in self.names)),
                flops=flops,
                bytes=sum(t.numel() * t.element_size() for t in made),
                seconds=seconds,
            )
        )
        for tensor in (*made, *([call.written] if call.written is not None else [])):
            self.made[id(tensor)] = number
            self.alive.append(tensor)

    @contextmanager
    def followed_modules(self) -> Iterator[None]:
        """Knows, inside, which module runs and which of its calls this is."""
        counts: dict[str, int] = {}

        def before(name: str) -> Callable[..., None]:
            def hook(*_: object) -> None:
                self.stack.append((name, counts.get(name, 0)))
                counts[name] = counts.get(name, 0) + 1

            return hook

        def after(*_: object) -> None:
            self.stack.pop()

        with ExitStack() as hooks:
            for name, module in self.net.named_modules():
                if name:
                    hooks.callback(module.register_forward_pre_hook(before(name)).remove)
                    hooks.callback(module.register_forward_hook(after, always_call=True).remove)
            yield


RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"})


def _recurrent_flops(call: Call) -> int:
    """Two for each weight of each matrix, at every step of every row; torch counts fused recurrent layers as nothing."""
    if call.operation.name not in RECURRENT:
        return 0
    values = call.operands[0]
    steps = 1 if call.operation.name.endswith("_cell") else values.shape[0] * (values.shape[1] if values.ndim > 2 else 1)
    rows = values.shape[0] if call.operation.name.endswith("_cell") and values.ndim > 1 else 1
    weights = sum(t.numel() for t in tensors(call.args[2:], call.kwargs) if t.ndim == 2)
    return 2 * weights * steps * rows
