"""Steps that are too large or too small."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses.by_layer import norms
from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding
from pellucid.training.diagnoses.trends import FEWEST, began, fallen, now, warming

FRAMES = 2  # that one odd batch is not believed
LARGE = 0.1  # of a weight's length in one step: a hundred times the usual thousandth
SMALL = 1e-4  # of it: a tenth of the usual thousandth (Karpathy, A recipe for training neural networks, 2019)
UNMOVED = 0.1  # of the loss: a training that has lost less has hardly begun
LONG = 50  # steps, before which a loss need not have fallen
PARTS = 8  # of the training, whose median losses are compared
LEAST = 0.05  # of the first loss, below which it may double and halve
RISEN = 2.0  # times its lowest level, from which a loss is said to run away
SPIKE = 3.0  # times the loss before the first step, which a sound training does not come back to


def too_high(evidence: Evidence) -> Finding | None:
    """Weights that are replaced within a few steps while the loss does not fall, or runs away."""
    ratio, span = _ratio(evidence, largest=True)
    values = _finite(evidence)
    if ratio is None or len(values) < FEWEST or ratio < LARGE:
        return None
    first = float(values[0])  # before any step
    if not (_away(values) or now(values) > (1 - UNMOVED) * first or values.max() > SPIKE * first) or first <= 0:
        return None
    numbers = (("ratio", ratio), ("rate", _rate(evidence)), ("first", first), ("largest", float(values.max())), ("last", now(values)))
    return Finding("learning_rate_too_high", "error", span, numbers)


def _away(values: np.ndarray) -> bool:
    """Whether the loss has risen for good from where it was."""
    levels = np.array([np.median(part) for part in np.array_split(values, PARTS)])
    return bool(levels[-1] > RISEN * max(levels.min(), LEAST * values[0]))


def too_low(evidence: Evidence) -> Finding | None:
    """Weights that hardly move, and a loss that hardly falls."""
    ratio, span = _ratio(evidence, largest=False)
    values = _finite(evidence)
    if ratio is None or len(values) < LONG or ratio > SMALL or not ratio > 0:
        return None
    if warming(evidence) or abs(fallen(values)) >= UNMOVED:
        return None
    numbers = (("ratio", ratio), ("rate", _rate(evidence)), ("first", began(values)), ("last", now(values)))
    return Finding("learning_rate_too_low", "warning", span, numbers)


def _ratio(evidence: Evidence, *, largest: bool) -> tuple[float | None, tuple[int, int]]:
    """Update over weight: the median of the layers, at the frame where it is largest, or at the middle frame."""
    seen = norms(evidence)
    with np.errstate(invalid="ignore"):
        known = seen.ratio[np.isfinite(seen.ratio).any(1)] if seen.ratio.size else seen.ratio
    if len(known) < FRAMES:
        return None, (0, 0)
    each = np.array([np.median(row[np.isfinite(row)]) for row in known])
    return float(each.max() if largest else np.median(each)), (seen.steps[0], seen.steps[-1])


def _rate(evidence: Evidence) -> float:
    """The latest learning rate; not-a-number where no optimizer has one."""
    told = evidence.numbers.get("learning_rate")
    return float(told.values[-1]) if told is not None and len(told) else float("nan")


def _finite(evidence: Evidence) -> np.ndarray:
    values = evidence.loss.values
    return values[np.isfinite(values)]
