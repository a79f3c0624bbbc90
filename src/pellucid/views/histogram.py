"""How values are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, Bars, Panel, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, joined, words


def histogram(values: Mapping[str, np.ndarray], *, language: Language = "en", title: str = "", bins: int | None = None) -> Scene:
    """Counts of each named array's values, any shape, on one shared value axis; values that are not finite are left out and counted.

    ``bins`` defaults to Freedman and Diaconis' rule (1981), at least 5 and at most 60.

    Raises:
        InputError: there is no finite value.
    """
    say = words(language)
    finite = {name: np.asarray(v, float)[np.isfinite(np.asarray(v, float))] for name, v in values.items()}
    everything = np.concatenate([v.ravel() for v in finite.values()]) if finite else np.empty(0)
    if not everything.size:
        raise InputError(
            "There is nothing to count", received=f"{len(finite)} arrays without a finite value", remedy="give an array with numbers"
        )
    edges = _edges(everything, bins)
    top = max(int(np.histogram(v, edges)[0].max()) for v in finite.values())
    panels = tuple(_panel(name, v, np.size(values[name]) - v.size, (edges, top), language) for name, v in finite.items())
    return Scene(
        title or say["histogram.title"],
        panels,
        joined([p.summary for p in panels], language),
        columns=min(3, len(panels)),
        language=language,
    )


def _edges(values: np.ndarray, bins: int | None) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    if bins is None:
        spread = float(np.subtract(*np.percentile(values, [75, 25])))
        width = 2 * spread / np.cbrt(values.size)
        bins = int(np.clip(np.ceil((high - low) / width), 5, 60)) if width > 0 else 20
    return np.linspace(low, high, bins + 1)


def _panel(name: str, values: np.ndarray, dropped: int, shared: tuple[np.ndarray, int], language: Language) -> Panel:
    say, (edges, top) = words(language), shared
    counts = np.histogram(values, edges)[0].astype(float)
    labels = tuple(f"{number(a)} … {number(b)}" for a, b in pairwise(edges))
    known = (
        {"count": len(values), "low": number(values.min()), "high": number(values.max()), "mean": number(values.mean())}
        if values.size
        else {}
    )
    mean = say["histogram.summary"].format(name=name, **known) if known else name
    bars = Bars(
        say["count"],
        (edges[:-1] + edges[1:]) / 2,
        np.zeros(len(counts)),
        counts,
        ("series1",) * len(counts),
        labels,
        horizontal=False,
        thickness=float(edges[1] - edges[0]) * 0.94,
    )
    return Panel(
        f"histogram_{name}",
        name,
        mean,
        Table((say["from"], say["to"], say["count"]), tuple(zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True))),
        (bars,),
        x=Axis(say["value"], (float(edges[0]), float(edges[-1]))),
        y=Axis(say["count"], (0.0, top * 1.05)),
        subtitle=say["histogram.dropped"].format(count=dropped) if dropped else "",
    )
