"""Seed stability: would another seed have named the same strongest players?"""

from __future__ import annotations

import numpy as np

from pellucid.checks.evidence import Evidence
from pellucid.explanation.check import Check

AGREE = 0.8  # the top-k overlap that the verdict asks for
SEEDS = 3
TOP = 5


def seed_stability(evidence: Evidence) -> Check | None:
    """Mean overlap (Jaccard) of the strongest players over seeds, pairwise; None for methods that draw nothing."""
    if not evidence.method.sampled:
        return None
    with evidence.evaluator.account("checks") as spent:
        seed = evidence.evaluator.situation.seed
        runs = [evidence.strengths] + [evidence.rerun(seed=seed + 1 + k) for k in range(SEEDS - 1)]
    top = max(1, min(TOP, evidence.players.count // 3))
    chosen = [np.argsort(-np.abs(run.sum(1)), axis=1, kind="stable")[:, :top] for run in runs]
    overlaps = np.array([[_jaccard(a[r], b[r]) for r in range(len(a))] for i, a in enumerate(chosen) for b in chosen[i + 1 :]])
    value = overlaps.mean(0)
    count = evidence.players.count
    note = f"top {top} of {count} players over {SEEDS} seeds; a random order overlaps {top / (2 * count - top):.2g}"
    none = np.full(len(value), np.nan)
    return Check(
        "seed_stability",
        "stability",
        "higher",
        value,
        np.full(len(value), AGREE),
        overlaps.min(0),
        overlaps.max(0),
        none,
        spent.evaluations,
        note=note,
    )


def _jaccard(first: np.ndarray, second: np.ndarray) -> float:
    both = len(np.intersect1d(first, second))
    return both / (len(first) + len(second) - both)
