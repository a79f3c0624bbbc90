"""What single rows make inside a network: maps of units, attention of heads, hidden states over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations, AttentionWeights, HiddenStates, LayerActivations
from pellucid.scenes import Axis, Image, LegendEntry, Line, Mark, Panel, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.activation_reading import activations, of_layer, row_name, scale_of, shown_of
from pellucid.views.inside.activation_tiles import SERIES, Tiles
from pellucid.views.inside.names import tail
from pellucid.views.signed_bars import category_axis

LAYERS = 5  # in one picture
ROWS = 4
UNITS = 12
HEADS = 12
TOKENS = 24  # up to which they are named along an axis


def feature_maps(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """What each unit gives: maps of one row at several depths; with ``layer``, that layer's maps of all shown rows.

    Units that are maps are drawn beside the row's picture. Of layers whose units are one number for each row, or for each token or step,
    all shown rows or units are one map.
    """
    seen, say = activations(explanation), words(language)
    chosen = of_layer([one for one in seen.layers if one.maps.ndim > 1], layer, default=_deepest_shape)
    rows = range(ROWS) if layer is not None else range(1)
    panels = [panel for at, one in enumerate(chosen[: LAYERS if layer is None else 1]) for panel in _panels(seen, one, at, rows, language)]
    title = say["act.maps.title"].format(row=row_name(seen, int(chosen[0].rows[0]), language))
    if layer is not None or chosen[0].maps.ndim == 2:
        title = say["act.maps.title.layer" if len(chosen) == 1 else "act.maps.title.rows"].format(layer=chosen[0].layer)
    notes = [say["act.maps.note"]]
    if len(panels) < len(chosen) and layer is None:
        notes.append(say["act.layers.some"].format(shown=len(panels), count=len(chosen)))
    return Scene(
        title,
        tuple(panels),
        joined([title, *(panel.summary for panel in panels)], language),
        notes=tuple(notes),
        code=code(explanation),
        language=language,
    )


def _deepest_shape(found: Sequence[LayerActivations]) -> Sequence[LayerActivations]:
    """The layers whose maps have most axes, at even depths."""
    most = max(one.maps.ndim for one in found)
    kept = [one for one in found if one.maps.ndim == most]
    places = sorted({round(at) for at in np.linspace(0, len(kept) - 1, min(LAYERS, len(kept)))})
    return [kept[at] for at in places]


def _panels(seen: Activations, one: LayerActivations, at: int, rows: range, language: Language) -> list[Panel]:
    if one.maps.ndim == 2:
        return [_numbers(seen, one, at, language)]
    draw = _maps if one.maps.ndim == 4 else _sequence
    return [draw(seen, one, (at, row), language) for row in rows if row < len(one.rows)]


def _maps(seen: Activations, one: LayerActivations, at: tuple[int, int], language: Language) -> Panel:
    say, row = words(language), at[1]
    shown = one.chosen[:UNITS]
    scale = scale_of(one.maps[:, : len(shown)], say["act.value"])
    tiles = Tiles(6)
    picture = np.flatnonzero(seen.shown.rows == one.rows[row])
    if len(seen.shown.pixels) and len(picture):
        tiles.large(seen.shown.pixels[picture[0]], row_name(seen, int(one.rows[row]), language))
    for place, unit in enumerate(shown):
        tiles.map(place, one.maps[row, place], scale, say["act.unit"].format(unit=unit))
        tiles.say(place, say["act.unit"].format(unit=unit))
    x, y = tiles.axes()
    strongest = int(one.maps[row, : len(shown)].reshape(len(shown), -1).max(1).argmax())
    largest = number(float(one.maps[row, strongest].max()))
    size = " x ".join(map(str, one.places))
    finding = say["act.maps.finding"].format(unit=shown[strongest], value=largest)
    return Panel(
        f"maps{at[0]}_{row}",
        joined([one.layer, row_name(seen, int(one.rows[row]), language)], language),
        say["act.maps.summary"].format(layer=one.layer, finding=finding),
        _unit_table(one, row, language),
        tuple(tiles.marks),
        x=x,
        y=y,
        subtitle=joined([shown_of(len(shown), one.units, language), size, finding], language),
        scale=scale,
        equal=True,
    )


def _sequence(seen: Activations, one: LayerActivations, at: tuple[int, int], language: Language) -> Panel:
    """Units (rows of the map) along tokens or steps."""
    say, row = words(language), at[1]
    order = np.argsort(one.chosen, kind="stable")
    values = one.maps[row][order]
    scale = scale_of(one.maps, say["act.value"])
    steps = values.shape[1]
    names = _tokens(seen, int(one.rows[row]), steps)
    strongest = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    numbers = {"unit": one.chosen[order][strongest[0]], "place": int(strongest[1]), "value": number(float(values[strongest]))}
    finding = say["act.sequence.finding"].format(**numbers)
    units = [str(unit) for unit in one.chosen[order]]
    image = Image(say["act.value"], (-0.5, steps - 0.5, -0.5, len(values) - 0.5), values=values.astype(np.float32), scale=scale)
    averaged = say["act.averaged"].format(count=one.places[0], shown=steps) if one.places and steps < one.places[0] else ""
    return Panel(
        f"maps{at[0]}_{row}",
        joined([one.layer, row_name(seen, int(one.rows[row]), language)], language),
        say["act.maps.summary"].format(layer=one.layer, finding=finding),
        _unit_table(one, row, language),
        (image,),
        x=_places_axis(names, steps, say["act.place"]),
        y=_unit_axis(units, say["act.unit.axis"]),
        subtitle=joined([shown_of(len(values), one.units, language), finding, averaged], language),
        scale=scale,
    )


def _numbers(seen: Activations, one: LayerActivations, at: int, language: Language) -> Panel:
    """Rows by units, where a unit gives one number for each row."""
    say = words(language)
    order = np.argsort(one.chosen, kind="stable")
    values = one.maps[:, order]
    scale = scale_of(values, say["act.value"])
    units = tuple(str(unit) for unit in one.chosen[order])
    places = tuple(float(place) for place in range(len(units)))
    image = Image(say["act.value"], (-0.5, len(units) - 0.5, -0.5, len(values) - 0.5), values=values.astype(np.float32), scale=scale)
    row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    named = [row_name(seen, int(number_), language) for number_ in one.rows]
    finding = say["act.numbers.finding"].format(unit=units[column], row=named[row], value=number(float(values[row, column])))
    return Panel(
        f"maps{at}",
        one.layer,
        say["act.maps.summary"].format(layer=one.layer, finding=finding),
        Table(
            (say["row"], *(say["act.unit"].format(unit=unit) for unit in units)),
            tuple((name, *(float(value) for value in line)) for name, line in zip(named, values, strict=True)),
        ),
        (image,),
        x=Axis(say["act.unit.axis"], (-0.5, len(units) - 0.5), places, units, "category"),
        y=category_axis(named),
        subtitle=joined([shown_of(len(units), one.units, language), finding], language),
        scale=scale,
    )


def _unit_table(one: LayerActivations, row: int, language: Language) -> Table:
    say = words(language)
    flat = one.maps[row].reshape(len(one.chosen), -1)
    rows = tuple((str(unit), float(line.mean()), float(line.max())) for unit, line in zip(one.chosen, flat, strict=True))
    return Table((say["act.unit.axis"], say["act.spread.mean"], say["act.spread.high"]), rows)


def attention(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """How much each token attends to each other, one map for every head: of all layers where they are few, else of the last."""
    seen, say = activations(explanation), words(language)
    chosen = of_layer(seen.attention, layer, default=_few_heads)
    heads = [(one, head) for one in chosen for head in range(one.weights.shape[1])][:HEADS]
    row = int(chosen[0].rows[0])
    title = say["act.attention.title"].format(row=row_name(seen, row, language))
    count = sum(one.weights.shape[1] for one in seen.attention)
    kept = say["act.layers.some"].format(shown=len(seen.attention), count=seen.attention_layers)
    return Scene(
        title,
        tuple(_head(seen, one, head, language) for one, head in heads),
        joined([title, say["act.attention.note"]], language),
        subtitle=joined(
            [
                say["act.heads.some" if len(heads) < count else "act.heads.all"].format(shown=len(heads), count=count),
                kept if len(seen.attention) < seen.attention_layers else "",
            ],
            language,
        ),
        columns=3,
        notes=(say["act.attention.note"],),
        code=code(explanation),
        language=language,
    )


def _few_heads(found: Sequence[AttentionWeights]) -> Sequence[AttentionWeights]:
    return found if sum(one.weights.shape[1] for one in found) <= HEADS else found[-1:]


def _head(seen: Activations, one: AttentionWeights, head: int, language: Language) -> Panel:
    say = words(language)
    weights = one.weights[0, head]
    queries, keys = weights.shape
    scale = scale_of(one.weights[0], say["act.attention.weight"])
    names = _tokens(seen, int(one.rows[0]), keys)
    drawn = weights.mean(0)
    most = int(drawn.argmax())
    token = names[most] if names else str(most)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = float(-np.nansum(np.where(weights > 0, weights * np.log2(weights), 0.0), 1).mean())
    finding = say["act.attention.finding"].format(token=token, share=number(100 * float(drawn[most])), bits=number(entropy, 2))
    return Panel(
        f"{one.layer}_{head}".replace(".", "_"),
        say["act.attention.one"].format(head=head),
        joined([say["act.attention.head"].format(layer=one.layer, head=head), finding], language),
        Table(
            (say["act.attention.key"], say["act.attention.mean"]),
            tuple((names[at] if names else str(at), float(value)) for at, value in enumerate(drawn)),
        ),
        (Image(say["act.attention.weight"], (-0.5, keys - 0.5, -0.5, queries - 0.5), values=weights.astype(np.float32), scale=scale),),
        x=_places_axis(names, keys, say["act.attention.key"]),
        y=_unit_axis(list(names) if len(names) == queries else [str(at) for at in range(queries)], say["act.attention.query"]),
        subtitle=joined([tail(one.layer), finding], language),
        scale=scale,
        equal=True,
    )


def hidden_states(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """What a recurrent layer gives at every step, a line of the map for each unit, under the row's own signal."""
    seen, say = activations(explanation), words(language)
    one = of_layer(seen.states, layer, default=lambda found: found[:1])[0]
    rows = range(min(ROWS - 1, len(one.rows)))
    panels = [panel for row in rows for panel in (*_signal(seen, one, row, language), _state(seen, one, row, language))]
    title = say["act.states.title"].format(layer=one.layer)
    return Scene(
        title,
        tuple(panels),
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=shown_of(len(one.units), one.count, language),
        notes=(say["act.states.note"],),
        code=code(explanation),
        language=language,
    )


def _signal(seen: Activations, one: HiddenStates, row: int, language: Language) -> tuple[Panel, ...]:
    say = words(language)
    found = np.flatnonzero(seen.shown.rows == one.rows[row])
    if not len(seen.shown.signal) or not len(found):
        return ()
    signal = seen.shown.signal[found[0]]
    marks: tuple[Mark, ...] = tuple(
        Line(say["act.feature"].format(number=at), np.arange(len(signal), dtype=float), signal[:, at], SERIES[at])
        for at in range(min(len(SERIES), signal.shape[1]))
    )
    name = row_name(seen, int(one.rows[row]), language)
    rows = tuple((str(step), *(float(value) for value in line)) for step, line in enumerate(signal))
    heads = (say["act.step"], *(say["act.feature"].format(number=at) for at in range(signal.shape[1])))
    panel = Panel(
        f"signal{row}",
        say["act.states.signal"].format(row=name),
        say["act.states.signal"].format(row=name),
        Table(heads, rows),
        marks,
        x=Axis("", (-0.5, len(signal) - 0.5)),
        y=Axis("", padded(float(np.nanmin(signal)), float(np.nanmax(signal)))),
        legend=tuple(LegendEntry(say["act.feature"].format(number=at), SERIES[at], "line") for at in range(len(marks))),
    )
    return (panel,)


def _state(seen: Activations, one: HiddenStates, row: int, language: Language) -> Panel:
    say = words(language)
    values = one.values[row].T
    steps = values.shape[1]
    moves = np.abs(np.diff(values, axis=1)).mean(0) if steps > 1 else np.zeros(1)
    most = int(moves.argmax()) + (steps > 1)
    finding = say["act.states.finding"].format(step=most, change=number(float(moves.max())))
    scale = scale_of(one.values, say["act.value"])
    name = row_name(seen, int(one.rows[row]), language)
    return Panel(
        f"state{row}",
        joined([one.layer, name], language),
        finding,
        Table(
            (say["act.unit.axis"], *(say["act.step.n"].format(step=step) for step in range(steps))),
            tuple((str(unit), *(float(value) for value in line)) for unit, line in zip(one.units, values, strict=True)),
        ),
        (Image(say["act.value"], (-0.5, steps - 0.5, -0.5, len(values) - 0.5), values=values.astype(np.float32), scale=scale),),
        x=_places_axis(_tokens(seen, int(one.rows[row]), steps), steps, say["act.step"]),
        y=_unit_axis([str(unit) for unit in one.units], say["act.unit.axis"]),
        subtitle=finding,
        scale=scale,
    )


def _tokens(seen: Activations, row: int, count: int) -> tuple[str, ...]:
    """The row's tokens, where they are known and are as many as there are places."""
    found = np.flatnonzero(seen.shown.rows == row)
    if not seen.shown.texts or not len(found):
        return ()
    tokens = tuple(seen.shown.texts[found[0]].split(" "))
    return tokens if len(tokens) == count <= TOKENS else ()


def _places_axis(names: Sequence[str], count: int, label: str) -> Axis:
    if names:
        return Axis(label, (-0.5, count - 0.5), tuple(float(at) for at in range(count)), tuple(names), "category")
    return Axis(label, (-0.5, count - 0.5))


def _unit_axis(names: list[str], label: str) -> Axis:
    """An axis of many narrow lines, of which some are named."""
    every = max(1, -(-len(names) // 12))
    ticks = tuple(float(at) for at in range(0, len(names), every))
    return Axis(label, (-0.5, len(names) - 0.5), ticks, tuple(names[int(at)] for at in ticks), reverse=True)
