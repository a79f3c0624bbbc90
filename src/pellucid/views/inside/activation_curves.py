"""Where on its curve every activation function of a network works."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations, OperatingPoints, Zone
from pellucid.scenes import Axis, Bars, LegendEntry, Line, Panel, Scene, Table, Text
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.activation_reading import ZONES, activations, bars_of, columns_of, function_name, of_layer, span
from pellucid.views.signed_bars import category_axis

DRAWN = 9  # curves in one picture
LISTED = 40  # functions in one list
BINS = 44
ENDS = (0.005, 0.995)  # of the values, between which they are drawn
ROOM = 25.0  # beside the bars, for words
HIGH = 0.55  # of the plot, the tallest bar


def operating_points(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The curve of each activation function, and under it how often its inputs lie where, colored by what the function does there.

    Of more than nine those at even depths, unless ``layer`` names one, or the module that holds several.
    """
    seen, say = activations(explanation), words(language)
    chosen = of_layer(seen.functions, layer, default=_at_even_depths)[:DRAWN]
    title = say["act.points.title"].format(count=len(seen.functions), rows=f"{seen.rows:,}")
    some = say["act.points.some"].format(shown=len(chosen), count=len(seen.functions)) if len(chosen) < len(seen.functions) else ""
    panels = tuple(_curve(one, at, language) for at, one in enumerate(chosen))
    return Scene(
        title,
        panels,
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=joined([say["act.points.bars"], some], language),
        columns=columns_of([panel.title for panel in panels]),
        notes=(say["act.points.note"],),
        code=code(explanation),
        language=language,
    )


def operating_shares(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Where the inputs of every activation function lie: at the zero side, saturated, linear or between; and units that never leave."""
    seen, say = activations(explanation), words(language)
    chosen = _evenly(seen.functions, LISTED)
    most = max(seen.functions, key=lambda one: one.share("zero") + one.share("saturated"))
    counts = {"dead": sum(len(one.dead) for one in seen.functions), "stuck": sum(len(one.stuck) for one in seen.functions)}
    units = sum(len(one.zero) for one in seen.functions)
    title = say["act.shares.title"].format(units=f"{units:,}", **{name: f"{count:,}" for name, count in counts.items()})
    flat = most.share("zero") + most.share("saturated")
    finding = say["act.shares.finding" if flat else "act.shares.none"].format(layer=most.layer, share=percent(flat, language))
    stuck = _stuck(chosen, language)
    panel = Panel(
        "shares",
        finding,
        joined([title, finding], language),
        _table(seen, language),
        (_stacked(chosen, language), *stuck),
        x=Axis(
            say["act.shares.axis"], (0.0, 100.0 + (ROOM if stuck else 0.0)), tuple(range(0, 101, 20)), tuple(map(str, range(0, 101, 20)))
        ),
        y=category_axis([f"{one.layer} · {function_name(one.function)}" for one in chosen]),
        subtitle=say["act.points.some"].format(shown=len(chosen), count=len(seen.functions)) if len(chosen) < len(seen.functions) else "",
        legend=tuple(
            LegendEntry(say[f"act.zone.{zone}"], role) for zone, role in ZONES.items() if any(zone in one.zones for one in chosen)
        ),
    )
    return Scene(title, (panel,), panel.summary, notes=(say["act.points.note"],), code=code(explanation), language=language)


def _at_even_depths(found: Sequence[OperatingPoints]) -> Sequence[OperatingPoints]:
    return _evenly(found, DRAWN)


def _evenly(found: Sequence[OperatingPoints], most: int) -> list[OperatingPoints]:
    places = sorted({round(at) for at in np.linspace(0, len(found) - 1, min(most, len(found)))})
    return [found[at] for at in places]


def _curve(one: OperatingPoints, at: int, language: Language) -> Panel:
    say = words(language)
    low, high = (float(end) for end in one.spread.quantiles(ENDS))
    domain = padded(min(low, 0.0), max(high, 0.0), 0.06)
    inside = (one.x >= domain[0]) & (one.x <= domain[1])
    x = np.concatenate([[domain[0]], one.x[inside], [domain[1]]])
    y = np.interp(x, one.x, one.y)
    bottom, top = padded(float(y.min()), float(y.max()), 0.08)
    edges, shares = bars_of(one.spread, *domain, BINS)
    centers = (edges[:-1] + edges[1:]) / 2
    zones: list[Zone] = [one.zones[int(np.searchsorted(one.edges, center))] for center in centers]
    heights = shares / (shares.max() or 1.0) * HIGH * (top - bottom)
    labels = tuple(f"{span(edges, bar)}: {percent(float(share), language)}" for bar, share in enumerate(shares))
    bars = Bars(
        say["act.points.share"],
        centers,
        np.full(len(centers), bottom),
        heights,
        tuple(ZONES[zone] for zone in zones),
        labels,
        horizontal=False,
        thickness=float(edges[1] - edges[0]) * 0.92,
    )
    told = [say[f"act.zone.{zone}"] + " " + percent(one.share(zone), language) for zone in ZONES if one.share(zone) or zone in zones]
    name = function_name(one.function)
    return Panel(
        f"curve{at}",
        f"{one.layer} · {name}",
        say["act.points.summary"].format(layer=one.layer, function=name, shares=joined(told, language)),
        Table(
            (say["from"], say["to"], say["act.points.share"], say["act.points.zone"]),
            tuple(
                (float(edges[i]), float(edges[i + 1]), float(share), say[f"act.zone.{zone}"])
                for i, (share, zone) in enumerate(zip(shares, zones, strict=True))
            ),
        ),
        (bars, Line(name, x, y, "ink")),
        x=Axis(say["act.points.before"], domain),
        y=Axis(say["act.points.after"], (bottom, top)),
        subtitle=joined([stuck_words(one, language), say["act.points.several"] if one.several else ""], language),
        legend=tuple(
            LegendEntry(f"{say[f'act.zone.{zone}']} {percent(one.share(zone), language)}", role)
            for zone, role in ZONES.items()
            if zone in one.zones and one.share(zone) > 0
        ),
    )


def stuck_words(one: OperatingPoints, language: Language) -> str:
    """How many units never leave the zero side, or are always saturated."""
    say, units = words(language), len(one.zero)
    found = []
    if "zero" in one.zones:
        found.append(say["act.dead"].format(count=len(one.dead), units=units))
    if "saturated" in one.zones and ("zero" not in one.zones or len(one.stuck)):
        found.append(say["act.stuck"].format(count=len(one.stuck), units=units))
    return joined(found or [say["act.never_flat"]], language)


def _stacked(chosen: list[OperatingPoints], language: Language) -> Bars:
    say = words(language)
    starts, lengths, colors, labels, positions = [], [], [], [], []
    for at, one in enumerate(chosen):
        start = 0.0
        for zone, role in ZONES.items():
            share = one.share(zone)
            if share > 0:
                positions.append(float(at))
                starts.append(100 * start)
                lengths.append(100 * share)
                colors.append(role)
                labels.append(f"{one.layer}: {say[f'act.zone.{zone}']} {percent(share, language)}")
                start += share
    return Bars(
        say["act.shares.axis"], np.array(positions), np.array(starts), np.array(lengths), tuple(colors), tuple(labels), thickness=0.74
    )


def _stuck(chosen: list[OperatingPoints], language: Language) -> list[Text]:
    """How many units are dead or stuck, beside a bar."""
    say, found = words(language), []
    for at, one in enumerate(chosen):
        told = [say[key].format(count=len(units)) for key, units in (("act.dead.n", one.dead), ("act.stuck.n", one.stuck)) if len(units)]
        if told:
            found.append(Text(101.0, float(at), joined(told, language)))
    return found


def _table(seen: Activations, language: Language) -> Table:
    say = words(language)
    zones: tuple[Zone, ...] = ("zero", "saturated", "linear", "between")
    heads = (say["layer"], say["act.function"], *(say[f"act.zone.{zone}"] for zone in zones), say["act.dead.head"], say["act.stuck.head"])
    rows = tuple(
        (
            one.layer,
            function_name(one.function),
            *(percent(one.share(zone), language) for zone in zones),
            f"{len(one.dead)} / {len(one.zero)}",
            f"{len(one.stuck)} / {len(one.zero)}",
        )
        for one in seen.functions
    )
    return Table((*heads, say["act.slope"]), tuple((*row, number(one.slope)) for row, one in zip(rows, seen.functions, strict=True)))
