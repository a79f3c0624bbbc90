"""Accounts: what of a score is with its inputs, and what with anything else, summed operation by operation; they must close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check
from pellucid.models.rules.rows import RowsHidden

INPUTS = "inputs"


@dataclass(frozen=True)
class Rounding:
    """What rounding can do: the coarsest unit in the last place of any value, and how many operations there were."""

    eps: float
    operations: int


@dataclass(frozen=True, eq=False)
class Account:
    """The ledger of every row.

    Attributes:
        ledger: (sample, entry) in float64, the inputs first.
        entries: their names.
        residual: score less the sum of the ledger, (sample,).
        rounding: what rounding may make of the residual, (sample,).
    """

    ledger: Tensor
    entries: tuple[str, ...]
    residual: Tensor
    rounding: Tensor

    def check(self) -> Check:
        """Whether the ledger closes, with its entries beside it."""
        residual, rounding = self.residual.abs().numpy(), self.rounding.numpy()
        none = np.full(len(residual), np.nan)
        table = LabelledArray("ledger", self.ledger.numpy(), ("sample", "entry"), {"entry": self.entries})
        note = f"residual of: score = {' + '.join(self.entries)}, each summed operation by operation"
        return Check("conservation", "identity", "lower", residual, rounding, residual, residual, none, 0, (table,), note)


@dataclass
class RowByRow:
    """Runs batches; where the forward pass hides where the rows of a batch lie, it goes back from one row's score at a time.

    Attributes:
        run: takes a batch of rows, and whether to go back from one score at a time, to tensors (row, ...).
        hidden: whether it does that.
    """

    run: Callable[[Tensor, bool], tuple[Tensor, ...]]
    hidden: bool = False

    def __call__(self, rows: Tensor) -> tuple[Tensor, ...]:
        """What ``run`` gives for these rows."""
        if not self.hidden:
            try:
                return self.run(rows, False)
            except RowsHidden:
                self.hidden = True
        return self.run(rows, True)

    @property
    def choices(self) -> tuple[str, ...]:
        """What was decided, for the provenance."""
        return ("one row's score at a time, since an operation hides where the rows of a batch lie",) if self.hidden else ()


def one_at_a_time(rows: int, inputs: int, back: Callable[[Tensor, bool], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Goes back from each row's score by itself, and puts together what belongs to each row.

    Args:
        rows: how many.
        inputs: so many of the first tensors are of the whole batch; of each, one row is to be non-zero.
        back: takes weights (row,) of the scores, and whether it will be called again, to tensors (row, ...), or (1, ...) for all together.

    Raises:
        RowsHidden: a row's score depends on other rows.
    """
    parts = []
    for row in range(rows):
        weights = torch.zeros(rows)
        weights[row] = 1
        found = back(weights, row + 1 < rows)
        if any(bool(f[:row].any()) or bool(f[row + 1 :].any()) for f in found[:inputs]):
            raise RowsHidden("A row's score depends on other rows of the batch", received=f"{rows} rows", remedy="give batch_size=1")
        parts.append(tuple(f[row : row + 1] if len(f) == rows else f for f in found))
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def settle(inputs: tuple[Tensor, ...], booked: dict[str, Tensor], scores: Tensor, flow: Tensor, rounding: Rounding) -> Account:
    """The sums beside the scores.

    Args:
        inputs: what each input has, (sample, ...).
        booked: what else there is, each (sample,) in float64.
        scores: (sample,) in float64.
        flow: the largest sum of sizes that went through any operation, (sample,).
        rounding: what rounding can do.

    Raises:
        UnsupportedOperation: they are off by more than rounding can explain.
    """
    own = torch.stack([r.double().flatten(1).sum(1).cpu() for r in inputs]).sum(0)
    entries = (INPUTS, *booked)
    ledger = torch.stack([own, *booked.values()], 1)
    residual, size = scores - ledger.sum(1), scores.abs() + flow
    # all the digits of the upper half, which no rounding takes
    if not bool((residual.abs() <= rounding.eps**0.5 * size).all()):
        row = int(residual.abs().nan_to_num(torch.inf).argmax())
        items = ", ".join(f"{name} {float(value):.4g}" for name, value in zip(entries, ledger[row], strict=True))
        raise UnsupportedOperation(
            "The ledger does not close: an operation that its rule does not fit, or rounding",
            received=f"score {float(scores[row]):.4g}; {items}",
            remedy="give the network in float64, or a larger epsilon if the method has one; or use 'integrated_gradients' or 'occlusion'",
        )
    return Account(ledger, entries, residual, rounding.eps * rounding.operations * size)
