"""Numbers over the steps of a training, and of several trainings over one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, Band, LegendEntry, Line, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import decade_ticks, padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import cell
from pellucid.views.runs.reading import framed, step_axis

if TYPE_CHECKING:
    from pellucid.training.runs.answers import Series
    from pellucid.training.runs.run import Run

WINDOWS = 240  # points of a curve; of more steps each is the median of several
COLORS = ("series1", "series2", "series3", "series4", "series5", "series6")
HELD = ("valid", "validation", "val", "test", "eval")  # what stands before the name of a number measured on other rows
STEEP = 40.0  # largest over smallest value from which a loss is drawn on a logarithmic axis
QUIET = ("end", "note", "finding", "left_out")  # events that no curve shows


@dataclass(frozen=True, eq=False)
class Smooth:
    """A curve in windows of equal numbers of values: median and the middle 80 %, (window,)."""

    steps: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    together: int


def smoothed(series: Series) -> Smooth:
    """Windows of a series; values that are not finite are left out."""
    kept = np.isfinite(series.values)
    steps, values = series.steps[kept].astype(float), series.values[kept]
    together = max(1, -(-len(values) // WINDOWS))
    parts = [slice(at, at + together) for at in range(0, len(values), together)]
    quantiles = np.array([np.quantile(values[part], (0.1, 0.5, 0.9)) for part in parts]).reshape(-1, 3)
    ends = np.array([steps[part][-1] for part in parts])
    return Smooth(ends, quantiles[:, 1], quantiles[:, 0], quantiles[:, 2], together)


def curves(run: Run, *, language: Language = "en") -> Scene:
    """Every number that was told, over the steps: those of training and of validation together, the loss first."""
    series = run.all_scalars()
    groups: dict[str, dict[str, Series]] = {}
    for name in sorted(series, key=lambda one: (_quantity(one) != "loss", _quantity(one) == "learning_rate")):
        groups.setdefault(_quantity(name), {})[name] = series[name]
    if "learning_rate" in groups:
        groups["learning_rate"] = {name: _held(one, run.steps) for name, one in groups["learning_rate"].items()}
    events = [(step, event.what) for step, event in run.events if event.what not in QUIET]
    panels = tuple(_panel(quantity, found, events, language) for quantity, found in groups.items())
    return framed(run, panels, language, columns=min(2, len(panels)))


def compared_curves(runs: Sequence[Run], *, name: str = "loss", language: Language = "en") -> Scene:
    """One number of several trainings over one another.

    Raises:
        InputError: no training told it.
    """
    say = words(language)
    named = [(run.folder.name if run.number == 1 else f"{run.folder.name} ({run.number})", run) for run in runs]
    found = {called: run.scalars(name) for called, run in named if name in run.names}
    if not found:
        known = ", ".join(dict.fromkeys(one for run in runs for one in run.names)) or "nothing"
        raise InputError(f"No training told {name!r}", received=f"{len(runs)} runs", remedy=f"told: {known}")
    ends = {called: float(one.values[-1]) for called, one in found.items()}
    lowest = "loss" in name or "error" in name
    best = (min if lowest else max)(ends, key=lambda called: ends[called] if np.isfinite(ends[called]) else np.inf * (1 if lowest else -1))
    told = say["run.compare.finding" if lowest else "run.compare.highest"].format(name=best, value=number(ends[best]))
    finding = told if np.isfinite(ends[best]) else ""
    panel = _panel(name, found, [], language)
    title = say["run.compare.title"].format(count=len(found))
    return Scene(title, (panel,), joined([title, finding, panel.summary], language), subtitle=finding, language=language)


def _held(one: Series, last: int) -> Series:
    """A number that is told when it changes, as steps of a stair up to the ``last`` step."""
    steps = np.concatenate([np.repeat(one.steps, 2)[1:], [max(last, int(one.steps[-1]))]])
    return replace(one, steps=steps, times=np.repeat(one.times, 2), values=np.repeat(one.values, 2))


def _above_floor(y: Axis) -> float:
    """A height a little above the lower end of an axis."""
    low, high = y.domain
    return float(low * (high / low) ** 0.05) if y.kind == "log" else low + 0.05 * (high - low)


def _quantity(name: str) -> str:
    first, _, rest = name.partition("_")
    return rest if first in (*HELD, "train") and rest else name.partition(".")[0]


def _panel(quantity: str, found: dict[str, Series], events: list[tuple[int, str]], language: Language) -> Panel:
    say = words(language)
    called = say.get(f"run.{quantity}", quantity.replace("_", " "))
    smooth = {name: smoothed(one) for name, one in found.items()}
    x = step_axis(min(float(one.steps[0]) for one in found.values()), max(float(one.steps[-1]) for one in found.values()), language)
    y = _axis(quantity, list(smooth.values()))
    events = [one for one in events if x.domain[0] <= one[0] <= x.domain[1]]
    marks: list[Mark] = []
    for at, (name, one) in enumerate(smooth.items()):
        color = COLORS[at % len(COLORS)]
        if not len(one.steps):
            continue
        if one.together > 1:
            marks.append(Band("", one.steps, np.clip(one.low, *y.domain), np.clip(one.high, *y.domain), color))
        shown = np.clip(one.middle, *y.domain)
        marks.append(Line(name, one.steps, shown, color) if len(one.steps) > 1 else Points(name, one.steps, shown, color, 4.0))
    if events:
        labels = tuple(say["run.event.at"].format(step=f"{step:,}", what=say.get(f"run.event.{what}", what)) for step, what in events)
        places = np.array([float(step) for step, _ in events])
        marks.append(Points("", places, np.full(len(places), _above_floor(y)), "weak", 4.0, labels))
    legend = [LegendEntry(name, COLORS[at % len(COLORS)], "line") for at, name in enumerate(found)] if len(found) > 1 else []
    if events:
        kinds = dict.fromkeys(say.get(f"run.event.{what}", what) for _, what in events)
        legend.append(LegendEntry(joined(list(kinds)[:3], language), "weak", "point"))
    widest = max(one.together for one in smooth.values())
    window = say["run.curve.window"].format(count=widest) if widest > 1 else ""
    broken = [_broken(one, language) for one in found.values()]
    first = next(iter(found.values()))
    ends = {"first": number(float(first.values[0])), "last": number(float(first.values[-1]))}
    short = say["run.curve.short"].format(**ends) if len(found) == 1 else ""
    return Panel(
        f"curve_{quantity}",
        called[:1].upper() + called[1:],
        joined([*(_told(one, language) for one in found.values()), *broken], language),
        _table(smooth, language),
        tuple(marks),
        x=x,
        y=y,
        subtitle=joined([short, *broken, window], language),
        legend=tuple(legend),
    )


def _axis(quantity: str, smooth: list[Smooth]) -> Axis:
    everything = np.concatenate([np.concatenate([one.low, one.high, one.middle]) for one in smooth])
    if not everything.size:
        return Axis("", (0.0, 1.0))
    low, high = float(everything.min()), float(everything.max())
    if quantity in ("loss", "learning_rate") and low > 0 and high / low > STEEP:
        domain = (low / 1.3, high * 1.3)
        ticks = decade_ticks(domain)
        return Axis("", domain, ticks, tuple(f"{tick:g}" for tick in ticks), "log")
    return Axis("", padded(low, high, 0.08))


def _broken(one: Series, language: Language) -> str:
    bad = np.flatnonzero(~np.isfinite(one.values))
    if not len(bad):
        return ""
    return words(language)["run.curve.broken"].format(count=f"{len(bad):,}", all=f"{len(one):,}", step=f"{int(one.steps[bad[0]]):,}")


def _told(one: Series, language: Language) -> str:
    finite = one.values[np.isfinite(one.values)]
    ends = (one.values[0], one.values[-1], finite.min(initial=np.inf), finite.max(initial=-np.inf))
    first, last, low, high = (number(float(value)) for value in ends)
    return words(language)["run.curve"].format(
        name=one.name, first=first, last=last, low=low, high=high, from_=f"{int(one.steps[0]):,}", to=f"{int(one.steps[-1]):,}"
    )


def _table(smooth: dict[str, Smooth], language: Language) -> Table:
    steps = sorted({float(step) for one in smooth.values() for step in one.steps})
    by = {name: dict(zip(one.steps.tolist(), one.middle.tolist(), strict=True)) for name, one in smooth.items()}
    rows = tuple((step, *(cell(found.get(step, np.nan)) for found in by.values())) for step in steps)
    return Table((words(language)["run.step"], *smooth), rows)
