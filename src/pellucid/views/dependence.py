"""How a feature's attribution depends on its value, and on another feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from pellucid.errors import InputError, UnknownName
from pellucid.explanation import Explanation
from pellucid.scenes import Axis, ColorScale, Line, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import percent
from pellucid.scenes.sampling import MOST, by_importance, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.beeswarm import places, spread, whole_percent
from pellucid.views.entries import cell
from pellucid.views.many_rows import ManyRows, compact, many_rows, summary_scene
from pellucid.views.reading import value_label
from pellucid.views.signed_bars import category_axis

GROUPS = 10  # of rows with like values of the feature, at most
EACH = 10  # rows in a group, at least
CHANCE = 0.05  # that some feature would explain as much of nothing
NOTHING = 1e-12  # of all the variation: less of it left open is rounding
RADIUS = 3.0


@dataclass(frozen=True)
class Partner:
    """The feature that explains most of what the value leaves open, how much of it, and how likely chance alone would do as well."""

    part: int
    share: float
    p_value: float


def dependence(explanation: Explanation, *, feature: str | None = None, language: Language = "en") -> Scene:
    """A feature's attribution against its value, a point a row, colored by the feature that interacts most.

    That feature is chosen by :func:`partner`; where none explains more than chance would, no point is colored and the picture says so.
    Rows without a value, and refused rows, are left out and counted. It shows what the explanation says, not what would follow in the world
    if the feature changed.

    Raises:
        UnknownName: there is no such feature.
        InputError: parts without values of their own, such as a layer's units; or images.
    """
    found = many_rows(explanation, language)
    if feature is not None and feature not in found.names:
        raise UnknownName("feature", feature, found.names)
    known = np.array([_has_values(found, part) for part in range(len(found.names))])
    part = found.names.index(feature) if feature is not None else next((int(p) for p in found.strongest(len(known)) if known[p]), -1)
    if part < 0 or not known[part]:
        raise InputError(
            "A dependence plot needs the feature's own values",
            received=f"{feature or explanation.provenance.method} without values",
            remedy="explain a table, or use view='beeswarm'",
        )
    return summary_scene(found, _panel(found, part, partner(found.data, found.values[:, part], part), language), language)


def partner(data: np.ndarray, values: np.ndarray, part: int) -> Partner | None:
    """The feature of ``data`` (row, feature) that interacts most with feature ``part``, whose attributions are ``values`` (row,).

    The rows are cut into at most ten groups of at least ten rows with neighboring values of ``part``. Within each group
    a straight line in its value is taken from the attributions and from the other feature, and what is left of the one is fitted by what is
    left of the other: the share of the variation that all the groups' fits explain together is the feature's. The largest share wins,
    if an F-test gives it less than five percent, divided by the number of features tried; else there is no such feature.
    """
    known = np.isfinite(values) & np.isfinite(data[:, part])
    groups = min(GROUPS, int(known.sum()) // EACH)
    if groups < 1:
        return None
    order = np.flatnonzero(known)[np.argsort(data[known, part], kind="stable")]
    alike = [_group(rows, data[:, part], values) for rows in np.array_split(order, groups)]
    whole = float(((values[known] - values[known].mean()) ** 2).sum())
    others = [k for k in range(data.shape[1]) if k != part and np.isfinite(data[known, k]).all() and np.ptp(data[known, k]) > 0]
    found = [Partner(k, *_explained(data[:, k], alike, NOTHING * whole)) for k in others]
    best = max(found, key=lambda one: one.share, default=None)
    return best if best is not None and best.p_value * len(others) < CHANCE else None


@dataclass(frozen=True, eq=False)
class Group:
    """Rows with like values of a feature: what a line in the value spans (row, direction), and the attributions beyond it (row,)."""

    rows: np.ndarray
    line: np.ndarray
    rest: np.ndarray


def _group(rows: np.ndarray, own: np.ndarray, values: np.ndarray) -> Group:
    spanned = np.stack([np.ones(len(rows)), own[rows] - own[rows].mean()], 1)
    directions, lengths, _ = np.linalg.svd(spanned, full_matrices=False)
    line = directions[:, lengths > 1e-9 * lengths[0]]
    return Group(rows, line, values[rows] - line @ (line.T @ values[rows]))


def _explained(other: np.ndarray, groups: list[Group], nothing: float) -> tuple[float, float]:
    """The share of the attributions' variation within groups, beyond the lines, that lines in ``other`` explain; and its p-value."""
    left = explained = 0.0
    freedom = fits = 0
    for group in groups:
        mine = other[group.rows]
        shape = mine - group.line @ (group.line.T @ mine)
        size = float(shape @ shape)
        left += float(group.rest @ group.rest)
        if size > 1e-18 * max(float(mine @ mine), 1e-300):
            explained += float(group.rest @ shape) ** 2 / size
            fits += 1
        freedom += len(group.rows) - group.line.shape[1]
    freedom -= fits
    if left <= nothing or fits == 0 or freedom <= 0:
        return 0.0, 1.0
    share = explained / left
    ratio = (explained / fits) / max((left - explained) / freedom, 1e-300)
    return share, float(fdtrc(fits, freedom, ratio))


def _has_values(found: ManyRows, part: int) -> bool:
    return bool(np.isfinite(found.data[:, part]).any()) or any(found.text(row, part) for row in range(len(found.rows)))


def _panel(found: ManyRows, part: int, other: Partner | None, language: Language) -> Panel:
    say, name = words(language), found.names[part]
    x, axis, missing = _along(found, part, language)
    here = np.flatnonzero(np.isfinite(x) & np.isfinite(found.values[:, part]))
    rows = here[by_importance(found.values[here][:, [part]], MOST)]
    y = found.values[rows, part]
    scale = ColorScale("sequential", (0.0, 100.0), say["dependence.color"].format(label=found.names[other.part])) if other else None
    shift = spread(y, 0.02 * float(np.ptp(y) or 1.0)) if axis.kind == "category" else np.zeros(len(rows))
    domain = padded(min(0.0, float(y.min(initial=0))), max(0.0, float(y.max(initial=0))))
    marks: tuple[Mark, ...] = (
        Line("", np.array(axis.domain), np.zeros(2), "muted"),
        Points(
            "",
            compact(x[rows] + shift),
            y.astype(np.float32),
            radius=RADIUS,
            labels=found.labels(rows, [part], language),
            values=whole_percent(places(found.data[:, [other.part]])[rows, 0]) if other else None,
            scale=scale,
            sample=sample_of(np.isfinite(y), MOST, say["sample.points"], language),
        ),
    )
    said = {"label": name, "count": len(here)}
    colored = {"other": found.names[other.part], "share": percent(other.share, language)} if other else {}
    finding = "dependence.finding" if other and not found.hatched else "dependence.title"
    gone = say["dependence.missing"].format(count=missing) if missing else ""
    return Panel(
        "dependence",
        say[finding].format(**said, **colored),
        say["dependence.summary" if other else "dependence.summary_alone"].format(**said, **colored),
        _table(found, part, other, rows[:MOST], language),
        marks,
        x=axis,
        y=Axis(value_label(found.explanation, language), domain),
        subtitle=joined(
            [
                say["dependence.rule" if other else "dependence.alone"].format(**said, **colored),
                gone,
            ],
            language,
        ),
        scale=scale,
        hatched=found.hatched,
    )


def _along(found: ManyRows, part: int, language: Language) -> tuple[np.ndarray, Axis, int]:
    """Where each row stands along x, the axis, and how many rows have no value: numbers, or categories by name."""
    data = found.data[:, part]
    if np.isfinite(data).any():
        known = data[np.isfinite(data)]
        return data, Axis(found.names[part], padded(float(known.min()), float(known.max()))), int(np.isnan(data).sum())
    cells = [found.text(row, part) for row in range(len(found.rows))]
    known = sorted(set(cells) - {words(language)["missing"], "missing"})
    place = {name: float(at) for at, name in enumerate(known)}
    x = np.array([place.get(one, np.nan) for one in cells])
    axis = category_axis(known, found.names[part])
    return x, Axis(axis.label, axis.domain, axis.ticks, axis.tick_labels, "category"), int(np.isnan(x).sum())


def _table(found: ManyRows, part: int, other: Partner | None, rows: np.ndarray, language: Language) -> Table:
    """The rows that are drawn, as their numbers."""
    say = words(language)
    head = [say["row"], found.names[part], say["attribution"], *([found.names[other.part]] if other else [])]

    def value(row: int, at: int) -> str | float:
        return found.text(row, at) or cell(float(found.data[row, at]))

    body = tuple(
        (
            str(int(found.rows[row]) + 1),
            value(row, part),
            cell(float(found.values[row, part])),
            *((value(row, other.part),) if other else ()),
        )
        for row in rows
    )
    return Table(tuple(head), body)
