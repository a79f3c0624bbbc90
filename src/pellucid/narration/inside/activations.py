"""What the units of a network do, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents import Activations
from pellucid.views.inside.activation_reading import function_name

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents.activations import OperatingPoints, Zone
    from pellucid.narration.voice import Voice

WORTH = 0.01  # of a function's inputs: less is not spoken of


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """Units that are dead or saturated, where functions are used most and least as curves, how values are spread, what units tell apart."""
    seen = explanation.content
    if not isinstance(seen, Activations):
        raise TypeError(f"told() speaks of Activations, received {type(seen).__name__}")
    numbers = {"rows": f"{seen.rows:,}", "layers": len(seen.layers), "functions": len(seen.functions)}
    said = [voice.say("inside.activations.rows", **numbers)]
    said += [*_stuck(seen, voice), *_most(seen, voice), *_spread(seen, voice), *_classes(seen, voice)]
    return [*said, *_related(seen, voice), *_attention(seen, voice)]


def _stuck(seen: Activations, voice: Voice) -> list[str]:
    said = []
    gates = [one for one in seen.functions if "zero" in one.zones]
    if gates:
        worst = max(gates, key=lambda one: len(one.dead))
        dead, units = sum(len(one.dead) for one in gates), sum(len(one.zero) for one in gates)
        several = len(gates) > 1 and len(worst.dead)
        where = (
            voice.say("inside.activations.where", layer=voice.quote(worst.layer), dead=len(worst.dead), units=len(worst.zero))
            if several
            else ""
        )
        said.append(voice.say("inside.activations.zero", units=f"{units:,}", dead=f"{dead:,}", where=where))
    flat = [one for one in seen.functions if "saturated" in one.zones]
    if flat:
        stuck, units = sum(len(one.stuck) for one in flat), sum(len(one.zero) for one in flat)
        said.append(voice.say("inside.activations.saturated", units=f"{units:,}", stuck=f"{stuck:,}"))
    return said


def _most(seen: Activations, voice: Voice) -> list[str]:
    zones: tuple[Zone, ...] = ("zero", "saturated", "linear")
    said = []
    for zone in zones:
        there = [one for one in seen.functions if zone in one.zones]
        most: OperatingPoints | None = max(there, key=lambda one, z=zone: one.share(z), default=None)
        if most is not None and most.share(zone) >= WORTH:
            told = {"layer": voice.quote(most.layer), "function": function_name(most.function), "share": voice.percent(most.share(zone))}
            said.append(voice.say(f"inside.activations.most_{zone}", **told))
    return said


def _spread(seen: Activations, voice: Voice) -> list[str]:
    known = [one for one in seen.layers if one.spread.count]
    said = []
    if known:
        widest = max(known, key=lambda one: one.spread.deviation)
        low, high = (voice.number(float(value)) for value in widest.spread.quantiles((0.05, 0.95)))
        deviation = voice.number(widest.spread.deviation)
        said.append(voice.say("inside.activations.wide", layer=voice.quote(widest.layer), deviation=deviation, low=low, high=high))
    missing = [one.spread.missing for one in seen.layers if one.spread.missing]
    if missing:
        said.append(voice.say("inside.activations.missing", count=f"{sum(missing):,}", layers=len(missing)))
    return said


def _classes(seen: Activations, voice: Voice) -> list[str]:
    medians = [(float(np.nanmedian(one.explained)), one.layer) for one in seen.layers if np.isfinite(one.explained).any()]
    if not medians:
        return []
    share, layer = max(medians)
    return [
        voice.say("inside.activations.selective", layer=voice.quote(layer), share=voice.percent(share), chance=voice.percent(seen.chance))
    ]


def _related(seen: Activations, voice: Voice) -> list[str]:
    best = None
    for one in seen.layers:
        if not one.related.size or not np.isfinite(one.related).any():
            continue
        unit, feature = np.unravel_index(int(np.nanargmax(np.abs(one.related))), one.related.shape)
        r = float(one.related[unit, feature])
        if best is None or abs(r) > abs(best[0]):
            best = r, one.layer, int(unit), seen.shown.features[feature]
    if best is None:
        return []
    r, layer, unit, feature = best
    return [voice.say("inside.activations.related", layer=voice.quote(layer), unit=unit, feature=feature, r=voice.number(r))]


def _attention(seen: Activations, voice: Voice) -> list[str]:
    heads = []
    for one in seen.attention:
        weights = one.weights.astype(float)
        entropy = -np.where(weights > 0, weights * np.log2(np.where(weights > 0, weights, 1.0)), 0.0).sum(-1).mean((0, 2))
        heads += [(float(bits), head, one.layer) for head, bits in enumerate(entropy)]
    if not heads:
        return []
    bits, head, layer = min(heads)
    numbers = {"heads": len(heads), "layers": len(seen.attention), "head": head, "layer": voice.quote(layer), "bits": voice.number(bits)}
    return [voice.say("inside.activations.attention", **numbers)]
