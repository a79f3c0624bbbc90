"""How layers represent rows: a map of one layer, what can be read from each, how alike they are."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pellucid.errors import UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents import Representations
from pellucid.scenes import Axis, Bars, ColorScale, Image, LegendEntry, Line, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, words
from pellucid.views.framing import code
from pellucid.views.signed_bars import category_axis

COLORS = ("series1", "series2", "series3", "series4", "series5", "series6")
RING = 5.5  # radius of the disk beneath a misread row's point
SECOND = -2  # of the layers: the last before the outputs


def layer_map(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The rows on the first two principal axes of one layer, by true class where it is known, misread rows ringed.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = _content(explanation), words(language)
    at = _place(seen, layer)
    x, y = seen.maps[at].T
    classes = seen.labels if (seen.labels >= 0).any() else seen.predicted
    common = [int(c) for c, _ in Counter(classes[classes >= 0].tolist()).most_common(len(COLORS))]
    shown = [(c, np.flatnonzero(classes == c)) for c in sorted(common)]
    rest = np.flatnonzero(~np.isin(classes, common))
    wrong = np.flatnonzero((seen.labels >= 0) & (seen.predicted >= 0) & (seen.labels != seen.predicted))
    unit = say["sample.points"]
    first = max(1, MOST // (len(shown) + 2))
    sample = sample_of(np.ones(len(wrong), bool), first, unit, language)
    ringed = say["rep.wrong"].format(wrong=len(wrong))
    marks = [Points(ringed, x[wrong], y[wrong], "refused", RING, sample=sample)] if len(wrong) else []
    legend = [LegendEntry(ringed, "refused", "point")] if len(wrong) else []
    groups = [(_name(seen, c), rows, COLORS[k]) for k, (c, rows) in enumerate(shown)]
    groups += [(say["rep.rest"], rest, "random")] if len(rest) else []
    for name, rows, color in groups:
        labels = tuple(say["rep.point"].format(row=int(row) + 1, label=_name(seen, int(classes[row]))) for row in rows)
        marks.append(
            Points(name, x[rows], y[rows], color, labels=labels, sample=sample_of(np.ones(len(rows), bool), first, unit, language))
        )
        legend.append(LegendEntry(name, color, "point"))
    shares = seen.explained[at]
    told = {"layer": seen.layers[at], "share": percent(float(shares.sum()), language), "rows": seen.rows, "wrong": len(wrong)}
    summary = say["rep.map_summary"].format(**told)
    axes = [say["rep.axis"].format(number=k + 1, share=percent(float(shares[k]), language)) for k in (0, 1)]
    panel = Panel(
        "map",
        say["rep.map"].format(**told),
        summary,
        Table((say["row"], "1", "2"), tuple((float(r + 1), float(a), float(b)) for r, (a, b) in enumerate(seen.maps[at][:500]))),
        tuple(marks),
        x=Axis(axes[0], padded(float(x.min()), float(x.max()))),
        y=Axis(axes[1], padded(float(y.min()), float(y.max()))),
        legend=tuple(legend),
    )
    notes = (say["rep.pooled"].format(count=sum(seen.pooled)),) if any(seen.pooled) else ()
    return _scene(explanation, "rep.map_title", panel, language, notes)


def probes(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How well a linear probe reads the class from each layer, with intervals, beside guessing and the network itself."""
    seen, say = _content(explanation), words(language)
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
    return _scene(explanation, "rep.probes_title", panel, language, (say["rep.probe_note"],))


def similarity(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How alike the layers are (debiased linear CKA), as a matrix."""
    seen, say = _content(explanation), words(language)
    values, count = seen.similarity, len(seen.layers)
    ends, places = (-0.5, count - 0.5), tuple(float(k) for k in range(count))
    scale = ColorScale("sequential", (0.0, 1.0), say["rep.cka"])
    steps = values.diagonal(1)
    place = int(np.nanargmin(steps)) if count > 1 and np.isfinite(steps).any() else 0
    told = {
        "a": seen.layers[place],
        "b": seen.layers[min(place + 1, count - 1)],
        "value": number(float(steps[place]) if count > 1 else 1.0),
    }
    finding = say["rep.similar"].format(**told)
    rows = tuple((name, *(number(float(v)) for v in row)) for name, row in zip(seen.layers, values, strict=True))
    panel = Panel(
        "similarity",
        finding,
        finding,
        Table((say["layer"], *seen.layers), rows),
        (Image(say["rep.cka"], (*ends, *ends), values=values.astype(np.float32), scale=scale),),
        x=Axis("", ends, places, tuple(str(k + 1) for k in range(count)), "category"),
        y=Axis("", ends, places, tuple(f"{k + 1} {name}" for k, name in enumerate(seen.layers)), "category", reverse=True),
        scale=scale,
        equal=True,
    )
    return _scene(explanation, "rep.similar_title", panel, language)


def _place(seen: Representations, layer: str | None) -> int:
    if layer is None:
        return max(SECOND, -len(seen.layers)) % len(seen.layers)
    if layer not in seen.layers:
        raise UnknownName("layer", layer, seen.layers)
    return seen.layers.index(layer)


def _scene(explanation: Explanation, title: str, panel: Panel, language: Language, notes: tuple[str, ...] = ()) -> Scene:
    """One panel under its title and how many layers and rows were looked at."""
    seen, say = _content(explanation), words(language)
    key = "rep.rows" if seen.rows == seen.given else "rep.some"
    return Scene(
        say[title].format(model=explanation.provenance.model),
        (panel,),
        panel.summary,
        subtitle=say[key].format(rows=f"{seen.rows:,}", given=f"{seen.given:,}", layers=len(seen.layers)),
        notes=notes,
        code=code(explanation),
        language=language,
    )


def _name(seen: Representations, index: int) -> str:
    return seen.class_names[index] if 0 <= index < len(seen.class_names) else str(index)


def _content(explanation: Explanation) -> Representations:
    if not isinstance(explanation.content, Representations):
        raise TypeError(f"This picture shows Representations, received {type(explanation.content).__name__}")
    return explanation.content


VIEWS = {"layer_map": layer_map, "probes": probes, "similarity": similarity}
