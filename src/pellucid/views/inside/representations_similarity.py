"""How alike the layers of a network are, and how alike those of two."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.scenes import Axis, ColorScale, Image, Panel, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, words
from pellucid.views.inside.representations_reading import content, scene


def similarity(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How alike the layers are (debiased linear CKA), as a matrix."""
    seen, say = content(explanation), words(language)
    values = seen.similarity
    steps = values.diagonal(1)
    place = int(np.nanargmin(steps)) if np.isfinite(steps).any() else 0
    finding = say["rep.similar"].format(a=seen.layers[place], b=seen.layers[place + 1], value=number(float(steps[place])))
    return scene(explanation, "rep.similar_title", (_matrix("similarity", finding, values, seen.layers, seen.layers, language),), language)


def models(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How alike each layer is to each of another network on the same rows (debiased linear CKA), as a matrix."""
    seen, say = content(explanation), words(language)
    if seen.other is None:
        raise TypeError("This picture shows two networks, received one")
    values = seen.other.similarity
    found = seen.other.counterparts
    finding = say["rep.models_none"]
    if found:
        least, of = min(found, key=lambda pair: values[pair])
        told = {"a": seen.layers[least], "b": seen.other.layers[of], "value": number(float(values[least, of]))}
        finding = say["rep.models"].format(**told)
    panel = _matrix("models", finding, values, seen.layers, seen.other.layers, language, (say["rep.this"], say["rep.that"]))
    note = say["rep.models_note"].format(limit=number(seen.other.limit), rows=f"{seen.rows:,}")
    return scene(explanation, "rep.models_title", (panel,), language, (note,))


def _matrix(
    name: str,
    finding: str,
    values: np.ndarray,
    down: tuple[str, ...],
    across: tuple[str, ...],
    language: Language,
    axes: tuple[str, str] = ("", ""),
) -> Panel:
    """Numbers stand for the columns, which have no room for names; where those are not the rows', they are listed above."""
    say = words(language)
    scale = ColorScale("sequential", (0.0, 1.0), say["rep.cka"])
    (right, bottom) = (len(across) - 0.5, len(down) - 0.5)
    rows = tuple((one, *(number(float(v)) for v in row)) for one, row in zip(down, values, strict=True))
    return Panel(
        name,
        finding,
        finding,
        Table((say["layer"], *across), rows),
        (Image(say["rep.cka"], (-0.5, right, -0.5, bottom), values=values.astype(np.float32), scale=scale),),
        x=Axis(axes[1], (-0.5, right), *_ticks(tuple(str(k + 1) for k in range(len(across)))), "category"),
        y=Axis(axes[0], (-0.5, bottom), *_ticks(tuple(f"{k + 1} {one}" for k, one in enumerate(down))), "category", reverse=True),
        subtitle="" if down == across else say["rep.columns"].format(names=" · ".join(f"{k + 1} {one}" for k, one in enumerate(across))),
        scale=scale,
        equal=True,
    )


def _ticks(labels: tuple[str, ...]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    return tuple(float(k) for k in range(len(labels))), labels
