"""A scene: everything a picture shows, decided once and drawn alike on paper and on screen.

Scenes hold data, never code or HTML. Colors are *roles* (``"positive"``, ``"ink"``) that the
palette turns into a color for the light or the dark theme; see :mod:`pellucid.scenes.palette`.
Text is already in the scene's language. Arrays are numpy and travel in the binary frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Level = Literal["supported", "weak", "refused", "unchecked"]


@dataclass(frozen=True, eq=False)
class ColorScale:
    """How numbers become colors. ``diverging`` is for signed values and its domain is symmetric."""

    kind: Literal["diverging", "sequential"]
    domain: tuple[float, float]
    label: str


@dataclass(frozen=True, eq=False)
class Column:
    """What the rows behind a mark's elements hold in one respect: numbers with their ``unit`` or, with ``texts``, places in these.

    ``values`` (row,) are not-a-number where one is missing, and empty where nothing is known.
    """

    name: str
    values: np.ndarray
    texts: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, eq=False)
class RowLabels:
    """Names of very many elements, written when one is pointed at: element ``i`` is row ``i // n`` in column ``i % n`` of ``n`` columns.

    ``pattern`` has the fields ``{row}``, out of ``rows`` (row,), and ``{label}``: the column's name and its value, ``missing`` where
    that is not-a-number. With ``together`` element ``i`` is row ``i``, and its label has all columns.
    """

    pattern: str
    rows: np.ndarray
    columns: tuple[Column, ...]
    missing: str
    together: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """Which elements of a mark are drawn where it has more than can be seen; they are held in order of importance.

    Of the whole picture the ``first`` are drawn, and ``said`` says so. Zoomed, the screen draws the first of those inside the view: as many
    times more as it is closer, up to ``most``, and all where they are no more. ``count`` is how many there are in
    all, called by ``unit``; a picture may hold fewer (:func:`pellucid.scenes.sampling.limited`).
    """

    first: int
    most: int
    count: int
    unit: str
    said: str


@dataclass(frozen=True, eq=False)
class Image:
    """A map ``values`` (y, x) colored by ``scale``, or a picture ``pixels`` (y, x, 3) of uint8.

    ``extent`` is (left, right, top, bottom) in axis units; row 0 is at the top. ``opacity`` (y, x) in 0..1 lets what
    lies beneath show through. ``name`` is what hovering calls the value; an empty name is not read out. With ``roles`` values are places in
    these, and in the ``texts`` that they are called by. ``told`` (y, x), where given, are read out in their place, and called ``name``.
    """

    name: str
    extent: tuple[float, float, float, float]
    values: np.ndarray | None = None
    scale: ColorScale | None = None
    pixels: np.ndarray | None = None
    opacity: np.ndarray | None = None
    roles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    told: np.ndarray | None = None
    mark: Literal["image"] = "image"


@dataclass(frozen=True, eq=False)
class Line:
    """A curve through (x, y), both one-dimensional."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str = "series1"
    dashed: bool = False
    mark: Literal["line"] = "line"


@dataclass(frozen=True, eq=False)
class Lines:
    """Many thin curves, each a row of ``x`` and of ``y`` (line, step); the one that all share is (step,).

    ``role`` (line,) says which of the ``roles`` is a line's color; the first where it is not given. ``strength`` (line,) in 0..1 is how
    much of that color there is over the surface, and how wide the line is; the first lines are then drawn last, on top. With a
    ``sample`` not all are drawn.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    roles: tuple[str, ...] = ("series1",)
    role: np.ndarray | None = None
    labels: tuple[str, ...] | RowLabels = ()
    sample: Sample | None = None
    strength: np.ndarray | None = None
    mark: Literal["lines"] = "lines"


@dataclass(frozen=True, eq=False)
class Polygons:
    """Filled areas, each with corners in a row of ``x`` and of ``y`` (polygon, place); places beyond its own repeat one of them.

    ``role`` (polygon,) says which of the ``roles`` is an area's color, and ``strength`` (polygon,) in 0..1 how much of it there is over the
    surface. With a ``sample`` not all are drawn.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    roles: tuple[str, ...]
    role: np.ndarray
    strength: np.ndarray
    labels: tuple[str, ...] | RowLabels = ()
    sample: Sample | None = None
    mark: Literal["polygons"] = "polygons"


@dataclass(frozen=True, eq=False)
class Band:
    """The area between ``low`` and ``high`` over ``x``."""

    name: str
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    color: str = "random"
    mark: Literal["band"] = "band"


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars from ``start`` to ``start + length`` at ``positions``, ``thickness`` wide.

    ``horizontal`` bars grow along x. ``colors`` has one role per bar. ``low`` and ``high``, when
    given, are whiskers (axis units). ``labels`` name the bars when hovered.
    """

    name: str
    positions: np.ndarray
    start: np.ndarray
    length: np.ndarray
    colors: tuple[str, ...]
    labels: tuple[str, ...]
    horizontal: bool = True
    thickness: float = 0.8
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    mark: Literal["bars"] = "bars"


@dataclass(frozen=True, eq=False)
class Points:
    """Points at (x, y); ``labels``, when given, name them when hovered.

    With ``values`` (one per point) and a ``scale`` every point has a color of its own, and a thin outline, so that the palest is seen;
    not-a-number takes the ``line`` role, as in a map. A point whose place is not-a-number is not there. With a ``sample`` not all are
    drawn. ``links``, when given, are keys for each point, set apart by spaces: on a page, a row of a table that has one of them leads to
    the point, and the point to the row.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str = "series1"
    radius: float = 3.0
    labels: tuple[str, ...] | RowLabels = ()
    values: np.ndarray | None = None
    scale: ColorScale | None = None
    sample: Sample | None = None
    links: tuple[str, ...] = ()
    mark: Literal["points"] = "points"


@dataclass(frozen=True, eq=False)
class Text:
    """A short note inside the panel, anchored at (x, y) in axis units."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    color: str = "ink"
    mark: Literal["text"] = "text"


Mark = Image | Line | Lines | Polygons | Band | Bars | Points | Text


@dataclass(frozen=True, eq=False)
class Axis:
    """``ticks`` empty means: choose round numbers. ``reverse`` puts the low end at the top (or right)."""

    label: str
    domain: tuple[float, float]
    ticks: tuple[float, ...] = ()
    tick_labels: tuple[str, ...] = ()
    kind: Literal["linear", "log", "category"] = "linear"
    reverse: bool = False
    hidden: bool = False


@dataclass(frozen=True, eq=False)
class LegendEntry:
    """One line of a legend: a swatch of this color role and shape, and what it stands for."""

    label: str
    color: str
    shape: Literal["square", "line", "dashed", "point"] = "square"


@dataclass(frozen=True, eq=False)
class Table:
    """The data-table twin of a panel, or a table shown for its own sake. Cells are numbers or text.

    Columns whose number is among ``code`` hold lines of code: letters of one width, spaces kept; on a page, what comes after the first of
    them stands beside it as notes. ``links``, when given, are keys for each row (see :class:`Points`).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    code: tuple[int, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """One chart with its axes, legend, text summary and data-table twin.

    Without ``x`` and ``y`` the panel *is* its table (a layer table, the checks). ``hatched`` marks the
    picture of a refused explanation. ``equal`` keeps pixels square.
    """

    id: str
    title: str
    summary: str
    table: Table
    marks: tuple[Mark, ...] = ()
    x: Axis | None = None
    y: Axis | None = None
    subtitle: str = ""
    legend: tuple[LegendEntry, ...] = ()
    scale: ColorScale | None = None
    equal: bool = False
    hatched: bool = False


@dataclass(frozen=True, eq=False)
class Badge:
    """The verdict as every picture shows it: the level, its word in the scene's language, and the reasons."""

    level: Level
    label: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """A titled arrangement of panels in ``columns`` columns."""

    title: str
    panels: tuple[Panel, ...]
    summary: str
    subtitle: str = ""
    badge: Badge | None = None
    columns: int = 1
    notes: tuple[str, ...] = ()
    code: str = ""
    language: Literal["en", "zh-CN"] = "en"
