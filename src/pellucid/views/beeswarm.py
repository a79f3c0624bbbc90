"""Every row's attribution to every feature as a point: how much, which way, and for which values."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from pellucid.explanation import Explanation
from pellucid.scenes import Axis, ColorScale, Line, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.sampling import MOST, by_importance, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, words
from pellucid.views.entries import cell
from pellucid.views.many_rows import TOP, ManyRows, many_rows, summary_scene
from pellucid.views.reading import value_label
from pellucid.views.signed_bars import category_axis

RADIUS = 2.4  # points
WIDTH = 0.012  # of the axis' span: points nearer than this would lie upon one another
STEP = 0.16  # of the space between two features, from one point to the next upon it
FINE = 2048  # parts of the same to which places are rounded: no pixel's worth, and half the bytes once they are compressed
REACH = 0.42  # of the same, the most that points leave their line


def beeswarm(explanation: Explanation, *, language: Language = "en", top: int = TOP) -> Scene:
    """A point per row and feature: its attribution, colored by where the feature's value stands among the rows (percentile).

    Features are ordered by the mean size of their attributions. Refused rows are left out and counted. Of more than 5,000 points some
    rows are drawn, the extremes among them, and the picture says so; zooming on the screen brings the others back. It does not show what
    a feature does to the world, nor causes.

    Raises:
        InputError: images and other inputs whose places mean something else in every row.
    """
    found = many_rows(explanation, language)
    parts = found.strongest(top)
    gray = np.isnan(found.data[:, parts]) & np.isfinite(found.values[:, parts])
    known = not gray.all()
    notes = [words(language)["beeswarm.gray"]] if known and gray.any() else []
    return summary_scene(found, _panel(found, parts, language, colored=known), language, notes=notes)


def places(values: np.ndarray) -> np.ndarray:
    """Where each row stands among all rows, part by part, in percent: the mean rank of equal values; not-a-number stays."""
    ranks = rankdata(values, axis=0, nan_policy="omit")
    known = np.isfinite(values).sum(0)
    return 100 * (ranks - 0.5) / np.maximum(known, 1)


def whole_percent(percent: np.ndarray) -> np.ndarray:
    """Whole percent in the smallest type that holds them; not-a-number stays."""
    rounded = np.round(percent)
    return rounded.astype(np.float32 if np.isnan(rounded).any() else np.uint8)


def spread(x: np.ndarray, width: float) -> np.ndarray:
    """How far above or below its line each point is drawn, so that those closer than ``width`` do not hide one another.

    The points of a bin take places at equal distances, the first of them places far from one another: whoever draws only the first
    points fills the bin as evenly.
    """
    _, bins = np.unique(np.floor(x / (width or 1.0)), return_inverse=True)
    counts = np.bincount(bins) if len(bins) else np.zeros(1, int)
    order = np.argsort(bins, kind="stable")
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(x), int)
    rank[order] = np.arange(len(x)) - starts[bins[order]]
    by_halves = np.lexsort((_halves(rank), bins))
    place = np.empty(len(x))
    place[by_halves] = np.arange(len(x)) - starts[bins[by_halves]]
    most = float(counts.max() - 1) / 2
    step = min(STEP, REACH / most) if most else 0.0
    return (place - (counts[bins] - 1) / 2) * step


def _halves(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers to places in 0..1, each in the middle of a gap that those before it left (van der Corput 1935)."""
    place, part = np.zeros(len(numbers)), 0.5
    while numbers.any():
        place += part * (numbers & 1)
        numbers, part = numbers >> 1, part / 2
    return place


def _panel(found: ManyRows, parts: np.ndarray, language: Language, *, colored: bool) -> Panel:
    say, label = words(language), value_label(found.explanation, language)
    first = found.names[parts[0]]
    size = number(float(found.sizes[parts[0]]))
    title = "beeswarm.title" if found.hatched else "beeswarm.finding"
    subtitle = say["bars.all" if len(parts) == len(found.names) else "bars.some"].format(shown=len(parts), count=len(found.names))
    values = found.values[:, parts]
    finite = values[np.isfinite(values)]
    domain = padded(min(0.0, float(finite.min(initial=0))), max(0.0, float(finite.max(initial=0))))
    names = [found.names[part] for part in parts]
    scale = ColorScale("sequential", (0.0, 100.0), say["beeswarm.color"]) if colored else None
    return Panel(
        "beeswarm",
        say[title].format(label=first, value=size, count=len(found.rows)),
        say["beeswarm.summary"].format(count=len(found.rows), label=first, value=size, list=", ".join(names[1:3]) or "–"),  # noqa: RUF001
        _table(found, parts, language),
        (
            Line("", np.zeros(2), np.array([-0.5, len(parts) - 0.5]), "muted"),
            _points(found, parts, (domain, scale), language),
        ),
        x=Axis(label, domain),
        y=category_axis(names),
        subtitle=subtitle,
        scale=scale,
        hatched=found.hatched,
    )


def _points(found: ManyRows, parts: np.ndarray, drawn: tuple[tuple[float, float], ColorScale | None], language: Language) -> Points:
    """All points, row after row in order of importance; those without an attribution (padding) have no place."""
    (low, high), scale = drawn
    most = max(1, MOST // max(len(parts), 1))  # rows
    rows = by_importance(found.values[:, parts], most)
    x = found.values[np.ix_(rows, parts)]
    y = np.full(x.shape, np.nan)
    for at in range(len(parts)):
        here = np.isfinite(x[:, at])
        y[here, at] = at + np.round(spread(x[here, at], WIDTH * (high - low)) * FINE) / FINE
    return Points(
        "",
        x.astype(np.float32).ravel(),
        y.astype(np.float32).ravel(),
        radius=RADIUS,
        labels=found.labels(rows, parts.tolist(), language),
        values=whole_percent(places(found.data[:, parts])[rows]).ravel() if scale else None,
        scale=scale,
        sample=sample_of(np.isfinite(x), most * len(parts), words(language)["sample.points"], language),
    )


def _table(found: ManyRows, parts: np.ndarray, language: Language) -> Table:
    """By feature: mean size, mean, ends, and whether the attribution rises with the value (rank correlation)."""
    say, rows = words(language), []
    for part in parts:
        known = np.isfinite(found.values[:, part])
        values = found.values[known, part]
        numbers = (values.mean(), values.min(), values.max()) if len(values) else (np.nan,) * 3
        rises = rank_correlation(found.data[:, part], found.values[:, part])
        rows.append((found.names[part], cell(float(found.sizes[part])), *(cell(float(v)) for v in numbers), cell(rises)))
    head = ("feature", "many.size", "many.mean", "many.lowest", "many.highest", "many.rises")
    return Table(tuple(say[name] for name in head), tuple(rows))


def rank_correlation(data: np.ndarray, values: np.ndarray) -> float:
    """Spearman's correlation over the rows that have both; not-a-number where one of them does not vary."""
    known = np.isfinite(data) & np.isfinite(values)
    if known.sum() < 3:
        return float("nan")
    first, second = rankdata(data[known]), rankdata(values[known])
    if not (np.ptp(first) and np.ptp(second)):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
