"""Evidence made by hand, for tests of diagnoses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.training.diagnoses.evidence import Curve, Evidence, Seen
from pellucid.training.runs.contents import BINS, QUANTILES, ActivationFrame, LayerFrame, ParameterFrame, PredictionFrame, Spread


def spread(names: Sequence[str], norm: Sequence[float], *, broken: float = 0.0) -> Spread:
    """Tensors of 16 values of these norms, a share of which is not finite."""
    count, ones = len(names), np.ones(len(names))
    return Spread(
        tuple(names),
        np.full(count, 16),
        np.full(count, 16),
        np.asarray(norm, float),
        0 * ones,
        ones,
        np.zeros((count, len(QUANTILES))),
        np.zeros((count, BINS), np.uint32),
        broken * ones,
    )


def layers(
    gradient: dict[str, float], *, weight: float = 1.0, ratio: float = 1e-3, names: Sequence[str] = (), broken: float = 0.0
) -> LayerFrame:
    """A frame of parameters ``names`` (those with a gradient if not given)."""
    names = tuple(names) or tuple(gradient)
    count = len(names)
    return LayerFrame(
        spread(names, [weight] * count, broken=broken),
        spread(tuple(gradient), list(gradient.values())),
        spread(names, [weight * ratio] * count),
        np.full(count, ratio),
        np.zeros(count, bool),
        np.full(count, 0.1),
    )


def activations(
    types: dict[str, str], *, units: int = 10, rows: int = 32, pinned: bool = False, **arrays: Sequence[float]
) -> ActivationFrame:
    """A frame of modules by name and type; ``dead``, ``saturated`` and ``response`` by module."""
    count = len(types)
    return ActivationFrame(
        tuple(types),
        tuple(types.values()),
        spread(tuple(types), [1.0] * count),
        np.full(count, rows),
        np.full(count, units),
        np.zeros(count),
        np.asarray(arrays.get("saturated", [np.nan] * count), float),
        np.asarray(arrays.get("dead", [-1] * count), np.int64),
        np.asarray(arrays.get("response", [1.0] * count), float),
        pinned,
    )


def parameters(**values: np.ndarray) -> ParameterFrame:
    """A frame of parameters by name, in which two underscores stand for a dot."""
    names = tuple(name.replace("__", ".") for name in values)
    return ParameterFrame(names, tuple(v.shape for v in values.values()), np.concatenate([v.ravel() for v in values.values()]))


def seen(*frames: object, first: int = 10) -> Seen:
    """Frames ten steps apart."""
    return Seen(tuple(first + 10 * i for i in range(len(frames))), tuple(frames))


def curve(values: Sequence[float], every: int = 1) -> Curve:
    """A number told every so many steps."""
    return Curve(every * np.arange(1, len(values) + 1), np.asarray(values, float))


def predicted(
    outputs: np.ndarray, labels: np.ndarray, *, frames: int = 3, step: int = 100, loss: Sequence[float] = (1.0,) * 100
) -> Evidence:
    """The same predictions at some frames."""
    return Evidence(numbers={"loss": curve(loss)}, predictions=seen(*[PredictionFrame(outputs)] * frames, first=step), labels=labels)
