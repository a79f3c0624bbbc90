"""How layers represent rows, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents import Representations

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """What was looked at, where the class can be read, beside guessing and the network, and where representations change most."""
    seen = explanation.content
    if not isinstance(seen, Representations):
        raise TypeError(f"told() speaks of Representations, received {type(seen).__name__}")
    said = [voice.say("inside.representations.rows", rows=seen.rows, layers=len(seen.layers), model=explanation.provenance.model)]
    values, low = seen.probes[:, 0], seen.probes[:, 1]
    base, own = float(seen.base[0]), float(seen.own[0])
    if np.isfinite(values).all():
        best, first = int(values.argmax()), np.flatnonzero(low > base)
        numbers = {"value": voice.percent(float(values[best])), "base": voice.percent(base)}
        said.append(voice.say("inside.representations.best", layer=voice.quote(seen.layers[best]), **numbers))
        if len(first):
            at = int(first[0])
            said.append(
                voice.say("inside.representations.first", layer=voice.quote(seen.layers[at]), value=voice.percent(float(values[at])))
            )
        else:
            said.append(voice.say("inside.representations.never", base=voice.percent(base)))
        if np.isfinite(own):
            said.append(voice.say("inside.representations.own", value=voice.percent(own)))
    steps = seen.similarity.diagonal(1)
    if len(steps) and np.isfinite(steps).any():
        at = int(np.nanargmin(steps))
        pair = {"first": voice.quote(seen.layers[at]), "second": voice.quote(seen.layers[at + 1])}
        said.append(voice.say("inside.representations.change", value=voice.number(float(steps[at])), **pair))
    return said
