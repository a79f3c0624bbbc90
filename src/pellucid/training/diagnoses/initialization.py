"""Weights that were drawn badly: signals that fade or grow with depth, and units that are all the same."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding
from pellucid.training.runs.contents import ActivationFrame, ParameterFrame

EARLY = 0.1  # of the steps so far, and
FIRST = 30  # steps: what is seen until then is the initialization still
ROWS = 4  # of a batch, fewer than which have no spread to speak of
DEPTH = 3  # layers, fewer than which have no depth to speak of
FACTOR = 100.0  # between the first layer and the last hidden one: default weights lose less than that in a network of usual depth
SAME = 1e-6  # of the largest weight: the precision of float32


def scale_by_depth(evidence: Evidence) -> Finding | None:
    """Outputs of linear and convolution layers that shrink or grow a hundredfold from the first to the last hidden layer."""
    if not len(evidence.activations) or not len(evidence.activations.frames[0].response):
        return None
    if evidence.activations.steps[0] > max(FIRST, EARLY * evidence.activations.steps[-1]):
        return None
    step, frame = evidence.activations.steps[0], evidence.activations.frames[0]
    layers, spreads = _linear(frame)
    if len(layers) < DEPTH or not (np.isfinite(spreads).all() and spreads[0] > 0) or frame.rows.min() < ROWS:
        return None
    ratios = spreads / spreads[0]
    grown, shrunk = ratios[-1] > FACTOR, ratios[-1] < 1 / FACTOR
    if not (grown or shrunk):
        return None
    beyond = ratios > FACTOR if grown else ratios < 1 / FACTOR
    named = tuple(layer for layer, far in zip(layers, beyond, strict=True) if far)
    numbers = (("ratio", float(ratios[-1])), ("first", float(spreads[0])), ("last", float(spreads[-1])))
    return Finding("initialization_grows" if grown else "initialization_shrinks", "warning", (step, step), numbers, named)


def _linear(frame: ActivationFrame) -> tuple[list[str], np.ndarray]:
    """Names of the hidden linear and convolution layers, and how far they tell rows apart; the last of them is the output."""
    places = [i for i, name in enumerate(frame.types) if name == "Linear" or name.startswith("Conv")][:-1]
    return [frame.layers[i] for i in places], frame.response[places]


def symmetry(evidence: Evidence) -> Finding | None:
    """Units with the same weights, which stay the same through the training since they get the same gradients."""
    later = [(step, frame) for step, frame in zip(evidence.parameters.steps, evidence.parameters.frames, strict=True) if step > 0]
    if not later or not len(evidence.layers):
        return None
    step, frame = later[-1]
    frozen = set(evidence.facts.get("frozen", ()))
    same = [name for name in _same(frame) if name not in frozen]
    if not same:
        return None
    numbers = (("layers", float(len(same))),)
    layers = tuple(dict.fromkeys(name.rpartition(".")[0] or name for name in same))
    return Finding("equal_units", "error", (step, step), numbers, layers)


def _same(frame: ParameterFrame) -> list[str]:
    """Weights of two or more units that are all alike."""
    found: list[str] = []
    ends = np.cumsum([int(np.prod(shape)) for shape in frame.shapes])
    for name, shape, values in zip(frame.names, frame.shapes, np.split(frame.values, ends[:-1]), strict=True):
        if len(shape) < 2 or shape[0] < 2 or not values.size or "bias" in name.rpartition(".")[2]:
            continue
        rows = values.reshape(shape[0], -1)
        if np.ptp(rows, axis=0).max() <= SAME * np.abs(rows).max():
            found.append(name)
    return found
