"""Gradients that vanish or explode on their way back."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses.by_layer import norms
from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding

FRAMES = 2  # that one odd batch is not believed
LASTING = 3  # frames in a row: gradients jump now and then in sound trainings
DEPTH = 3  # weights in a row, fewer than which have no way back to speak of
VANISHED = 1e-3  # of the largest gradient of a layer: such a layer learns a thousand times slower
EXPLODED = 10.0  # times the length of the weights: a step of a tenth along it replaces them


def vanishing(evidence: Evidence) -> Finding | None:
    """First layers whose gradients are a thousandth of those of the later ones."""
    seen = norms(evidence)
    if len(seen.steps) < FRAMES or len(seen.names) < DEPTH:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.nan_to_num(seen.gradient, posinf=0.0).max(axis=1, keepdims=True)
        share = _middle(seen.gradient / largest)
    small = (share > 0) & (share < VANISHED)  # exactly 0 is not reached at all, see reach.py
    if not small[0] or share[len(share) // 2 :].max() < 1:  # it fades toward the input, and the largest lies in the later half
        return None
    count = int(np.argmin(small)) if not small.all() else len(small)
    layers = tuple(dict.fromkeys(seen.layers[:count]))
    numbers = (("ratio", float(share[0])), ("layers", float(len(layers))))
    return Finding("vanishing_gradients", "warning", (seen.steps[0], seen.steps[-1]), numbers, layers)


def exploding(evidence: Evidence) -> Finding | None:
    """A gradient many times as long as the weights."""
    seen = norms(evidence)
    if len(seen.steps) < LASTING:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.sqrt(np.nansum(seen.gradient**2, 1)) / np.sqrt(np.nansum(seen.weight**2, 1))
        each = seen.gradient / np.where(seen.weight > 0, seen.weight, np.nan)
    lasting = np.array([np.nan_to_num(whole[i : i + LASTING], posinf=0.0).min() for i in range(len(whole) - LASTING + 1)])
    worst = int(lasting.argmax())
    if lasting[worst] < EXPLODED:
        return None
    order = np.argsort(-np.nan_to_num(each[worst]), kind="stable")
    layers = tuple(dict.fromkeys(seen.layers[i] for i in order if each[worst][i] >= EXPLODED))
    steps = (seen.steps[worst], seen.steps[worst + LASTING - 1])
    return Finding("exploding_gradients", "warning", steps, (("ratio", float(lasting[worst])),), layers)


def _middle(values: np.ndarray) -> np.ndarray:
    """The median over frames, of what is finite; 0 where nothing is."""
    known = np.isfinite(values)
    filled = np.where(known.any(0), values, 0.0)
    return np.nanmedian(np.where(np.isfinite(filled), filled, np.nan), axis=0)
