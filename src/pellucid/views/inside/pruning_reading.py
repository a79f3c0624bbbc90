"""What the pictures of what can be removed share: which layers they show, how a score is written."""

from __future__ import annotations

import numpy as np

from pellucid.errors import UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents.pruning import PrunedLayer, Pruning
from pellucid.scenes import Axis, Panel, Scene
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code

TICKS = ((0.0, 25.0, 50.0, 75.0, 100.0), ("0", "25", "50", "75", "100"))  # of percent
LOWEST = -1.0  # R2 that is drawn


def content(explanation: Explanation) -> Pruning:
    """The content."""
    if not isinstance(explanation.content, Pruning):
        raise TypeError(f"This picture shows Pruning, received {type(explanation.content).__name__}")
    return explanation.content


def chosen(seen: Pruning, layer: str | None, most: int) -> list[PrunedLayer]:
    """The layer of that name, or those below a module; of no name those with most parameters, in order of definition.

    Raises:
        UnknownName: no such layer.
    """
    if layer is not None:
        kept = [one for one in seen.layers if one.layer == layer or one.layer.startswith(f"{layer}.")]
        if not kept:
            raise UnknownName("layer with units that can be removed", layer, [one.layer for one in seen.layers])
        return kept[:most]
    sizes = [one.parameters * one.units for one in seen.layers]
    largest = sorted(np.argsort([-size for size in sizes], kind="stable")[:most])
    return [seen.layers[at] for at in largest]


def score(seen: Pruning, value: float, language: Language) -> str:
    """A score as text."""
    return number(value) if seen.measure == "r2" else percent(value, language)


def scaled(seen: Pruning, values: np.ndarray) -> np.ndarray:
    """Scores as they are drawn: shares in percent, R2 from -1 on."""
    return np.maximum(values, LOWEST) if seen.measure == "r2" else 100 * values


def score_axis(seen: Pruning, language: Language, values: np.ndarray) -> Axis:
    """The axis of scores, for all of these."""
    say = words(language)
    name = say[f"prune.{seen.measure}"]
    if seen.measure == "r2":
        low = float(np.nanmin(np.append(scaled(seen, values), 0.0)))
        return Axis(name, (min(low, 0.0) - 0.03, 1.05))
    return Axis(say["prune.percent"].format(name=name), (-2.0, 104.0), *TICKS)


def rows_words(seen: Pruning, language: Language) -> str:
    """Which rows chose and which measured, and how many layers were looked at."""
    say = words(language)
    told = {"choosing": f"{seen.choosing:,}", "measuring": f"{seen.measuring:,}"}
    parts = [say["prune.apart" if seen.apart else "prune.same"].format(**told)]
    if len(seen.layers) < seen.known:
        parts.append(say["prune.looked"].format(shown=len(seen.layers), count=seen.known))
    return joined(parts, language)


def scene(
    explanation: Explanation,
    title: str,
    panels: tuple[Panel, ...],
    language: Language,
    *,
    columns: int = 1,
    notes: tuple[str, ...] = (),
    subtitle: str = "",
) -> Scene:
    """Panels under their title and which rows were used."""
    return Scene(
        title,
        panels,
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=joined([rows_words(content(explanation), language), subtitle], language),
        columns=columns,
        notes=notes,
        code=code(explanation),
        language=language,
    )
