"""Norms of weights, gradients and updates by layer and time, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.training.diagnoses.evidence import Evidence, Seen
from pellucid.training.runs.contents import LayerFrame


@dataclass(frozen=True, eq=False)
class LayerNorms:
    """The weights of a network, biases apart, in the order in which their layers run.

    Attributes:
        names: of the parameters. ``steps``: of the frames.
        weight, gradient, ratio: norms, and update over weight, (frame, parameter); not-a-number where there is none.
    """

    names: tuple[str, ...]
    steps: tuple[int, ...]
    weight: np.ndarray
    gradient: np.ndarray
    ratio: np.ndarray

    @property
    def layers(self) -> tuple[str, ...]:
        """The layer of each parameter."""
        return tuple(layer_of(name) for name in self.names)


def layer_of(parameter: str) -> str:
    """The module that holds a parameter; the parameter itself where that is the whole network."""
    return parameter.rpartition(".")[0] or parameter


def norms(evidence: Evidence) -> LayerNorms:
    """The norms of all weights at all frames of layers."""
    seen = evidence.layers
    names = _ordered(evidence, seen)
    table = [_rows(frame, names) for frame in seen.frames]
    weight, gradient, ratio = (np.array([row[i] for row in table]).reshape(len(seen), len(names)) for i in range(3))
    return LayerNorms(names, seen.steps, weight, gradient, ratio)


def _ordered(evidence: Evidence, seen: Seen[LayerFrame]) -> tuple[str, ...]:
    """Weights by the order in which their layers ran, where that is known of all, else as the network lists them."""
    if not len(seen):
        return ()
    names = tuple(name for name in seen.frames[-1].weights.names if "bias" not in name.rpartition(".")[2])
    ran = evidence.activations.frames[-1].layers if len(evidence.activations) else ()
    if all(layer_of(name) in ran for name in names):
        return tuple(sorted(names, key=lambda name: ran.index(layer_of(name))))
    return names


def _rows(frame: LayerFrame, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = dict(zip(frame.weights.names, frame.weights.norm, strict=True))
    gradients = {} if frame.gradients is None else dict(zip(frame.gradients.names, frame.gradients.norm, strict=True))
    ratios = {} if frame.updates is None else dict(zip(frame.updates.names, frame.ratio, strict=True))
    weight, gradient, ratio = (np.array([values.get(name, np.nan) for name in names]) for values in (weights, gradients, ratios))
    return weight, gradient, ratio
