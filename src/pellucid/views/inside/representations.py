"""How layers represent rows: maps of one layer, what can be read from each, how alike they are, what goes together with the outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from pellucid.errors import UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents import Representations
from pellucid.explanation.contents.representations import Neighborhoods
from pellucid.scenes import Axis, Bars, LegendEntry, Line, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, words
from pellucid.views.inside.classes import COLORS, colors_of
from pellucid.views.inside.representations_reading import content, scene
from pellucid.views.inside.representations_relations import relations
from pellucid.views.inside.representations_similarity import models, similarity
from pellucid.views.signed_bars import category_axis

LISTED = 500  # rows in the table beside a map
RING = 5.5  # radius of the disk beneath a misread row's point
SECOND = -2  # of the layers: the last before the outputs


def layer_map(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The rows on the first two principal axes of one layer, by true class where it is known, misread rows ringed; beside it by t-SNE.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    at = _place(seen, layer)
    near = next((one for one in seen.neighborhoods if one.layer == seen.layers[at]), None)
    panels = (_map(seen, at, language), *([_near(seen, near, language)] if near is not None else []))
    notes = [say["rep.pooled"].format(count=sum(seen.pooled))] if any(seen.pooled) else []
    notes += [say["rep.tsne_note"]] if near is not None else []
    return scene(explanation, "rep.map_title", panels, language, tuple(notes))


def _map(seen: Representations, at: int, language: Language) -> Panel:
    say, shares = words(language), seen.explained[at]
    marks, legend, wrong = _rows(seen, np.arange(seen.rows), seen.maps[at], language)
    told = {"layer": seen.layers[at], "share": percent(float(shares.sum()), language), "rows": seen.rows, "wrong": wrong}
    names = tuple(say["rep.axis"].format(number=k + 1, share=percent(float(shares[k]), language)) for k in (0, 1))
    return Panel(
        "map",
        say["rep.map"].format(**told),
        say["rep.map_summary"].format(**told),
        _places(np.arange(seen.rows), seen.maps[at], language),
        marks,
        x=_axis(names[0], seen.maps[at][:, 0]),
        y=_axis(names[1], seen.maps[at][:, 1]),
        legend=legend,
    )


def _near(seen: Representations, near: Neighborhoods, language: Language) -> Panel:
    """The rows by t-SNE; its axes mean nothing and have no numbers."""
    say = words(language)
    marks, legend, wrong = _rows(seen, near.rows, near.places, language)
    told = {"layer": near.layer, "trust": number(near.trust), "rows": len(near.rows), "wrong": wrong, "given": seen.rows}
    told |= {"perplexity": number(near.perplexity), "nearest": near.nearest}
    key = "rep.tsne_rows" if len(near.rows) == seen.rows else "rep.tsne_some"
    return Panel(
        "tsne",
        say["rep.tsne"].format(**told),
        say["rep.tsne_summary"].format(**told),
        _places(near.rows, near.places, language),
        marks,
        x=replace(_axis("", near.places[:, 0]), hidden=True),
        y=replace(_axis("", near.places[:, 1]), hidden=True),
        subtitle=say[key].format(**told),
        legend=legend,
    )


def _rows(
    seen: Representations, rows: np.ndarray, places: np.ndarray, language: Language
) -> tuple[tuple[Points, ...], tuple[LegendEntry, ...], int]:
    """Points for the rows by class, the misread ones with a ring around them; the legend; and how many are misread."""
    say, (x, y) = words(language), places.T
    labels, predicted = seen.labels[rows], seen.predicted[rows]
    classes = labels if (seen.labels >= 0).any() else predicted
    common = [int(c) for c, _ in Counter(classes[classes >= 0].tolist()).most_common(len(COLORS))]
    colors = colors_of(sorted(common))
    shown = [(c, np.flatnonzero(classes == c)) for c in colors]
    rest = np.flatnonzero(~np.isin(classes, common))
    wrong = np.flatnonzero((labels >= 0) & (predicted >= 0) & (labels != predicted))
    unit = say["sample.points"]
    first = max(1, MOST // (len(shown) + 2))
    sample = sample_of(np.ones(len(wrong), bool), first, unit, language)
    ringed = say["rep.wrong"].format(wrong=len(wrong))
    marks = [Points(ringed, x[wrong], y[wrong], "ink", RING, sample=sample)] if len(wrong) else []
    legend = [LegendEntry(ringed, "ink", "point")] if len(wrong) else []
    groups = [(_name(seen, c), at, colors[c]) for c, at in shown]
    groups += [(say["rep.rest"], rest, "random")] if len(rest) else []
    for name, at, color in groups:
        told = tuple(say["rep.point"].format(row=int(rows[k]) + 1, label=_name(seen, int(classes[k]))) for k in at)
        marks.append(Points(name, x[at], y[at], color, labels=told, sample=sample_of(np.ones(len(at), bool), first, unit, language)))
        legend.append(LegendEntry(name, color, "point"))
    return tuple(marks), tuple(legend), len(wrong)


def _places(rows: np.ndarray, places: np.ndarray, language: Language) -> Table:
    cells = zip(rows[:LISTED].tolist(), places[:LISTED].tolist(), strict=True)
    return Table((words(language)["row"], "1", "2"), tuple((row + 1.0, x, y) for row, (x, y) in cells))


def _axis(label: str, values: np.ndarray) -> Axis:
    return Axis(label, padded(float(values.min()), float(values.max())))


def probes(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How well a linear probe reads the class from each layer, with intervals, beside guessing and the network itself."""
    seen, say = content(explanation), words(language)
    values, low, high = 100 * seen.probes.T
    places = np.arange(len(seen.layers), dtype=float)
    known = bool(np.isfinite(values).all())
    best = int(np.nanargmax(values)) if known else 0
    told = {"layer": seen.layers[best], "value": percent(float(seen.probes[best, 0]), language)} if known else {}
    finding = say["rep.probes"].format(**told) if known else say["rep.no_labels"]
    base, own = float(seen.base[0]), float(seen.own[0])
    lines = [(base, "random", "rep.base")] + ([(own, "series2", "rep.own")] if np.isfinite(own) else [])
    ends = np.array([-0.5, len(places) - 0.5])
    rules = tuple(Line(say[key], np.full(2, 100 * value), ends, color, dashed=True) for value, color, key in lines if np.isfinite(value))
    labels = tuple(
        f"{name}: {percent(float(value) / 100, language)}" if known else name for name, value in zip(seen.layers, values, strict=True)
    )
    bars = Bars(say["rep.probe"], places, np.zeros(len(places)), values, ("series1",) * len(places), labels, low=low, high=high)
    rows = tuple((name, *(number(float(v)) for v in row)) for name, row in zip(seen.layers, 100 * seen.probes, strict=True))
    table = Table((say["layer"], say["rep.probe"], say["low"], say["high"]), rows)
    legend = tuple(LegendEntry(say[key], color, "dashed") for value, color, key in lines if np.isfinite(value))
    x, y = Axis(say["rep.accuracy"], (0.0, 100.0)), category_axis(list(seen.layers))
    chart = Panel("probes", finding, finding, table, (bars, *rules), x=x, y=y, legend=legend)
    panel = chart if known else Panel("probes", finding, finding, table)
    return scene(explanation, "rep.probes_title", (panel,), language, (say["rep.probe_note"],))


def _place(seen: Representations, layer: str | None) -> int:
    if layer is None:
        return max(SECOND, -len(seen.layers)) % len(seen.layers)
    if layer not in seen.layers:
        raise UnknownName("layer", layer, seen.layers)
    return seen.layers.index(layer)


def _name(seen: Representations, index: int) -> str:
    return seen.class_names[index] if 0 <= index < len(seen.class_names) else str(index)


VIEWS = {"layer_map": layer_map, "probes": probes, "similarity": similarity, "models": models, "relations": relations}


def shows(view: str, explanation: Explanation) -> bool:
    """Whether there is something for a picture to show."""
    seen = content(explanation)
    there = {"similarity": len(seen.layers) > 1, "models": seen.other is not None, "relations": seen.relations is not None}
    return there.get(view, True)
