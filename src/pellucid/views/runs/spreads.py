"""How the values of layers are spread, step after step: a column for each frame, the darker the more values lie there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pellucid.scenes import Axis, ColorScale, Image, LegendEntry, Line, Panel, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, words
from pellucid.training.runs.contents import BINS, QUANTILES
from pellucid.views.entries import cell
from pellucid.views.inside.activation_reading import columns_of
from pellucid.views.runs.flow import FRAMES
from pellucid.views.runs.reading import chosen_layers, frame_axis, frame_ends, framed, read, some

if TYPE_CHECKING:
    from pellucid.training.runs.contents import ActivationFrame, Spread
    from pellucid.training.runs.run import Run

PANELS = 6
DARKEST = 98  # percentile of the shares that is the darkest color: at 0 a rectifier has a spike
LEVELS = 60  # bins of the common axis
LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.05, 0.5, 0.95))
FIRST, LAST = QUANTILES.index(0.01), QUANTILES.index(0.99)


def weights(run: Run, *, language: Language = "en", layer: str | None = None) -> Scene:
    """Weights over the training, of up to six layers at even depths or of those under ``layer``."""
    return _scene(run, "weights", "layers", lambda frame: frame.weights, language, layer)


def gradients(run: Run, *, language: Language = "en", layer: str | None = None) -> Scene:
    """Gradients over the training, of up to six layers at even depths or of those under ``layer``."""
    return _scene(run, "gradients", "layers", lambda frame: frame.gradients, language, layer)


def activations(run: Run, *, language: Language = "en", layer: str | None = None) -> Scene:
    """What layers gave over the training, of up to six at even depths or of those under ``layer``."""
    return _scene(run, "activations", "activations", _with_types, language, layer)


def _with_types(frame: ActivationFrame) -> Spread:
    """The spread of a frame, its layers named with their types."""
    return replace(frame.spread, names=tuple(f"{name} {type_}" for name, type_ in zip(frame.layers, frame.types, strict=True)))


def _scene(run: Run, what: str, kind: str, of: Callable[..., Spread | None], language: Language, layer: str | None) -> Scene:
    say = words(language)
    frames = run.frames(kind)
    steps, found = read(frames, FRAMES)
    told = [(step, spread) for step, frame in zip(steps.tolist(), found, strict=True) if (spread := of(frame)) is not None]
    names = list(told[-1][1].names) if told else []
    if what != "activations" and layer is None:
        names = [name for name in names if not name.rpartition(".")[2].startswith("bias")] or names
    shown = chosen_layers(names, layer, PANELS)
    panels = tuple(_panel(at, name, told, language) for at, name in enumerate(shown))
    largest = max((int(spread.taken.max()) for _, spread in told if (spread.taken < spread.size).any()), default=0)
    notes = (
        say["run.frames.note"],
        say["run.pinned.note"] if what == "activations" and found[-1].pinned else "",
        say["run.sample.note"].format(count=f"{largest:,}") if largest and what != "activations" else "",
        some(len(shown), len(names), "layers", language),
    )
    title = say[f"run.spread.{what}"]
    return framed(run, panels, language, title=title, columns=columns_of(shown), notes=tuple(note for note in notes if note))


def _panel(place: int, name: str, told: list[tuple[int, Spread]], language: Language) -> Panel:
    say = words(language)
    rows = [(step, spread, spread.names.index(name)) for step, spread in told if name in spread.names]
    steps = np.array([step for step, _, _ in rows])
    quantiles = np.array([spread.quantiles[at] for _, spread, at in rows])
    domain = _domain(quantiles)
    shares = np.array([_rebinned(spread.quantiles[at], spread.counts[at], domain) for _, spread, at in rows])
    some_share = shares[shares > 0]
    most = float(np.percentile(some_share, DARKEST)) if some_share.size else 1.0
    cut = bool(some_share.size and some_share.max() > 1.001 * most)
    scale = ColorScale("sequential", (0.0, most), say["run.spread.scale.cut" if cut else "run.spread.scale"])
    x = np.arange(1.0, len(steps) + 1)
    extent = (*frame_ends(len(steps)), domain[1], domain[0])
    called = {at: f"{100 * QUANTILES[at]:g}{chr(0xA0) if language == 'en' else ''}%" for at in range(len(QUANTILES))}
    called[MEDIAN] = say["act.spread.median"]
    lines = [
        Line(text, x, np.clip(quantiles[:, at], *domain), "ink", dashed=at != MEDIAN)
        for at, text in called.items()
        if at in (LOW, MEDIAN, HIGH)
    ]
    outside = float(np.nanmax(1 - shares.sum(1))) if len(shares) else 0.0
    low, high = (number(float(quantiles[-1, at])) for at in (LOW, HIGH))
    short = say["run.spread.short"].format(low=low, high=high, step=f"{int(steps[-1]):,}")
    return Panel(
        f"spread{place}",
        name,
        f"{name}: {short}; " + say["run.spread.outside"].format(share=percent(max(outside, 0.0), language)),
        Table(
            (say["run.step"], *called.values()),
            tuple((float(step), *(cell(float(v)) for v in row)) for step, row in zip(steps, quantiles, strict=True)),
        ),
        (Image(say["run.spread.scale"], extent, shares.T[::-1], scale), *(lines if len(x) > 1 else ())),
        x=frame_axis(steps, language, count=4),
        y=Axis(say["run.spread.value"], domain),
        subtitle=short,
        legend=(
            LegendEntry(called[MEDIAN], "ink", "line"),
            LegendEntry(f"{called[LOW]}, {called[HIGH]}", "ink", "dashed"),
        ),
        scale=scale,
    )


def _domain(quantiles: np.ndarray) -> tuple[float, float]:
    """From the 1 % to the 99 % quantile of all frames."""
    ends = quantiles[:, [FIRST, LAST]]
    ends = ends[np.isfinite(ends)]
    return padded(float(ends.min()), float(ends.max()), 0.06) if ends.size else (0.0, 1.0)


def _rebinned(quantiles: np.ndarray, counts: np.ndarray, domain: tuple[float, float]) -> np.ndarray:
    """The shares of a histogram in the bins of a common axis; a bin that lies across several is divided among them."""
    low, high = float(quantiles[0]), float(quantiles[-1])
    total = counts.sum()
    if not total or not np.isfinite([low, high]).all():
        return np.full(LEVELS, np.nan)
    edges = np.linspace(*domain, LEVELS + 1)
    if high <= low:
        return np.histogram([low], edges)[0].astype(float)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / total
    return np.diff(np.interp(edges, np.linspace(low, high, BINS + 1), below))
