"""What single units respond to: the rows in which they are strongest, classes, features of the input."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations, LayerActivations
from pellucid.scenes import Axis, Bars, Image, LegendEntry, Line, Mark, Panel, Points, Scene, Table, Text
from pellucid.scenes.numbers import number, percent, signed
from pellucid.scenes.sampling import MOST, by_importance, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.activation_reading import activations, class_name, one_layer, row_name, scale_of, shown_of
from pellucid.views.inside.activation_tiles import Tiles
from pellucid.views.inside.classes import COLORS, class_phrase, colors_of
from pellucid.views.signed_bars import category_axis

UNITS = 6  # with pictures, or scatters
LISTED = 12  # in tables
COMPARED = 40  # units in the map of classes
JITTER = 0.3
SHORT = 8  # letters above a tile
TEXT = 32  # letters of a row's text


def top_examples(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The rows in which units are strongest, the strongest first: as pictures, as signals, or by number."""
    seen, say = activations(explanation), words(language)
    one = one_layer([one for one in seen.layers if len(one.chosen)], layer)
    title = say["act.top.title"].format(layer=one.layer)
    shown = one.chosen[: UNITS if len(seen.shown.pixels) or len(seen.shown.signal) else LISTED]
    table = _top_table(seen, one, shown, language)
    first = say["act.top.finding"].format(
        unit=shown[0], row=row_name(seen, int(one.top_rows[shown[0], 0]), language), value=number(float(one.top_values[shown[0], 0]))
    )
    panel = Panel("top", first, joined([title, first], language), table, subtitle=shown_of(len(shown), one.units, language))
    if len(seen.shown.pixels) or len(seen.shown.signal):
        panel = _tiles(seen, one, panel, language)
    return Scene(
        title,
        (panel,),
        panel.summary,
        notes=(say["act.top.note"].format(rows=f"{seen.rows:,}"),),
        code=code(explanation),
        language=language,
    )


def _tiles(seen: Activations, one: LayerActivations, panel: Panel, language: Language) -> Panel:
    say, count = words(language), one.top_rows.shape[1]
    tiles = Tiles(count + 1)
    places = {int(row): at for at, row in enumerate(seen.shown.rows)}
    signal = seen.shown.signal
    limits = (float(np.nanmin(signal)), float(np.nanmax(signal))) if len(signal) else (0.0, 1.0)
    for line, unit in enumerate(one.chosen[:UNITS]):
        left, top = tiles.place(line * (count + 1))
        tiles.marks.append(Text(left + 0.95, top + 0.5, say["act.unit"].format(unit=unit), "end"))
        for rank, (row, value) in enumerate(zip(one.top_rows[unit], one.top_values[unit], strict=True)):
            place = line * (count + 1) + rank + 1
            if int(row) not in places:
                continue
            if len(signal):
                tiles.signal(place, signal[places[int(row)]], limits, _above(seen, int(row), float(value)))
            else:
                tiles.picture(place, seen.shown.pixels[places[int(row)]])
            tiles.say(place, _above(seen, int(row), float(value)), "ink")
    x, y = tiles.axes()
    return Panel(panel.id, panel.title, panel.summary, panel.table, tuple(tiles.marks), x=x, y=y, subtitle=panel.subtitle, equal=True)


def _above(seen: Activations, row: int, value: float) -> str:
    """The activation and, where both are short, the class."""
    name = class_name(seen, int(seen.labels[row])) if len(seen.labels) > row and seen.labels[row] >= 0 else ""
    both = f"{number(value, 2)} · {name}"
    return both if name and len(both) <= SHORT else number(value, 2)


def _top_table(seen: Activations, one: LayerActivations, shown: np.ndarray, language: Language) -> Table:
    say = words(language)
    heads = (say["act.unit.axis"], *(say["act.top.rank"].format(rank=rank + 1) for rank in range(one.top_rows.shape[1])))
    rows = tuple(
        (
            str(unit),
            *(
                f"{row_name(seen, int(row), language)}: {number(float(value))}{_text(seen, int(row))}"
                for row, value in zip(one.top_rows[unit], one.top_values[unit], strict=True)
            ),
        )
        for unit in shown
    )
    return Table(heads, rows)


def _text(seen: Activations, row: int) -> str:
    """The beginning of a row's text."""
    at = np.flatnonzero(seen.shown.rows == row)
    text = seen.shown.texts[at[0]] if seen.shown.texts and len(at) else ""
    return f" “{text[:TEXT]}{'…' if len(text) > TEXT else ''}”" if text else ""


def selectivity(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """Which class each unit of a layer responds to most, how much more than to the others, and how that grows with depth."""
    seen, say = activations(explanation), words(language)
    known = [one for one in seen.layers if len(one.class_means) and np.isfinite(one.explained).any()]
    one = one_layer(known, layer)
    title = say["act.classes.title"].format(layer=one.layer)
    means, index = _class_panels(seen, one, language)
    panels = (means, index, *((_depths(seen, known, language),) if len(known) > 1 else ()))
    return Scene(
        title,
        panels,
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=shown_of(len(_compared(one)), one.units, language, which="classes"),
        notes=(say["act.classes.note"],),
        code=code(explanation),
        language=language,
    )


def _compared(one: LayerActivations) -> np.ndarray:
    """The units with most variance between classes, by the class that they prefer."""
    worth = np.nan_to_num(one.explained, nan=-1.0)
    best = np.argsort(-worth, kind="stable")[:COMPARED]
    best = best[worth[best] >= 0]
    return best[np.lexsort((-worth[best], one.preferred[best]))]


def _classes(one: LayerActivations, shown: np.ndarray) -> np.ndarray:
    """The places of the classes that are drawn: all, and of very many those that a shown unit prefers."""
    if len(one.classes) <= COMPARED:
        return np.arange(len(one.classes))
    return np.searchsorted(one.classes, np.unique(one.preferred[shown]))


def _class_panels(seen: Activations, one: LayerActivations, language: Language) -> tuple[Panel, Panel]:
    say, shown = words(language), _compared(one)
    there = _classes(one, shown)
    means = one.class_means[np.ix_(there, shown)]
    count = len(one.classes)
    largest = np.abs(one.class_means[:, shown]).max(0)
    relative = means / np.where(largest > 0, largest, 1.0)
    scale = scale_of(relative, say["act.classes.relative"])
    units = [str(unit) for unit in shown]
    ends = (-0.5, len(shown) - 0.5)
    x = Axis(say["act.unit.axis"], ends, tuple(float(at) for at in range(len(units))), tuple(units), "category")
    names = [class_name(seen, int(one.classes[at])) for at in there]
    morcos = np.isfinite(one.selectivity[shown]).all()
    values = one.selectivity[shown] if morcos else one.explained[shown]
    best = int(np.nanargmax(values))
    preferred = [class_name(seen, int(at)) for at in one.preferred[shown]]
    label = say["act.classes.index" if morcos else "act.classes.explained"]
    most = class_phrase(preferred[best], language)
    finding = say["act.classes.finding"].format(unit=units[best], label=most, index=label, value=number(float(values[best])))
    table = Table(
        (say["act.unit.axis"], say["act.classes.preferred"], say["act.classes.index"], say["act.classes.explained"], *names),
        tuple(
            (units[at], preferred[at], number(float(one.selectivity[unit])), number(float(one.explained[unit])), *map(float, means[:, at]))
            for at, unit in enumerate(shown)
        ),
    )
    heat = Panel(
        "class_means",
        finding,
        finding,
        table,
        (Image(say["act.classes.relative"], (*ends, -0.5, len(there) - 0.5), values=relative.astype(np.float32), scale=scale),),
        x=x,
        y=category_axis(names),
        subtitle=say["act.classes.some"].format(shown=len(there), count=count) if len(there) < count else "",
        scale=scale,
    )
    labels = tuple(f"{say['act.unit'].format(unit=unit)}, {name}" for unit, name in zip(units, preferred, strict=True))
    bars = Bars(
        label, np.arange(len(shown), dtype=float), np.zeros(len(shown)), values, ("series1",) * len(shown), labels, horizontal=False
    )
    low = min(0.0, float(np.nanmin(values)))
    index = Panel("class_index", label.capitalize(), finding, table, (bars,), x=x, y=Axis("", (low, 1.0)))
    return heat, index


def _depths(seen: Activations, known: list[LayerActivations], language: Language) -> Panel:
    """Every unit of every layer by the share of its variance that lies between classes."""
    say = words(language)
    draw = np.random.default_rng(0)
    worth = [one.explained[np.isfinite(one.explained)] for one in known]
    y = np.concatenate([at + draw.uniform(-JITTER, JITTER, len(part)) for at, part in enumerate(worth)])
    x = np.concatenate(worth)
    units = np.concatenate([np.flatnonzero(np.isfinite(one.explained)) for one in known])
    names = np.concatenate([np.full(len(part), at) for at, part in enumerate(worth)])
    order = by_importance(x[:, None], MOST)
    labels = tuple(f"{known[names[at]].layer}, {say['act.unit'].format(unit=units[at])}" for at in order)
    medians = np.array([float(np.median(part)) if len(part) else np.nan for part in worth])
    best = int(np.nanargmax(medians))
    finding = say["act.depths.finding"].format(layer=known[best].layer, share=percent(float(medians[best]), language))
    chance = seen.chance
    points = Points(
        say["act.classes.explained"],
        x[order],
        y[order],
        "series1",
        2.2,
        labels,
        sample=sample_of(np.isfinite(x), MOST, say["sample.points"], language),
    )
    middle = Points(say["act.depths.median"], medians, np.arange(len(known), dtype=float), "positive", 4.0)
    return Panel(
        "depths",
        finding,
        finding,
        Table(
            (say["layer"], say["act.depths.median"], say["act.spread.high"]),
            tuple((one.layer, float(np.median(part)), float(part.max())) for one, part in zip(known, worth, strict=True) if len(part)),
        ),
        (Line(say["act.depths.chance"], np.full(2, chance), np.array([-0.5, len(known) - 0.5]), "ink", dashed=True), points, middle),
        x=Axis(say["act.classes.explained"], (0.0, 1.0)),
        y=category_axis([one.layer for one in known]),
        subtitle=say["act.layers.some"].format(shown=len(known), count=len(seen.layers)) if len(known) < len(seen.layers) else "",
        legend=(
            LegendEntry(say["act.depths.unit"], "series1", "point"),
            LegendEntry(say["act.depths.median"], "positive", "point"),
            LegendEntry(f"{say['act.depths.chance']} {percent(chance, language)}", "ink", "dashed"),
        ),
    )


def against_input(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The activation of units against the feature that each is most related to, a point a row."""
    seen, say = activations(explanation), words(language)
    one = one_layer(_with_scatter(seen, layer), layer)
    strength = np.nan_to_num(np.abs(one.related[one.chosen]), nan=-1.0)
    best = np.argsort(-strength.max(1), kind="stable")[:UNITS]
    shared = MOST // max(1, len(best))
    panels = tuple(_scatter(seen, one, int(at), shared, language) for at in best)
    title = say["act.input.title"].format(layer=one.layer)
    return Scene(
        title,
        panels,
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=joined(
            [
                shown_of(len(panels), one.units, language, which="related"),
                say["act.rows.some"].format(shown=f"{len(one.scatter):,}", count=f"{seen.rows:,}") if len(one.scatter) < seen.rows else "",
            ],
            language,
        ),
        columns=min(2, len(panels)),
        notes=(say["act.input.note"],),
        code=code(explanation),
        language=language,
    )


def _scatter(seen: Activations, one: LayerActivations, at: int, most: int, language: Language) -> Panel:
    say, unit = words(language), int(one.chosen[at])
    related = one.related[unit]
    feature = int(np.nan_to_num(np.abs(related), nan=-1.0).argmax())
    rows = np.searchsorted(seen.shown.table_rows, one.scatter_rows)
    x, y = seen.shown.table[rows, feature], one.scatter[:, at].astype(float)
    name = seen.shown.features[feature]
    numbers = {"unit": unit, "feature": name, "r": signed(float(related[feature]), 2)}
    finding = say["act.input.finding"].format(**numbers)
    return Panel(
        f"unit{unit}",
        finding,
        finding,
        Table(
            (say["row"], name, say["act.value"]),
            tuple((str(int(row) + 1), float(a), float(b)) for row, a, b in zip(one.scatter_rows[:most], x, y, strict=False)),
        ),
        _by_class(seen, one.scatter_rows, np.stack([x, y], 1), most, language),
        x=Axis(name, padded(float(x.min()), float(x.max()))),
        y=Axis(say["act.value"], padded(float(y.min()), float(y.max()))),
        legend=_class_legend(seen, one.scatter_rows),
    )


def _groups(seen: Activations, rows: np.ndarray) -> list[int]:
    """The classes that points are colored by: none where they are too many, or not known."""
    there = sorted(set(seen.labels[rows].tolist()) - {-1}) if len(seen.labels) else []
    return there if 1 < len(there) <= len(COLORS) else []


def _class_legend(seen: Activations, rows: np.ndarray) -> tuple[LegendEntry, ...]:
    return tuple(LegendEntry(class_name(seen, label), role, "point") for label, role in colors_of(_groups(seen, rows)).items())


def _by_class(seen: Activations, rows: np.ndarray, places: np.ndarray, most: int, language: Language) -> tuple[Mark, ...]:
    """Points (row, 2), a mark for each class; of many, those drawn first that hold an extreme."""
    say, marks = words(language), []
    groups = _groups(seen, rows)
    for label, role in (colors_of(groups) or {-1: COLORS[0]}).items():
        kept = np.flatnonzero(seen.labels[rows] == label) if groups else np.arange(len(rows))
        first = max(1, most * len(kept) // max(1, len(rows)))
        order = kept[by_importance(places[kept], first)]
        labels = tuple(row_name(seen, int(rows[at]), language) for at in order)
        x, y = places[order].T
        name = class_name(seen, label) if groups else say["row"]
        marks.append(Points(name, x, y, role, 2.6, labels, sample=sample_of(np.isfinite(x), first, say["sample.points"], language)))
    return (Line("", np.array([places[:, 0].min(), places[:, 0].max()]), np.zeros(2), "muted"), *marks)


def related_features(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The features that each unit is most related to, as a table."""
    seen, say = activations(explanation), words(language)
    one = one_layer(_with_scatter(seen, layer), layer)
    order = np.argsort(-np.nan_to_num(np.abs(one.related[one.chosen]), nan=-1.0), axis=1, kind="stable")[:, :3]
    rows = tuple(
        (str(unit), *(f"{seen.shown.features[at]} {signed(float(one.related[unit, at]), 2)}" for at in order[place]))
        for place, unit in enumerate(one.chosen[:LISTED])
    )
    heads = (say["act.unit.axis"], *(say["act.input.rank"].format(rank=rank + 1) for rank in range(order.shape[1])))
    title = say["act.input.related"].format(layer=one.layer)
    panel = Panel("related", shown_of(len(rows), one.units, language), title, Table(heads, rows))
    return Scene(title, (panel,), title, notes=(say["act.input.note"],), code=code(explanation), language=language)


def _with_scatter(seen: Activations, layer: str | None) -> list[LayerActivations]:
    """The layers that can be drawn against the input; the first alone where none is named."""
    found = [one for one in seen.layers if one.scatter.size and one.related.size]
    return found[:1] if layer is None else found
