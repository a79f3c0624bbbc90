"""Scenes made by hand that hold every kind of mark, long labels and every verdict, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from pellucid.report import Edition, Finding, Report, Section
from pellucid.report.report import Language
from pellucid.scenes import Axis, Badge, Band, Bars, ColorScale, Image, LegendEntry, Line, Mark, Panel, Points, Scene, Table, Text

MAP = np.random.default_rng(3).normal(size=(8, 8)).astype(np.float32)
HEAT = np.add.outer(np.sin(np.linspace(0, 6, 56)), np.cos(np.linspace(0, 9, 56))) / 2
STEPS = np.linspace(0, 1, 21)
CURVE = 0.97 * np.exp(-4 * STEPS) + 0.012
RANDOM = 0.97 * (1 - STEPS) ** 1.3
LENGTHS = np.array([2.418273, -1.730451, 1.203377, -0.8812, 0.4417, -0.00031, 0.2209])

_ZH: dict[str, str] = json.loads((Path(__file__).parent / "gallery.zh-CN.json").read_text(encoding="utf-8"))


def gallery(language: Language = "en") -> tuple[Scene, ...]:
    """The scenes in one language."""
    say = _ZH.__getitem__ if language == "zh-CN" else str
    return (_digit(say, language), _patient(say, language), _checks(say, language))


@cache
def report() -> Report:
    """A report that holds the gallery in both languages."""
    return Report("2026-03-04T05:06:00+00:00", "0.1.0", (_edition("en"), _edition("zh-CN")))


def _edition(language: Language) -> Edition:
    say = _ZH.__getitem__ if language == "zh-CN" else str
    digit, patient, checks = gallery(language)
    story = (
        "The network took this 8 for a 3 (probability 0.61). The upper left of the loop carried the decision; when those nine pixels are "
        "replaced the score falls by 2.4 logits."
    )
    refused = "The order of this map is no better than a random order, so the map must not be read as a reason."
    promise = (
        "Every picture carries a verdict: whether removing what it marks hurts the network more than removing the same amount at random."
    )
    sections = (
        Section("digit", say("A digit that was taken for another"), (Finding(say(story), digit.badge),), (digit,)),
        Section("patient", say("One patient, in the patient's own units"), (Finding(say(refused), patient.badge),), (patient,)),
        Section(
            "checks",
            say("How the checks were measured"),
            (Finding(say("Layer shapes are read from a run of the network on the explained rows.")),),
            (checks,),
        ),
    )
    disclosed = (
        "Seven handwritten digits and one row of a patient's measurements are inside this file.",
        "Layer names and shapes of three networks; no weights.",
    )
    return Edition(language, say("Three networks, explained and checked"), (say(promise),), sections, tuple(say(d) for d in disclosed))


def _digit(say: Callable[[str], str], language: Language) -> Scene:
    bound = float(np.abs(MAP).max())
    scale = ColorScale("diverging", (-bound, bound), say("attribution (logit)"))
    axes = {"x": Axis("x", (-0.5, 7.5), hidden=True), "y": Axis("y", (-0.5, 7.5), reverse=True, hidden=True)}
    ink = np.repeat((255 - np.abs(MAP) / bound * 230).astype(np.uint8)[..., None], 3, axis=-1)
    extent = (-0.5, 7.5, -0.5, 7.5)
    table = Table(("y", "x", say("attribution (logit)")), tuple((y, x, float(MAP[y, x])) for y in range(8) for x in range(8)))
    panels = (
        Panel("input", say("Input"), say("Input"), table, (Image("", extent, pixels=ink),), **axes, equal=True),
        Panel(
            "map",
            say("Attribution"),
            say("Attribution"),
            table,
            (Image(say("attribution (logit)"), extent, MAP, scale),),
            **axes,
            scale=scale,
            equal=True,
        ),
        Panel(
            "overlay",
            say("Attribution"),
            say("Attribution"),
            table,
            (Image("", extent, pixels=ink), Image(say("attribution (logit)"), extent, MAP, scale, opacity=np.abs(MAP) / bound)),
            **axes,
            scale=scale,
            equal=True,
        ),
    )
    return Scene(
        say("Which pixels carried the digit"),
        panels,
        say("Which pixels carried the digit"),
        say("Integrated gradients of the logit of 8; misclassified as 3"),
        Badge("supported", say("supported")),
        3,
        (say("The map sums to the score's difference from the baseline within the stated error."),),
        'import pellucid as pl\n\ne = pl.explain(net, digits[117:118], "integrated_gradients", target=8)\ne.plot()\n',
        language,
    )


def _patient(say: Callable[[str], str], language: Language) -> Scene:
    names = tuple(
        say(name)
        for name in (
            "worst concave points, mean of the three largest = 0.2654",
            "mean texture = 17.77",
            "area error = 153.4 mm²",
            "worst smoothness (local variation in radius lengths) = 0.1622",
            "mean radius = 17.99 mm",
            "symmetry error = 0.03003",
            "worst fractal dimension = missing",
        )
    )
    at = np.arange(7.0)
    colors = tuple("positive" if v > 0 else "negative" for v in LENGTHS)
    bars = Bars(say("change of log-odds"), at, np.zeros(7), LENGTHS, colors, names, low=LENGTHS - 0.2, high=LENGTHS + 0.2)
    starts = np.concatenate([[0.0], np.cumsum(LENGTHS)[:-1]])
    fall = Bars(say("change of log-odds"), at, starts, LENGTHS, colors, names, horizontal=True)
    legend = (LegendEntry(say("raises the score"), "positive"), LegendEntry(say("lowers the score"), "negative"))
    rows = tuple(zip(names, (float(v) for v in LENGTHS), strict=True))
    table = Table((say("layer"), say("change of log-odds")), rows)
    y = Axis("", (-0.6, 6.6), tuple(at), names, "category", reverse=True)
    x = Axis(say("change of log-odds"), (-2.2, 3.0))
    title = say("What decided for this patient")
    reasons = (say("removal is not better than random order (p = 0.41)"), say("the interval includes what a random order scores"))
    panels = (
        Panel("bars", title, title, table, (bars,), x, y, legend=legend, hatched=True),
        Panel("fall", title, title, table, (fall, Text(-2.1, 6.0, "f(x) = 1.671")), x, y, legend=legend),
    )
    return Scene(title, panels, title, "", Badge("refused", say("refused"), reasons), 2, language=language)


def _checks(say: Callable[[str], str], language: Language) -> Scene:
    band = Band(say("random order, 95 % interval"), STEPS, RANDOM - 0.09, np.minimum(1, RANDOM + 0.09))
    marks: tuple[Mark, ...] = (
        band,
        Line(say("in random order"), STEPS, RANDOM, "random", dashed=True),
        Line(say("in the order of the explanation"), STEPS, CURVE, "series1"),
    )
    legend = (
        LegendEntry(say("in the order of the explanation"), "series1", "line"),
        LegendEntry(say("in random order"), "random", "dashed"),
        LegendEntry(say("random order, 95 % interval"), "random"),
    )
    title = say("Score while features are removed")
    rows = tuple((float(a), float(b), float(c)) for a, b, c in zip(STEPS, CURVE, RANDOM, strict=True))
    curves = Panel(
        "curves",
        title,
        title,
        Table((say("share of the input removed"), say("in the order of the explanation"), say("in random order")), rows),
        marks,
        Axis(say("share of the input removed"), (0, 1)),
        Axis(say("probability of the class"), (0, 1.05)),
        legend=legend,
    )
    panels = (curves, _points(say), _columns(say), _losses(say), _surface(say), _layers(say))
    return Scene(
        title,
        panels,
        title,
        "",
        Badge("weak", say("weak"), (say("the interval includes what a random order scores"),)),
        2,
        language=language,
    )


def _points(say: Callable[[str], str]) -> Panel:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=60) * 12, rng.normal(size=60) * 4e-4
    labels = tuple(f"{say('digit')} {i}" for i in range(60))
    title = say("Points of a class")
    return Panel(
        "points",
        title,
        title,
        Table(("x", "y"), tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))),
        (Points(title, x, y, "series2", 4.0, labels), Text(0.0, 1.3e-3, say("mean of the classes"), "middle", "muted")),
        Axis(say("first component"), (-40, 40)),
        Axis(say("second component"), (-1.5e-3, 1.5e-3)),
        legend=(LegendEntry(title, "series2", "point"),),
    )


def _columns(say: Callable[[str], str]) -> Panel:
    values = np.array([0.98, 0.95, 0.99, 0.91, 0.97, 0.93, 0.99, 0.96, 0.88, 0.94])
    names = tuple(f"{say('digit')} {i}" for i in range(10))
    title = say("accuracy per class")
    bars = Bars(
        say("accuracy"),
        np.arange(10.0),
        np.zeros(10),
        values,
        ("series1",) * 10,
        names,
        horizontal=False,
        low=values - 0.03,
        high=np.minimum(values + 0.02, 1),
    )
    return Panel(
        "columns",
        title,
        title,
        Table((say("digit"), say("accuracy")), tuple(zip(names, (float(v) for v in values), strict=True))),
        (bars,),
        Axis(say("digit"), (-0.6, 9.6), tuple(np.arange(10.0)), names, "category"),
        Axis(say("accuracy"), (0, 1.05)),
    )


def _losses(say: Callable[[str], str]) -> Panel:
    step = np.arange(1, 401.0)
    loss = 2.3 / step**0.8
    title = say("loss")
    return Panel(
        "losses",
        title,
        title,
        Table((say("step"), title), tuple((float(a), float(b)) for a, b in zip(step, loss, strict=True))),
        (Line(title, step, loss, "series3"),),
        Axis(say("step"), (1, 400)),
        Axis(title, (0.01, 3.0), kind="log"),
    )


def _surface(say: Callable[[str], str]) -> Panel:
    title = say("distance")
    scale = ColorScale("sequential", (-1.0, 1.0), title)
    holes = HEAT.copy()
    holes[20:24, 30:36] = np.nan
    rows = tuple((y, x, float(HEAT[y, x])) for y in range(0, 56, 8) for x in range(0, 56, 8))
    return Panel(
        "surface",
        title,
        title,
        Table(("y", "x", title), rows),
        (Image(title, (-3.0, 3.0, 2.0, -2.0), holes, scale), Points("+", np.array([0.5]), np.array([-0.25]), "ink", 5.0)),
        Axis(say("first component"), (-3, 3)),
        Axis(say("second component"), (-2, 2)),
        scale=scale,
        equal=True,
    )


def _layers(say: Callable[[str], str]) -> Panel:
    rows = tuple((f"features.{i}.conv2d_with_a_rather_long_name", f"{8 * 2**i} by {32 >> i} by {32 >> i}", 1000 * 4**i) for i in range(5))
    return Panel(
        "layers",
        say("The layers of the network"),
        say("The layers of the network"),
        Table((say("layer"), say("shape"), say("parameters")), rows),
    )
