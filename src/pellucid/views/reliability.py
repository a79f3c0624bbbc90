"""Whether a network that is 80 % sure is right 80 % of the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, Band, Bars, LegendEntry, Line, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, words


class Calibration(Protocol):
    """What :func:`reliability` reads: arrays with one value per bin of confidence, such as an evaluation's reliability curve."""

    @property
    def confidence(self) -> np.ndarray: ...  # noqa: D102 (0..1, the mean of the bin)
    @property
    def accuracy(self) -> np.ndarray: ...  # noqa: D102 (0..1)
    @property
    def low(self) -> np.ndarray: ...  # noqa: D102 (lower end of the accuracy's 95 % interval)
    @property
    def high(self) -> np.ndarray: ...  # noqa: D102 (its upper end)
    @property
    def counts(self) -> np.ndarray: ...  # noqa: D102 (rows in the bin)


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """A :class:`Calibration` made of arrays."""

    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray


def reliability(bins: Calibration, *, language: Language = "en", title: str = "") -> Scene:
    """Accuracy against confidence with interval bars, and how many rows each bin holds; empty bins are left out.

    Raises:
        InputError: every bin is empty.
    """
    full = np.asarray(bins.counts) > 0
    if not full.any():
        raise InputError("Every bin of confidence is empty", remedy="evaluate on at least one row")
    kept = ReliabilityBins(*(np.asarray(getattr(bins, f), float)[full] for f in ("confidence", "accuracy", "low", "high", "counts")))
    say = words(language)
    panel = _panel(kept, language)
    return Scene(title or say["reliability.title"], (panel,), panel.summary, language=language)


def _panel(bins: ReliabilityBins, language: Language) -> Panel:
    say = words(language)
    gaps = bins.confidence - bins.accuracy
    gap = float(np.average(gaps, weights=bins.counts))
    size = number(100 * float(np.average(np.abs(gaps), weights=bins.counts)), 2)
    names = ("confidence", "accuracy", "low", "high", "count")
    rows = tuple(zip(*(a.tolist() for a in (bins.confidence, bins.accuracy, bins.low, bins.high, bins.counts)), strict=True))
    return Panel(
        "reliability",
        say["reliability.over" if gap > 0 else "reliability.under"].format(gap=number(100 * abs(gap), 2)),
        say["reliability.summary"].format(count=len(rows), gap=size),
        Table(tuple(say[n] for n in names), rows),
        _marks(bins, language),
        x=_axis(say["confidence"], language),
        y=_axis(say["accuracy"], language),
        legend=(LegendEntry(say["reliability.measured"], "series1", "point"), LegendEntry(say["reliability.ideal"], "random", "dashed")),
        equal=True,
    )


def _axis(label: str, language: Language) -> Axis:
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    return Axis(label, (-0.02, 1.02), ticks, tuple(percent(t, language, 2) for t in ticks))


def _marks(bins: ReliabilityBins, language: Language) -> tuple[Mark, ...]:
    say = words(language)
    ends = np.array([0.0, 1.0])
    labels = tuple(f"n = {int(n)}" for n in bins.counts)
    colors = ("series1",) * len(labels)
    # bars without length carry the whiskers
    whiskers = Bars(
        say["accuracy"],
        bins.confidence,
        bins.accuracy,
        np.zeros(len(labels)),
        colors,
        labels,
        horizontal=False,
        thickness=0.02,
        low=bins.low,
        high=bins.high,
    )
    between = Band("", bins.confidence, np.minimum(bins.confidence, bins.accuracy), np.maximum(bins.confidence, bins.accuracy), "random")
    return (
        between,
        Line(say["reliability.ideal"], ends, ends, "random", dashed=True),
        Line(say["accuracy"], bins.confidence, bins.accuracy),
        whiskers,
        Points(say["accuracy"], bins.confidence, bins.accuracy, "series1", 4.0, labels),
    )
