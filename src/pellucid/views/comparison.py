"""Several methods on one decision: how faithful each is, where they agree, and where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.harness.comparison import CLEAR
from pellucid.scenes import Axis, Bars, ColorScale, Image, LegendEntry, Line, Mark, Panel, Points, Scene, Table, Text
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, compared_name, joined, words
from pellucid.views.attribution import panels_of
from pellucid.views.entries import cell, feature_entries
from pellucid.views.gallery import MARKS
from pellucid.views.image_overlay import frame_axes
from pellucid.views.reading import one_row, predicted_name, target_name
from pellucid.views.signed_bars import category_axis

MOST = 12  # players drawn by name
SERIES = ("series1", "series2", "series3", "series4", "series5", "series6")


def comparison(compared: Any, *, row: int = 0, language: Language = "en") -> Scene:  # noqa: ANN401 (the harness's Comparison)
    """The methods' faithfulness, their agreement, and what each says of one row, side by side.

    Raises:
        InputError: there is no such row.
    """
    say = words(language)
    count = len(compared.ranked[0].lead)
    if not 0 <= row < count:
        raise InputError("There is no such row", received=f"row {row} of {count}", remedy=f"choose a row from 0 to {count - 1}")
    names = [compared_name(one.name, language) for one in compared.ranked]
    panels = [_faithfulness(compared, names, language), _agreement(compared, names, language), *_said(compared, names, row, language)]
    first = one_row(compared.best, row)
    title = say["comparison.title"].format(count=len(names), target=target_name(first))
    subtitle = say["comparison.subtitle"].format(infill=say.get(f"name.{compared.infill}", compared.infill))
    predicted = predicted_name(first)
    notes = tuple(say["comparison.failed"].format(method=compared_name(name, language), why=why) for name, why in compared.failed)
    summary = joined([title, *(p.summary for p in panels)], language)
    said = say["says_plain"].format(predicted=predicted) if predicted else ""
    return Scene(title, tuple(panels), summary, subtitle=joined([said, subtitle], language), columns=2, notes=notes, language=language)


def _faithfulness(compared: Any, names: list[str], language: Language) -> Panel:  # noqa: ANN401
    """One bar a method: the median over rows of its lead over random order; the whiskers span the middle half of the rows."""
    say = words(language)
    leads = [one.lead[np.isfinite(one.lead)] for one in compared.ranked]
    middle = np.array([np.median(lead) if len(lead) else 0.0 for lead in leads])
    ends = [np.percentile(lead, [25, 75]) if len(lead) > 3 else (m, m) for lead, m in zip(leads, middle, strict=True)]
    low, high = (np.array([e[at] for e in ends]) for at in (0, 1))
    places = np.arange(len(names), dtype=float)
    colors = tuple("positive" if m > CLEAR else "random" for m in middle)
    domain = padded(min(0.0, float(low.min())), max(CLEAR * 1.3, float(high.max())))
    marks: tuple[Mark, ...] = (
        Bars(say["comparison.lead"], places, np.zeros(len(names)), middle, colors, tuple(names), low=low, high=high),
        Line(say["comparison.chance"], np.array([CLEAR, CLEAR]), np.array([-0.5, len(names) - 0.5]), "ink", dashed=True),
    )
    rows = tuple(
        (name, cell(float(m)), " ".join(f"{MARKS[level]} {number(total)}" for level, total in _verdicts(one).items()))
        for name, m, one in zip(names, middle, compared.ranked, strict=True)
    )
    best = names[0] if middle[0] > CLEAR else ""
    title = say["comparison.best"].format(method=best) if best else say["comparison.none"]
    return Panel(
        "faithfulness",
        title,
        say["comparison.lead_summary"].format(list="; ".join(f"{n} {number(m)}" for n, m in zip(names, middle, strict=True))),
        Table((say["method"], say["comparison.lead"], say["comparison.verdicts"]), rows),
        marks,
        x=Axis(say["comparison.lead_axis"], domain),
        y=category_axis(names),
        legend=(
            LegendEntry(say["comparison.clear"], "positive"),
            LegendEntry(say["comparison.unclear"], "random"),
            LegendEntry(say["comparison.chance"], "ink", "dashed"),
        ),
    )


def _verdicts(one: Any) -> dict[str, int]:  # noqa: ANN401
    levels = [verdict.level for verdict in one.explanation.verdicts]
    return {level: levels.count(level) for level in ("supported", "weak", "refused", "unchecked") if level in levels}


def _agreement(compared: Any, names: list[str], language: Language) -> Panel:  # noqa: ANN401
    """The mean rank correlation over rows of every pair of methods."""
    say, n = words(language), len(names)
    means = compared.rank_correlation.mean(2)
    overlap = compared.top_overlap.mean(2)
    scale = ColorScale("diverging", (-2.0, 2.0), say["comparison.correlation"])  # the pale half, on which numbers are readable
    marks: list[Mark] = [
        Image(say["comparison.correlation"], (-0.5, n - 0.5, -0.5, n - 0.5), values=means.astype(np.float32), scale=scale),
        *(Text(float(j), float(i), f"{means[i, j]:.2f}".replace("-", "−"), "middle") for i in range(n) for j in range(n) if i != j),  # noqa: RUF001
    ]
    places = tuple(float(i) for i in range(n))
    pairs = [(means[i, j], i, j) for i in compared.contenders for j in compared.contenders if j < i]
    low, high = min(pairs), max(pairs)
    ends = {
        "low": number(low[0]), "low_a": names[low[2]], "low_b": names[low[1]],
        "high": number(high[0]), "high_a": names[high[2]], "high_b": names[high[1]],
    }  # fmt: skip
    table = tuple((names[i], names[j], cell(float(means[i, j])), cell(float(overlap[i, j]))) for i in range(n) for j in range(i + 1, n))
    return Panel(
        "agreement",
        say["comparison.agreement"].format(**ends),
        say["comparison.agreement_summary"].format(**ends),
        Table((say["method"], say["method"], say["comparison.correlation"], say["comparison.overlap"]), table),
        tuple(marks),
        x=Axis("", (-0.5, n - 0.5), places, tuple(str(i + 1) for i in range(n)), "category"),
        y=Axis("", (-0.5, n - 0.5), places, tuple(f"{i + 1} {name}" for i, name in enumerate(names)), "category", reverse=True),
        subtitle=say["comparison.agreement_subtitle"],
        equal=True,
    )


def _said(compared: Any, names: list[str], row: int, language: Language) -> list[Panel]:  # noqa: ANN401
    ones = [one_row(one.explanation, row) for one in compared.ranked]
    if ones[0].arrays[0].axes[1:] == ("feature",):
        return [_by_feature(compared, names, ones, row, language)]
    panels: list[Panel] = []
    for name, one in zip(names, ones, strict=True):
        found = [panel for panel in panels_of(one, 0, language) if panel.scale is not None or not panel.equal]
        level = one.verdicts[0].level
        panels += [replace(p, id=f"{p.id}_{len(panels)}", title=f"{MARKS[level]} {name}", subtitle="") for p in found[:1]]
    return [*panels, *_where_they_differ(compared, row, language)]


def _where_they_differ(compared: Any, row: int, language: Language) -> list[Panel]:  # noqa: ANN401
    """A map of the disagreement about each part of an image."""
    if compared.players.ndim < 2 or "y" not in compared.best.inputs[0].data.axes:
        return []
    say = words(language)
    labels = compared.players if compared.players.ndim == 2 else compared.players[..., 0]
    values = compared.disagreement[row][labels]
    rows, columns = labels.shape
    scale = ColorScale("sequential", (0.0, float(values.max()) or 1.0), say["comparison.spread"])
    places = np.argsort(-compared.disagreement[row], kind="stable")[:MOST]
    centers = [np.argwhere(labels == place).mean(0) for place in places]
    table = tuple(
        (f"y {y:.0f}, x {x:.0f}", cell(float(compared.disagreement[row][place]))) for place, (y, x) in zip(places, centers, strict=True)
    )
    image = Image(say["comparison.spread"], (0.0, float(columns), 0.0, float(rows)), values=values.astype(np.float32), scale=scale)
    x, y = frame_axes(labels.shape)
    title = say["comparison.where"]
    return [
        Panel(
            "differ",
            title,
            title,
            Table((say["comparison.part"], say["comparison.spread"]), table),
            (image,),
            x=x,
            y=y,
            scale=scale,
            equal=True,
        )
    ]


def _by_feature(compared: Any, names: list[str], ones: list[Any], row: int, language: Language) -> Panel:  # noqa: ANN401
    """Every method's share for the features about which they differ most, a point a method."""
    say = words(language)
    strengths = np.array([one.strengths[row] for one in compared.ranked])
    shares = strengths / np.maximum(np.abs(strengths).sum(1, keepdims=True), 1e-300)
    entries, _ = feature_entries(ones[0], 0, language)
    order = np.argsort(-(compared.disagreement[row] + np.abs(shares).mean(0)), kind="stable")[:MOST]
    labels = [entries[i].label if i < len(entries) else f"{say['feature']} {i}" for i in order]
    places = np.arange(len(order), dtype=float)
    marks: list[Mark] = [
        Line("", np.array([shares[:, i].min(), shares[:, i].max()]), np.array([at, at]), "line")
        for at, i in zip(places, order, strict=True)
    ]
    marks.append(Line("", np.zeros(2), np.array([-0.5, len(order) - 0.5]), "line"))
    marks += [Points(name, shares[k, order], places, SERIES[k % len(SERIES)], 4.5, tuple(labels)) for k, name in enumerate(names)]
    most = labels[int(np.argmax(compared.disagreement[row][order]))]
    count = shares.shape[1]
    return Panel(
        "features",
        say["comparison.differ"].format(label=most),
        say["comparison.differ_summary"].format(label=most, count=len(order)),
        Table(
            (say["feature"], *names),
            tuple((label, *(cell(float(v)) for v in shares[:, i])) for label, i in zip(labels, order, strict=True)),
        ),
        tuple(marks),
        x=Axis(say["comparison.share"], padded(float(shares[:, order].min()), float(shares[:, order].max()))),
        y=category_axis(labels),
        subtitle=say["bars.all" if count <= len(order) else "bars.some"].format(shown=len(order), count=count),
        legend=tuple(LegendEntry(name, SERIES[k % len(SERIES)], "point") for k, name in enumerate(names)),
    )
