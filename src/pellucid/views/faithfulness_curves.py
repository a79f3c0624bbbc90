"""Deletion and insertion curves beside what random orders score."""

from __future__ import annotations

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Check, Explanation
from pellucid.scenes import Axis, Band, LegendEntry, Line, Mark, Panel, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, check_name, words
from pellucid.views.entries import cell
from pellucid.views.framing import framed, tokens_averaged
from pellucid.views.reading import one_row, scale_name

SIGNIFICANT = 0.05  # one-sided


def faithfulness_curves(explanation: Explanation, *, row: int = 0, language: Language = "en") -> Scene:
    """The score while the strongest are removed (deletion) or put back (insertion) first, with the band of random orders.

    Raises:
        InputError: no check of this explanation has curves.
    """
    one = one_row(explanation, row)
    drawn = [check for check in one.checks if "curve" in _curves(check)]
    if not drawn:
        raise InputError(
            "This explanation has no faithfulness curves",
            received=f"checks {[c.name for c in one.checks]}",
            remedy="explain with checks='fast'",
        )
    panels = tuple(curve_panel(one, check, language) for check in drawn)
    return framed(one, panels, language, columns=min(2, len(panels)))


def _curves(check: Check) -> dict[str, np.ndarray]:
    """The check's curves of the one row, by name, each one-dimensional."""
    return {c.name: np.asarray(c.values, float)[0] if "sample" in c.axes else np.asarray(c.values, float) for c in check.curves}


def curve_panel(explanation: Explanation, check: Check, language: Language) -> Panel:
    """One check's curve, random mean and random band over the share of what was removed or put back."""
    say, curves = words(language), _curves(check)
    curve = curves["curve"]
    x = curves.get("fraction", np.linspace(0, 1, len(curve)))
    marks, legend = _marks(curves, x, language)
    value, low, high, reference = (number(float(a[0])) for a in (check.value, check.low, check.high, check.reference))
    known = np.concatenate([c[np.isfinite(c)] for name, c in curves.items() if name != "fraction"])
    score = say["score_axis_mean" if tokens_averaged(check) else "score_axis"].format(scale=scale_name(explanation, language))
    name = check_name(check.name, language)
    return Panel(
        check.name,
        say.get(f"faith.{check.name}.{'good' if is_better(check) else 'bad'}", name),
        say["faith.summary"].format(check=name, first=number(curve[0]), last=number(curve[-1]), value=value, reference=reference),
        _table(curves, x, language),
        marks,
        x=Axis(say.get(f"faith.{check.name}", say["fraction"]), (0.0, 1.0), *_percent_ticks(language)),
        y=Axis(score, padded(float(known.min()), float(known.max()), 0.06)),
        subtitle=say["note.check"].format(check=name, note=say["faith.area"].format(value=value, low=low, high=high, reference=reference)),
        legend=legend,
    )


def is_better(check: Check) -> bool:
    """Whether the first row beats random order, at the one-sided 5 % level where a p-value is known."""
    value, reference, p = float(check.value[0]), float(check.reference[0]), float(check.p_value[0])
    right_side = value < reference if check.direction == "lower" else value > reference
    return right_side and (not np.isfinite(p) or p <= SIGNIFICANT)


def _percent_ticks(language: Language) -> tuple[tuple[float, ...], tuple[str, ...]]:
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    return ticks, tuple(percent(t, language, 2) for t in ticks)


def _marks(curves: dict[str, np.ndarray], x: np.ndarray, language: Language) -> tuple[tuple[Mark, ...], tuple[LegendEntry, ...]]:
    say = words(language)
    marks: list[Mark] = []
    legend = [LegendEntry(say["faith.order"], "series1", "line")]
    if "random_low" in curves and "random_high" in curves:
        marks.append(Band(say["faith.range"], x, curves["random_low"], curves["random_high"]))
        legend.append(LegendEntry(say["faith.range"], "random", "square"))
    if "random_mean" in curves:
        marks.append(Line(say["faith.random"], x, curves["random_mean"], "random", dashed=True))
        legend.insert(1, LegendEntry(say["faith.random"], "random", "dashed"))
    return (*marks, Line(say["faith.order"], x, curves["curve"])), tuple(legend)


def _table(curves: dict[str, np.ndarray], x: np.ndarray, language: Language) -> Table:
    say = words(language)
    titles = {"curve": say["faith.order"], "random_mean": say["faith.random"], "random_low": say["low"], "random_high": say["high"]}
    names = [name for name in titles if name in curves]
    rows = tuple((float(x[i]), *(cell(curves[n][i]) for n in names)) for i in range(len(x)))
    return Table((say["fraction"], *(titles[n] for n in names)), rows)
