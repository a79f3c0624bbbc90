"""What the weights of a network are like, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents import Weights

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents.weights import LayerUnits, Weight
    from pellucid.narration.voice import Voice

NAMED = 4  # layers that are named in a row


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """How many there are and where, how they are distributed, which units are dead or double, what training changed."""
    seen = explanation.content
    if not isinstance(seen, Weights):
        raise TypeError(f"told() speaks of Weights, received {type(seen).__name__}")
    most = max(seen.weights, key=lambda one: one.size)
    size = {"parameters": f"{seen.parameters:,}", "weights": len(seen.weights), "name": most.name}
    share = voice.percent(most.size / max(seen.parameters, 1))
    said = [voice.say("inside.weights.size", model=explanation.provenance.model, **size, own=f"{most.size:,}", share=share)]
    ranked = [one for one in seen.weights if one.spectrum is not None]
    if ranked:
        said.append(_ranks(ranked, voice))
    strange = [one for one in seen.weights if one.strange]
    if strange:
        count = sum(one.strange for one in strange)
        said.append(voice.say("inside.weights.strange", count=f"{count:,}", items=_names([one.name for one in strange], voice)))
    if seen.units:
        said += _units(seen.units, voice)
        said.append(voice.say(f"inside.weights.{seen.followed}", count=sum(bool(one.next) for one in seen.units), total=len(seen.units)))
    changed = [one for one in seen.weights if one.change is not None and np.isfinite(one.change.relative)]
    if changed:
        said.append(_change(changed, voice))
    return said


def _ranks(ranked: list[Weight], voice: Voice) -> str:
    """Which weight uses the fewest of its directions."""
    spectra = [(one, one.spectrum) for one in ranked if one.spectrum is not None]
    lowest, spectrum = min(spectra, key=lambda pair: pair[1].stable_rank / pair[1].full)
    numbers = {"rank": voice.number(spectrum.stable_rank), "full": spectrum.full}
    beyond = sum(bool(values.values[0] > values.edge) for _, values in spectra)
    return voice.say("inside.weights.rank", name=lowest.name, **numbers, beyond=beyond, count=len(spectra))


def _units(units: tuple[LayerUnits, ...], voice: Voice) -> list[str]:
    said, total = [], sum(len(one.norms) for one in units)
    for key, found in (
        ("dead", [(one.layer, len(one.dead)) for one in units if one.dead]),
        ("constant", [(one.layer, len(one.constant)) for one in units if one.constant]),
        ("doubled", [(one.layer, len(one.doubled)) for one in units if one.doubled]),
    ):
        if found:
            items = [voice.say("inside.weights.in", name=layer, count=count) for layer, count in found]
            count = sum(count for _, count in found)
            said.append(voice.say(f"inside.weights.{key}", count=count, total=f"{total:,}", items=_names(items, voice)))
    return said or [voice.say("inside.weights.sound", total=f"{total:,}")]


def _change(changed: list[Weight], voice: Voice) -> str:
    pairs = [(one, float(one.change.relative), float(one.change.angle)) for one in changed if one.change is not None]
    (most, far, angle), (least, near, _) = max(pairs, key=lambda p: p[1]), min(pairs, key=lambda p: p[1])
    shares = {"far": voice.percent(far), "near": voice.percent(near)}
    return voice.say("inside.weights.change", most=most.name, least=least.name, **shares, angle=voice.number(angle))


def _names(names: list[str], voice: Voice) -> str:
    """The first names, and how many more there are."""
    rest = [voice.say("inside.weights.more", count=len(names) - NAMED)] if len(names) > NAMED else []
    return voice.listing([*names[:NAMED], *rest])
