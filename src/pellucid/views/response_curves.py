"""How the score responds to a feature that is moved: a panel per feature, or one map over two features."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.scenes import Axis, Band, ColorScale, Image, LegendEntry, Line, Mark, Panel, Points, Table
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, spaced, words
from pellucid.views.entries import cell
from pellucid.views.reading import is_refused, scale_name

MOST = 6  # features that get a panel, those that move the score most
ROW, MEAN, LOCAL = "series1", "series2", "series3"


def response_panels(explanation: Explanation, language: Language) -> tuple[Panel, ...]:
    """The curves of one row's features, those first that move its score most, and the table of their effects; or the one surface."""
    if explanation.kind == "surface":
        return (_surface(explanation, language),)
    parts = {array.name: array.values[0] for array in explanation.arrays}
    names = explanation.arrays[0].coordinates["feature"]
    order = strongest(parts["curve"])
    panels = [_curve(explanation, {name: values[k] for name, values in parts.items()}, names[k], language) for k in order[:MOST]]
    return (*panels, _effects(parts, names, order, language))


def strongest(curves: np.ndarray) -> list[int]:
    """The features (feature, step) by how far they move the score, the farthest first."""
    return np.argsort(-np.ptp(curves, axis=1), kind="stable").tolist()


def own_value(explanation: Explanation, feature: str) -> float | None:
    """The row's own value of a feature, where the table is shown in numbers."""
    for shown in explanation.inputs:
        names = shown.data.coordinates.get("feature", ())
        if shown.kind == "tabular" and feature in names:
            return float(shown.data.values[0][names.index(feature)])
    return None


def _curve(explanation: Explanation, part: dict[str, np.ndarray], feature: str, language: Language) -> Panel:
    say = words(language)
    at, curve = part["at"], part["curve"]
    marks: list[Mark] = []
    legend = [LegendEntry(say["response.row"], ROW, "line")]
    heights = [curve]
    if "mean" in part:
        reach = 1.96 * np.nan_to_num(part["error"])
        local = part["ale"] + float(np.mean(part["mean"]))  # it is zero on average; raised to be compared
        marks += [Band(say["response.band"], at, part["mean"] - reach, part["mean"] + reach)]
        marks += [Line(say["response.mean"], at, part["mean"], MEAN), Line(say["response.local"], at, local, LOCAL, dashed=True)]
        legend += [LegendEntry(say["response.mean"], MEAN, "line"), LegendEntry(say["response.local"], LOCAL, "dashed")]
        heights += [part["mean"] - reach, part["mean"] + reach, local]
    marks.append(Line(say["response.row"], at, curve, ROW))
    own = own_value(explanation, feature)
    if own is not None and at[0] <= own <= at[-1]:
        marks.append(Points(say["response.here"], np.array([own]), explanation.decision.scores[:1].astype(float), ROW, 4.5))
        heights.append(explanation.decision.scores[:1].astype(float))
    low, high = float(np.min(curve)), float(np.max(curve))
    told = {"low": number(low), "high": number(high), "name": feature, "from": number(at[0]), "to": number(at[-1])}
    rows = tuple(tuple(cell(float(part[name][k])) for name in ("at", "curve", "mean", "ale") if name in part) for k in range(len(at)))
    columns = (feature, say["response.row"], *((say["response.mean"], say["response.local"]) if "mean" in part else ()))
    everything = np.concatenate(heights)
    return Panel(
        f"response_{feature}",
        feature,
        say["response.summary"].format(**told),
        Table(columns, rows),
        tuple(marks),
        x=Axis(feature, (float(at[0]), float(at[-1]))),
        y=Axis(_score(explanation, language), padded(float(everything.min()), float(everything.max()), 0.06)),
        subtitle=say["response.finding"].format(**told),
        legend=tuple(legend),
        hatched=is_refused(explanation),
    )


def _effects(parts: dict[str, np.ndarray], names: tuple[str, ...], order: list[int], language: Language) -> Panel:
    """From the least to the largest value: how far the score goes for this row, on average, and by accumulated local effects."""
    say = words(language)
    known = [name for name in ("curve", "mean", "ale") if name in parts]
    rows = tuple((names[k], number(float(np.ptp(parts["curve"][k]))), *(_change(parts[name][k]) for name in known)) for k in order)
    columns = (say["feature"], say["response.range"], *(say[f"response.change_{name}"] for name in known))
    most = number(float(np.ptp(parts["curve"][order[0]])))
    summary = say["response.effects_summary"].format(count=len(names), name=names[order[0]], range=most)
    return Panel("effects", say["response.effects"], summary, Table(columns, rows), subtitle=say["response.effects_note"])


def _change(curve: np.ndarray) -> str:
    return signed(float(curve[-1] - curve[0]))


def _surface(explanation: Explanation, language: Language) -> Panel:
    say = words(language)
    parts = {array.name: array for array in explanation.arrays}
    values, at = parts["surface"].values[0], parts["at"].values[0]
    first, second = parts["at"].coordinates["feature"]
    half = [(one[1] - one[0]) / 2 for one in at]
    extent = (float(at[0][0] - half[0]), float(at[0][-1] + half[0]), float(at[1][-1] + half[1]), float(at[1][0] - half[1]))
    scale = ColorScale("sequential", (float(values.min()), float(values.max())), _score(explanation, language))
    marks: list[Mark] = [Image(_score(explanation, language), extent, values[::-1], scale)]
    own = [own_value(explanation, name) for name in (first, second)]
    if own[0] is not None and own[1] is not None:
        marks.append(Points(say["response.here"], np.array([own[0]]), np.array([own[1]]), "ink", 4.5))
    high = np.unravel_index(values.argmax(), values.shape)
    told = {"first": first, "second": second, "high": number(float(values.max())), "low": number(float(values.min()))}
    told |= {"first_at": number(float(at[0][high[1]])), "second_at": number(float(at[1][high[0]]))}
    rows = tuple((number(float(at[1][k])), *(cell(float(v)) for v in values[k])) for k in range(len(values)))
    return Panel(
        "surface",
        say["response.surface"].format(**told),
        say["response.surface_summary"].format(**told),
        Table((f"{second} \\ {first}", *(number(float(v)) for v in at[0])), rows),
        tuple(marks),
        x=Axis(first, extent[:2]),
        y=Axis(second, (extent[3], extent[2])),
        subtitle=say["response.surface_summary"].format(**told),
        scale=scale,
        hatched=is_refused(explanation),
    )


def _score(explanation: Explanation, language: Language) -> str:
    return spaced(words(language)["score_axis"].format(scale=scale_name(explanation, language)))
