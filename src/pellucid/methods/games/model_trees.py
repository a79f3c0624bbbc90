"""Shapley values read from the trees that a model is made of, where the explained score is a combination of their outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from pellucid.errors import TargetError
from pellucid.methods.games.game import Estimate
from pellucid.methods.games.tree_shapley import tree_shapley
from pellucid.methods.games.value_functions import Elements, Fixed, ValueFunction

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.methods.run import Evaluator
    from pellucid.models.trees import Forest

PROBES = 8  # outputs at which a score must be the combination that it seems to be
ROUNDING = 1e-9  # relative to the largest number compared
SINGLE = 1e-4  # the same of a model that answers in single precision, of which log-odds of sure rows keep few digits


def tree_values(evaluator: Evaluator, elements: Elements, function: ValueFunction) -> tuple[Estimate, np.ndarray] | None:
    """Exact Shapley values and the value of no player (row,); None where the score is no sum over trees, or the fills vary with the row.

    That the sum of the trees is the model is not believed: both are compared at all explained and all background rows.
    """
    forest = evaluator.bound.trees()
    background = _background(function)
    if forest is None or background is None or any(len(label) > 1 for label in elements.labels):
        return None
    weights = _combination(evaluator, forest)
    if weights is None:
        return None
    scores = _background_scores(evaluator, background)
    rows, beside = (forest.prepare(part.double().cpu().numpy()) for part in (evaluator.values[0], background))
    own = evaluator.scores_at_inputs().cpu().numpy()
    apart = _apart(own, scores, weights, (forest.sums(rows), forest.sums(beside)))
    if apart > (SINGLE if forest.single else ROUNDING) * max(np.abs(scores).max(), np.abs(own).max(), 1e-12) + 1e-15:
        return None
    players = elements.labels[0][0].cpu().numpy()[forest.sources]
    found = tree_shapley(forest, rows, beside, players, weights)
    if found is None:
        return None
    whole = np.zeros((len(found), elements.players))  # the last players may own nothing that the trees see
    whole[:, : found.shape[1]] = found
    trees = f"{len(forest.trees)} trees" if len(forest.trees) > 1 else "1 tree"
    against = f"{len(beside)} background rows" if len(beside) > 1 else "1 background row"
    name = f"exact Shapley values of {trees} against {against}"
    rounding = np.finfo(np.float64).eps * len(forest.trees) * np.maximum(np.abs(scores).max(1), np.abs(own))
    errors = np.repeat(rounding[:, None] + (apart if forest.single else 0.0), elements.players, 1)
    return Estimate(whole, errors, np.zeros(len(whole), np.int64), name), scores.mean(1)


def _background(function: ValueFunction) -> Tensor | None:
    """The rows that absent players come from, if they are the same for all explained rows, (row, feature)."""
    if not isinstance(function, Fixed) or len(function.points) != 1 or function.points[0].ndim != 3:
        return None
    points = function.points[0]
    return points[0] if bool((points == points[:1]).all()) or len(points) == 1 else None


def _combination(evaluator: Evaluator, forest: Forest) -> np.ndarray | None:
    """The weight of each output of the trees in each row's score, (row, output); None where the score is more than such a sum."""
    outputs = forest.outputs
    draws = np.random.default_rng(0).normal(size=(PROBES, outputs)) * 3
    probes = np.concatenate([np.zeros((1, outputs)), np.eye(outputs), draws])
    given = torch.from_numpy(probes if forest.link is None else forest.link(probes))
    at = torch.arange(evaluator.rows).repeat_interleave(len(probes))
    try:
        scores = evaluator.selection.score(given.repeat(evaluator.rows, 1), at).double().numpy().reshape(evaluator.rows, len(probes))
    except TargetError:  # the logarithm of what is no probability
        return None
    weights = scores[:, 1 : outputs + 1] - scores[:, :1]
    expected = scores[:, :1] + weights @ probes.T
    return weights if np.abs(expected - scores).max() <= ROUNDING * max(1.0, np.abs(scores).max()) else None


def _background_scores(evaluator: Evaluator, background: Tensor) -> np.ndarray:
    """The score of every explained row's target at every background row, (row, background row); the model sees each once."""
    first = torch.zeros(1, dtype=torch.long, device=evaluator.device)
    outputs = evaluator.scores(lambda _, numbers: (background[numbers],), len(background), only=first, score=lambda found, _: found)[0]
    score = evaluator.selection.score
    return np.stack([score(outputs, torch.full((len(outputs),), row)).double().numpy() for row in range(evaluator.rows)])


def _apart(own: np.ndarray, scores: np.ndarray, weights: np.ndarray, sums: tuple[np.ndarray, np.ndarray]) -> float:
    """How far the model's scores are from the combination of the trees' sums, but for a constant of each row."""
    rest = own - (weights * sums[0]).sum(1)
    return float(np.abs(scores - weights @ sums[1].T - rest[:, None]).max())
