"""DeepLIFT by operations: the multiplier of an operation is its own Jacobian, averaged along the line between its two operands.

Two passes. :class:`Reference` runs the baselines and keeps what non-linear operations saw; :class:`Difference` runs the rows themselves and
gives each non-linear operation a backward that multiplies by the averaged Jacobian (:mod:`multipliers`). What the rules hand down then adds
up to f(x) - f(baseline) for any composition (Shrikumar et al. 2017, extended from layers to operations; rows never mix).

A multiplier is looked up when the backward reaches it, so one graph of rows serves any number of baselines, one backward each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies.varying import body_of
from pellucid.models.rules.call import Call
from pellucid.models.rules.deeplift import steps
from pellucid.models.rules.deeplift.multipliers import rule_of
from pellucid.models.rules.deeplift.normalizers import NORMALIZERS
from pellucid.models.rules.deeplift.rule import Kept, Rule
from pellucid.models.rules.deeplift.steps import jumps, stepped
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.keeper import Keeper
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.rows import RowAxis, RowsHidden, pick
from pellucid.models.rules.ruled import ruled

if TYPE_CHECKING:
    from pellucid.models.protocol import Score


def hidden() -> RowsHidden:
    """Raised where one baseline was to serve several rows."""
    return RowsHidden(
        "The forward does not show which elements belong to which row", received="one baseline", remedy="give each row its own baseline"
    )


class Reference:
    """The pass over the baselines: as many as there are rows, or (``picked`` says which) one at a time for all rows."""

    differentiates = False

    def __init__(self, *, follows_rows: bool = False) -> None:
        self.follows_rows = follows_rows
        self.keeper = Keeper()
        self.names: dict[int, str] = {}
        self.kept: dict[int, tuple[Call, Kept]] = {}
        self.picked: int | None = None
        self.rows = 0

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        return operation.kind == "composite" and operation.name not in NORMALIZERS

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation, and keeps what it saw if its multiplier depends on it."""
        self.names[call.number] = call.operation.name
        body = body_of(call)
        if body is not None:
            return _reopened(call, body)
        if jumps(call):
            output, seen = steps.run(call)
        else:
            rule = rule_of(call)
            if rule is None:
                return call.run(*call.operands)
            output, seen = rule.run(call)
        kept = Kept(self.keeper.keep(call.operands), self.keeper.keep(seen))
        call.let_go(kept.operands)
        self.kept[call.number] = call, kept
        return output

    def seen(self, number: int, here: Call | None, times: int) -> Kept:
        """What the operation of this number saw at the baseline, laid beside ``times`` rows, which ``here`` meet the same operation."""
        there, kept = self.kept[number]
        if self.picked is None:
            return kept
        known = there if self.rows > 1 or here is None else here  # a single row does not show where rows lie
        operands = [self._one(t, at, times) for t, at in zip(kept.operands, known.rows, strict=True)]
        return Kept(operands, [self._one(t, known.result_rows, times) for t in kept.output])

    def every(self, number: int, here: Call | None, times: int) -> Iterator[Kept]:
        """The same at each baseline that may be picked."""
        chosen = self.picked
        for row in range(self.rows) if chosen is not None else (None,):
            self.picked = row
            yield self.seen(number, here, times)
        self.picked = chosen

    @property
    def size(self) -> int:
        """Bytes kept."""
        return self.keeper.size

    def _one(self, tensor: Tensor, at: RowAxis | None, times: int) -> Tensor:
        if at is None or at.axis >= tensor.ndim:
            raise hidden()
        if at.inner == 1 and tensor.shape[at.axis] == self.rows:
            return tensor if self.rows == 1 else tensor.narrow(at.axis, self.picked or 0, 1)
        return pick(tensor, at, self.picked or 0, rows=self.rows, times=times)


class Difference:
    """The pass over the rows themselves, beside a reference; beside ``others`` too, if ``reference`` is set to one of them later.

    Attributes:
        eps: the coarsest rounding of any value that met a rule.
    """

    differentiates = True

    def __init__(self, reference: Reference, rows: int, *, others: Sequence[Reference] = ()) -> None:
        self.reference, self.rows = reference, rows
        self.references = (reference, *others)
        # where a reference is a single row, these rows show where rows lie
        self.follows_rows = any(one.picked is not None and one.rows == 1 for one in self.references)
        self.keeper = Keeper()
        self.calls: dict[int, Call] = {}
        self.eps = 0.0

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        return operation.kind == "composite" and operation.name not in NORMALIZERS

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation; its backward multiplies by the averaged Jacobian."""
        self._check_branch(call)
        self._note_rounding(call.operands[0])
        if call.operation.name == "detach":
            return call.operands[0].view_as(call.operands[0])
        body = body_of(call)
        if body is not None:
            return _reopened(call, body)
        if self.follows_rows:
            self.calls[call.number] = call
        if jumps(call):
            with torch.no_grad():
                output, _ = steps.run(call)
            output = stepped(call, output, self)
            call.let_go(t.detach() for t in call.operands)
            return output
        rule = rule_of(call)
        if rule is None:
            return self._linear(call)
        with torch.no_grad():
            output, seen = rule.run(call)
        first = self._ruled(call, rule, seen)
        return first if isinstance(output, Tensor) else type(output)((first, *output[1:]))

    def _linear(self, call: Call) -> Any:  # noqa: ANN401
        """An operation that autograd does right."""
        output = call.run(*call.operands)
        self.calls.pop(call.number, None)
        return output

    def _ruled(self, call: Call, rule: Rule, seen: list[Tensor], only: Sequence[int] | None = None) -> Tensor:
        kept = Kept(self.keeper.keep(call.operands), self.keeper.keep(seen))

        def backward(gradient: Tensor) -> tuple[Tensor, ...]:
            there = self.reference.seen(call.number, self.calls.get(call.number), self.rows)
            others = there.operands if only is None else [there.operands[place] for place in only]
            found = rule.backward(call, kept, Kept(_alike(kept.operands, others), _alike(kept.output, there.output)), gradient)
            return tuple(_alike(kept.operands, found))

        output = ruled(seen[0], backward, *call.operands)
        call.let_go(kept.operands)
        return output

    def follow(self, call: Call, rule: Rule | None, output: Tensor | None = None, only: Sequence[int] | None = None) -> Tensor:
        """The output of an operation with the graph of its rule; ``only`` some of its operands are differentiated."""
        if rule is None:
            return call.run(*call.operands)
        with torch.no_grad():
            seen = rule.run(call)[1] if output is None else [output]
        return self._ruled(call, rule, seen, only)

    def plain_rule(self, call: Call) -> Rule | None:
        """The rule of an operation on floating-point operands."""
        return rule_of(call)

    def same(self, call: Call, places: Sequence[int]) -> bool:
        """Whether these operands are the same at the baseline, at each of the baselines where one is picked out for all rows."""
        return all(
            torch.equal(call.operands[place], there.operands[place])
            for reference in self.references
            for there in reference.every(call.number, call, self.rows)
            for place in places
        )

    def _note_rounding(self, value: Tensor) -> None:
        if value.is_floating_point():
            self.eps = max(self.eps, torch.finfo(value.dtype).eps)

    def _check_branch(self, call: Call) -> None:
        if any(one.names.get(call.number) != call.operation.name for one in self.references):
            if self.reference.picked is not None:  # perhaps it goes through the rows one by one
                raise hidden()
            raise UnsupportedOperation(
                "The forward takes another branch at the baseline than at the input",
                received=f"{call.operation.name} at {call.where()}",
                remedy="choose a baseline on the input's branch, or use 'integrated_gradients' or 'occlusion'",
            )


def _alike(here: Iterable[Tensor], there: Iterable[Tensor]) -> list[Tensor]:
    """``there`` in the dtypes of ``here``: masks are kept as they are, and half precision may be computed in single."""
    return [b if b.dtype == a.dtype else b.to(a.dtype) for a, b in zip(here, there, strict=False)]


def _reopened(call: Call, body: Callable[..., Any]) -> Any:  # noqa: ANN401
    """The operation by a body of simpler ones, each of which meets the rules."""
    with call.interceptor:
        return body(*call.args, **call.kwargs)


def score_multipliers(score: Score, outputs: Tensor, baselines: Tensor, rows: Tensor) -> tuple[Tensor, bool]:
    """The multipliers of the score with respect to the outputs, and whether they hold for any others (the score is linear).

    Args:
        score: what is explained of the outputs.
        outputs: at the rows, (row, ...).
        baselines: at a baseline for each, (row, ...).
        rows: the explained row that each belongs to.
    """
    reference = Reference()
    _score(reference, score, baselines, rows)
    leaf, scores = _score(Difference(reference, len(rows)), score, outputs, rows)
    if not scores.requires_grad:
        return torch.zeros_like(leaf), False
    return torch.autograd.grad(scores, leaf, torch.ones_like(scores))[0], not reference.kept


def _score(rules: Reference | Difference, score: Score, outputs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    interceptor = Interceptor(rules, len(rows))
    with torch.set_grad_enabled(rules.differentiates):
        leaf = outputs.detach().requires_grad_(rules.differentiates)
        entered = interceptor.enter(leaf.clone())
        with interceptor:
            return leaf, score(entered, rows)
