"""The ledger of relevance: what does not reach the inputs is booked, operation by operation and row by row, under what keeps it."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.models.rules.rows import FIRST, RowAxis, RowsHidden, by_row

BIASES = "biases"  # additive parameters: of dense layers, convolutions and normalizations
CONSTANTS = "constants"  # values that do not depend on the inputs: class tokens, position embeddings, numbers in the code, fixed inputs
EPSILON = "epsilon"  # what the stabilizer absorbs
SOFTMAX = "softmax"  # the part of a softmax that its first-order rule does not give to the logits
NONLINEAR = "nonlinear"  # what the tangent of an operation at its operands does not account for


class Ledger:
    """Sums per row (rows,) in float64, and the largest flow of relevance, which rounding errors are measured by.

    Where it is not known in which elements the rows lie, it raises :class:`RowsHidden`; a pass of one row never does.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.booked: dict[str, Tensor] = {}
        self.flow = torch.zeros(rows, dtype=torch.float64)

    def book(self, entry: str, values: Tensor, at: RowAxis | None) -> None:
        """Books the sum of each row's elements."""
        self.add(entry, by_row(values, self._known(at), self.rows))

    def book_product(self, entry: str, values: Tensor, weights: Tensor, at: RowAxis | None) -> None:
        """Books the sum of each row's elements of a product of two tensors of one shape."""
        at = self._known(at)
        if at == FIRST and len(values) == self.rows and values.shape == weights.shape and values.dtype == weights.dtype and values.ndim > 1:
            flat = values.reshape(self.rows, 1, -1), weights.reshape(self.rows, -1, 1)
            self.add(entry, torch.bmm(*flat).reshape(self.rows))  # one pass without a temporary
        else:
            self.add(entry, by_row(values * weights, at, self.rows))

    def book_channels(self, entry: str, values: Tensor, channel: int, weights: Tensor, at: RowAxis | None) -> None:
        """Books the sum of each row's elements of values times a weight for each channel."""
        at = self._known(at)
        channel %= values.ndim
        if at == FIRST and channel > 0 and len(values) == self.rows:
            others = [axis for axis in range(1, values.ndim) if axis != channel]
            self.add(entry, (values.sum(others) if others else values) @ weights.to(values.dtype))
        else:
            shape = [-1 if axis == channel else 1 for axis in range(values.ndim)]
            self.add(entry, by_row(values * weights.reshape(shape), at, self.rows))

    def pass_on(self, values: Tensor, at: RowAxis | None) -> Tensor:
        """Notes how much relevance flows here, and hands it on."""
        self.flow = torch.maximum(self.flow, by_row(values.abs(), self._known(at), self.rows).double().cpu())
        return values

    def table(self, entries: tuple[str, ...]) -> Tensor:
        """Sums (row, entry)."""
        none = torch.zeros(self.rows, dtype=torch.float64)
        return torch.stack([self.booked.get(entry, none) for entry in entries], 1)

    def add(self, entry: str, sums: Tensor) -> None:
        """Books sums (row,)."""
        sums = sums.double().cpu()
        self.booked[entry] = self.booked[entry] + sums if entry in self.booked else sums

    def _known(self, at: RowAxis | None) -> RowAxis:
        if self.rows == 1:
            return FIRST
        if at is None:
            raise RowsHidden(
                "The forward does not show which elements belong to which row, so that relevance can not be booked row by row",
                received=f"{self.rows} rows",
                remedy="give batch_size=1",
            )
        return at
