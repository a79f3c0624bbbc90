"""Multipliers between the explained rows and baselines, counted and batched: what DeepLIFT and DeepSHAP are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.deeplift.difference import Difference, Reference, score_multipliers
from pellucid.models.rules.rows import RowsHidden

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.ruled_pass import RuledOutputs

_KIND = "gradient, difference"


@dataclass(frozen=True, eq=False)
class Differences:
    """What the rows' difference from one baseline each comes to.

    Attributes:
        values: multiplier times difference, one tensor per explained input (sample, ...).
        baseline_scores: (sample,) in float64, by the plain model.
        rounding: the error that rounding may bring to the sum of the values, (sample,) in float64.
    """

    values: tuple[Tensor, ...]
    baseline_scores: Tensor
    rounding: Tensor


@dataclass
class Pass:
    """What the passes of one call say about themselves: lines where values left torch, operations, the coarsest rounding."""

    left: dict[str, None] = field(default_factory=dict)
    operations: int = 0
    eps: float = 0.0

    def note(self, reference: Reference, difference: Difference, *outputs: RuledOutputs) -> None:
        """Takes in one pair of passes."""
        self.operations = max(self.operations, len(reference.names))
        self.eps = max(self.eps, difference.eps)
        for one in outputs:
            self.left.update(dict.fromkeys(one.left))

    def rounding(self, size: Tensor) -> Tensor:
        """Every operation rounds once, each time by at most half a unit of the sums it forms, both on the way there and back."""
        return self.eps * self.operations * size


def differences(evaluator: Evaluator, start: tuple[Tensor, ...]) -> Differences:
    """From the rows to these baselines, one each. A baseline that all rows share is run once.

    Costs a row: one evaluation at the baseline by the plain model and one by the rules, and one gradient evaluation; the two at the
    baseline are two in all where it is shared.

    Raises:
        UnsupportedOperation: an operation that no rule covers, or differences that do not add up to that of the scores.
    """
    evaluator.scores_at_inputs()
    made = Pass()
    if evaluator.rows > 1 and evaluator.bound.alone and all(bool((s == s[:1]).all()) for s in start):
        there, multipliers = _from_one(evaluator, start, made)
    else:
        there, multipliers = _from_own(evaluator, start, made)
    values = tuple(m * (v - b) for m, v, b in zip(multipliers, evaluator.values, start, strict=True))
    return Differences(values, there, settled(evaluator, values, there, made))


def settled(evaluator: Evaluator, values: tuple[Tensor, ...], there: Tensor, made: Pass) -> Tensor:
    """The rounding that the sums may carry; an error where they are off by more than rounding can explain."""
    here = evaluator.scores_at_inputs().cpu()
    total, size = (sum_of(values, absolute=absolute) for absolute in (False, True))
    size = size + here.abs() + there.abs()
    check_sums(total, here - there, size, made)
    return made.rounding(size)


def check_sums(total: Tensor, wanted: Tensor, size: Tensor, made: Pass) -> None:
    """Raises where a sum is off by more than half of the digits of what it is made of (``size``), which no rounding takes."""
    residual = (total - wanted).abs()
    if bool((residual > made.eps**0.5 * size).any()):  # what is not a number is a finding of its own, which the verdict names
        worst = int((residual / size).nan_to_num(nan=-1).argmax())
        raise broken(float(residual.flatten()[worst]), float(wanted.flatten()[worst]), made)


def sum_of(values: tuple[Tensor, ...], *, absolute: bool = False) -> Tensor:
    """The sum of all inputs' values, or of their sizes, in each row, (sample,) in float64."""
    parts = [(v.abs() if absolute else v).double().reshape(len(v), -1).sum(1) for v in values]
    return torch.stack(parts).sum(0).cpu()


def broken(residual: float, difference: float, made: Pass) -> UnsupportedOperation:
    """The error for values that do not add up."""
    where = f"; values left torch at {', '.join(made.left)}" if made.left else ""
    return UnsupportedOperation(
        "The rules could not follow this forward pass: the attributions do not add up to the difference of the scores",
        received=f"off by {residual:.3g} where f(x) - f(baseline) is {difference:.3g}{where}",
        remedy="compute in torch what was computed outside it (item(), numpy), keep the rows of a batch apart, or use "
        "'integrated_gradients' or 'occlusion'",
    )


def _from_own(evaluator: Evaluator, start: tuple[Tensor, ...], made: Pass) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Every row beside its own baseline."""
    evaluator.afford(3)
    there = evaluator.scores(lambda rows, _: tuple(b[rows] for b in start), 1)[:, 0]
    score = evaluator.selection.score
    found = tuple(torch.empty_like(v) for v in evaluator.values)

    def both(rows: Tensor) -> tuple[Tensor, ...]:
        reference = Reference()
        at_baseline = evaluator.bound.outputs_under(reference, tuple(b[rows] for b in start), rows)
        difference = Difference(reference, len(rows))
        at_rows = evaluator.bound.outputs_under(difference, tuple(v[rows] for v in evaluator.values), rows)
        made.note(reference, difference, at_baseline, at_rows)
        check_outputs(evaluator, at_rows.outputs, rows, made)
        return at_rows.back(score_multipliers(score, at_rows.outputs, at_baseline.outputs, rows)[0])

    for rows, _ in evaluator.pairs(1, _KIND):
        for whole, part in zip(found, evaluator.run(_KIND, both, rows), strict=True):
            whole[rows] = part
    return there, found


def _from_one(evaluator: Evaluator, start: tuple[Tensor, ...], made: Pass) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All rows beside one baseline, which is run once; beside copies of it where the network hides where rows lie."""
    evaluator.afford(1)
    first, only = tuple(b[:1] for b in start), torch.zeros(1, dtype=torch.long)
    plain = evaluator.run("forward", lambda r: evaluator.bound.outputs(first, r), only)
    score = evaluator.selection.score
    every = torch.arange(evaluator.rows)
    there = score(plain.expand(len(every), *plain.shape[1:]), every).double().cpu()
    reference = Reference()
    at_baseline = evaluator.run("forward, reference", lambda r: evaluator.bound.outputs_under(reference, first, r), only)
    reference.rows = 1
    found = tuple(torch.empty_like(v) for v in evaluator.values)

    def beside(rows: Tensor) -> tuple[Tensor, ...]:
        reference.picked = 0 if len(rows) > 1 else None
        difference = Difference(reference, len(rows))
        at_rows = evaluator.bound.outputs_under(difference, tuple(v[rows] for v in evaluator.values), rows)
        made.note(reference, difference, at_baseline, at_rows)
        check_outputs(evaluator, at_rows.outputs, rows, made)
        baselines = at_baseline.outputs.expand_as(at_rows.outputs)
        return at_rows.back(score_multipliers(score, at_rows.outputs, baselines, rows)[0])

    try:
        for rows, _ in evaluator.pairs(1, _KIND):
            for whole, part in zip(found, evaluator.run(_KIND, beside, rows), strict=True):
                whole[rows] = part
    except RowsHidden:
        return _from_own(evaluator, start, made)
    return there, found


def check_outputs(evaluator: Evaluator, outputs: Tensor, rows: Tensor, made: Pass) -> None:
    """The pass under rules must compute what the plain model computes at these rows."""
    plain = evaluator.scores_at_inputs()[rows.cpu()].cpu()
    ruled = evaluator.selection.score(outputs, rows).double().cpu()
    if bool(((ruled - plain).abs() > made.eps**0.5 * (1 + plain.abs())).any()):
        raise broken(float((ruled - plain).abs().max()), float(plain[0]), made)
