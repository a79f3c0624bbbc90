"""Deletion and insertion: does the score fall faster when players go in the explanation's order than in random order?

Deletion removes the strongest players first and insertion brings the strongest back first (Petsiuk et al. 2018; Samek et al. 2017). The
value is the mean score over the curve on the scale of the score. The same random orders serve both curves: removing the first q of an order
is the same evaluation as having brought back the last 1 - q of it. The explanation's own curve has no sampling error; the
spread of the random orders' values gives the interval (Student's t, prediction of one more order). The one-sided p-value is the larger
one of that t test's and of the rank among the random orders, (1 + as good ones) / (1 + orders), which needs no distribution.

Scattered patches do more harm than one patch of the same area. So a coherent map of an image has it harder at deletion, and easier at
insertion, than a random order of patches; since the verdict asks for both, it errs on the side of refusing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pellucid.checks.evidence import FEWEST, Evidence
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check

CURVES = 2  # deletion and insertion
FEWEST_ORDERS = 19  # to be the best of 20 has a chance of 5 %


def faithfulness(evidence: Evidence) -> tuple[Check, ...]:
    """The deletion and insertion checks; none where there are too few players for any order to beat chance, none for a layer's units, which
    can not be removed from an input, and none for what flows through a part of the network, which is not all that the score depends on."""
    if evidence.players.count < FEWEST or evidence.attribution.units or evidence.attribution.through:
        return ()
    evaluator = evidence.evaluator
    counts, draws = _plan(evidence.players.count, evidence.budget)
    with evaluator.account("checks") as spent:
        order = np.argsort(-evidence.strengths, axis=1, kind="stable")
        generator = np.random.default_rng(evaluator.situation.seed + 104_729)  # all rows share the draws
        orders = [generator.permutation(evidence.players.count)[None] for _ in range(draws)]
        masks = np.concatenate([_removed(one, counts) for one in orders], 1)
        ours = evidence.scores_without(np.concatenate([_removed(order, counts), _removed(order[:, ::-1], counts)], 1))
        chance, empty = evidence.scores_without(masks), evidence.empty_scores
        here = evaluator.scores_at_inputs().cpu().numpy()
    inner = len(counts)
    random = chance.reshape(len(ours), draws, inner)
    deletion, insertion = ours[:, :inner], ours[:, inner:][:, ::-1]
    note = f"{evidence.players.count} players, in-fill: {evidence.infill_name}; {inner + 2} points, {draws} random orders"
    fractions = np.concatenate([[0.0], counts / evidence.players.count, [1.0]])
    return (
        _check("deletion", (here, deletion, empty), random, (fractions, spent.evaluations, note)),
        _check("insertion", (empty, insertion, here), random[:, :, ::-1], (fractions, 0, note)),
    )


def _plan(count: int, budget: int) -> tuple[np.ndarray, int]:
    """Curve points (players removed at each) and the number of random orders, within the budget: points x (2 curves + orders) + 1 rows."""
    points = (3 if budget <= 96 else 9) - count % 2  # an odd number of players has no middle
    counts = np.arange(1, points + 1) / (points + 1) * count
    lower = np.clip(np.round(counts[counts <= count / 2]).astype(int), 1, count // 2)
    counts = np.unique(np.concatenate([lower, count - lower]))  # symmetric, so that random orders serve both curves
    return counts, max(FEWEST_ORDERS, min(59, (budget - 1) // len(counts) - CURVES))


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
    as_good = (values <= value[:, None] + tiny[:, None] if name == "deletion" else values >= value[:, None] - tiny[:, None]).sum(1)
    p_value = np.where(spread > tiny, np.maximum(stdtr(orders - 1, -lead / np.maximum(spread, tiny)), (1 + as_good) / (1 + orders)), 1.0)
    reach = stdtrit(orders - 1, 0.975) * spread
    direction: Literal["lower", "higher"] = "lower" if name == "deletion" else "higher"
    curves = _curves(fractions, whole, chance)
    return Check(name, "faithfulness", direction, value, mean, value - reach, value + reach, p_value, evaluations, curves, note)


def _curves(fractions: np.ndarray, whole: np.ndarray, chance: np.ndarray) -> tuple[LabelledArray, ...]:
    axes = ("sample", "fraction")
    middle, width = chance.mean(1), 1.96 * chance.std(1, ddof=1)
    parts = {"curve": whole, "random_mean": middle, "random_low": middle - width, "random_high": middle + width}
    return (LabelledArray("fraction", fractions, ("fraction",), {}), *(LabelledArray(n, v, axes, {}) for n, v in parts.items()))
