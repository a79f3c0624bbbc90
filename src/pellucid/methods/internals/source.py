"""The user's own code, line by line: what each line computes, at what cost, and what its values are on given rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from pellucid.errors import ModelError
from pellucid.explanation.contents.source import LineOperation, Source
from pellucid.explanation.target import Selection, as_target
from pellucid.methods.internals.activations_curves import Curve, curve_of
from pellucid.methods.internals.source_facts import facts
from pellucid.methods.internals.source_lines import Trail, placed
from pellucid.methods.internals.source_spread import Gathered
from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.graph import Node, record
from pellucid.models.rules.marks import mark_of
from pellucid.models.rules.onlooker import Onlooker, look_on
from pellucid.models.rules.places import Places
from pellucid.models.rules.sites import ACTIVATIONS, of_one_number, unit_axis

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.protocol import Capability

TIMED = 3  # batches at least, of which the fastest counts
_AXIS = "_pellucid_units"
SEEN = 2  # rows by which shapes and places are found: an axis that is 1 for one row is not taken for another


@dataclass(frozen=True)
class LookAtSource:
    """The source of the forward pass with what each line computes: in words, output shape, parameters, FLOPs, time, values.

    FLOPs are two for every multiply-add of matrix, convolution, attention and recurrent operations, for one row. Units are dead or
    saturated as for :class:`LookAtActivations`. With a ``target``, each operation is given the sum of
    \\|gradient x activation\\| over its output, as a part of the same sum over the input.

    Args:
        target: the decision (as for :func:`pellucid.explain`) whose relevance is followed; none if not given.

    What it does not show: what does not run on these rows. Shares of \\|gradient x activation\\| add up to nothing: they say how much a
    small change here would move the score, and are above 1 where positive and negative parts cancel.

    Raises:
        InputError: no data.
        UnsupportedOperation: the forward pass holds scripted code or an operation that is not known.
    """

    target: Any = None

    id: ClassVar[str] = "source"
    kind: ClassVar[Kind] = "text"
    needs: ClassVar[frozenset[Capability]] = frozenset({"graph"})

    def look(self, inside: Inside) -> Source:
        """The lines and what they compute."""
        evaluator = inside.rows("The source of a network")
        bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        first = torch.arange(min(evaluator.situation.batch or SEEN, evaluator.rows), device=evaluator.device)
        outline = _Outline(bound, first)
        gathered, rows, seconds = _gather(evaluator, outline)
        selection, shares = _relevance(evaluator, outline, self.target) if self.target is not None else (None, {})
        operations = {
            number: replace(
                operation,
                seconds=seconds.get(number, 0.0),
                spread=gathered[number].spread() if number in gathered else None,
                relevance=shares.get(number),
            )
            for number, operation in outline.operations.items()
        }
        found = placed(outline.trails, operations, outline.places.codes, outline.sizes)
        apart = evaluator.rows - rows
        said = _said(selection) if selection is not None else ""
        modules = {path: type(module).__name__ for path, module in bound.net.named_modules()}
        return Source(tuple(operations.values()), found.functions, found.files, found.missing, found.bare, rows, apart, modules, said)


class _Outline:
    """The operations on a few rows: what they are, where they stand, what they cost."""

    def __init__(self, bound: BoundTorch, rows: Tensor) -> None:
        self.bound = bound
        self.places = Places(bound.net)
        self.trails: dict[int, Trail] = {}
        batch = bound.given(rows)
        self.sizes = {name: (id(tensor), tensor.numel()) for name, tensor in bound.net.named_parameters()}
        self.curves: dict[int, tuple[Curve, int]] = {}  # of activation functions, and the axis of their units, counted from the end
        self._curves: dict[str, Curve] = {}  # by operation and options
        calls: list[tuple[Call, Any, dict[str, str]]] = []

        def see(call: Call, output: Any, _seconds: float) -> None:  # noqa: ANN401
            trail = self.places.now()
            self._units(call, output)
            if trail is not None:
                self.trails[call.number] = trail
                calls.append((call, output, facts(call, output)))

        look_on(Onlooker(see, follows_rows=True), batch, lambda given: bound.as_given(given, rows))
        self.places.let_go()
        nodes = {node.number: node for node in record(bound.net, batch, lambda given: bound.as_given(given, rows)).nodes}
        self.operations: dict[int, LineOperation] = {}
        for call, output, about in calls:
            if call.number not in nodes or nodes[call.number].operation != call.operation.name:
                raise ModelError(
                    "The network took other branches when it ran on the same rows again",
                    received=f"{call.operation.name} at {call.number}",
                    remedy="take random numbers and counters out of the forward pass, or set a seed in it",
                )
            self.operations[call.number] = self._operation(nodes[call.number], output, about, len(rows))

    def _units(self, call: Call, output: Any) -> None:  # noqa: ANN401
        """Follows on which axis units lie, and finds the curve of an activation function."""
        operand, made = call.operands[0], next(tensors((output,), {}), None)
        if made is None or not made.is_floating_point():
            return
        axis = unit_axis(call, operand, made, getattr(operand, _AXIS, -1))
        for tensor in (*tensors((output,), {}), *([call.written] if call.written is not None else [])):
            setattr(tensor, _AXIS, axis)
        if call.operation.name in ACTIVATIONS and of_one_number(call) and made.shape == operand.shape:
            how = repr((call.operation.name, *(a for a in (*call.args, *call.kwargs.values()) if not isinstance(a, Tensor))))
            known = None if call.operation.name == "prelu" else self._curves.get(how)  # a PReLU has weights of its own
            self._curves[how] = known or curve_of(call)
            self.curves[call.number] = self._curves[how], axis

    def _operation(self, node: Node, output: Any, about: dict[str, str], rows: int) -> LineOperation:  # noqa: ANN401
        made = next(tensors((output,), {}), None)
        mark = mark_of(made) if made is not None else None
        at = mark.rows if mark is not None else None
        shape = node.shapes[0] if node.shapes else ()
        known = at is not None and at.axis < len(shape) and shape[at.axis] % rows == 0
        parameters = tuple(name for name in node.parameters if name in self.sizes)  # statistics of a normalization are none
        read = dict(self.sizes[name] for name in parameters)
        elements = sum(math.prod(one) for one in node.shapes) // rows
        return LineOperation(
            number=node.number,
            name=node.operation,
            kind=node.kind,
            facts=about,
            module=node.module,
            type=type(self.bound.net.get_submodule(node.module)).__name__,
            shape=shape,
            rows=at.axis if known and at is not None else -1,
            each=shape[at.axis] // rows if known and at is not None else 0,
            parameters=parameters,
            size=sum(read.values()),
            flops=node.flops // rows,
            elements=0 if node.flops else elements,
            seconds=0.0,
        )


def _gather(evaluator: Evaluator, outline: _Outline) -> tuple[dict[int, Gathered], int, dict[int, float]]:
    """What the operations make on all rows, of how many rows that is, and the seconds that they took for one row of the fastest batch."""
    bound = outline.bound
    gathered: dict[int, Gathered] = {}
    seconds: dict[int, float] = {}
    rows_seen = 0

    def one(rows: Tensor) -> Tensor:
        nonlocal rows_seen
        made: dict[int, tuple[str, Gathered, float]] = {}
        whole = {number: operation.name for number, operation in outline.operations.items()}

        def see(call: Call, output: Any, took: float) -> None:  # noqa: ANN401
            batch = Gathered()
            if call.number in outline.curves:
                batch.operate(call.operands[0], *outline.curves[call.number])
            values = next(tensors((output,), {}), None)
            if values is not None and values.is_floating_point():
                batch.add(values)
            made[call.number] = call.operation.name, batch, took

        output, _ = look_on(Onlooker(see), bound.given(rows), lambda given: bound.as_given(given, rows))
        if {number: name for number, (name, _, _) in made.items()} == whole:
            rows_seen += len(rows)
            for number, (_, batch, took) in made.items():
                gathered.setdefault(number, Gathered()).join(batch)
                seconds[number] = min(seconds.get(number, math.inf), took / len(rows))
        return output.new_zeros(len(rows))

    batches = 0
    for rows, _ in evaluator.pairs(1, "forward, looked at"):
        evaluator.run("forward, looked at", one, rows)
        batches += 1
    first = torch.arange(min(evaluator.rows, evaluator.spent.batch), device=evaluator.device)
    for _ in range(batches, TIMED):
        _time(outline, first, seconds)
    return gathered, rows_seen, seconds


def _time(outline: _Outline, rows: Tensor, seconds: dict[int, float]) -> None:
    """Once more for the time alone."""

    def see(call: Call, _output: Any, took: float) -> None:  # noqa: ANN401
        if call.number in seconds:
            seconds[call.number] = min(seconds[call.number], took / len(rows))

    bound = outline.bound
    look_on(Onlooker(see), bound.given(rows), lambda given: bound.as_given(given, rows))


def _relevance(evaluator: Evaluator, outline: _Outline, target: Any) -> tuple[Selection, dict[int, float]]:  # noqa: ANN401
    """For each operation the sum of |gradient x activation| over its output, as a part of the sum over the input."""
    bound = outline.bound
    evaluator.situation = replace(evaluator.situation, target=as_target(target))
    selection = evaluator.selection
    count: dict[Any, int] = {}
    order = {_key(outline.operations[number].name, trail, count): number for number, trail in outline.trails.items()}
    sums: dict[int, float] = {}
    whole = [0.0]

    def one(rows: Tensor) -> Tensor:
        kept: list[tuple[int, Tensor]] = []
        count: dict[Any, int] = {}
        places = Places(bound.net)

        def see(call: Call, output: Any, _seconds: float) -> None:  # noqa: ANN401
            trail = places.now()
            made = next(tensors((output,), {}), None)
            if trail is None or made is None or not made.requires_grad:
                return
            key = _key(call.operation.name, trail, count)
            if key in order:
                kept.append((order[key], made))

        batch = tuple(value[rows] for value in evaluator.values)
        output, leaves = look_on(Onlooker(see, differentiates=True), batch, lambda given: bound.forward(given, rows))
        places.let_go()
        with torch.enable_grad():
            scores = selection.score(output, rows)
            total = scores.sum()
        values = [*leaves, *(made for _, made in kept)]
        found = torch.autograd.grad(total, values, allow_unused=True)
        flows = [None if g is None else float((g * t).detach().abs().double().sum()) for g, t in zip(found, values, strict=True)]
        whole[0] += sum(flow or 0.0 for flow in flows[: len(leaves)])
        for (number, _), flow in zip(kept, flows[len(leaves) :], strict=True):
            if flow is not None:
                sums[number] = sums.get(number, 0.0) + flow
        return scores.detach()

    for rows, _ in evaluator.pairs(1, "gradient, looked at"):
        evaluator.run("gradient, looked at", one, rows)
    return selection, {number: flow / whole[0] for number, flow in sums.items()} if whole[0] > 0 else {}


def _key(name: str, trail: Trail, count: dict[Any, int]) -> tuple[Any, int]:
    """What an operation is known by in a pass that numbers them otherwise: its name, the way to it, how often that was gone before."""
    way = name, tuple((place.path, place.line, place.offset) for place in trail)
    count[way] = count.get(way, 0) + 1
    return way, count[way]


def _said(selection: Selection) -> str:
    """The decision by its name; several as the target is written."""
    names = dict.fromkeys(selection.labels)
    return next(iter(names)) if len(names) == 1 else selection.written
