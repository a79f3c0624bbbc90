"""What can be removed, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents.pruning import CHEAP, Pruning
from pellucid.scenes.numbers import percent

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice

FEW = 100  # measuring rows, below which their number is said to be small
LEVEL = 0.05  # of p, above which a change can be chance


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """What is suggested, what that cost in measurement, what it saves, what each layer can spare, and which criterion tells."""
    seen = explanation.content
    if not isinstance(seen, Pruning):
        raise TypeError(f"told() speaks of Pruning, received {type(seen).__name__}")
    model, units = explanation.provenance.model, f"{seen.units:,}"
    said = [_rows(seen, voice)]
    if not seen.suggested:
        said.append(voice.say("inside.pruning.nothing", units=units, model=model, tolerance=_fall(seen, voice)))
    else:
        told = {"removed": f"{seen.suggested:,}", "units": units, "model": model, "zeroed": f"{seen.zeroed:,}"}
        said.append(voice.say("inside.pruning.suggested", parameters=f"{seen.parameters:,}", **told))
        said.append(_cost(seen, voice))
        if seen.apart and float(seen.before[0] - seen.after[0]) > seen.tolerance:
            chosen = {name: _score(seen, voice, float(value)) for name, value in zip(("before", "after"), seen.chosen, strict=True)}
            said.append(voice.say("inside.pruning.beyond", tolerance=_fall(seen, voice), **chosen))
        saved = {"cut": _share(seen.cut, seen.parameters, voice), "flops": _share(seen.saved, seen.flops, voice)}
        said.append(voice.say("inside.pruning.saved", **saved))
    if seen.measure == "accuracy" and float(seen.before[0]) <= float(seen.base[0]):
        both = {"value": voice.percent(float(seen.before[0])), "base": voice.percent(float(seen.base[0]))}
        said.append(voice.say("inside.pruning.no_better", **both))
    dead = sum(int(one.unchanged.sum()) for one in seen.layers)
    if dead:
        said.append(voice.say("inside.pruning.dead", count=dead, ablated=f"{seen.ablated:,}"))
    said += _layers(seen, voice)
    values = seen.agreement
    if np.isfinite(values).all():
        best = int(values[:, 0].argmax())
        low, high = (voice.number(float(value)) for value in values[best, 1:])
        name = voice.word(f"prune.{CHEAP[best]}")
        said.append(voice.say("inside.pruning.criterion", name=name, value=voice.number(float(values[best, 0])), low=low, high=high))
    return said


def _rows(seen: Pruning, voice: Voice) -> str:
    key = "apart" if seen.apart else "same"
    return voice.say(f"inside.pruning.{key}", choosing=f"{seen.choosing:,}", measuring=f"{seen.measuring:,}", runs=f"{seen.runs:,}")


def _cost(seen: Pruning, voice: Voice) -> str:
    """The score before and after, and how sure the change is."""
    before, after = (_score(seen, voice, float(value[0])) for value in (seen.before, seen.after))
    low, high = (_score(seen, voice, float(value)) for value in seen.after[1:3])
    told = {"before": before, "after": after, "low": low, "high": high, "measure": voice.word(f"prune.{seen.measure}")}
    if seen.measure == "r2":
        return voice.say("inside.pruning.cost_r2", **told)
    p = voice.number(float(seen.p[0]))
    few = voice.say("inside.pruning.few", rows=seen.measuring) if seen.measuring < FEW and float(seen.p[0]) > LEVEL else ""
    return voice.say("inside.pruning.cost", lost=seen.lost, won=seen.won, p=p, few=few, **told)


def _layers(seen: Pruning, voice: Voice) -> list[str]:
    """The layers that lose most and least without the largest share of their units that was tried, where there is a difference."""
    falls = np.array([float(one.curve[0, 0] - one.curve[-1, 0]) for one in seen.layers])
    if falls.max() == falls.min():
        return []
    share = voice.percent(float(seen.shares[-1]))
    most, least = (seen.layers[int(at)] for at in (falls.argmax(), falls.argmin()))
    values = {name: _score(seen, voice, float(one.curve[-1, 0])) for name, one in (("worst", most), ("best", least))}
    measure = voice.word(f"prune.{seen.measure}")
    named = {"most": voice.quote(most.layer), "least": voice.quote(least.layer)}
    return [voice.say("inside.pruning.layers", share=share, measure=measure, **named, **values)]


def _fall(seen: Pruning, voice: Voice) -> str:
    """The fall that was allowed, as it was given."""
    return voice.number(seen.tolerance) if seen.measure == "r2" else f"{100 * seen.tolerance:g}{'%' if voice.language == 'zh-CN' else ' %'}"


def _score(seen: Pruning, voice: Voice, value: float) -> str:
    return voice.number(value) if seen.measure == "r2" else percent(value, voice.language)


def _share(part: int, whole: int, voice: Voice) -> str:
    return voice.percent(part / whole if whole else 0.0)
