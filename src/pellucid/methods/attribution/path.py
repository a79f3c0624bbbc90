"""What every rule for integrating gradients along a straight line takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pellucid.methods.run import expand

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.run import Evaluator


@dataclass(frozen=True, eq=False)
class Path:
    """The straight line from a baseline to each explained row."""

    evaluator: Evaluator
    start: tuple[Tensor, ...]
    difference: tuple[Tensor, ...]

    @classmethod
    def between(cls, evaluator: Evaluator, start: tuple[Tensor, ...]) -> Path:
        """From ``start`` (sample, ...) to the rows that the evaluator holds."""
        return cls(evaluator, start, tuple(v - b for v, b in zip(evaluator.values, start, strict=True)))

    def points(self, rows: Tensor, parts: Tensor) -> tuple[Tensor, ...]:
        """The points of these rows at ``parts`` (batch,) of the way, 0 the baseline and 1 the row."""
        each = zip(self.start, self.difference, strict=True)
        return tuple(b.index_select(0, rows).addcmul_(d.index_select(0, rows), expand(parts, d)) for b, d in each)

    def start_scores(self) -> Tensor:
        """The score of the baseline (sample,) in float64; one evaluation per row."""
        return self.evaluator.scores(lambda rows, _: tuple(b[rows] for b in self.start), 1)[:, 0]


@dataclass(frozen=True, eq=False)
class Integral:
    """Integrated gradients of every row along one path.

    Attributes:
        values, errors: per explained input, in its shape; the errors are what the rule states for each element.
        completeness: (sample,) the error that the rule states for the sum of the values.
        start_scores: (sample,) the score of the baseline, where the rule needed it.
        exact: whether the errors are nothing but rounding.
        choice: what a rule that chooses among others decided, a sentence.
    """

    values: tuple[Tensor, ...]
    errors: tuple[Tensor, ...]
    completeness: Tensor
    start_scores: Tensor | None = None
    exact: bool = False
    choice: str = ""


def background_scores(evaluator: Evaluator, background: tuple[Tensor | None, ...], start: tuple[Tensor, ...]) -> Tensor:
    """The scores (sample, background row); an input without a background stays at ``start``, which follows the row.

    One forward row per background row, shared by all explained rows; for each of them where any input follows the row.
    """
    count = max((len(rows) for rows in background if rows is not None), default=1)
    if not evaluator.bound.alone or any(rows is None for rows in background):

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            return tuple(s[rows] if b is None else b[samples] for b, s in zip(background, start, strict=True))

        return evaluator.scores(points, count)
    whole = [rows for rows in background if rows is not None]
    score, outputs = evaluator.selection.score, []
    for at, _ in evaluator.pairs(1, rows=count):
        outputs.append(evaluator.run("forward", lambda r: evaluator.bound.outputs(tuple(b[r] for b in whole), torch.zeros_like(r)), at))
    joined = torch.cat(outputs)
    return torch.stack([score(joined, torch.full((count,), row)).double().cpu() for row in range(evaluator.rows)])
