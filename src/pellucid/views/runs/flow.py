"""Gradients by layer over a training, and how far each step moves the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.scenes import Axis, ColorScale, Image, LegendEntry, Line, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import decade_ticks
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import cell
from pellucid.views.runs.curves import COLORS
from pellucid.views.runs.reading import chosen_layers, evenly, frame_axis, frame_ends, framed, read, some, step_axis
from pellucid.views.signed_bars import category_axis

if TYPE_CHECKING:
    from pellucid.training.runs.contents import LayerFrame
    from pellucid.training.runs.run import Run

FRAMES = 120
LAYERS = 32
LINES = 6
PROFILES = 3
FLOOR = -30.0  # log10 of a gradient that is exactly 0
USUAL = 1e-3


def gradient_flow(run: Run, *, language: Language = "en") -> Scene:
    """The root mean square of each layer's gradient: as a map over steps, and from the first layer to the last at three steps.

    Biases and other vectors are left out. Of more than 32 layers those at even depths.
    """
    say = words(language)
    frames = run.frames("layers")
    steps, found = read(frames, FRAMES)
    names = _weights(found[-1])
    shown = chosen_layers(names, None, LAYERS)
    values = np.array([[_rms(frame, name) for frame in found] for name in shown])
    logs = np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), np.nan)
    panels = (_map(shown, steps, logs, values, language), _profile(shown, steps, values, language))
    notes = (say["run.frames.note"], some(len(shown), len(names), "layers", language))
    return framed(run, panels, language, title=say["run.flow.title"], columns=1, notes=tuple(note for note in notes if note))


def update_ratio(run: Run, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The norm of each update over that of the weights, of up to six layers at even depths or of those under ``layer``."""
    say = words(language)
    frames = run.frames("layers")
    steps, found = read(frames, FRAMES)
    steps = steps.astype(float)
    names = _weights(found[-1])
    shown = chosen_layers(names if layer is None else list(found[-1].weights.names), layer, LINES)
    values = {name: np.array([_ratio(frame, name) for frame in found]) for name in shown}
    everything = np.concatenate([one[np.isfinite(one) & (one > 0)] for one in values.values()] + [np.array([USUAL])])
    domain = (float(everything.min()) / 1.6, float(everything.max()) * 1.6)
    ticks = decade_ticks(domain)
    x = step_axis(float(steps[0]), float(steps[-1]), language)
    marks: list[Mark] = [Line(say["run.ratio.usual"], np.array(x.domain), np.full(2, USUAL), "muted", dashed=True)]
    for at, (name, one) in enumerate(values.items()):
        kept = np.isfinite(one) & (one > 0)
        color = COLORS[at % len(COLORS)]
        marks.append(Line(name, steps[kept], one[kept], color) if kept.sum() > 1 else Points(name, steps[kept], one[kept], color, 4.0))
    ends = [one[np.isfinite(one)][-1] for one in values.values() if np.isfinite(one).any()]
    finding = say["run.ratio.finding"].format(value=number(float(np.median(ends)))) if ends else say["run.flow.none"]
    told = [
        say["run.ratio.summary"].format(
            layer=name, first=number(float(one[0])), last=number(float(one[-1])), from_=f"{int(steps[0]):,}", to=f"{int(steps[-1]):,}"
        )
        for name, one in values.items()
    ]
    panel = Panel(
        "ratio",
        finding,
        joined([finding, *told], language),
        Table(
            (say["run.step"], *shown),
            tuple((float(step), *(cell(float(one[i])) for one in values.values())) for i, step in enumerate(steps)),
        ),
        tuple(marks),
        x=x,
        y=Axis(say["run.ratio.axis"], domain, ticks, tuple(f"{tick:g}" for tick in ticks), "log"),
        legend=(
            *(LegendEntry(name, COLORS[at % len(COLORS)], "line") for at, name in enumerate(shown)),
            LegendEntry(say["run.ratio.usual"], "muted", "dashed"),
        ),
    )
    left = some(len(shown), len(names), "layers", language) if layer is None else ""
    notes = tuple(note for note in (say["run.frames.note"], left) if note)
    return framed(run, (panel,), language, title=say["run.ratio.title"], notes=notes)


def _weights(frame: LayerFrame) -> list[str]:
    """Names of matrices and kernels: what has more values than the vectors beside it."""
    names, sizes = frame.weights.names, dict(zip(frame.weights.names, frame.weights.size.tolist(), strict=True))
    found = [name for name in names if not name.rpartition(".")[2].startswith("bias") and sizes[name] > 1]
    return found or list(names)


def _rms(frame: LayerFrame, name: str) -> float:
    spread = frame.gradients
    if spread is None or name not in spread.names:
        return float("nan")
    at = spread.names.index(name)
    return float(spread.norm[at] / np.sqrt(spread.size[at]))


def _ratio(frame: LayerFrame, name: str) -> float:
    if frame.updates is None or name not in frame.updates.names:
        return float("nan")
    return float(frame.ratio[frame.updates.names.index(name)])


def _map(shown: list[str], steps: np.ndarray, logs: np.ndarray, values: np.ndarray, language: Language) -> Panel:
    say = words(language)
    finite = logs[np.isfinite(logs)]
    domain = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scale = ColorScale("sequential", domain if domain[1] > domain[0] else (domain[0] - 1, domain[1] + 1), say["run.flow.scale"])
    image = Image(say["run.flow.scale"], (*frame_ends(len(steps)), -0.5, len(shown) - 0.5), np.clip(logs, FLOOR, None), scale)
    last = values[:, -1]
    finding = say["run.flow.none"]
    if np.isfinite(last).any() and (last > 0).any():
        low, high = int(np.nanargmin(np.where(last > 0, last, np.nan))), int(np.nanargmax(last))
        ratio = number(float(last[high] / last[low]), 2)
        finding = say["run.flow.finding"].format(step=f"{int(steps[-1]):,}", low=shown[low], high=shown[high], ratio=ratio)
    rows = tuple((name, *(cell(float(value)) for value in row)) for name, row in zip(shown, values, strict=True))
    return Panel(
        "flow",
        say["run.flow.map"],
        finding,
        Table((say["run.flow.layer"], *(say["run.flow.at"].format(step=f"{int(step):,}") for step in steps)), rows),
        (image,),
        x=frame_axis(steps, language),
        y=category_axis(shown),
        subtitle=finding,
        scale=scale,
    )


def _profile(shown: list[str], steps: np.ndarray, values: np.ndarray, language: Language) -> Panel:
    say = words(language)
    positive = values[np.isfinite(values) & (values > 0)]
    domain = (float(positive.min()) / 1.5, float(positive.max()) * 1.5) if positive.size else (0.1, 1.0)
    ticks = decade_ticks(domain)
    marks: list[Mark] = []
    legend = []
    for color, at in zip(COLORS, evenly(len(steps), PROFILES), strict=False):
        name = say["run.flow.at"].format(step=f"{int(steps[at]):,}")
        kept = np.isfinite(values[:, at]) & (values[:, at] > 0)
        rows = np.flatnonzero(kept)
        x = rows + 1.0
        labels = tuple(f"{shown[i]}: {number(float(values[i, at]))}" for i in rows)
        marks += [Line(name, x, values[kept, at], color), Points(name, x, values[kept, at], color, 3.0, labels)]
        legend.append(LegendEntry(name, color, "line"))
    places = evenly(len(shown), 8)
    axis = Axis(say["run.flow.layer"], frame_ends(len(shown)), tuple(at + 1.0 for at in places), tuple(str(at + 1) for at in places))
    table = Table(
        (say["run.flow.layer"], *(entry.label for entry in legend)),
        tuple((name, *(cell(float(values[i, at])) for at in evenly(len(steps), PROFILES))) for i, name in enumerate(shown)),
    )
    return Panel(
        "profile",
        say["run.flow.profile"],
        say["run.flow.profile"],
        table,
        tuple(marks),
        x=axis,
        y=Axis(say["run.flow.rms"], domain, ticks, tuple(f"{tick:g}" for tick in ticks), "log"),
        legend=tuple(legend),
    )
