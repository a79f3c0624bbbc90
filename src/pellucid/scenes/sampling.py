"""Pictures of more elements than can be drawn: which are drawn first, what is said of it, and how many travel to the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from pellucid.scenes.marks import Lines, Mark, Panel, Points, Polygons, RowLabels, Sample, Scene
from pellucid.scenes.words import Language, joined, words

MOST = 5000  # marks that are drawn in one picture
SENT = 300_000  # marks of one panel that travel in a file; of a line each step counts
SEED = 0  # of the order in which those are drawn that are not extremes

Sampled = Points | Lines | Polygons
T = TypeVar("T", bound=Points | Lines | Polygons)


def by_importance(values: np.ndarray, first: int) -> np.ndarray:
    """The rows of (row, part) in the order in which they are drawn: as they are where ``first`` or fewer.

    Of more, those that hold a part's lowest or highest value, then the others by a fixed draw.
    """
    count = len(values)
    if count <= first:
        return np.arange(count)
    filled = np.where(np.isfinite(values), values, 0.0)
    extremes = np.array(list(dict.fromkeys(np.stack([filled.argmax(0), filled.argmin(0)], 1).ravel().tolist())))
    others = np.random.default_rng(SEED).permutation(count)
    return np.concatenate([extremes, others[~np.isin(others, extremes)]])


def sample_of(there: np.ndarray, first: int, unit: str, language: Language) -> Sample | None:
    """What is drawn of elements in order of importance; nothing to say where all are.

    ``there`` says which have a place. ``unit`` names the elements in the language: "points", "个点".
    """
    if there.size <= first:
        return None
    flat = there.ravel()
    count = int(flat.sum())
    said = words(language)["sample.whole"].format(shown=f"{int(flat[:first].sum()):,}", count=f"{count:,}", unit=unit)
    return Sample(first, MOST, count, unit, said)


def drawn(mark: T) -> T:
    """The mark with those elements only that are drawn of the whole picture."""
    return mark if mark.sample is None else _cut(mark, mark.sample.first)


def said(panel: Panel) -> list[str]:
    """What a panel's marks say about what is drawn of them."""
    return [mark.sample.said for mark in panel.marks if isinstance(mark, Sampled) and mark.sample is not None]


def limited(scene: Scene, most: int = SENT) -> Scene:
    """The scene with at most ``most`` marks that are sampled in each panel, those drawn first; where some are left out, the panel says so.

    Those drawn of the whole picture are never left out.
    """
    panels = tuple(_limited(panel, most, scene.language) for panel in scene.panels)
    return scene if all(a is b for a, b in zip(panels, scene.panels, strict=True)) else replace(scene, panels=panels)


def _limited(panel: Panel, most: int, language: Language) -> Panel:
    share = most / max(1, sum(_size(mark) for mark in panel.marks))
    if share >= 1:
        return panel
    say, marks, notes = words(language), [], [panel.subtitle]
    for mark in panel.marks:
        if isinstance(mark, Sampled) and mark.sample is not None:
            kept = _cut(mark, max(mark.sample.first, int(share * len(_places(mark)))))
            numbers = {"sent": f"{_there(kept):,}", "count": f"{mark.sample.count:,}"}
            notes.append(say["sample.sent"].format(**numbers, unit=mark.sample.unit))
            marks.append(kept)
        else:
            marks.append(mark)
    return replace(panel, marks=tuple(marks), subtitle=joined(notes, language))


def _size(mark: Mark) -> int:
    """How many marks there are to send of a sampled one; of others nothing is left out."""
    return _places(mark).size if isinstance(mark, Sampled) and mark.sample is not None else 0


def _places(mark: Sampled) -> np.ndarray:
    """The array that has one entry or row for each element."""
    return mark.y if isinstance(mark, Lines) and mark.y.ndim > 1 else mark.x


def _there(mark: Sampled) -> int:
    places = _places(mark)
    return int(np.isfinite(places if places.ndim == 1 else places[:, 0]).sum())


def _cut(mark: T, most: int) -> T:
    """The first elements of a mark, at most ``most`` of them: whole rows where they are named by row and column."""
    labels = mark.labels
    columns = len(labels.columns) if isinstance(labels, RowLabels) and not labels.together else 1
    rows = most // columns
    kept = rows * columns
    if isinstance(labels, RowLabels):
        shorter = tuple(replace(column, values=column.values[:rows]) for column in labels.columns)
        labels = replace(labels, rows=labels.rows[:rows], columns=shorter)
    else:
        labels = labels[:kept]
    if isinstance(mark, Points):
        values = None if mark.values is None else mark.values[:kept]
        return replace(mark, x=mark.x[:kept], y=mark.y[:kept], values=values, labels=labels, links=mark.links[:kept])
    if isinstance(mark, Polygons):
        return replace(mark, x=mark.x[:kept], y=mark.y[:kept], role=mark.role[:kept], strength=mark.strength[:kept], labels=labels)
    x, y = (array if array.ndim == 1 else array[:kept] for array in (mark.x, mark.y))
    role, strength = (None if one is None else one[:kept] for one in (mark.role, mark.strength))
    return replace(mark, x=x, y=y, role=role, strength=strength, labels=labels)
