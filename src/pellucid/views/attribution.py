"""The picture of an explanation: the views that fit its inputs, under one title and one verdict."""

from __future__ import annotations

from pellucid.explanation import Explanation
from pellucid.scenes import Panel, Scene
from pellucid.scenes.words import Language
from pellucid.views.alignment_grid import alignment_panel
from pellucid.views.feature_bars import feature_panel
from pellucid.views.framing import framed
from pellucid.views.image_overlay import image_panels
from pellucid.views.reading import one_row, shown_input
from pellucid.views.response_curves import response_panels
from pellucid.views.series import series_panels
from pellucid.views.strongest_elements import element_panel
from pellucid.views.token_bars import token_panel


def attribution(explanation: Explanation, *, row: int = 0, language: Language = "en", cells: bool = False) -> Scene:
    """What carried the decision about one row, drawn as befits each input: bars, maps, tokens, time.

    With ``cells`` a map coarser than its image is laid over it in its true cells, not smoothed.
    """
    one = one_row(explanation, row)
    if one.kind in ("curve", "surface"):
        responses = response_panels(one, language)
        return framed(one, responses, language, columns=2 if len(responses) > 2 else 1)
    panels: list[Panel] = []
    for index in range(len(one.arrays)):
        panels += panels_of(one, index, language, cells=cells)
    panels.sort(key=lambda panel: not panel.equal)  # pictures side by side first, charts below them
    return framed(one, tuple(panels), language, columns=min(3, sum(panel.equal for panel in panels)) or 1)


def panels_of(explanation: Explanation, index: int, language: Language, *, cells: bool = False) -> tuple[Panel, ...]:
    """The panels that fit array ``index`` of a one-row explanation, by its axes and the kind of its input."""
    axes = {axis for axis in explanation.arrays[index].axes if axis != "sample"}
    shown = shown_input(explanation, index)
    kind = shown.kind if shown else "array"
    if {"y", "x"} <= axes and axes <= {"y", "x", "channel"}:
        return image_panels(explanation, index, language, cells=cells)
    if "produced" in axes:
        return (alignment_panel(explanation, index, language),)
    if "token" in axes and kind == "tokens":
        return (token_panel(explanation, index, language),)
    if "time" in axes and axes <= {"time", "feature", "channel"}:
        return series_panels(explanation, index, language)
    if axes == {"feature"}:
        return (feature_panel(explanation, index, language),)
    return (element_panel(explanation, index, language),)
