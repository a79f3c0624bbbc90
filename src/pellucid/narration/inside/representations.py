"""How layers represent rows, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents import Representations

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents.representations import OtherNetwork, Relations
    from pellucid.narration.voice import Voice


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """What was looked at, where the class can be read, beside guessing and the network, and where representations change most."""
    seen = explanation.content
    if not isinstance(seen, Representations):
        raise TypeError(f"told() speaks of Representations, received {type(seen).__name__}")
    key = "inside.representations.rows" if len(seen.layers) > 1 else "inside.representations.one"
    said = [voice.say(key, rows=seen.rows, layers=len(seen.layers), model=explanation.provenance.model)]
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
    said += [
        voice.say("inside.representations.trust", layer=voice.quote(near.layer), value=voice.number(near.trust))
        for near in seen.neighborhoods
    ]
    if seen.other is not None:
        said += _other(seen.layers, seen.other, voice)
    if seen.relations is not None:
        said += _relations(seen.relations, voice)
    return said


def _other(layers: tuple[str, ...], other: OtherNetwork, voice: Voice) -> list[str]:
    """Which layers of the two networks correspond, and where they part."""
    values = other.similarity
    pairs = other.counterparts
    if not pairs:
        return []
    best, least = max(pairs, key=lambda pair: values[pair]), min(pairs, key=lambda pair: values[pair])
    same = sum(layers[a] == other.layers[b] for a, b in pairs)
    pair = {"first": voice.quote(layers[best[0]]), "second": voice.quote(other.layers[best[1]]), "value": voice.number(float(values[best]))}
    key = "inside.representations.other" if set(layers) & set(other.layers) else "inside.representations.other_unlike"
    parts = {"value": voice.number(float(values[least])), "limit": voice.number(other.limit)}
    return [
        voice.say(key, same=same, count=len(pairs), **pair),
        voice.say("inside.representations.parts", layer=voice.quote(layers[least[0]]), **parts),
    ]


def _relations(found: Relations, voice: Voice) -> list[str]:
    """The closest relation, its gradient, and how often the two disagree."""
    if found.strongest is None:
        return []
    at = found.strongest
    numbers = {
        name: voice.number(float(getattr(found, field)[at])) for name, field in (("value", "correlation"), ("low", "low"), ("high", "high"))
    }
    pair = {"feature": voice.quote(found.features[at[0]]), "output": voice.quote(found.outputs[at[1]])}
    said = [voice.say("inside.representations.relation", count=len(found.features), **pair, **numbers)]
    if np.isfinite(found.gradient[at]):
        share = voice.percent(float(found.rising[at]))
        said.append(voice.say("inside.representations.gradient", value=voice.number(float(found.gradient[at])), share=share))
        said.append(voice.say("inside.representations.opposed", opposed=int(found.opposed.sum()), count=found.correlation.size))
    return said
