"""Units that answer nothing any more: dead rectifiers, saturated sigmoids."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding
from pellucid.training.runs.contents import ActivationFrame

Share = Callable[[ActivationFrame], dict[str, float]]

FRAMES = 2  # in a row, that one odd batch is not believed
ROWS = 8  # of a batch, below which a unit that rarely answers looks dead; of pinned rows, which are the same at each frame, as often
DEAD = 0.5  # of a layer's units: half of its width is lost; sparse layers of sound networks stay below
ALL_DEAD = 0.95  # of them: nothing passes
SATURATED = 0.5  # of a layer's values have under a twentieth of the largest slope: most of its gradient is gone


def dead_rectifiers(evidence: Evidence) -> Finding | None:
    """Layers of rectifiers half of whose units gave 0 on every row looked at."""
    return _worst("dead_rectifiers", evidence, _dead_share, limit=DEAD, severe=ALL_DEAD)


def saturated(evidence: Evidence) -> Finding | None:
    """Hidden layers of sigmoids or tanh most of whose values lie where the slope is nearly 0."""
    return _worst("saturated_units", evidence, _saturated_share, limit=SATURATED, severe=ALL_DEAD)


def _dead_share(frame: ActivationFrame) -> dict[str, float]:
    return {
        layer: frame.dead[i] / frame.units[i]
        for i, layer in enumerate(frame.layers)
        if frame.dead[i] >= 0 and frame.units[i] > 0 and frame.rows[i] >= (ROWS * FRAMES if frame.pinned else ROWS)
    }


def _saturated_share(frame: ActivationFrame) -> dict[str, float]:
    """Of the layers before the last linear one: what comes after it is the output, which may be sure of itself."""
    linear = [i for i, kind in enumerate(frame.types) if kind == "Linear" or kind.startswith("Conv")]
    hidden = enumerate(frame.layers[: linear[-1] if linear else -1])
    return {layer: float(frame.saturated[i]) for i, layer in hidden if np.isfinite(frame.saturated[i])}


def _worst(diagnosis: str, evidence: Evidence, share: Share, *, limit: float, severe: float) -> Finding | None:
    """A finding on the layers whose share was at least ``limit`` at each of the latest frames."""
    seen = evidence.activations.last(FRAMES)
    if len(seen) < FRAMES:
        return None
    shares = [share(frame) for frame in seen.frames]
    least = {layer: min(one.get(layer, 0.0) for one in shares) for layer in shares[-1]}
    layers = sorted((layer for layer, value in least.items() if value >= limit), key=lambda layer: -least[layer])
    if not layers:
        return None
    worst = least[layers[0]]
    numbers = (("share", worst), ("layers", float(len(layers))), ("of", float(len(least))))
    return Finding(diagnosis, "error" if worst >= severe else "warning", seen.span, numbers, tuple(layers))
