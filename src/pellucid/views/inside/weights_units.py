"""The units of one layer: how much comes in and goes out, which are dead, constant or there twice; and the same in words for all layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents import Weights
from pellucid.explanation.contents.weights import LayerUnits
from pellucid.scenes import Axis, Column, LegendEntry, Line, Panel, Points, RowLabels, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST, by_importance, sample_of
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.weights_choice import chosen, content, scene
from pellucid.views.inside.weights_maps import TIMES

LISTED = 6  # units named in a cell
FARTHEST = 300.0  # percent that a picture shows; units with large biases may be farther
NAMED = 3  # layers named in a title
LAYERS = 12  # that are listed where no layer has anything to tell
ROLES = {"dead": "refused", "still": "series3", "doubled": "series2"}  # by the word of the legend


def units(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The units of one layer by the size of their weights and the difference from the most similar one, and a table of all layers.

    Without a layer the one with most dead or double units is shown, or the largest where there is none.

    Raises:
        UnknownName: no layer of that name has units.
    """
    seen, say = content(explanation), words(language)
    one = chosen(seen.units, layer, lambda layer: (layer.layer,), lambda layer: (len(_flagged(layer)), len(layer.norms)))
    through = [_through(one, language)] if np.isfinite(one.outgoing).any() else []
    similar = [_similar(one, language)] if (one.nearest >= 0).any() or not through else []
    panels = (*similar, *through, _all_layers(seen, language))
    title = say["weights.units.title"].format(name=one.layer)
    return scene(explanation, title, panels, language, notes=_notes(seen, one, language))


def _flagged(one: LayerUnits) -> set[int]:
    return {*one.dead, *one.constant, *one.doubled}


def _still(one: LayerUnits) -> set[int]:
    return {*one.off, *one.constant}


def _finding(one: LayerUnits, language: Language) -> str:
    say = words(language)
    found = say["weights.units.found"].format(dead=len(one.dead), count=f"{len(one.norms):,}", doubled=len(one.doubled))
    return joined([found, say["weights.units.constant"].format(count=len(one.constant)) if one.constant else ""], language)


def _similar(one: LayerUnits, language: Language) -> Panel:
    say, finding = words(language), _finding(one, language)
    apart = np.minimum(100 * one.difference, FARTHEST)
    still = list(_still(one))
    apart[still] = 0.0  # those without weights lie at the bottom; their labels say why
    top = max(float(np.nan_to_num(apart).max(initial=0)), 200 * one.limit) * 1.08
    limit = say["weights.units.limit"].format(limit=_share(one.limit, language))
    wide = _reach(one.norms)
    line = Line(limit, np.array(wide), np.full(2, 100 * one.limit), "series2", dashed=True)
    return Panel(
        "similar",
        finding,
        joined([one.layer, finding], language),
        _unit_table(one, language),
        (line, *_points(one, one.norms, apart, language)),
        x=Axis(say["weights.units.norm"], wide),
        y=Axis(say["weights.units.difference"], (-0.04 * top, top)),
        legend=(*_legend(one, language), LegendEntry(limit, "series2", "dashed")),
    )


def _through(one: LayerUnits, language: Language) -> Panel:
    say = words(language)
    joiner = "、" if language == "zh-CN" else ", "
    key = "weights.units.goes" if len(one.next) <= NAMED else "weights.units.goes_many"
    title = say[key].format(name=one.layer, next=joiner.join(one.next[:NAMED]), count=len(one.next) - NAMED)
    return Panel(
        "through",
        title,
        joined([title, _finding(one, language)], language),
        _unit_table(one, language),
        _points(one, one.norms, one.outgoing, language),
        x=Axis(say["weights.units.norm"], _reach(one.norms)),
        y=Axis(say["weights.units.outgoing"], _reach(one.outgoing)),
        legend=_legend(one, language),
    )


def _reach(values: np.ndarray) -> tuple[float, float]:
    largest = float(np.max(values[np.isfinite(values)], initial=0.0)) or 1.0
    return (-0.04 * largest, 1.06 * largest)


def _groups(one: LayerUnits) -> dict[str, np.ndarray]:
    """The units by the word of the legend; a dead or constant one is not said to be double as well."""
    dead, still = set(one.dead), set(one.constant)
    doubled = set(one.doubled) - dead - still
    plain = set(range(len(one.norms))) - dead - still - doubled
    found = {"plain": plain, "doubled": doubled, "still": still, "dead": dead}
    return {key: np.array(sorted(places), int) for key, places in found.items() if places}


def _points(one: LayerUnits, x: np.ndarray, y: np.ndarray, language: Language) -> tuple[Points, ...]:
    say, marks = words(language), []
    for key, places in _groups(one).items():
        name = say[f"weights.units.{key}"]
        if key != "plain":
            labels: tuple[str, ...] | RowLabels = tuple(_label(one, int(unit), language) for unit in places)
            marks.append(Points(name, x[places], y[places], ROLES[key], radius=4.0, labels=labels))
            continue
        order = places[by_importance(np.stack([x[places], y[places]], 1), MOST)]
        there = np.isfinite(x[order] + y[order])
        if len(order) > MOST:
            column = Column(say["weights.units.norm"], one.norms[order])
            labels = RowLabels(say["weights.units.label.row"], order.astype(float), (column,), missing="")
        else:
            labels = tuple(_label(one, int(unit), language) for unit in order)
        sample = sample_of(there, MOST, say["weights.units.units"], language)
        marks.append(Points(name, x[order], y[order], "series1", radius=3.0, labels=labels, sample=sample))
    return tuple(marks)


def _legend(one: LayerUnits, language: Language) -> tuple[LegendEntry, ...]:
    say = words(language)
    groups = _groups(one)
    if len(groups) == 1:
        return ()  # all units are alike
    return tuple(LegendEntry(say[f"weights.units.{key}"], ROLES.get(key, "series1"), "point") for key in groups)


def _label(one: LayerUnits, unit: int, language: Language) -> str:
    say = words(language)
    for key, found in (("silent", one.silent), ("off", one.off), ("constant", one.constant)):
        if unit in found:
            return say[f"weights.units.label.{key}"].format(unit=unit)
    told = {"unit": unit, "norm": number(float(one.norms[unit]))}
    if one.nearest[unit] < 0:
        return say["weights.units.label"].format(**told)
    apart = _share(float(one.difference[unit]), language)
    found = say["weights.units.label.near"].format(**told, difference=apart, nearest=int(one.nearest[unit]))
    cosine = float(one.outgoing_cosine[unit])
    return joined([found, say["weights.units.label.outgoing"].format(cosine=number(cosine)) if np.isfinite(cosine) else ""], language)


def _unit_table(one: LayerUnits, language: Language) -> Table:
    """Every unit, flagged ones first."""
    say, flagged = words(language), _flagged(one)
    dead, still, doubled = set(one.dead), set(one.constant), set(one.doubled)
    order = sorted(range(len(one.norms)), key=lambda unit: (unit not in flagged, unit))[:MOST]
    heads = ("weights.kernels.unit", "weights.units.norm", "weights.units.outgoing", "weights.units.difference", "weights.column.kind")
    rows = tuple(
        (
            str(unit),
            float(one.norms[unit]),
            float(one.outgoing[unit]) if np.isfinite(one.outgoing[unit]) else "",
            100 * float(one.difference[unit]) if np.isfinite(one.difference[unit]) else "",
            say["weights.units.dead"] if unit in dead
            else say["weights.units.still"] if unit in still
            else say["weights.units.doubled"] if unit in doubled else "",
        )
        for unit in order
    )  # fmt: skip
    return Table(tuple(say[head] for head in heads), rows)


def _all_layers(seen: Weights, language: Language) -> Panel:
    """A row for each layer that has dead, constant or double units; the largest layers where none has."""
    say = words(language)
    largest = sorted(seen.units, key=lambda one: -len(one.norms))[:LAYERS]
    listed = [one for one in seen.units if _flagged(one)] or [one for one in seen.units if one in largest]
    columns = {
        "layer": [one.layer for one in listed],
        "units": [f"{len(one.norms):,}" for one in listed],
        "dead": [_listed([str(unit) for unit in one.dead], language) for one in listed],
        "constant": [_listed([str(unit) for unit in one.constant], language) for one in listed],
        "doubled": [_listed([f"{a}~{b}" for a, b in one.pairs], language) for one in listed],
        "limit": [_share(one.limit, language) if (one.nearest >= 0).any() else "" for one in listed],
        "dimension": [number(one.dimension) if (one.nearest >= 0).any() else "" for one in listed],
    }
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    totals = {
        "dead": sum(len(one.dead) for one in seen.units),
        "count": f"{sum(len(one.norms) for one in seen.units):,}",
        "doubled": sum(len(one.doubled) for one in seen.units),
    }
    finding = say["weights.units.all"].format(**totals)
    shown = {"shown": len(listed), "count": len(seen.units)}
    subtitle = say["weights.units.layers"].format(**shown) if len(listed) < len(seen.units) else ""
    table = Table(tuple(say[f"weights.column.{head}"] for head in columns), tuple(zip(*columns.values(), strict=True)))
    return Panel("layers", finding, finding, table, subtitle=subtitle)


def _listed(names: Sequence[str], language: Language) -> str:
    """The first of many names, and how many more there are."""
    joiner = "、" if language == "zh-CN" else ", "
    more = f" … +{len(names) - LISTED}" if len(names) > LISTED else ""
    return joiner.join(names[:LISTED]) + more


def _share(difference: float, language: Language) -> str:
    return percent(difference, language, digits=2)


def _notes(seen: Weights, one: LayerUnits, language: Language) -> tuple[str, ...]:
    """The limits of this layer, and what the outgoing weights are known from."""
    say = words(language)
    cosine = f"{1 - one.limit**2 / 2:.6f}".rstrip("0")
    told = {"limit": _share(one.limit, language), "cosine": cosine, "count": one.compared, "dimension": number(one.dimension)}
    drawn = {"shown": f"{one.compared:,}", "count": f"{len(one.norms):,}"}
    compared = one.compared < len(one.norms) - len(one.off) - len(one.constant)
    return (
        say["weights.units.chance" if one.by_chance else "weights.units.near"].format(**told),
        say["weights.units.rule"].format(smallest=number(one.smallest, 2)),
        say[f"weights.units.{seen.followed}"].format(shape=TIMES.join(map(str, seen.guessed))),
        *((say["weights.units.draw"].format(**drawn),) if compared else ()),
    )
