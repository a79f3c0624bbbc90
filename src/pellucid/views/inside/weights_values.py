"""The numbers of one weight: how they are distributed, its singular values, its rows as points in the plane."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.weights import QUANTILES, RowLayout, Weight
from pellucid.scenes import Axis, Bars, Column, LegendEntry, Line, Mark, Panel, Points, RowLabels, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST, by_importance, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.weights_choice import chosen_weight, content, remarks, scene

DOTTED = 200  # singular values up to which each is a point
STEPS = 200  # of a curve


def distribution(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """How often each size of weight occurs in one layer, beside the normal distribution of the same mean and deviation.

    Raises:
        UnknownName: no such layer.
    """
    say = words(language)
    one = chosen_weight(content(explanation).weights, layer)
    numbers = {f"{share:g}": number(float(value)) for share, value in zip(QUANTILES, one.quantiles, strict=True)}
    told = {"size": f"{one.size:,}", "median": numbers["0.5"], "low": numbers["0.25"], "high": numbers["0.75"]}
    more = {"mean": number(one.mean), "deviation": number(one.deviation), "least": numbers["0"], "most": numbers["1"]}
    top = float(one.counts.max(initial=1))
    marks: list[Mark] = [_counted(one, language)]
    legend = [LegendEntry(say["weights.distribution.quantiles"], "series2", "line")]
    if one.deviation > 0:
        x = np.linspace(float(one.edges[0]), float(one.edges[-1]), STEPS)
        width = float(one.edges[1] - one.edges[0])
        density = np.exp(-0.5 * ((x - one.mean) / one.deviation) ** 2) / (one.deviation * math.sqrt(2 * math.pi))
        normal = one.counts.sum() * width * density
        top = max(top, float(normal.max()))
        marks.append(Line(say["weights.distribution.normal"], x, normal, "ink", dashed=True))
        legend.append(LegendEntry(say["weights.distribution.normal"], "ink", "dashed"))
    for share in (0.05, 0.5, 0.95):
        at = float(one.quantiles[QUANTILES.index(share)])
        marks.append(Line(percent(share, language), np.array([at, at]), np.array([0.0, 1.03 * top]), "series2"))
    panel = Panel(
        "distribution",
        say["weights.distribution.finding"].format(**told),
        say["weights.distribution.summary"].format(name=one.name, **told, **more),
        Table(
            (say["weights.quantile"], say["value"]),
            tuple((percent(share, language), float(value)) for share, value in zip(QUANTILES, one.quantiles, strict=True)),
        ),
        tuple(marks),
        x=Axis(say["weights.weight"], padded(float(one.edges[0]), float(one.edges[-1]), 0.03)),
        y=Axis(say["count"], (-0.035 * top, 1.05 * top)),  # room under the bars, or a number at the left edge meets the 0
        subtitle=say["weights.distribution.zeros"].format(count=f"{one.zeros:,}") if one.zeros else "",
        legend=tuple(legend),
    )
    title = say["weights.distribution.title"].format(name=one.name)
    return scene(explanation, title, (panel,), language, notes=remarks([one], language))


def _counted(one: Weight, language: Language) -> Bars:
    width = float(one.edges[1] - one.edges[0])
    return Bars(
        words(language)["count"],
        (one.edges[:-1] + one.edges[1:]) / 2,
        np.zeros(len(one.counts)),
        one.counts.astype(float),
        ("series1",) * len(one.counts),
        tuple(f"{number(a)} … {number(b)}" for a, b in pairwise(one.edges.tolist())),
        horizontal=False,
        thickness=0.94 * width,
    )


def spectrum(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The singular values of one weight from the largest to the smallest, and what random weights of its size would reach.

    Raises:
        UnknownName: no layer of that name has a matrix.
    """
    say = words(language)
    one = chosen_weight([one for one in content(explanation).weights if one.spectrum is not None], layer)
    if one.spectrum is None:
        raise TypeError("a weight without singular values was chosen")
    found = one.spectrum
    values = found.values.astype(float)
    above = int((values > found.edge).sum())
    energy = np.cumsum(values**2)
    half = int(np.searchsorted(energy, 0.5 * one.norm**2)) + 1
    rank = number(found.stable_rank)
    ends = {"high": number(float(values[0])), "low": number(float(values[-1])), "edge": number(found.edge)}
    count = np.arange(1, len(values) + 1, dtype=float)
    wide = (0.5, max(len(values) + 0.5, 2))
    marks: list[Mark] = [
        Line(say["weights.spectrum.value"], count, values, "series1"),
        Line(say["weights.spectrum.edge"], np.array(wide), np.full(2, found.edge), "series2", dashed=True),
    ]
    if len(values) <= DOTTED:
        marks.append(Points(say["weights.spectrum.value"], count, values, "series1", radius=2.5))
    panel = Panel(
        "spectrum",
        say["weights.spectrum.finding"].format(above=above, count=f"{len(values):,}", rank=rank),
        say["weights.spectrum.summary"].format(name=one.name, **ends, rank=rank, full=found.full, above=above),
        Table((say["weights.spectrum.number"], say["weights.spectrum.value"]), tuple(zip(count.tolist(), values.tolist(), strict=True))),
        tuple(marks),
        x=Axis(say["weights.spectrum.number"], wide),
        y=Axis(say["weights.spectrum.value"], (0.0, 1.05 * max(float(values[0]), found.edge) or 1.0)),
        subtitle=joined(
            [
                "" if found.exact else say["weights.spectrum.leading"].format(shown=len(values), count=found.full),
                say["weights.spectrum.share"].format(count=half) if half <= len(values) else "",
            ],
            language,
        ),
        legend=(
            LegendEntry(say["weights.spectrum.value"], "series1", "line"),
            LegendEntry(say["weights.spectrum.edge"], "series2", "dashed"),
        ),
    )
    title = say["weights.spectrum.title"].format(name=one.name)
    return scene(explanation, title, (panel,), language, notes=remarks([one], language))


def embedding(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The rows of one weight as points: the entries of an embedding, the units of a layer; near points have like weights.

    Without a layer the embedding with most entries is shown, or the largest weight where there is none.

    Raises:
        UnknownName: no layer of that name has rows that can be laid out.
    """
    say = words(language)
    known = [one for one in content(explanation).weights if one.layout is not None]
    tables = [one for one in known if one.kind == "embedding"]
    one = chosen_weight(known if layer is not None or not tables else tables, layer)
    if one.layout is None:
        raise TypeError("a weight without a layout was chosen")
    found = one.layout
    order = by_importance(found.points, MOST)
    x, y = found.points[order].astype(float).T
    sizes = np.hypot(x, y)
    labels = RowLabels(
        say["weights.embedding.row"], found.rows[order].astype(float), (Column(say["weights.embedding.norm"], sizes),), missing=""
    )
    if found.method == "pca":
        share = percent(float(found.explained.sum()), language)
        axes = [
            say["weights.embedding.axis"].format(number=at + 1, share=percent(float(part), language))
            for at, part in enumerate(found.explained)
        ]
        finding = say["weights.embedding.pca"].format(share=share, count=f"{len(found.rows):,}", wide=f"{one.inputs:,}")
    else:
        axes = [say["weights.embedding.tsne_axis"].format(number=at) for at in (1, 2)]
        finding = say["weights.embedding.tsne"].format(count=f"{len(found.rows):,}", wide=f"{one.inputs:,}")
    unit = say["weights.embedding.rows"]
    drawn = {"shown": f"{len(found.rows):,}", "count": f"{one.units:,}"}
    panel = Panel(
        "embedding",
        finding,
        joined([say["weights.embedding.title"].format(name=one.name), finding], language),
        _rows(found, axes, language),
        (
            Points(
                unit,
                x,
                y,
                "series1",
                radius=3.0 if len(x) <= 500 else 2.0,
                labels=labels,
                sample=sample_of(np.ones(len(x), bool), MOST, unit, language),
            ),
        ),
        x=Axis(axes[0], padded(float(x.min()), float(x.max()))),
        y=Axis(axes[1], padded(float(y.min()), float(y.max()))),
        subtitle=say["weights.embedding.drawn"].format(**drawn) if len(found.rows) < one.units else "",
    )
    title = say["weights.embedding.title"].format(name=one.name)
    return scene(explanation, title, (panel,), language, notes=remarks([one], language))


def _rows(found: RowLayout, axes: list[str], language: Language) -> Table:
    rows = tuple((str(int(row)), float(a), float(b)) for row, (a, b) in zip(found.rows[:MOST], found.points[:MOST], strict=True))
    return Table((words(language)["weights.matrix.row"], *axes), rows)
