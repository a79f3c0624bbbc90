"""Numbers of held-out rows that get worse while those of the training get better."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses.evidence import Curve, Evidence
from pellucid.training.diagnoses.finding import Finding

HELD_OUT = ("valid", "val", "validation", "test", "held_out")  # how losses of held-out rows are called, with "_loss" behind
TOLD = 8  # held-out losses, fewer than which have no turning point
LATEST = 5  # of them that all lie above the lowest
LOST = 0.1  # of what was gained since the beginning, and of the lowest: less comes and goes with the batches
SMOOTH = 3  # neighbors whose median counts, that one lucky value is not the lowest


def overfitting(evidence: Evidence) -> Finding | None:
    """A held-out loss that rises for good while the loss of the training still falls."""
    for name in HELD_OUT:
        told = evidence.numbers.get(f"{name}_loss")
        if told is not None and len(told) >= TOLD:
            return _turned(told, evidence.loss)
    return None


def _turned(held: Curve, loss: Curve) -> Finding | None:
    if not np.isfinite(held.values).all() or not len(loss) or not np.isfinite(loss.values).all():
        return None
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(held.values, SMOOTH), axis=1)
    lowest = int(smooth.argmin()) + SMOOTH // 2
    least, gained = float(smooth.min()), float(held.values[0] - smooth.min())
    if lowest >= len(held) - LATEST or held.values[-LATEST:].min() < least + LOST * max(gained, abs(least)):
        return None
    at, end = int(held.steps[lowest]), int(held.steps[-1])
    before, after = _around(loss, at), _around(loss, end)
    if not after < before:
        return None
    numbers = (("lowest", least), ("step", float(at)), ("last", float(held.values[-1])), ("train_then", before), ("train_now", after))
    return Finding("overfitting", "warning", (at, end), numbers)


def _around(loss: Curve, step: int) -> float:
    """The mean loss of the training around a step, over a tenth of the training."""
    near = np.abs(loss.steps - step) <= max(1, (loss.steps[-1] - loss.steps[0]) // 20)
    return float(loss.values[near].mean()) if near.any() else float("nan")
