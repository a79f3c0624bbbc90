"""Completeness: the values of a method that promises it must sum to f(x) - f(baseline), within the error the method states."""

from __future__ import annotations

import numpy as np
import torch

from pellucid.checks.evidence import Evidence
from pellucid.explanation.check import Check


def completeness(evidence: Evidence) -> Check | None:
    """|sum of values - (f(x) - f(baseline))| per row beside the stated error; None for methods without that promise."""
    evaluator, found = evidence.evaluator, evidence.attribution
    if found.completeness is None or found.baseline is None:
        return None
    with evaluator.account("checks") as spent:
        # the in-fill of such a method is its baseline
        there = torch.from_numpy(evidence.empty_scores) if found.baseline_scores is None else found.baseline_scores.double().cpu()
        here = evaluator.scores_at_inputs().cpu()
    total = torch.stack([v.double().reshape(len(v), -1).sum(1) for v in found.values]).sum(0).cpu()
    size = torch.stack([v.double().abs().reshape(len(v), -1).sum(1) for v in found.values]).sum(0).cpu()
    # a score is the end of a long sum: its rounding is taken as 64 units in the last place of the largest quantity
    rounding = 64 * torch.finfo(evaluator.values[0].dtype).eps * (size + here.abs() + there.abs())
    residual = (total - (here - there)).abs().numpy()
    stated = (found.completeness.double().cpu() + rounding).numpy()
    none = np.full(len(residual), np.nan)
    note = "residual of: sum of values = f(x) - f(baseline); the reference is the error the method states for itself"
    return Check("completeness", "identity", "lower", residual, stated, residual, residual, none, spent.evaluations, note=note)
