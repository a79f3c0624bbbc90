"""Where a network changes its class on a plane: the map with the lines, the linear regions, and how far rows are from a change."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.decision_boundary import DecisionBoundary
from pellucid.scenes import (
    Axis,
    Bars,
    LegendEntry,
    Mark,
    Panel,
    Scene,
    Table,
)
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.decision_boundary_marks import GROUND, Shown


def boundary(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The classes as colors that are paler where the network is less confident, the lines between them, and the rows on it."""
    shown, say = Shown(_content(explanation), language), words(language)
    seen = shown.seen
    classes, areas = np.unique(seen.classes, return_counts=True)
    finding = _finding(explanation, language)
    largest = seen.class_names[classes[areas.argmax()]]
    summary = say["boundary.summary"].format(
        how=finding,
        segments=f"{len(seen.boundary):,}",
        length=number(float(np.linalg.norm(np.diff(seen.boundary, axis=1), axis=-1).sum())),
        name=largest,
        share=percent(float(areas.max() / areas.sum()), language),
    )
    x, y = shown.axes()
    table = Table(
        (say["predicted_class"], say["regions.share"]),
        tuple((seen.class_names[k], round(100 * float(n / areas.sum()), 2)) for k, n in zip(classes, areas, strict=True)),
    )
    marks = (shown.map(), *shown.lines(), *shown.points(), *shown.samples())
    panel = Panel("boundary", say["boundary.map"], summary, table, marks, x, y, shown.about(), shown.legend(), equal=True)
    return _scene(explanation, finding, panel, summary, language)


def regions(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The polygons in each of which the network is one linear function, neighbors in different colors, and the lines of the boundary."""
    shown, say = Shown(_content(explanation), language), words(language)
    found = shown.seen.regions
    if found is None:
        raise TypeError("This picture shows linear regions, received a boundary without them")
    shares = found.areas() / found.areas().sum()
    least, median, most = (percent(float(v), language) for v in (shares.min(), np.median(shares), shares.max()))
    size = say["regions.size"].format(least=least, median=median, most=most)
    count = f"{len(found):,}"
    summary = say["regions.summary"].format(regions=count, corners=number(float(found.counts.mean())), size=size)
    x, y = shown.axes()
    sampled = len(found) > MOST
    marks = (*([shown.ground()] if sampled else []), shown.areas(found, shares), *shown.lines())
    legend = (LegendEntry(say["boundary.line"], "ink", "line"),) if len(shown.seen.boundary) else ()
    legend += (LegendEntry(say["regions.rest"], GROUND),) if sampled else ()
    panel = Panel("regions", say["regions.finding"], summary, shown.largest(found, shares), marks, x, y, size, legend, equal=True)
    return _scene(explanation, say["regions.title"].format(regions=count, model=explanation.provenance.model), panel, summary, language)


def distances(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How many rows lie how far from the nearest change of class on the plane, those read right and those misread apart."""
    say, seen = words(language), _content(explanation)
    rows = seen.rows
    known = np.isfinite(rows.distances)
    found = rows.distances[known]
    wrong = ((rows.truth >= 0) & (rows.truth != rows.predicted))[known]
    numbers = {"median": number(float(np.median(found))), "least": number(float(found.min())), "most": number(float(found.max()))}
    summary = say["distances.summary"].format(count=len(found), **numbers)
    unsure = int((~rows.sure[known]).sum())
    notes = [say["distances.unsure"].format(count=unsure) if unsure else "", say["distances.slice"] if seen.plane.kind != "inputs" else ""]
    if 0 < wrong.sum() < len(wrong):
        medians = {"wrong": number(float(np.median(found[wrong]))), "right": number(float(np.median(found[~wrong])))}
        summary = joined([summary, say["distances.wrong_closer"].format(**medians)], language)
    panel = _histogram(found, wrong, say["distances.finding"].format(**numbers), summary, language, labelled=bool((rows.truth >= 0).any()))
    return _scene(explanation, say["distances.title"], panel, summary, language, notes=tuple(note for note in notes if note))


VIEWS = {"boundary": boundary, "regions": regions, "distances": distances}


def shows(view: str, explanation: Explanation) -> bool:
    """Whether there is something for a picture to show."""
    seen = _content(explanation)
    return {"regions": seen.regions is not None, "distances": bool(np.isfinite(seen.rows.distances).any())}.get(view, True)


def _histogram(found: np.ndarray, wrong: np.ndarray, finding: str, summary: str, language: Language, *, labelled: bool) -> Panel:
    say = words(language)
    bins = int(np.clip(np.sqrt(len(found)), 5, 30))
    edges = np.linspace(0.0, float(found.max()) or 1.0, bins + 1)
    counts = [np.histogram(found[which], edges)[0].astype(float) for which in (~wrong, wrong)]
    middle, thick = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0]) * 0.94
    parts = [("distances.right" if labelled else "distances.rows", "series1", np.zeros(bins), counts[0])]
    parts += [("distances.wrong", "positive", counts[0], counts[1])] if wrong.any() else []
    bars: list[Mark] = []
    for key, role, start, counted in parts:
        what = say[key]
        there = np.flatnonzero(counted) if key == "distances.wrong" else np.arange(bins)  # no edge of none upon the other rows
        length = counted[there]
        labels = tuple(
            say["distances.bin"].format(low=number(a), high=number(b), count=int(n), what=what)
            for a, b, n in zip(edges[there], edges[there + 1], length, strict=True)
        )
        bars.append(Bars(what, middle[there], start[there], length, (role,) * len(there), labels, horizontal=False, thickness=thick))
    legend = tuple(LegendEntry(say[key], role) for key, role, _, _ in parts) if len(parts) > 1 else ()
    rows = tuple(zip(edges[:-1].tolist(), edges[1:].tolist(), *(c.tolist() for c in counts), strict=True))
    return Panel(
        "distances",
        finding,
        summary,
        Table((say["from"], say["to"], say["distances.right" if labelled else "distances.rows"], say["distances.wrong"]), rows),
        tuple(bars),
        x=Axis(say["distances.axis"], (-0.04 * float(edges[-1]), float(edges[-1]))),
        y=Axis(say["distances.rows"], (0.0, 1.05 * float((counts[0] + counts[1]).max()))),
        legend=legend,
    )


def _scene(
    explanation: Explanation, title: str, panel: Panel, summary: str, language: Language, *, notes: tuple[str, ...] | None = None
) -> Scene:
    given = notes if notes is not None else _notes(_content(explanation), language)
    return Scene(title, (panel,), summary, notes=given, code=code(explanation), language=language)


def _notes(seen: DecisionBoundary, language: Language) -> tuple[str, ...]:
    """What a slice is, why it is not exact, and how far the polygons agree with the network itself."""
    say, rows, found = words(language), seen.rows, []
    if seen.plane.kind != "inputs":
        differ = int((rows.there != rows.predicted).sum())
        found.append(say["boundary.slice_note"].format(differ=differ, count=len(rows.truth)))
    if seen.why:
        found.append(Shown(seen, language).why())
    if seen.agreement is not None:
        found.append(say["boundary.agreement"].format(points=len(seen.classes), share=percent(seen.agreement, language)))
    return tuple(found)


def _finding(explanation: Explanation, language: Language) -> str:
    seen, say = _content(explanation), words(language)
    model = explanation.provenance.model
    if not len(seen.boundary) and len(np.unique(seen.classes)) == 1:
        return say["boundary.one"].format(model=model, name=seen.class_names[int(seen.classes[0, 0])])
    count = f"{len(seen.regions):,}" if seen.regions is not None else ""
    return say[f"boundary.{seen.how}"].format(model=model, regions=count, points=len(seen.classes))


def _content(explanation: Explanation) -> DecisionBoundary:
    if not isinstance(explanation.content, DecisionBoundary):
        raise TypeError(f"This picture shows a DecisionBoundary, received {type(explanation.content).__name__}")
    return explanation.content
