"""The arithmetic of targets: from a batch of outputs to one number per row, on the logit scale where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import TargetError
from pellucid.explanation.explanation import OutputKind

if TYPE_CHECKING:
    from pellucid.explanation.target import OutputSpace

# (outputs of a batch, index of the explained row each batch row belongs to) -> one score per batch row; torch tensors
Score = Callable[[Any, Any], Any]


def single_logit(index: np.ndarray, kind: OutputKind) -> Score:
    """The logit of class 1 for rows of class 1, its negative for rows of class 0."""

    def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
        value = outputs.reshape(len(outputs))
        if kind == "probabilities":
            value = log_ratio(value, 1 - value)
        return value * (per_row(index, rows) * 2 - 1)

    return score


def single_probability(index: np.ndarray) -> Score:
    """The one probability for rows of class 1, what is left to 1 for rows of class 0."""

    def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
        sign = per_row(index, rows) * 2 - 1
        return (1 - sign) / 2 + outputs.reshape(len(outputs)) * sign

    return score


def log_odds(index: np.ndarray, *, own: bool) -> Score:
    """The log-odds of a class; ``own``: of a label that excludes no other."""

    def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
        at = per_row(index, rows)[:, None]
        this = outputs.gather(1, at)[:, 0]
        # the others are summed: 1 - p_k would cancel where p_k is near 1
        return log_ratio(this, 1 - this if own else outputs.scatter(1, at, 0.0).sum(1))

    return score


def independent(space: OutputSpace) -> bool:
    """Whether the columns are labels of their own: probabilities that do not sum to one. Rows not yet evaluated are zero."""
    sums = space.outputs.astype(np.float64).sum(1)
    return bool((np.abs(sums[sums > 0] - 1) > 0.01).any())


def log_ratio(this: Any, other: Any) -> Any:  # noqa: ANN401
    """``log(this / other)`` of two probabilities; refused where that is infinite."""
    if bool(((this <= 0) | (other <= 0)).any()):
        raise TargetError(
            "A probability is exactly 0 or 1 somewhere, and its log-odds are infinite",
            received=f"probabilities from {float(this.min()):.3g} to {float(this.max()):.3g}",
            remedy="explain the probability itself with target=Output(k), or a network that returns logits",
        )
    return this.log() - other.log()


def pixel_score(index: int, space: OutputSpace) -> Callable[[Any], Any]:
    """The score of a class at every pixel, (sample, class, y, x) to (sample, y, x)."""
    single = space.classes == 1 and space.kind in ("logits", "probabilities")
    odds = space.kind == "probabilities" and space.odds
    own = odds and (single or independent(space))
    others = [k for k in range(space.classes) if k != index]

    def score(outputs: Any) -> Any:  # noqa: ANN401
        value = this = outputs[:, 0 if single else index]
        if odds:
            value = log_ratio(this, 1 - this if own else outputs[:, others].sum(1))
        if single and index == 0:
            return 1 - value if space.kind == "probabilities" and not odds else -value
        return value

    return score


def per_row(index: np.ndarray, rows: Any) -> Any:  # noqa: ANN401
    """The class of each batch row."""
    return rows.new_tensor(index)[rows]


def one_number(column: Any) -> Any:  # noqa: ANN401
    """The column itself, if it holds one number per row."""
    if column.ndim == 1:
        return column
    raise TargetError(
        "This output has more than one number per row and class",
        received=f"an output whose column has shape {tuple(column.shape)}",
        remedy="use target=Pixels(class, mask) for segmentation, or a function of the outputs that returns one number per row",
    )
