"""What makes units strong: optimized pictures beside the strongest rows, and how strong they are on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pellucid.errors import UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents.feature_visualization import FeatureVisualization, VisualizedLayer, Way
from pellucid.scenes import Axis, Bars, Image, LegendEntry, Line, Mark, Panel, Points, Scene, Table, Text
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, letters, words
from pellucid.views.framing import code
from pellucid.views.inside.classes import class_phrase
from pellucid.views.signed_bars import category_axis

HEAD, LINE, GAP = 0.3, 0.2, 0.1  # of a tile's side: a unit's own line, a line of words above a tile, and what is left free
PER = 3  # units in one panel: more would be small
COLORS: dict[Way, str] = {"fourier": "series1", "spectrum": "series2"}
TIMES = "×"  # noqa: RUF001 (a multiplication sign is meant)
LETTERS = 12  # above a tile; a Chinese character is two
SHARE, PALE = 0.9, 0.1  # of the pixels' gradients: where a picture is drawn in full; what is left where no gradient asked for anything
LARGE, BESIDE = 32, 6  # pixels a side from which pictures can be faded; units side by side


def pictures(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """A line for each unit: its optimized pictures, then the rows in which it is strongest; of all layers, or of the ``layer`` named.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    chosen = _chosen(explanation)
    panels = tuple(
        _sheet(seen, one, (part, lines), language, chosen=chosen)
        for one in _layers(seen, layer)
        for part, lines in enumerate(np.array_split(np.arange(len(one.units)), -(-len(one.units) // PER)))
    )
    title = say["feature.pictures.title"].format(model=explanation.provenance.model)
    notes = [say["feature.pictures.note"].format(steps=seen.steps)]
    if "spectrum" in seen.ways:
        notes.append(say["feature.pictures.spectrum"].format(rows=f"{seen.rows:,}"))
    notes.append(say["feature.pictures.limit"])
    summary = joined([title, *(panel.summary for panel in panels)], language)
    return Scene(title, panels, summary, notes=tuple(notes), code=code(explanation), language=language)


def content(explanation: Explanation) -> FeatureVisualization:
    """The content."""
    if not isinstance(explanation.content, FeatureVisualization):
        raise TypeError(f"This picture shows a FeatureVisualization, received {type(explanation.content).__name__}")
    return explanation.content


def _chosen(explanation: Explanation) -> bool:
    """Whether the units were named."""
    return explanation.provenance.parameters.get("units", "None") != "None"


def _layers(seen: FeatureVisualization, layer: str | None) -> tuple[VisualizedLayer, ...]:
    if layer is None:
        return seen.layers
    names = [one.layer or "outputs" for one in seen.layers]
    if layer not in names:
        raise UnknownName("layer in this picture (pl.LookAtFeatureVisualization(layers=...) looks at others)", layer, names)
    return (seen.layers[names.index(layer)],)


def layer_name(one: VisualizedLayer, language: Language) -> str:
    """A layer as it stands in a title."""
    return words(language)["feature.layer"].format(layer=one.layer) if one.layer else words(language)["feature.outputs"]


def unit_name(seen: FeatureVisualization, one: VisualizedLayer, unit: int, language: Language) -> str:
    """A unit by number, a class by its name."""
    if not one.layer and unit < len(seen.class_names):
        return seen.class_names[unit]
    return words(language)["feature.unit" if one.layer else "feature.output"].format(unit=unit)


def compared(seen: FeatureVisualization, one: VisualizedLayer, way: int, unit: int, language: Language) -> str:
    """What one picture reaches against the strongest row: how many times that, where that is above 0."""
    say, value, top = words(language), float(one.reached[way, unit]), float(one.top_values[unit, 0])
    name = say[f"feature.way.{seen.ways[way]}"]
    if top > 0 and value > 0:
        return say["feature.times"].format(way=name, times=number(value / top, 2))
    return say["feature.against"].format(way=name, value=number(value), top=number(top))


# ---- pictures ----------------------------------------------------------------------------------------------------------------


def _sheet(seen: FeatureVisualization, one: VisualizedLayer, part: tuple[int, np.ndarray], language: Language, *, chosen: bool) -> Panel:
    """Some units of a layer: ``part`` is the how manieth panel of it, and which."""
    say, number_, lines = words(language), part[0], part[1]
    high = HEAD + 2 * LINE + GAP / 2 + one.pixels.shape[2] / one.pixels.shape[3] + 2 * GAP
    marks = [mark for place, line in enumerate(lines) for mark in _line(seen, one, int(line), place * high, language)]
    columns = len(seen.ways) + one.top_rows.shape[1]
    layer = layer_name(one, language)
    title = say["feature.pictures.panel"].format(layer=layer) if not number_ else say["feature.pictures.more"].format(layer=layer)
    first = int(lines[0])
    told = [
        unit_name(seen, one, int(one.units[first]), language),
        *(compared(seen, one, way, first, language) for way in range(len(seen.ways))),
    ]
    return Panel(
        f"pictures_{one.layer or 'outputs'}_{number_}".replace(".", "_"),
        title,
        joined([title, *told], language),
        _table(seen, one, lines, language),
        tuple(marks),
        x=Axis("", (-GAP, columns * (1 + GAP) + 2 * GAP), hidden=True),
        y=Axis("", (0.0, len(lines) * high - GAP), reverse=True, hidden=True),
        subtitle="" if number_ else _which(one, language, chosen=chosen),
        equal=True,
    )


def _line(seen: FeatureVisualization, one: VisualizedLayer, line: int, top: float, language: Language) -> list[Mark]:
    """A unit's name and numbers, and below them its pictures and its rows."""
    say, names = words(language), _row_names(seen, language)
    marks: list[Mark] = [Text(0.0, top + HEAD / 2, unit_name(seen, one, int(one.units[line]), language))]
    for way, name in enumerate(seen.ways):
        captions = say[f"feature.way.{name}"], _value(one, way, line)
        marks += _tile(
            (way * (1 + GAP), top + HEAD), one.pixels[way, line], captions, say["feature.pictures.sees"], box=one.boxes[way, line]
        )
    for rank, row in enumerate(one.top_rows[line]):
        picture = seen.shown_pixels[np.searchsorted(seen.shown, row)]
        captions = names[int(row)], number(float(one.top_values[line, rank]))
        left = (len(seen.ways) + rank) * (1 + GAP) + 2 * GAP
        marks += _tile((left, top + HEAD), picture, captions, say["feature.pictures.sees"], box=one.top_boxes[line, rank])
    return marks


def _value(one: VisualizedLayer, way: int, unit: int) -> str:
    """What a picture reaches, and how many times the strongest row that is, where it is above 0 and short."""
    value, top = float(one.reached[way, unit]), float(one.top_values[unit, 0])
    both = f"{number(value)} · {number(value / top, 2)}{TIMES}" if top > 0 and value > 0 else number(value)
    return both if _fits(both) else number(value)


def _tile(place: tuple[float, float], pixels: np.ndarray, captions: tuple[str, str], sees: str, *, box: np.ndarray) -> list[Mark]:
    """A picture of width 1 under two lines of words, and a frame around what a place sees of it, where that is not all."""
    (left, top), (height, width) = place, pixels.shape[:2]
    marks: list[Mark] = [
        Text(left + 0.5, top + LINE / 2, captions[0], "middle", "muted"),
        Text(left + 0.5, top + 1.5 * LINE, captions[1], "middle"),
    ]
    top += 2 * LINE + GAP / 2
    marks.append(Image("", (left, left + 1, top, top + height / width), pixels=pixels))
    if (box[1] - box[0], box[3] - box[2]) != (height, width):
        y0, y1, x0, x1 = (float(end) / width for end in box)
        marks.append(Line(sees, left + np.array([x0, x1, x1, x0, x0]), top + np.array([y0, y0, y1, y1, y0]), "positive"))
    return marks


def _which(one: VisualizedLayer, language: Language, *, chosen: bool) -> str:
    shown = len(one.units)
    key = "all" if shown == one.count else "chosen" if chosen else "some" if one.layer else "classes"
    return words(language)[f"feature.pictures.{key}"].format(shown=shown, count=f"{one.count:,}")


def _row_names(seen: FeatureVisualization, language: Language) -> dict[int, str]:
    """Every shown row by number and class, by its class or by its number: what fits above the tiles of all."""
    say, rows = words(language), [int(row) for row in seen.shown]
    plain = [say["feature.row"].format(row=row + 1) for row in rows]
    labels = [int(seen.labels[row]) if len(seen.labels) else -1 for row in rows]
    if min(labels) < 0:
        return dict(zip(rows, plain, strict=True))
    names = [seen.class_names[label] if label < len(seen.class_names) else str(label) for label in labels]
    both = [say["act.row.class"].format(row=row + 1, label=name) for row, name in zip(rows, names, strict=True)]
    classes = [class_phrase(name, language) for name in names]
    return dict(zip(rows, next((texts for texts in (both, classes) if all(map(_fits, texts))), plain), strict=True))


def _table(seen: FeatureVisualization, one: VisualizedLayer, lines: np.ndarray, language: Language) -> Table:
    say = words(language)
    heads, columns = (
        [say["feature.table.unit"]],
        list[list[str] | list[float]]([[unit_name(seen, one, int(unit), language) for unit in one.units[lines]]]),
    )
    for way, name in enumerate(seen.ways):
        for key, values in (("reached", one.reached), ("shifted", one.shifted)):
            heads.append(say[f"feature.table.{key}"].format(way=say[f"feature.way.{name}"]))
            columns.append([float(value) for value in values[way, lines]])
    for key, values in (("median", one.median), ("top", one.top_values[:, 0]), ("top_shifted", one.top_shifted)):
        heads.append(say[f"feature.table.{key}"])
        columns.append([float(value) for value in values[lines]])
    for rank in range(one.top_rows.shape[1]):
        heads.append(say["feature.table.rank"].format(rank=rank + 1))
        columns.append([say["feature.row"].format(row=int(row) + 1) for row in one.top_rows[lines, rank]])
    return Table(tuple(heads), tuple(zip(*columns, strict=True)))


# ---- how strong --------------------------------------------------------------------------------------------------------------


def reached(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The activation of every unit on its optimized pictures, against those of all rows.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    panels = [_heights(seen, one, language) for one in _layers(seen, layer)]
    panels = (panels[0], *(replace(panel, legend=()) for panel in panels[1:]))
    title = say["feature.reached.title"].format(model=explanation.provenance.model, rows=f"{seen.rows:,}")
    note = say["feature.reached.note"].format(shift=seen.shift)
    summary = joined([title, *(panel.summary for panel in panels)], language)
    return Scene(title, panels, summary, notes=(note,), code=code(explanation), language=language)


def _heights(seen: FeatureVisualization, one: VisualizedLayer, language: Language) -> Panel:
    say, count = words(language), len(one.units)
    rise = np.where(one.top_values[:, 0] > one.median, one.top_values[:, 0] - one.median, np.nan)
    spread = (one.quantiles - one.median[:, None]) / rise[:, None]
    names = [unit_name(seen, one, int(unit), language) for unit in one.units]
    places = np.arange(count, dtype=float)
    marks: list[Mark] = [
        _bars(names, spread[:, ends], color, say["feature.reached.rows"]) for ends, color in (((0, 4), "line"), ((1, 3), "random"))
    ]
    marks.append(Line("", np.zeros(2), np.array([-0.5, count - 0.5]), "muted"))
    marks.append(Line(say["feature.reached.top"], np.ones(2), np.array([-0.5, count - 0.5]), "ink", dashed=True))
    shifts = (one.shifted - one.median) / rise
    for way, name in enumerate(seen.ways):
        y = places + (way - (len(seen.ways) - 1) / 2) * 0.4
        labels = tuple(joined([unit, compared(seen, one, way, at, language)], language) for at, unit in enumerate(names))
        marks += [
            Line("", np.array([a, b]), np.array([at, at]), COLORS[name])
            for a, b, at in zip(shifts[way], one.height[way], y, strict=True)
            if np.isfinite(a)
        ]
        marks.append(Points(say[f"feature.way.{name}"], one.height[way], y, COLORS[name], 4.5, labels))
        marks.append(Points(say["feature.reached.shifted"].format(shift=seen.shift), shifts[way], y, COLORS[name], 2.2, labels))
    above = int((one.reached > one.top_values[:, 0]).sum())
    title = say["feature.reached.panel"].format(layer=layer_name(one, language), above=above, count=one.reached.size)
    known = np.concatenate([one.height.ravel(), shifts.ravel(), spread.ravel(), [0.0, 1.0]])
    known = known[np.isfinite(known)]
    return Panel(
        f"reached_{one.layer or 'outputs'}".replace(".", "_"),
        title,
        title,
        _table(seen, one, np.arange(count), language),
        tuple(marks),
        x=Axis(say["feature.reached.axis"], padded(float(known.min()), float(known.max()))),
        y=category_axis(names),
        legend=(
            LegendEntry(say["feature.reached.rows"], "random"),
            LegendEntry(say["feature.reached.top"], "ink", "dashed"),
            *(LegendEntry(say[f"feature.way.{name}"], COLORS[name], "point") for name in seen.ways),
            LegendEntry(say["feature.reached.shifted"].format(shift=seen.shift), "muted", "point"),
        ),
    )


def _bars(names: list[str], ends: np.ndarray, color: str, name: str) -> Bars:
    """Bars from one quantile to another, none where the rows are all alike."""
    low, high = np.nan_to_num(ends).T
    labels = tuple(f"{unit}: {number(float(a))} … {number(float(b))}" for unit, a, b in zip(names, low, high, strict=True))
    return Bars(name, np.arange(len(names), dtype=float), low, high - low, (color,) * len(names), labels, thickness=0.7)


# ---- where it matters --------------------------------------------------------------------------------------------------------


def asked(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """Pictures of fixed magnitudes, faded where no gradient asked for anything (Fel et al. 2023): what is left there is chance.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    panels = tuple(_faded(seen, one, language) for one in _layers(seen, layer))
    title = say["feature.asked.title"].format(model=explanation.provenance.model)
    note = say["feature.asked.note"]
    return Scene(title, panels, joined([title, note], language), notes=(note,), code=code(explanation), language=language)


def _faded(seen: FeatureVisualization, one: VisualizedLayer, language: Language) -> Panel:
    way, ratio = seen.ways.index("spectrum"), one.pixels.shape[2] / one.pixels.shape[3]
    high, marks, shares = LINE + ratio + GAP, [], []
    for at, unit in enumerate(one.units):
        row, column = divmod(at, BESIDE)
        left, top = column * (1 + GAP), row * high + LINE
        touched = one.touched[way, at]
        enough = float(np.quantile(touched, SHARE)) or 1.0
        opacity = PALE + (1 - PALE) * np.clip(touched / enough, 0, 1)
        marks.append(Text(left + 0.5, top - LINE / 2, _short(unit_name(seen, one, int(unit), language)), "middle"))
        marks.append(Image("", (left, left + 1, top, top + ratio), pixels=one.pixels[way, at], opacity=opacity.astype(np.float32)))
        order = np.sort(touched.ravel())[::-1].cumsum()
        shares.append(float((order < 0.5 * order[-1]).mean()))
    columns, rows = max(PER, min(BESIDE, len(one.units))), -(-len(one.units) // BESIDE)
    say = words(language)
    least = int(np.argmin(shares))
    finding = say["feature.asked.finding"].format(
        unit=unit_name(seen, one, int(one.units[least]), language), share=percent(shares[least], language)
    )
    return Panel(
        f"asked_{one.layer or 'outputs'}".replace(".", "_"),
        layer_name(one, language),
        joined([layer_name(one, language), finding], language),
        Table(
            (say["feature.table.unit"], say["feature.asked.half"]),
            tuple((unit_name(seen, one, int(unit), language), 100 * share) for unit, share in zip(one.units, shares, strict=True)),
        ),
        tuple(marks),
        x=Axis("", (-GAP, columns * (1 + GAP)), hidden=True),
        y=Axis("", (0.0, rows * high), reverse=True, hidden=True),
        subtitle=finding,
        equal=True,
    )


def _fits(text: str) -> bool:
    """Whether words fit above a tile."""
    return letters(text) <= LETTERS


def _short(name: str) -> str:
    return name if _fits(name) else f"{name[: LETTERS - 1]}…"


def shows(view: str, explanation: Explanation) -> bool:
    """Whether the inspection has what a picture shows."""
    seen = content(explanation)
    return view != "asked" or ("spectrum" in seen.ways and min(seen.layers[0].pixels.shape[2:4]) >= LARGE)


VIEWS: dict[str, Callable[..., Scene]] = {"pictures": pictures, "reached": reached, "asked": asked}
