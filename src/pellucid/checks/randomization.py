"""Parameter randomization: an explanation that stays the same when the network forgets everything explains something else."""

from __future__ import annotations

import numpy as np

from pellucid.checks.evidence import FEWEST, Evidence
from pellucid.errors import TargetError
from pellucid.explanation.check import Check

DRAWS = 3
SIMILAR = 0.8


def parameter_randomization(evidence: Evidence) -> Check | None:
    """Rank correlation with the explanation of networks whose parameters were shuffled (Adebayo et al. 2018), on |strength|.

    None where there are no parameters to shuffle, too few players, or where shuffled networks are so sure that their log-odds are infinite
    (weights that were learned for columns of very different size). The interval is the range over the draws.
    """
    if not evidence.can_shuffle or evidence.players.count < FEWEST:
        return None
    with evidence.evaluator.account("checks") as spent:
        try:
            runs = [evidence.rerun(shuffled=evidence.evaluator.situation.seed + k) for k in range(DRAWS)]
        except TargetError:
            return None
    ours, *others = (np.abs(run[:, evidence.stated]).reshape(len(run), -1) for run in (evidence.strengths, *runs))
    found = np.array([_rank_correlation(ours, other) for other in others])
    value, none = found.mean(0), np.full(len(evidence.strengths), np.nan)
    note = f"{DRAWS} networks with shuffled parameters; 0 is no similarity, at {SIMILAR} what was learned hardly mattered"
    return Check(
        "parameter_randomization",
        "sensitivity",
        "lower",
        value,
        np.full(len(value), SIMILAR),
        found.min(0),
        found.max(0),
        none,
        spent.evaluations,
        note=note,
    )


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation per row; 0 where one side is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(x, axis=1) for x in (first, second))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.divide((a * b).sum(1), size, out=np.zeros(len(a)), where=size > 0)
