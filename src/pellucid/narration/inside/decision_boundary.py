"""Where a network changes its class, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents.decision_boundary import DecisionBoundary
from pellucid.scenes.numbers import number

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice


LISTED = 8  # classes that are named


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """What plane was looked at and how, which class takes most of it, and how far the rows are from a change."""
    seen = explanation.content
    if not isinstance(seen, DecisionBoundary):
        raise TypeError(f"told() speaks of a DecisionBoundary, received {type(seen).__name__}")
    return [*_plane(explanation.provenance.model, seen, voice), *_areas(seen, voice), *_rows(seen, voice)]


def _plane(model: str, seen: DecisionBoundary, voice: Voice) -> list[str]:
    plane = seen.plane
    facts = {
        "model": model,
        "elements": f"{len(plane.origin):,}",
        "items": voice.listing([str(i + 1) for i in plane.samples]),
        "share": voice.percent(sum(plane.explained)),
        "rows": len(seen.rows.truth),
    }
    said = [voice.say(f"inside.decision_boundary.{plane.kind}", **facts)]
    points = f"{seen.classes.size:,}"
    regions = f"{len(seen.regions):,}" if seen.regions is not None else ""
    said.append(voice.say(f"inside.decision_boundary.{seen.how}", regions=regions, points=points, most=seen.detail))
    if seen.agreement is not None:
        said.append(voice.say("inside.decision_boundary.agreement", points=points, share=voice.percent(seen.agreement)))
    return said


def _areas(seen: DecisionBoundary, voice: Voice) -> list[str]:
    classes, counts = np.unique(seen.classes, return_counts=True)
    largest = int(counts.argmax())
    share = voice.percent(float(counts[largest] / counts.sum()))
    said = [voice.say("inside.decision_boundary.area", name=voice.quote(seen.class_names[classes[largest]]), share=share)]
    never = [name for k, name in enumerate(seen.class_names) if k not in classes]
    count = f"{len(seen.class_names):,}"
    if 0 < len(never) <= LISTED:
        items = voice.listing([voice.quote(name) for name in never])
        said.append(voice.say("inside.decision_boundary.never", classes=count, items=items))
    elif never:
        said.append(voice.say("inside.decision_boundary.never_many", classes=count, count=f"{len(never):,}"))
    return said


def _rows(seen: DecisionBoundary, voice: Voice) -> list[str]:
    rows, said = seen.rows, []
    known = np.isfinite(rows.distances)
    wrong = known & (rows.truth >= 0) & (rows.truth != rows.predicted)
    if known.any():
        found = rows.distances[known]
        facts = {"rows": len(found), "median": number(float(np.median(found))), "least": number(float(found.min()))}
        said.append(voice.say("inside.decision_boundary.distance", **facts))
    if wrong.any():
        median = number(float(np.median(rows.distances[wrong])))
        said.append(voice.say("inside.decision_boundary.wrong", wrong=int(wrong.sum()), median=median))
    if rows.off.any():
        said.append(voice.say("inside.decision_boundary.off", off=number(float(np.median(rows.off)))))
    return said
