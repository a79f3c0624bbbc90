"""Many rows of one explanation as small multiples on one color range."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation, ShownInput
from pellucid.scenes import ColorScale, Image, Panel, Scene
from pellucid.scenes.words import Language, joined, method_name, words
from pellucid.views.framing import badge, code, decision_words, notes
from pellucid.views.image_overlay import color_scale, frame_axes, map_summary, map_table, signed_map
from pellucid.views.rasters import Limit, limit_of, photo
from pellucid.views.reading import is_refused, one_row, predicted_name, shown_input, target_name, value_label

MARKS = {"supported": "✓", "weak": "~", "refused": "✕", "unchecked": "?"}
SPACE = 0.08  # of a picture's width, between the input and its map


def gallery(explanation: Explanation, *, rows: tuple[int, ...] | None = None, language: Language = "en", columns: int = 3) -> Scene:
    """Input and map of several rows side by side, each titled with what was predicted, what is true and its verdict's mark.

    All maps share one color range, so that they can be compared. At most twelve rows are drawn unless ``rows`` names them.

    Raises:
        InputError: the explained input is no image.
    """
    say = words(language)
    chosen = rows if rows is not None else tuple(range(min(len(explanation), 12)))
    ones = [one_row(explanation, row) for row in chosen]
    _shown_image(explanation)
    if not ones:
        raise InputError("A gallery needs rows of images", received="no row", remedy="name at least one row")
    scale = color_scale(_shared_limit(ones, language), explanation, language)
    panels = [_pair(one, row, scale, language) for one, row in zip(ones, chosen, strict=True)]
    panels[-1] = replace(panels[-1], scale=scale)
    more = say["gallery.more"].format(shown=len(ones), count=len(explanation)) if len(ones) < len(explanation) else ""
    title = say["gallery.title"].format(count=len(ones), method=method_name(explanation.provenance.method, language))
    return Scene(
        title,
        tuple(panels),
        joined([title, *(p.summary for p in panels)], language),
        subtitle=joined([_counts(ones, language), more], language),
        columns=min(columns, len(panels)),
        notes=tuple(n for n in notes(ones[0], language) if all(n in notes(o, language) for o in ones)),
        code=code(explanation),
        language=language,
    )


def _shared_limit(ones: list[Explanation], language: Language) -> Limit:
    return limit_of(np.concatenate([signed_map(one, 0, language).values.ravel() for one in ones]))


def _counts(ones: list[Explanation], language: Language) -> str:
    say = words(language)
    counted = Counter(one.verdicts[0].level for one in ones)
    return joined(
        [
            f"{MARKS[level]} " + say["gallery.counts"].format(count=counted[level], verdict=say[f"verdict.{level}"])
            for level in MARKS
            if counted[level]
        ],
        language,
    )


def _shown_image(explanation: Explanation) -> ShownInput:
    shown = shown_input(explanation, 0)
    if shown is None or shown.kind != "image":
        received = shown.kind if shown else "no input"
        raise InputError("A gallery needs rows of images", received=received, remedy="use the view of a single row")
    return shown


def _pair(one: Explanation, row: int, scale: ColorScale, language: Language) -> Panel:
    pixels, found = photo(_shown_image(one).data), signed_map(one, 0, language)
    height, width = (float(n) for n in pixels.shape[:2])
    start = width * (1 + SPACE)
    x, y = frame_axes((int(height), int(width)))
    verdict = badge(one, language)
    return Panel(
        f"row{row}",
        f"{MARKS[verdict.level]} {_caption(one, language)}",
        joined([decision_words(one, language), verdict.label, map_summary(found.values, language)], language),
        map_table(found.values, language),
        (
            Image("", (0.0, width, 0.0, height), pixels=pixels),
            Image(value_label(one, language), (start, start + width, 0.0, height), values=found.values, scale=scale),
        ),
        x=replace(x, domain=(0.0, start + width)),
        y=y,
        equal=True,
        hatched=is_refused(one),
    )


def _caption(one: Explanation, language: Language) -> str:
    say = words(language)
    predicted, truth = predicted_name(one), one.decision.truth
    if predicted is None:
        return target_name(one)
    if truth:
        return say["gallery.both"].format(predicted=predicted, truth=truth[0])
    return say["gallery.predicted"].format(predicted=predicted)
