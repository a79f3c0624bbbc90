"""Relevance of the explained rows, counted and batched, with the ledger that accounts for all of it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.errors import InputError, UnknownName, UnsupportedOperation
from pellucid.methods.accounts import Account, Rounding, RowByRow, one_at_a_time, settle
from pellucid.methods.layers import layer_shapes
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.ledger import BIASES, CONSTANTS, EPSILON, SOFTMAX
from pellucid.models.rules.relevance.layer_stop import LayerStop
from pellucid.models.rules.relevance.propagation import Relevance, Rulebook
from pellucid.models.rules.rows import FIRST

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.ruled_pass import RuledOutputs

_ENTRIES: tuple[str, ...] = (BIASES, CONSTANTS, SOFTMAX, EPSILON)
ELSEWHERE = "elsewhere"  # relevance that does not pass the chosen unit
_KIND = "gradient, relevance"


@dataclass(frozen=True)
class Stop:
    """A layer at which relevance is looked at; with the number of a ``unit`` (a channel, on ``axis``), only what passes there goes on."""

    layer: str
    axis: int
    unit: int | None = None


@dataclass(frozen=True, eq=False)
class Relevances:
    """What a pass of relevance found.

    Attributes:
        inputs: one tensor per explained input (sample, ...).
        layer: relevance of the output of the chosen layer (sample, ...), if one was chosen to be looked at.
        account: the ledger of every row.
        choices: what was decided on the way, each a sentence.
    """

    inputs: tuple[Tensor, ...]
    layer: Tensor | None
    account: Account
    choices: tuple[str, ...]

    @property
    def at_layer(self) -> Tensor:
        """The relevance of the chosen layer's output."""
        if self.layer is None:
            raise RuntimeError("no layer was looked at")
        return self.layer


def relevances(evaluator: Evaluator, rulebook: Rulebook, stop: Stop | None = None) -> Relevances:
    """The relevance of every row's inputs, and at a layer. One gradient evaluation a row; one more forward where a body of ours ran.

    Raises:
        UnsupportedOperation: an operation that no rule covers, or a ledger that does not close.
        LayerError: the layer can not be looked at.
    """
    evaluator.afford(1)
    runner = _Runner(evaluator, rulebook, stop)
    run = RowByRow(runner)
    inputs = tuple(torch.empty_like(v) for v in evaluator.values)
    rest: list[tuple[Tensor, ...]] = []
    for rows, _ in evaluator.pairs(1, _KIND):
        found = evaluator.run(_KIND, run, rows)
        for whole, part in zip(inputs, found[: len(inputs)], strict=True):
            whole[rows] = part
        rest.append(found[len(inputs) :])
    evaluator.resolve()
    ledger, flow, *layer = (torch.cat(parts) for parts in zip(*rest, strict=True))
    return Relevances(inputs, layer[0] if layer else None, runner.settled(inputs, ledger, flow), (*run.choices, *runner.choices))


@dataclass(frozen=True, eq=False)
class _Scored:
    """The model's outputs with their graph, the leaf that the scores were made from, the scores with theirs, and in float64."""

    outputs: RuledOutputs
    leaf: Tensor
    made: Tensor
    scores: Tensor


@dataclass(eq=False)
class _Runner:
    """Takes batches of rows back to their inputs."""

    evaluator: Evaluator
    rulebook: Rulebook
    stop: Stop | None
    eps: float = 0.0
    operations: int = 0
    left: dict[str, None] = field(default_factory=dict)

    def __call__(self, rows: Tensor, apart: bool) -> tuple[Tensor, ...]:
        """The relevance of each input; then the ledger (row, entry), the largest flow (row,) and, if asked for, the layer's relevance.

        ``apart`` goes back from one row's score at a time.
        """
        evaluator, stop = self.evaluator, self.stop
        rules, batch = Relevance(self.rulebook, len(rows)), tuple(v[rows] for v in evaluator.values)
        watch = None if stop is None else LayerStop(stop.layer, follow=stop.unit is not None)
        with nullcontext() if stop is None or watch is None else evaluator.bound.looking_at(stop.layer, watch.look):
            outputs = evaluator.bound.outputs_under(rules, batch, rows)
        rules.finish()
        self.left |= dict.fromkeys(outputs.left)
        evaluator.note(outputs.outputs, rows)
        scored = self._scored(rules, outputs, rows)
        self._check_bodies(rules, scored.scores, rows)
        self.eps, self.operations = max(self.eps, rules.eps), max(self.operations, rules.operations)
        if not apart:
            return self._back(rules, watch, scored, None, again=False)
        return one_at_a_time(len(rows), len(batch), lambda weights, again: self._back(rules, watch, scored, weights, again=again))

    def _scored(self, rules: Relevance, outputs: RuledOutputs, rows: Tensor) -> _Scored:
        """The scores of the model's outputs; their operations meet the rules too."""
        interceptor = Interceptor(rules, len(rows))
        with torch.enable_grad():
            leaf = outputs.outputs.detach().requires_grad_()
            entered = rules.deep(interceptor.enter(leaf.clone()))
            with interceptor:
                scores = self.evaluator.score(entered, rows)
        rules.finish()
        return _Scored(outputs, leaf, scores, scores.detach().double().cpu())

    def _back(
        self, rules: Relevance, watch: LayerStop | None, scored: _Scored, weights: Tensor | None, *, again: bool
    ) -> tuple[Tensor, ...]:
        """From the scores, or from one of them as ``weights`` (row,) say: then the ledger has one row."""
        stop, outputs = self.stop, scored.outputs
        rules.forget(1 if weights is not None else None)
        scores = scored.scores if weights is None else (scored.scores * weights).sum(0, keepdim=True)
        relevance = self._at_outputs(rules, scored, weights, again=again)
        if stop is None or watch is None or stop.unit is None:
            inputs = outputs.back(relevance, again=again)
            layer = () if watch is None else (watch.arrived(len(relevance)),)
            return *inputs, self._ledger(rules, scores, scores), rules.ledger.flow, *layer
        at_layer = watch.above(outputs.made, relevance, again=again)
        chosen = torch.zeros_like(at_layer)
        chosen.select(stop.axis, stop.unit).copy_(at_layer.select(stop.axis, stop.unit))
        rules.forget(rules.ledger.rows)  # what lies above the layer
        inputs = watch.below(outputs.leaves, chosen, again=again)
        followed = chosen.double().flatten(1).sum(1).cpu()
        followed = followed if weights is None else followed.sum(0, keepdim=True)
        return *inputs, self._ledger(rules, scores, followed), rules.ledger.flow

    def _at_outputs(self, rules: Relevance, scored: _Scored, weights: Tensor | None, *, again: bool) -> Tensor:
        """The relevance of the model's outputs; what does not depend on the input at all is a constant."""
        start = scored.made.detach() if weights is None else scored.made.detach() * weights.to(scored.made)
        if not scored.made.requires_grad or not scored.outputs.made.requires_grad:
            rules.ledger.book(CONSTANTS, start, FIRST)
            return torch.zeros_like(scored.leaf)
        return torch.autograd.grad(scored.made, scored.leaf, start, retain_graph=again)[0]

    def _ledger(self, rules: Relevance, scores: Tensor, followed: Tensor) -> Tensor:
        return torch.cat([rules.ledger.table(_ENTRIES), (scores - followed)[:, None], scores[:, None]], 1)

    def _check_bodies(self, rules: Relevance, scores: Tensor, rows: Tensor) -> None:
        """Where a body of ours computed an operation, the plain model is asked whether it computes the same."""
        if not rules.bodies:
            return
        evaluator = self.evaluator
        plain = evaluator.score(evaluator.bound.outputs(tuple(v[rows] for v in evaluator.values), rows), rows).double().cpu()
        if bool(((scores - plain).abs() > rules.eps**0.5 * (1 + plain.abs())).any()):
            raise UnsupportedOperation(
                "The forward written out in simpler operations computes something else than the model",
                received=f"{', '.join(sorted(rules.bodies))}; scores {scores.tolist()[:3]} and {plain.tolist()[:3]}",
                remedy="use a method without rules, such as 'integrated_gradients' or 'occlusion'",
            )

    @property
    def choices(self) -> tuple[str, ...]:
        """What was decided, for the provenance."""
        return (f"values that left torch at {', '.join(self.left)} count as constants",) if self.left else ()

    def settled(self, inputs: tuple[Tensor, ...], table: Tensor, flow: Tensor) -> Account:
        """The sums beside the scores."""
        *columns, elsewhere, scores = table.unbind(1)
        booked: dict[str, Tensor] = dict(zip(_ENTRIES, columns, strict=True))
        if self.stop is not None and self.stop.unit is not None:
            booked[ELSEWHERE] = elsewhere
        return settle(inputs, booked, scores, flow, Rounding(self.eps, self.operations))


def stop_at(evaluator: Evaluator, layer: str, unit: int | None) -> Stop:
    """A layer, and one of its units.

    Raises:
        UnknownName: there is no such layer.
        InputError: the layer has no such unit.
    """
    shapes = layer_shapes(evaluator)
    if layer not in shapes:
        raise UnknownName("layer", layer, shapes)
    shape = shapes[layer]
    axis = len(shape.sizes) if shape.channels_last else 1
    units = shape.sizes[axis - 1]
    if unit is not None and (isinstance(unit, bool) or not isinstance(unit, int) or not 0 <= unit < units):
        raise InputError(f"{layer} has no such unit", received=repr(unit), remedy=f"choose a unit from 0 to {units - 1}")
    return Stop(layer, axis, unit)
