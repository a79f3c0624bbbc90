"""How much can be spared: the score against the share of units removed, measured, with intervals."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.pruning import PrunedLayer, Pruning
from pellucid.scenes import Axis, Band, LegendEntry, Line, Panel, Points, Scene, Table
from pellucid.scenes.marks import Mark
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, words
from pellucid.views.inside.activation_reading import columns_of
from pellucid.views.inside.pruning_reading import TICKS, chosen, content, scaled, scene, score, score_axis

CURVES = 8  # layers with a curve of their own


def sensitivity(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The score against the share of units removed: of all layers together, and of single layers alone.

    Of more than eight layers those with most parameters, unless ``layer`` names one, or the module that holds several.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    shown = chosen(seen, layer, CURVES)
    panels = (_together(seen, language), *(_alone(seen, one, at, language) for at, one in enumerate(shown)))
    some = say["prune.some"].format(shown=len(shown), count=len(seen.layers)) if len(shown) < len(seen.layers) else ""
    note = say["prune.curves.note"].format(criterion=say[f"prune.{seen.criterion}"])
    title = say["prune.curves.title"].format(model=explanation.provenance.model)
    return scene(explanation, title, panels, language, columns=columns_of([panel.title for panel in panels]), notes=(note,), subtitle=some)


def _curve(seen: Pruning, name: str, shares: np.ndarray, curve: np.ndarray, color: str, language: Language) -> list[Mark]:
    """A measured curve over its intervals, with the points that were measured."""
    value, low, high = (scaled(seen, curve[:, at]) for at in range(3))
    told = words(language)["prune.point"]
    labels = tuple(
        told.format(
            share=percent(float(share), language, digits=2),
            **{key: score(seen, float(v), language) for key, v in zip(("value", "low", "high"), row, strict=False)},
        )
        for share, row in zip(shares, curve, strict=True)
    )
    x = 100 * shares
    return [Band("", x, low, high, color), Line(name, x, value, color), Points(name, x, value, color, 2.5, labels=labels)]


def _share_axis(language: Language) -> Axis:
    return Axis(words(language)["prune.share"], (-2.0, 102.0), *TICKS)


def _everything(seen: Pruning) -> np.ndarray:
    """The scores of all curves: they have one range."""
    return np.concatenate([curve[:, :3].ravel() for curve in (seen.equal, seen.ranked, *(one.curve for one in seen.layers))])


def _together(seen: Pruning, language: Language) -> Panel:
    say = words(language)
    both = ((say["prune.equal"], seen.equal, "series1"), (say["prune.ranked"], seen.ranked, "series2"))
    marks = [mark for name, curve, color in both for mark in _curve(seen, name, seen.shares, curve, color, language)]
    at = len(seen.shares) // 2
    summary = say["prune.curves.summary"].format(
        layer=say["prune.together"],
        measure=say[f"prune.{seen.measure}"],
        before=score(seen, float(seen.equal[0, 0]), language),
        after=score(seen, float(seen.equal[at, 0]), language),
        share=percent(float(seen.shares[at]), language),
    )
    heads = (say["prune.share"], "", say[f"prune.{seen.measure}"], say["low"], say["high"], say["prune.loss"], say["prune.zeroed"])
    rows = tuple(
        (number(100 * float(share)), name, *(number(float(v)) for v in row[:4]), number(100 * float(row[4])))
        for name, curve, _ in both
        for share, row in zip(seen.shares, curve, strict=True)
    )
    legend = tuple(LegendEntry(name, color, "line") for name, _, color in both)
    return Panel(
        "together",
        say["prune.together"],
        summary,
        Table(heads, rows),
        tuple(marks),
        x=_share_axis(language),
        y=score_axis(seen, language, _everything(seen)),
        legend=legend,
    )


def _alone(seen: Pruning, one: PrunedLayer, at: int, language: Language) -> Panel:
    say = words(language)
    shares = one.removed / one.units
    marks: list[Mark] = _curve(seen, say["prune.curve"], shares, one.curve, "series1", language)
    axis = score_axis(seen, language, _everything(seen))
    gone = float(one.suggested.mean())
    legend = [LegendEntry(say["prune.curve"], "series1", "line")]
    if gone:
        marks.append(Line(say["prune.suggested"], np.full(2, 100 * gone), np.array(axis.domain), "series2", dashed=True))
        legend.append(LegendEntry(f"{say['prune.suggested']} {percent(gone, language, digits=2)}", "series2", "dashed"))
    middle = len(shares) - 1
    summary = say["prune.curves.summary"].format(
        layer=one.layer,
        measure=say[f"prune.{seen.measure}"],
        before=score(seen, float(one.curve[0, 0]), language),
        after=score(seen, float(one.curve[middle, 0]), language),
        share=percent(float(shares[middle]), language, digits=2),
    )
    return Panel(
        f"layer{at}",
        one.layer,
        summary,
        _curves_table(seen, [one] if at else list(seen.layers), language),
        tuple(marks),
        x=_share_axis(language),
        y=axis,
        subtitle=say["prune.curves.alone"].format(units=f"{one.units:,}"),
        legend=tuple(legend),
    )


def _curves_table(seen: Pruning, layers: list[PrunedLayer], language: Language) -> Table:
    say = words(language)
    heads = (say["layer"], say["prune.goes"], say["prune.units"], say[f"prune.{seen.measure}"], say["low"], say["high"], say["prune.loss"])
    return Table(
        heads,
        tuple(
            (one.layer, str(int(count)), str(one.units), *(number(float(value)) for value in row))
            for one in layers
            for count, row in zip(one.removed, one.curve, strict=True)
        ),
    )
