"""Losses that can not be minimized: not finite, without a lower bound, or over the wrong pairs."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses.by_layer import layer_of
from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding
from pellucid.training.diagnoses.trends import FEWEST

PARTS = 4  # in which a fall is looked at: each must be steeper than the one before
FALL = 5.0  # times its first size below 0, and that many nats: a likelihood of densities, negative too, levels out before that


def not_finite(evidence: Evidence) -> Finding | None:
    """A loss, weight or gradient that is infinite or not a number."""
    loss = evidence.loss
    wrong = ~np.isfinite(loss.values)
    broken = _broken_layers(evidence)
    if not wrong.any() and not broken:
        return None
    steps = [int(step) for step in loss.steps[wrong]] + ([broken[0]] if broken else [])
    numbers = (("step", float(min(steps))), ("count", float(wrong.sum())), ("total", float(len(loss))))
    return Finding("not_finite", "error", (min(steps), max(steps)), numbers, broken[1] if broken else ())


def _broken_layers(evidence: Evidence) -> tuple[int, tuple[str, ...]] | None:
    """The first step at which outputs, weights or gradients were not finite, and the layers where."""
    found: list[tuple[int, tuple[str, ...]]] = []
    for step, frame in zip(evidence.activations.steps, evidence.activations.frames, strict=True):
        if (frame.spread.broken > 0).any():
            found.append((step, _first(np.array(frame.layers)[frame.spread.broken > 0].tolist())))
            break
    for step, frame in zip(evidence.layers.steps, evidence.layers.frames, strict=True):
        spreads = [frame.weights] if frame.gradients is None else [frame.weights, frame.gradients]
        names = [layer_of(name) for one in spreads for name, share in zip(one.names, one.broken, strict=True) if share > 0]
        if names:
            found.append((step, _first(names)))
            break
    return min(found) if found else None


def _first(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def unbounded(evidence: Evidence) -> Finding | None:
    """A loss that falls below 0 faster and faster."""
    loss = evidence.loss
    if len(loss) < FEWEST or not np.isfinite(loss.values).all():
        return None
    levels = np.array([np.median(part) for part in np.array_split(loss.values, PARTS)])
    falls = -np.diff(levels)
    first = abs(float(np.median(loss.values[:3])))
    steeper = (falls > 0).all() and (np.diff(falls) > 0).all()
    if not (steeper and levels[-1] < -FALL * max(first, 1.0)):
        return None
    numbers = (("first", float(loss.values[0])), ("last", float(loss.values[-1])))
    return Finding("unbounded_loss", "error", (int(loss.steps[0]), int(loss.steps[-1])), numbers)


def broadcast(evidence: Evidence) -> Finding | None:
    """A loss that compares every row with every row, since output and target differ in shape."""
    for step, event in zip(evidence.events.steps, evidence.events.frames, strict=True):
        if event.what == "broadcast_loss":
            rows = event.details["rows"]
            return Finding("broadcast_loss", "error", (step, step), (("rows", float(rows or 0)),))
    return None
