"""What makes units of a network strong, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents.feature_visualization import FeatureVisualization

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents.feature_visualization import VisualizedLayer
    from pellucid.narration.voice import Voice

GONE = 0.25  # of what a picture has above the median row: less than this left after a small shift is called gone


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """What was made, how it compares with the strongest rows, whether it holds after a small shift, and where its range comes from."""
    seen = explanation.content
    if not isinstance(seen, FeatureVisualization):
        raise TypeError(f"told() speaks of a FeatureVisualization, received {type(seen).__name__}")
    units = sum(len(one.units) for one in seen.layers)
    model = explanation.provenance.model
    said = [voice.say("inside.feature_visualization.made", units=units, layers=len(seen.layers), model=model, steps=seen.steps)]
    for way, name in enumerate(seen.ways):
        said += _way(seen, way, voice.word(f"feature.way.{name}").capitalize(), voice)
    said += _rows_kept(seen, voice)
    said.append(voice.say(f"inside.feature_visualization.{seen.bounds}"))
    if "spectrum" in seen.ways:
        said.append(voice.say("inside.feature_visualization.spectrum", rows=f"{seen.rows:,}"))
    return said


def _way(seen: FeatureVisualization, way: int, name: str, voice: Voice) -> list[str]:
    pairs = [(one, at) for one in seen.layers for at in range(len(one.units))]
    above = [one.reached[way, at] > one.top_values[at, 0] for one, at in pairs]
    key = "all" if all(above) else "some" if any(above) else "none"
    facts = {"way": name, "above": sum(above), "count": len(pairs), "rows": f"{seen.rows:,}"}
    said = [voice.say(f"inside.feature_visualization.above_{key}", **facts)]
    heights = [float(one.height[way, at]) for one, at in pairs]
    if np.isfinite(heights).any():
        one, at = pairs[int(np.nanargmax(heights))]
        said.append(_most(seen, one, (way, at), voice))
    kept = np.concatenate([one.kept[way] for one in seen.layers])
    kept = kept[np.isfinite(kept)]
    if len(kept):
        gone = int((kept < GONE).sum())
        key = "inside.feature_visualization.gone" if gone else "inside.feature_visualization.kept"
        share = voice.percent(max(0.0, float(np.median(kept))))
        said.append(voice.say(key, shift=seen.shift, share=share, gone=gone, count=len(kept), limit=voice.percent(GONE)))
    return said


def _most(seen: FeatureVisualization, one: VisualizedLayer, at: tuple[int, int], voice: Voice) -> str:
    """The unit whose picture lies highest, in its own numbers."""
    value, top = float(one.reached[at]), float(one.top_values[at[1], 0])
    unit = int(one.units[at[1]])
    named = not one.layer and unit < len(seen.class_names)
    kind = "class" if named else "unit" if one.layer else "output"
    who = voice.say(f"inside.feature_visualization.{kind}", unit=seen.class_names[unit] if named else unit, layer=voice.quote(one.layer))
    facts = {"who": who, "value": voice.number(value), "top": voice.number(top), "times": voice.number(value / top) if top > 0 else ""}
    return voice.say("inside.feature_visualization.times" if 0 < top < value else "inside.feature_visualization.against", **facts)


def _rows_kept(seen: FeatureVisualization, voice: Voice) -> list[str]:
    kept = np.concatenate([one.top_kept for one in seen.layers])
    kept = kept[np.isfinite(kept)]
    return [voice.say("inside.feature_visualization.rows", share=voice.percent(max(0.0, float(np.median(kept)))))] if len(kept) else []
