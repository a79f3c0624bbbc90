"""From the name of a value function to the function, for the rows being explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from pellucid.errors import InputError, UnknownName
from pellucid.methods.games.value_functions import Fixed, Gaussian, Nearest, ValueFunction

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.methods.run import Evaluator

Value = Literal["auto", "baseline", "marginal", "nearest", "gaussian"]
VALUES = ("auto", "baseline", "marginal", "nearest", "gaussian")
NEIGHBORS = 16
DRAWS = 32
STREAM = 7  # of the evaluator's generator


class Comparison:
    """What absent players are replaced by, and what the result calls it.

    Attributes:
        kind: the value function after "auto" was settled.
        function, nobody: of coalitions, and of the empty one.
        start: one baseline per explained row, which the checks use as in-fill.
        names: by input, for the provenance.
        references: how many background rows are used.
    """

    def __init__(self, evaluator: Evaluator, value: Value, baseline: Baseline | None, references: int) -> None:
        if value not in VALUES:
            raise UnknownName("value function", value, VALUES)
        self.start = evaluator.baseline(baseline)
        self.background = _drawn(evaluator, references)
        self.kind = self._settled(evaluator, value, given=baseline is not None)
        named = self.kind != "baseline"
        self.names = {
            spec.name: _NAMED[self.kind] if named and rows is not None else evaluator.baseline_names[spec.name]
            for spec, rows in zip(evaluator.specs, self.background, strict=True)
        }
        self.references = max((len(rows) for rows in self.background if rows is not None), default=0) if named else 0
        self._one = Fixed(tuple(start[:, None] for start in self.start))
        self._many = Fixed(
            tuple(start[:, None] if rows is None else rows[None] for rows, start in zip(self.background, self.start, strict=True))
        )

    @property
    def fixed(self) -> bool:
        """Whether absent players are replaced by the same rows whatever is present."""
        return self.kind in ("baseline", "marginal")

    def of(self, evaluator: Evaluator, rows: Tensor) -> tuple[ValueFunction, ValueFunction]:
        """The value functions of coalitions and of the empty coalition, for some of the explained rows."""
        if self.kind == "baseline":
            one = Fixed(tuple(start[rows] for start in self._one.points))
            return one, one
        many = Fixed(tuple(point if len(point) == 1 else point[rows] for point in self._many.points))
        if self.kind == "marginal":
            return many, many
        background = [part for part in self.background if part is not None]
        if self.kind == "nearest":
            values = tuple(value[rows] for value in evaluator.values)
            return Nearest(values, tuple(background), min(NEIGHBORS, len(background[0]))), many
        return _gaussian(evaluator, rows, background[0]), many

    def _settled(self, evaluator: Evaluator, value: Value, *, given: bool) -> Value:
        """What "auto" means: marginal for tables with a background, else a baseline; a baseline too where there is no background."""
        some = any(rows is not None for rows in self.background)
        if value == "auto":
            tables = all(spec.kind == "tabular" for spec in evaluator.specs)
            return "marginal" if some and tables and not given else "baseline"
        if value == "marginal":
            return "marginal" if some else "baseline"
        if value in ("nearest", "gaussian") and not all(rows is not None for rows in self.background):
            raise InputError(
                f"The {value} value function needs background rows for every input",
                received="no background",
                remedy="give background=<rows of the training data> to explain(), or value='baseline'",
            )
        return value


_NAMED = {
    "marginal": "background rows, whatever is present (marginal)",
    "nearest": "background rows most like what is present (conditional)",
    "gaussian": "what is usual beside what is present, by a normal distribution (conditional)",
}


def _drawn(evaluator: Evaluator, references: int) -> tuple[Tensor | None, ...]:
    """The background, or so many rows of it drawn without replacement."""
    if isinstance(references, bool) or not isinstance(references, int) or references < 1:
        raise InputError("At least one background row is needed", received=repr(references), remedy="use references=100")
    background = evaluator.background_rows()
    count = max((len(rows) for rows in background if rows is not None), default=0)
    if count <= references:
        return background
    chosen = torch.randperm(count, generator=evaluator.generator(STREAM))[:references].sort().values.to(evaluator.device)
    return tuple(None if rows is None else rows[chosen] for rows in background)


def _gaussian(evaluator: Evaluator, rows: Tensor, background: Tensor) -> Gaussian:
    """A normal distribution with the background's mean and covariance."""
    spec, count = evaluator.specs[0], background.shape[-1]
    mixed = spec.categorical or (spec.groups and len(set(spec.groups)) < len(spec.groups))
    if len(evaluator.values) != 1 or background.ndim != 2 or mixed or len(background) < 3 or not bool(background.isfinite().all()):
        raise InputError(
            "The gaussian value function is for one table of numbers without gaps",
            received=f"{len(evaluator.values)} inputs; background of shape {tuple(background.shape)}; categories: {bool(mixed)}",
            remedy="use value='nearest' or 'marginal'",
        )
    centered = (background - background.mean(0)).double().cpu()
    covariance = centered.T @ centered / (len(background) - 1)
    covariance += 1e-6 * covariance.diagonal().mean() * torch.eye(count, dtype=torch.float64)
    half = torch.randn((DRAWS // 2, count), generator=evaluator.generator(STREAM + 1), dtype=torch.float64)
    noise = torch.stack([half, -half], 1).reshape(DRAWS, count)
    return Gaussian(evaluator.values[0][rows], background.double().mean(0).cpu(), covariance, noise)
