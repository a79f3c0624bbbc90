"""Deletion and insertion: does the score fall faster when players go in the explanation's order than in random order?

Deletion removes the strongest players first and insertion brings the strongest back first (Petsiuk et al. 2018; Samek et al. 2017). The
value is the mean score over the curve on the scale of the score. The same random orders serve both curves: removing the first q of an order
is the same evaluation as having brought back the last 1 - q of it. The explanation's own curve has no sampling error; the
spread of the random orders' values gives the interval (Student's t, prediction of one more order). The one-sided p-value is the larger
one of that t test's and of the rank among the random orders, (1 + as good ones) / (1 + orders), which needs no distribution.

Where the values relate each token that a network produced to the input, every produced token has an order of its own, by which its own
score is measured; the value is the mean over produced tokens. An evaluation gives the scores of all of them, so that they share the
random orders: a random alignment gives each of them one of these.

Scattered patches do more harm than one patch of the same area. So a coherent map of an image has it harder at deletion, and easier at
insertion, than a random order of patches; since the verdict asks for both, it errs on the side of refusing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pellucid.checks.evidence import FEWEST, Evidence
from pellucid.checks.rows import rows_of
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check

CURVES = 2  # deletion and insertion
FEWEST_ORDERS = 19  # to be the best of 20 has a chance of 5 %
MIXTURES = 10  # how often each random order takes part in a random alignment


def faithfulness(evidence: Evidence) -> tuple[Check, ...]:
    """The deletion and insertion checks; none where there are too few players for any order to beat chance, none for a layer's units, which
    can not be removed from an input, and none for what flows through a part of the network, which is not all that the score depends on."""
    if evidence.players.count < FEWEST or evidence.attribution.units or evidence.attribution.through:
        return ()
    players, generator = evidence.players.count, np.random.default_rng(evidence.evaluator.situation.seed + 104_729)
    every = rows_of(evidence)
    counts, measured, draws = _plan(players, len(every.positions), evidence.budget)
    orders = np.stack([generator.permutation(players) for _ in range(draws)])  # all samples share the draws
    rows = every.some(np.sort(generator.permutation(len(every.positions))[:measured]))
    order = np.argsort(-rows.strengths, axis=2, kind="stable")
    own = _removed(np.stack([order, order[..., ::-1]], 1), counts)  # (sample, curve, row, point, player)
    with evidence.evaluator.account("checks") as spent:
        ours = rows.without(own.reshape(len(own), -1, players)).reshape(*own.shape[:-1], measured)
        chance = rows.without(_removed(orders, counts).reshape(1, -1, players)).reshape(len(own), draws, len(counts), measured)
        empty, full = rows.empty(), rows.full()
    deletion, insertion = np.einsum("scrpr->cspr", ours).mean(3)  # what is removed in a row's order is looked at by its own score
    fractions = np.concatenate([[0.0], counts / players, [1.0]])
    spread = _spread(own[:, 0], chance, (fractions[2:] - fractions[:-2]) / 2)
    random = _mixed(chance, generator)
    note = f"{players} players, in-fill: {evidence.infill_name}; {len(fractions)} points, {random.shape[1]} random orders" + rows.note(
        draws
    )
    return (
        _check("deletion", (full, deletion, empty), (random, spread, draws), (fractions, spent.evaluations, note)),
        _check("insertion", (empty, insertion[:, ::-1], full), (random[:, :, ::-1], spread, draws), (fractions, 0, note)),
    )


def _plan(count: int, rows: int, budget: int) -> tuple[np.ndarray, int, int]:
    """Curve points (players removed at each), and how many rows and random orders are measured.

    Within the budget: points x (2 curves x rows + orders) + 1 evaluations.
    """
    points = (3 if budget <= 96 else 9) - count % 2  # an odd number of players has no middle
    shares = np.array([0.25, 0.75]) if rows > 1 and points <= 3 else np.arange(1, points + 1) / (points + 1)
    counts = shares * count
    lower = np.clip(np.round(counts[counts <= count / 2]).astype(int), 1, count // 2)
    counts = np.unique(np.concatenate([lower, count - lower]))  # symmetric, so that random orders serve both curves
    affordable = (budget - 1) // len(counts)
    rows = min(rows, max(1, (affordable - FEWEST_ORDERS) // CURVES))
    return counts, rows, max(FEWEST_ORDERS, min(59, affordable - CURVES * rows))


def _removed(order: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Masks (..., point, player): the first ``counts`` players of each order (..., player)."""
    rank = np.argsort(order, axis=-1, kind="stable")
    return rank[..., None, :] < counts[:, None]


def _mixed(chance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Curves (sample, alignment, point) of random alignments, each of which gives every row one of the random orders."""
    draws, rows = chance.shape[1], chance.shape[3]
    times = MIXTURES if rows > 1 else 1
    chosen = [np.concatenate([generator.permutation(draws) for _ in range(times)]) for _ in range(rows)]
    return np.mean([chance[..., row][:, one] for row, one in enumerate(chosen)], axis=0)


def _spread(own: np.ndarray, chance: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The standard deviation, over random relabelings of the players, of the mean over rows of the area under each row's curve.

    All rows are relabeled alike, so that rows with one order in common stay alike, and their luck does not average out. How the areas of
    two rows vary together under one order is seen on the random ``chance`` (sample, order, point, row); under orders that have in
    common what those of ``own`` (sample, row, point, player) have, it is that times the correlation of how long each player is gone. This
    is exact where the score is a sum over players. The error of the random orders' mean is added.
    """
    gone = np.einsum("srpq,p->srq", own, weights)
    gone = gone - gone.mean(2, keepdims=True)
    alike = np.einsum("srq,stq->srt", gone, gone) / (gone**2).sum(2)[:, :1, None]  # every row is gone equally long in all
    areas = np.einsum("sopr,p->sor", chance, weights)
    areas = areas - areas.mean(1, keepdims=True)
    together = np.einsum("sor,sot->srt", areas, areas) / (areas.shape[1] - 1)
    return np.sqrt(np.maximum((alike * together).mean((1, 2)), 0.0) + together.mean((1, 2)) / areas.shape[1])


def _check(
    name: Literal["deletion", "insertion"],
    curve: tuple[np.ndarray, np.ndarray, np.ndarray],
    by_chance: tuple[np.ndarray, np.ndarray, int],
    about: tuple[np.ndarray, int, str],
) -> Check:
    from scipy.special import stdtr, stdtrit

    (random, spread, draws), (fractions, evaluations, note) = by_chance, about
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
    orders, mean = values.shape[1], values.mean(1)
    lead = (mean - value) if name == "deletion" else (value - mean)
    # a spread at the level of rounding means that no order differs from another: nothing was shown
    tiny = 1e-9 * np.maximum(np.abs(whole).max(1), 1e-30)
    as_good = (values <= value[:, None] + tiny[:, None] if name == "deletion" else values >= value[:, None] - tiny[:, None]).sum(1)
    p_value = np.where(spread > tiny, np.maximum(stdtr(draws - 1, -lead / np.maximum(spread, tiny)), (1 + as_good) / (1 + orders)), 1.0)
    reach = stdtrit(draws - 1, 0.975) * spread
    direction: Literal["lower", "higher"] = "lower" if name == "deletion" else "higher"
    wider = spread / np.maximum(values.std(1, ddof=1) * np.sqrt(1 + 1 / draws), tiny)  # one where there is one row
    curves = _curves(fractions, whole, chance, wider)
    return Check(name, "faithfulness", direction, value, mean, value - reach, value + reach, p_value, evaluations, curves, note)


def _curves(fractions: np.ndarray, whole: np.ndarray, chance: np.ndarray, wider: np.ndarray) -> tuple[LabelledArray, ...]:
    axes = ("sample", "fraction")
    middle, width = chance.mean(1), 1.96 * chance.std(1, ddof=1) * wider[:, None]
    parts = {"curve": whole, "random_mean": middle, "random_low": middle - width, "random_high": middle + width}
    return (LabelledArray("fraction", fractions, ("fraction",), {}), *(LabelledArray(n, v, axes, {}) for n, v in parts.items()))
