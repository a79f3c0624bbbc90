"""Accounts: what of a score is with its inputs, and what with anything else, summed operation by operation; they must close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check

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
