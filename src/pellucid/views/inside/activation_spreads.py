"""How the values of every layer are spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations, LayerActivations
from pellucid.scenes import Axis, Band, Bars, LegendEntry, Line, Lines, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.activation_reading import activations, bars_of, columns_of, of_layer, span
from pellucid.views.signed_bars import category_axis

DRAWN = 24
BINS = 90
FEW = 9  # layers, up to which each has a histogram on its own axis
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ENDS = (0.005, 0.995)
TALL = 0.82  # of a line, the highest place of a ridge


def distributions(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """A histogram for each layer, with dashed lines at the median and the 5 % and 95 % quantiles.

    Of more than nine layers a ridge for each on one axis: the line under it reaches from the 5 % to the 95 % quantile, the dot is the
    median.
    """
    seen, say = activations(explanation), words(language)
    chosen = [one for one in of_layer(seen.layers, layer, default=_at_even_depths) if one.spread.count]
    apart = len(chosen) <= FEW
    title = say["act.spread.title"].format(count=len(seen.layers), rows=f"{seen.rows:,}")
    panels = tuple(_histogram(one, at, language) for at, one in enumerate(chosen)) if apart else (_ridges(chosen, seen, language),)
    return Scene(
        title,
        panels,
        joined([title, *(panel.summary for panel in panels)], language),
        subtitle=say["act.layers.some"].format(shown=len(chosen), count=len(seen.layers))
        if layer is None and len(chosen) < len(seen.layers)
        else "",
        columns=columns_of([panel.title for panel in panels]),
        notes=(say["act.spread.note.lines"] + say["act.spread.note"] if apart else say["act.spread.note"],),
        code=code(explanation),
        language=language,
    )


def _at_even_depths(found: Sequence[LayerActivations]) -> Sequence[LayerActivations]:
    places = sorted({round(at) for at in np.linspace(0, len(found) - 1, min(DRAWN, len(found)))})
    return [found[at] for at in places]


def _ridges(chosen: list[LayerActivations], seen: Activations, language: Language) -> Panel:
    say = words(language)
    quantiles = np.stack([one.spread.quantiles(QUANTILES) for one in chosen])
    ends = np.stack([one.spread.quantiles(ENDS) for one in chosen])
    domain = padded(float(ends[:, 0].min()), float(ends[:, 1].max()), 0.03)
    marks: list[Mark] = [Line("", np.zeros(2), np.array([-0.5, len(chosen) - 0.5]), "muted")]
    for at, one in enumerate(chosen):
        edges, shares = bars_of(one.spread, float(ends[at, 0]), float(ends[at, 1]), _bins(one), zeros=False)
        floor, high = at + 0.4, TALL * shares / (shares.max() or 1.0)
        x = np.clip(np.repeat(edges, 2)[1:-1], *domain)
        marks.append(Band(one.layer, x, floor - np.repeat(high, 2), np.full(len(x), floor), "series1"))
    floors = np.arange(len(chosen)) + 0.4
    low, high = (np.clip(quantiles[:, place], *domain) for place in (0, 4))
    labels = tuple(_told(one, language) for one in chosen)
    marks.append(Lines("", np.stack([low, high], 1), np.stack([floors, floors], 1), ("series1",), labels=labels))
    marks.append(Points(say["act.spread.median"], np.clip(quantiles[:, 2], *domain), floors, "positive", 3.2, labels))
    widest = max(chosen, key=lambda one: one.spread.deviation)
    finding = say["act.spread.finding"].format(layer=widest.layer, deviation=number(widest.spread.deviation))
    return Panel(
        "ridges",
        finding,
        finding,
        _table(seen, language),
        tuple(marks),
        x=Axis(say["act.value"], domain),
        y=category_axis([one.layer for one in chosen]),
        legend=(
            LegendEntry(say["act.spread.ridge"], "series1"),
            LegendEntry(say["act.spread.median"], "positive", "point"),
            LegendEntry(say["act.spread.line"], "series1", "line"),
        ),
    )


def _histogram(one: LayerActivations, at: int, language: Language) -> Panel:
    say, spread = words(language), one.spread
    low, high = (float(end) for end in spread.quantiles(ENDS))
    domain = padded(low, high, 0.04)
    edges, shares = bars_of(spread, *domain, _bins(one), zeros=False)
    labels = tuple(f"{span(edges, bar)}: {percent(float(share), language)}" for bar, share in enumerate(shares))
    top = 105 * float(shares.max(initial=0.0)) or 1.0
    bars = Bars(
        say["act.share"],
        (edges[:-1] + edges[1:]) / 2,
        np.zeros(len(shares)),
        100 * shares,
        ("series1",) * len(shares),
        labels,
        horizontal=False,
        thickness=float(edges[1] - edges[0]) * 0.94,
    )
    table = Table(
        (say["from"], say["to"], say["act.share"]),
        tuple((float(a), float(b), float(share)) for a, b, share in zip(edges[:-1], edges[1:], shares, strict=True)),
    )
    return Panel(
        f"histogram{at}",
        one.layer,
        _told(one, language),
        table,
        (
            bars,
            *(Line("", np.full(2, float(end)), np.array([0.0, top]), "positive", dashed=True) for end in spread.quantiles(QUANTILES[::2])),
        ),
        x=Axis(say["act.value"], domain),
        y=Axis(say["act.share.axis"], (-0.06 * top, top)),  # so that the lowest number is not beside the first below
        subtitle=say["act.spread.short"].format(**_numbers(one, language)),
    )


def _bins(one: LayerActivations) -> int:
    """More bars for more values."""
    return int(np.clip(2 * np.cbrt(one.spread.counted), 10, BINS))


def _told(one: LayerActivations, language: Language) -> str:
    return words(language)["act.spread.told"].format(layer=one.layer, **_numbers(one, language))


def _numbers(one: LayerActivations, language: Language) -> dict[str, str]:
    spread = one.spread
    low, _, median, _, high = (number(float(value)) for value in spread.quantiles(QUANTILES))
    zeros = percent(spread.zeros / max(1, spread.counted), language)
    return {"mean": number(spread.mean), "deviation": number(spread.deviation), "low": low, "median": median, "high": high, "zeros": zeros}


def _table(seen: Activations, language: Language) -> Table:
    say = words(language)
    heads = ("layer", "act.spread.mean", "act.spread.deviation", "act.spread.low", "act.spread.high")
    quantiles = tuple(percent(share, language) for share in QUANTILES)
    rows = tuple(
        (
            one.layer,
            *(number(value) for value in (one.spread.mean, one.spread.deviation, one.spread.low, one.spread.high)),
            *(number(float(value)) for value in one.spread.quantiles(QUANTILES)),
            percent(one.spread.zeros / max(1, one.spread.counted), language),
            f"{one.spread.missing:,}",
        )
        for one in seen.layers
    )
    return Table((*(say[head] for head in heads), *quantiles, say["act.spread.zeros"], say["act.spread.missing"]), rows)
