"""Sentences about how the score responds to a feature that is moved."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.narration.facts import TOP
from pellucid.narration.finding import Finding
from pellucid.narration.voice import Voice
from pellucid.views.reading import target_name
from pellucid.views.response_curves import strongest


def responded(explanation: Explanation, voice: Voice) -> list[Finding]:
    """What moving its features does to the score of the first row, those first that do most; and on average."""
    parts = {array.name: array.values[0] for array in explanation.arrays}
    names = next(array for array in explanation.arrays if array.name == "at").coordinates["feature"]
    if explanation.kind == "surface":
        return [_surface(explanation, parts, names, voice)]
    top = strongest(parts["curve"])[:TOP]
    items: list[str] = []
    evidence: list[tuple[str, float]] = []
    for k in top:
        curve, at = parts["curve"][k], parts["at"][k]
        numbers = {"low": at[0], "high": at[-1], "start": curve[0], "end": curve[-1], "range": np.ptp(curve)}
        items.append(voice.say("response.row", name=names[k], target=voice.quote(target_name(explanation)), **_told(numbers, voice)))
        evidence.append((f"range:{names[k]}", float(np.ptp(curve))))
    found = [Finding(voice.say("response.list", items=voice.clauses(items)), "unchecked", "reasons", tuple(evidence))]
    return found + _averages(parts, names, top, voice) if "mean" in parts else found


def _averages(parts: dict[str, np.ndarray], names: tuple[str, ...], top: list[int], voice: Voice) -> list[Finding]:
    items: list[str] = []
    evidence: list[tuple[str, float]] = []
    for k in top:
        numbers = {name: parts[name][k][-1] - parts[name][k][0] for name in ("mean", "ale")}
        items.append(voice.say("response.mean", name=names[k], **_told(numbers, voice)))
        evidence += [(f"{name}:{names[k]}", float(value)) for name, value in numbers.items()]
    return [Finding(voice.say("response.average", items=voice.clauses(items)), "unchecked", "reasons", tuple(evidence))]


def _surface(explanation: Explanation, parts: dict[str, np.ndarray], names: tuple[str, ...], voice: Voice) -> Finding:
    values, at = parts["surface"], parts["at"]
    second, first = np.unravel_index(values.argmax(), values.shape)
    numbers = {"low": values.min(), "high": values.max(), "first_at": at[0][first], "second_at": at[1][second]}
    said = {"first": names[0], "second": names[1], "target": voice.quote(target_name(explanation)), **_told(numbers, voice)}
    return Finding(voice.say("response.surface", **said), "unchecked", "reasons", tuple((name, float(v)) for name, v in numbers.items()))


def _told(numbers: dict[str, float], voice: Voice) -> dict[str, str]:
    return {name: voice.number(float(value)) for name, value in numbers.items()}
