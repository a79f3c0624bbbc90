"""The loss along lines, towards another network, and the eigenvalues of its Hessian."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.loss_landscape import LossCurvature, LossLandscape
from pellucid.scenes import Axis, Bars, LegendEntry, Line, Panel, Points, Scene, Table, Text
from pellucid.scenes.marks import Mark
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.loss_landscape_reading import accuracy_axis, along, content, loss_axis, loss_name, notes, scene, spread
from pellucid.views.signed_bars import category_axis

COLORS = ("series1", "series2")


def lines(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The loss along each direction of the plane, and the accuracy where there is one."""
    seen, say = content(explanation), words(language)
    panels = (_lines(seen, language, accuracy=False),)
    if seen.classes:
        panels += (_lines(seen, language, accuracy=True),)
    title = say["landscape.lines.title"].format(model=explanation.provenance.model)
    return scene(explanation, title, panels, language, subtitle=along(seen, language), given=notes(seen, language)[:1])


def between(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Loss and accuracy on the straight way to another network, and how high the barrier is."""
    seen, say = content(explanation), words(language)
    way = seen.between
    if way is None:
        raise TypeError("this landscape has no way to another network")
    barrier = float(way.barrier[0])
    told = {"barrier": number(barrier), "at": number(way.at)}
    finding = say["landscape.between.barrier" if barrier > 0 else "landscape.between.none"].format(**told)
    axis = Axis(say["landscape.between.axis"].format(model=explanation.provenance.model), (-0.02, 1.02))
    positions, values, accuracy = way.line.positions, way.line.loss, way.line.accuracy
    panel = _curve("loss", finding, positions, values, (axis, loss_axis(values, language, loss_name(seen, language))), language)
    chord = Line("", positions, (1 - positions) * values[0] + positions * values[-1], "muted", dashed=True)
    panels = (replace(panel, marks=(chord, *panel.marks), legend=(LegendEntry(say["landscape.between.line"], "muted", "dashed"),)),)
    if len(accuracy):
        first, last, least = (percent(float(value), language) for value in (accuracy[0], accuracy[-1], accuracy.min()))
        finding = say["landscape.between.accuracy"].format(first=first, last=last, least=least)
        panels += (_curve("accuracy", finding, positions, accuracy, (axis, accuracy_axis(accuracy, language)), language),)
    title = say["landscape.between.title"].format(model=explanation.provenance.model, other=way.name)
    distance = say["landscape.between.distance"].format(distance=number(way.distance))
    return scene(explanation, title, panels, language, subtitle=distance, given=(say["landscape.between.note"],))


def spectrum(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The largest eigenvalues of the Hessian, beside 2 / learning rate where that is known."""
    seen, say = content(explanation), words(language)
    curved = seen.curvature
    if curved is None:
        raise TypeError("this landscape has no curvature")
    limit = None if curved.learning_rate is None else 2 / curved.learning_rate
    told = {"value": number(float(curved.values[0])), "limit": number(limit or 0.0)}
    key = "finding" if limit is None else "stable" if curved.values[0] < limit else "unstable"
    finding = say[f"landscape.spectrum.{key}"].format(**told)
    panel = _spectrum(curved, finding, limit, language)
    title = say["landscape.spectrum.title"].format(model=explanation.provenance.model)
    note = say[f"landscape.spectrum.note.{curved.how}"].format(why=curved.why)
    return scene(explanation, title, (panel,), language, subtitle=_measured(curved, language), given=(note,))


# ---- lines ------------------------------------------------------------------------------------------------------------------


def _lines(seen: LossLandscape, language: Language, *, accuracy: bool) -> Panel:
    say = words(language)
    names = [say[f"landscape.direction.{seen.directions}"].format(number=which) for which in (1, 2)]
    curves = [(line.positions, line.accuracy if accuracy else line.loss) for line in seen.lines]
    every = np.concatenate([values for _, values in curves])
    write = (lambda value: percent(value, language)) if accuracy else number
    key = "accuracy" if accuracy else "loss"
    far = float(every.min()) if accuracy else spread(every)[1]
    finding = say[f"landscape.lines.{key}"].format(own=write(float(seen.own[1 if accuracy else 0])), far=write(far))
    y = accuracy_axis(every, language) if accuracy else loss_axis(every, language, loss_name(seen, language))
    reach = [float(end(positions)) for positions, _ in curves for end in (np.min, np.max)]
    place = "landscape.lines.axis.random" if seen.directions == "random" else "landscape.lines.axis.distance"
    x = Axis(say[place], (min(reach), max(reach)))
    marks: list[Mark] = []
    for name, color, (positions, values) in zip(names, COLORS, curves, strict=True):
        marks += _drawn(name, color, positions, values, language)
    legend = [LegendEntry(name, color, "line") for name, color in zip(names, COLORS, strict=True)]
    if seen.directions == "hessian" and seen.curvature is not None and not accuracy:
        marks += [_foretold(seen, seen.curvature, which, y) for which in (0, 1)]
        legend.append(LegendEntry(say["landscape.quadratic"], "muted", "dashed"))
    marks.append(Line(say["landscape.model"], np.zeros(2), np.array(y.domain), "muted"))
    rows = tuple((names[which], *map(_cell, pair)) for which, (p, v) in enumerate(curves) for pair in zip(p, v, strict=True))
    table = Table(("", x.label, y.label), rows)
    return Panel(key, finding, finding, table, tuple(marks), x, y, legend=tuple(legend))


def _foretold(seen: LossLandscape, curved: LossCurvature, which: int, y: Axis) -> Line:
    """The parabola that the eigenvalue alone makes, as far as the picture goes."""
    positions = seen.lines[which].positions
    values = float(seen.own[0]) + curved.values[which] * positions**2 / 2
    shown = values <= y.domain[1]
    return Line("", positions[shown], values[shown], "muted", dashed=True)


def _drawn(name: str, color: str, positions: np.ndarray, values: np.ndarray, language: Language) -> list[Mark]:
    """A curve with the points that were measured; those that are no numbers are not drawn."""
    known = np.isfinite(values)
    told = words(language)["landscape.point"]
    labels = tuple(
        told.format(position=number(float(p)), value=number(float(v), 4)) for p, v in zip(positions[known], values[known], strict=True)
    )
    return [Line(name, positions[known], values[known], color), Points("", positions[known], values[known], color, 1.6, labels)]


def _curve(key: str, finding: str, positions: np.ndarray, values: np.ndarray, axes: tuple[Axis, Axis], language: Language) -> Panel:
    table = Table((axes[0].label, axes[1].label), tuple((_cell(p), _cell(v)) for p, v in zip(positions, values, strict=True)))
    return Panel(key, finding, finding, table, tuple(_drawn("", COLORS[0], positions, values, language)), *axes)


def _cell(value: float) -> str:
    return number(float(value), 4)


# ---- the Hessian ------------------------------------------------------------------------------------------------------------


def _spectrum(curved: LossCurvature, finding: str, limit: float | None, language: Language) -> Panel:
    say = words(language)
    count = len(curved.values)
    names = [say["landscape.spectrum.name"].format(number=at + 1) for at in range(count)]
    told = [(number(float(v)), number(float(r), 2)) for v, r in zip(curved.values, curved.residuals, strict=True)]
    labels = tuple(say["landscape.spectrum.bar"].format(number=at + 1, value=v, residual=r) for at, (v, r) in enumerate(told))
    colors = tuple("positive" if value >= 0 else "negative" for value in curved.values)
    places = np.arange(count, dtype=float)
    bars = Bars("", places, np.zeros(count), curved.values, colors, labels, thickness=0.62)
    least, most = spread(np.append(curved.values, [0.0, *([limit] if limit is not None and limit < 3 * curved.values[0] else [])]))
    room = 0.02 * (most - least or 1.0)
    texts = [Text(float(max(value, 0.0)) + room, at, text) for at, value, (text, _) in zip(places, curved.values, told, strict=True)]
    marks: list[Mark] = [bars, Line("", np.zeros(2), np.array([-0.5, count - 0.5]), "muted"), *texts]
    legend: tuple[LegendEntry, ...] = ()
    if limit is not None and limit <= most:
        marks.insert(0, Line(say["landscape.spectrum.limit"], np.full(2, limit), np.array([-0.5, count - 0.5]), "series4", dashed=True))
        legend = (LegendEntry(say["landscape.spectrum.limit"], "series4", "dashed"),)
    x = Axis(say["landscape.spectrum.axis"], (least - room, most + 8 * room))
    head = ("", say["landscape.spectrum.axis"], say["landscape.spectrum.residual"])
    table = Table(head, tuple((name, *row) for name, row in zip(names, told, strict=True)))
    summary = joined([finding, _measured(curved, language)], language)
    return Panel("spectrum", finding, summary, table, tuple(marks), x, category_axis(names), legend=legend)


def _measured(curved: LossCurvature, language: Language) -> str:
    """The trace, the lowest value, the gradient, and what they cost."""
    say, parts = words(language), []
    if np.isfinite(curved.trace[0]):
        told = {"value": number(float(curved.trace[0])), "error": number(float(curved.trace[1]), 2), "probes": curved.probes}
        parts.append(say["landscape.spectrum.trace"].format(**told))
    lowest = {"lowest": number(float(curved.lowest[0])), "residual": number(float(curved.lowest[1]), 2)}
    parts.append(say["landscape.spectrum.about"].format(**lowest))
    parts.append(say["landscape.spectrum.gradient"].format(gradient=number(curved.gradient)))
    parts.append(say["landscape.spectrum.steps"].format(steps=curved.steps))
    return joined(parts, language)
