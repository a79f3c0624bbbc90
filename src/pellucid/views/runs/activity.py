"""Which units work while a network is trained: zeros, dead units, saturated functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.scenes import ColorScale, Image, Panel, Scene, Table
from pellucid.scenes.numbers import percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import cell
from pellucid.views.runs.flow import FRAMES, LAYERS
from pellucid.views.runs.reading import chosen_layers, frame_axis, frame_ends, framed, read, some
from pellucid.views.signed_bars import category_axis

if TYPE_CHECKING:
    from pellucid.training.runs.contents import ActivationFrame
    from pellucid.training.runs.run import Run


def activity(run: Run, *, language: Language = "en") -> Scene:
    """Shares of zeros, of dead units and of saturated values by layer over the training; each where there is a layer that can have them."""
    say = words(language)
    frames = run.frames("activations")
    steps, found = read(frames, FRAMES)
    tables = {kind: _shares(found, kind) for kind in ("zero", "dead", "saturated")}
    panels = tuple(_panel(kind, table, steps, language) for kind, table in tables.items() if table)
    notes = (say["run.frames.note"], *([say["run.pinned.note"]] if found[-1].pinned else []))
    return framed(run, panels, language, title=say["run.activity.title"], notes=notes)


def _shares(found: list[ActivationFrame], kind: str) -> dict[str, np.ndarray]:
    """(frame,) by layer, for the layers that have such a thing."""
    last = found[-1]
    shares: dict[str, np.ndarray] = {}
    for name, type_ in zip(last.layers, last.types, strict=True):
        values = np.array([_share(frame, name, kind) for frame in found])
        if np.isfinite(values).any() and (kind != "zero" or type_.endswith(("ReLU", "ReLU6", "Threshold")) or np.nanmax(values) > 0.01):
            shares[f"{name} {type_}"] = values
    return shares


def _share(frame: ActivationFrame, name: str, kind: str) -> float:
    if name not in frame.layers:
        return float("nan")
    at = frame.layers.index(name)
    if kind == "zero":
        return float(frame.zero[at])
    if kind == "saturated":
        return float(frame.saturated[at])
    return float(frame.dead[at] / frame.units[at]) if frame.dead[at] >= 0 and frame.units[at] else float("nan")


def _panel(kind: str, table: dict[str, np.ndarray], steps: np.ndarray, language: Language) -> Panel:
    say = words(language)
    shown = chosen_layers(list(table), None, LAYERS)
    values = np.array([table[name] for name in shown])
    scale = ColorScale("sequential", (0.0, 1.0), say["run.activity.share"])
    at, step = np.unravel_index(int(np.nanargmax(values)), values.shape)
    most = {"layer": shown[at], "share": percent(float(values[at, step]), language), "step": f"{int(steps[step]):,}"}
    finding = say["run.activity.finding"].format(**most) if values[at, step] > 0 else say["run.activity.never"]
    rows = tuple((name, *(cell(float(v)) for v in row)) for name, row in zip(shown, values, strict=True))
    left = some(len(shown), len(table), "layers", language)
    return Panel(
        kind,
        say[f"run.activity.{kind}"],
        finding,
        Table((say["run.flow.layer"], *(say["run.flow.at"].format(step=f"{int(one):,}") for one in steps)), rows),
        (Image(say["run.activity.share"], (*frame_ends(len(steps)), -0.5, len(shown) - 0.5), values, scale),),
        x=frame_axis(steps, language),
        y=category_axis(shown),
        subtitle=joined([finding, left], language),
        scale=scale,
    )
