"""Deletion and insertion: does the score fall faster when players go in the explanation's order than in random order?

Deletion removes the strongest players first and insertion brings the strongest back first (Petsiuk et al. 2018; Samek et al. 2017). The
value is the mean score over the curve on the scale of the score. The same random orders serve both curves: removing the first q of an order
is the same evaluation as having brought back the last 1 - q of it. The explanation's own curve has no sampling error; the
spread of the random orders' values gives the interval and the one-sided p-value (Student's t, prediction of one more order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.checks.evidence import FEWEST, Evidence
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check

CURVES = 2  # deletion and insertion


@dataclass(frozen=True, eq=False)
class _Plan:
    counts: np.ndarray  # players removed at each inner point of the curve, symmetric
    orders: np.ndarray  # (order, player), random


def faithfulness(evidence: Evidence) -> tuple[Check, ...]:
    """The deletion and insertion checks; none where there are too few players for any order to beat chance."""
    if evidence.players.count < FEWEST:
        return ()
    evaluator = evidence.evaluator
    plan = _plan(evidence)
    with evaluator.account("checks") as spent:
        order = np.argsort(-evidence.strengths, axis=1, kind="stable")
        ours = evidence.scores_without(np.concatenate([_removed(order, plan.counts), _removed(order[:, ::-1], plan.counts)], 1))
        masks = np.concatenate(
            [_removed(one[None], plan.counts) for one in plan.orders] + [np.ones((1, 1, evidence.players.count), bool)], 1
        )
        chance = evidence.scores_without(masks)
        here = evaluator.scores_at_inputs().cpu().numpy()
    inner = len(plan.counts)
    random, empty = chance[:, :-1].reshape(len(ours), len(plan.orders), inner), chance[:, -1]
    deletion, insertion = ours[:, :inner], ours[:, inner:][:, ::-1]
    note = f"{evidence.players.count} players, in-fill: {evidence.infill_name}; {inner + 2} points, {len(plan.orders)} random orders"
    fractions = np.concatenate([[0.0], plan.counts / evidence.players.count, [1.0]])
    return (
        _check("deletion", (here, deletion, empty), random, (fractions, spent.evaluations, note)),
        _check("insertion", (empty, insertion, here), random[:, :, ::-1], (fractions, 0, note)),
    )


def _plan(evidence: Evidence) -> _Plan:
    """As many curve points and random orders as the budget of rows allows: inner points x (2 curves + orders) + 1."""
    count = evidence.players.count
    points = 4 if evidence.budget <= 96 else 6 if evidence.budget <= 256 else 10
    counts = np.unique(np.clip(np.round(np.arange(1, points + 1) / (points + 1) * count).astype(int), 1, count - 1))
    counts = np.unique(np.concatenate([counts, count - counts]))  # symmetric, so that random orders serve both curves
    orders = max(8, min(60, (evidence.budget - 2) // len(counts) - CURVES))
    draws = np.random.default_rng(evidence.evaluator.situation.seed + 104_729)
    return _Plan(counts, np.stack([draws.permutation(count) for _ in range(orders)]))


def _removed(order: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Masks (sample, point, player): the first ``counts`` players of each order."""
    rank = np.argsort(order, axis=1, kind="stable")
    return rank[:, None, :] < counts[None, :, None]


def _check(
    name: Literal["deletion", "insertion"],
    curve: tuple[np.ndarray, np.ndarray, np.ndarray],
    random: np.ndarray,
    about: tuple[np.ndarray, int, str],
) -> Check:
    from scipy.special import stdtr, stdtrit

    fractions, evaluations, note = about
    whole = np.concatenate([curve[0][:, None], curve[1], curve[2][:, None]], 1)
    chance = np.concatenate(
        [
            np.broadcast_to(curve[0][:, None, None], (*random.shape[:2], 1)),
            random,
            np.broadcast_to(curve[2][:, None, None], (*random.shape[:2], 1)),
        ],
        2,
    )
    value, values = np.trapezoid(whole, fractions, axis=1), np.trapezoid(chance, fractions, axis=2)
    orders = values.shape[1]
    mean, spread = values.mean(1), values.std(1, ddof=1) * np.sqrt(1 + 1 / orders)
    lead = (mean - value) if name == "deletion" else (value - mean)
    # a spread at the level of rounding means that no order differs from another: nothing was shown
    tiny = 1e-9 * np.maximum(np.abs(whole).max(1), 1e-30)
    p_value = np.where(spread > tiny, stdtr(orders - 1, -lead / np.maximum(spread, tiny)), 1.0)
    reach = stdtrit(orders - 1, 0.975) * spread
    direction: Literal["lower", "higher"] = "lower" if name == "deletion" else "higher"
    curves = _curves(fractions, whole, chance)
    return Check(name, "faithfulness", direction, value, mean, value - reach, value + reach, p_value, evaluations, curves, note)


def _curves(fractions: np.ndarray, whole: np.ndarray, chance: np.ndarray) -> tuple[LabelledArray, ...]:
    axes = ("sample", "fraction")
    middle, width = chance.mean(1), 1.96 * chance.std(1, ddof=1)
    parts = {"curve": whole, "random_mean": middle, "random_low": middle - width, "random_high": middle + width}
    return (LabelledArray("fraction", fractions, ("fraction",), {}), *(LabelledArray(n, v, axes, {}) for n, v in parts.items()))
