"""Each mark of a scene on matplotlib axes."""

from __future__ import annotations

from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from pellucid.paper.style import SMALL, Style
from pellucid.scenes import Band, Bars, Image, Line, Lines, Mark, Points, Polygons, Text
from pellucid.scenes.palette import colorize, rgb
from pellucid.scenes.sampling import drawn
from pellucid.views.rasters import colored

THIN = 0.9  # points, the width of a quiet line and of one of many
FAINT, BOLD = 0.3, 1.7  # points, the widths of lines of no and of all strength
MANY = 500  # points on a line from which it is drawn thin
CAP = 5.0  # points, of a whisker's ends
HATCH = 10.0  # points between the lines over a refused picture


def draw_mark(axes: Axes, mark: Mark, style: Style) -> None:
    """Draws one mark."""
    if isinstance(mark, Image):
        _image(axes, mark, style)
    elif isinstance(mark, Line):
        dashes = (0, (4, 2.5)) if mark.dashed else "-"
        quiet = mark.color in ("line", "muted")
        wide = THIN if quiet or len(mark.x) > MANY else 1.8
        axes.plot(
            mark.x,
            mark.y,
            color=style.color(mark.color),
            linewidth=wide,
            linestyle=dashes,
            marker="",
            label=mark.name or "_",
            zorder=2.1 if mark.color == "line" else 2.5,
        )
    elif isinstance(mark, Band):
        axes.fill_between(
            mark.x, mark.low, mark.high, color=style.color(mark.color), alpha=0.28, linewidth=0, label=mark.name or "_", zorder=2
        )
    elif isinstance(mark, Bars):
        _bars(axes, mark, style)
    elif isinstance(mark, Lines):
        _lines(axes, drawn(mark), style)
    elif isinstance(mark, Polygons):
        _polygons(axes, drawn(mark), style)
    elif isinstance(mark, Points):
        _points(axes, drawn(mark), style)
    elif isinstance(mark, Text):
        _text(axes, mark, style, pictured=bool(axes.images))


def _image(axes: Axes, mark: Image, style: Style) -> None:
    left, right, top, bottom = mark.extent
    axes.imshow(
        colored(mark, style.theme), extent=(left, right, bottom, top), origin="upper", interpolation="antialiased", aspect="auto", zorder=1
    )


def _lines(axes: Axes, mark: Lines, style: Style) -> None:
    x, y = np.broadcast_arrays(mark.x, mark.y)
    colors = [style.color(role) for role in mark.roles]
    chosen = colors[0] if mark.role is None else [colors[at] for at in mark.role]
    lines, wide = np.stack([x, y], -1), THIN
    if mark.strength is not None:
        role = np.zeros(len(lines), int) if mark.role is None else mark.role
        chosen, lines = _mixed(mark.roles, role, mark.strength, style)[::-1], lines[::-1]
        wide = (FAINT + (BOLD - FAINT) * np.asarray(mark.strength, float))[::-1]
    axes.add_collection(LineCollection(list(lines), colors=chosen, linewidths=wide, zorder=2.5), autolim=False)


def _mixed(roles: tuple[str, ...], role: np.ndarray, strength: np.ndarray, style: Style) -> np.ndarray:
    """Colors (element, 3) of which there is so much over the surface."""
    surface, colors = rgb(style.color("surface")), np.stack([rgb(style.color(one)) for one in roles])
    share = np.asarray(strength, float)[:, None]
    return surface * (1 - share) + colors[role] * share


def _polygons(axes: Axes, mark: Polygons, style: Style) -> None:
    """Areas side by side: an edge of their own color closes the seam that smoothing leaves between two."""
    mixed = _mixed(mark.roles, mark.role, mark.strength, style)
    areas = PolyCollection(list(np.stack([mark.x, mark.y], -1)), facecolors=mixed, edgecolors=mixed, linewidths=0.25, zorder=1.5)
    axes.add_collection(areas, autolim=False)


def _points(axes: Axes, mark: Points, style: Style) -> None:
    colored = mark.values is not None and mark.scale is not None
    colors = style.color(mark.color)
    if mark.values is not None and mark.scale is not None:
        colors = colorize(mark.values, mark.scale.kind, mark.scale.domain, style.theme)
    axes.scatter(
        mark.x,
        mark.y,
        s=(2 * mark.radius) ** 2,
        color=colors,
        edgecolors=style.color("random" if colored else "surface"),
        linewidths=0.4 if colored else 0.8,
        zorder=4,
        clip_on=False,
    )


def _bars(axes: Axes, mark: Bars, style: Style) -> None:
    half = mark.thickness / 2
    for at, start, length, role in zip(mark.positions, mark.start, mark.length, mark.colors, strict=True):
        corner = (start, at - half) if mark.horizontal else (at - half, start)
        size = (length, mark.thickness) if mark.horizontal else (mark.thickness, length)
        axes.add_patch(Rectangle(corner, *size, facecolor=style.color(role), linewidth=0, zorder=2.2))
    if mark.low is None or mark.high is None:
        return
    known = np.isfinite(mark.low) & np.isfinite(mark.high)
    segments = [
        ((low, at), (high, at)) if mark.horizontal else ((at, low), (at, high))
        for at, low, high in zip(mark.positions[known], mark.low[known], mark.high[known], strict=True)
    ]
    ink = style.color("ink")
    axes.add_collection(LineCollection(segments, colors=ink, linewidths=1.1, zorder=3), autolim=False)
    # without caps a short whisker beside a number reads as a minus sign
    ends = np.concatenate(segments) if segments else np.empty((0, 2))
    axes.scatter(*ends.T, marker="|" if mark.horizontal else "_", s=CAP**2, color=ink, linewidths=1.1, zorder=3, clip_on=False)


def _text(axes: Axes, mark: Text, style: Style, *, pictured: bool) -> None:
    align = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
    drawn = axes.text(
        mark.x,
        mark.y,
        mark.text,
        color=style.color(mark.color),
        fontproperties=style.font(SMALL),
        ha=align,
        va="center_baseline",
        parse_math=False,
        usetex=False,
        zorder=5,
    )
    if not pictured:  # grid lines and hatching stay off the letters
        drawn.set_path_effects([withStroke(linewidth=2.5, foreground=style.color("surface"))])


def root_of(axes: Axes) -> Figure:
    """The figure that holds the axes, also when a subfigure lies between."""
    return cast("Figure", axes.get_figure(root=True))  # axes that are being drawn into have one


def hatch(axes: Axes, marks: tuple[Mark, ...], style: Style) -> None:
    """Slanted lines over what was refused: the maps of a picture, else all of it. Dark on light, so that they are seen on any photo."""
    maps = [mark.extent for mark in marks if isinstance(mark, Image) and mark.values is not None]
    left, right, top, bottom = maps[-1] if maps else (0, 1, 1, 0)
    place = axes.transData if maps else axes.transAxes
    inside = Rectangle((left, min(top, bottom)), right - left, abs(bottom - top), transform=place)
    box = axes.get_window_extent()
    points = 72 / root_of(axes).dpi
    width, height = max(box.width * points, 1), max(box.height * points, 1)
    starts = np.arange(-height, width, HATCH)
    segments = [((x / width, 0.0), ((x + height) / width, 1.0)) for x in starts]
    for role, thick, alpha in (("surface", 2.4, 0.3), ("ink", 0.9, 0.75)):
        lines = LineCollection(segments, colors=style.color(role), linewidths=thick, alpha=alpha, transform=axes.transAxes, zorder=4.5)
        axes.add_collection(lines, autolim=False)
        lines.set_clip_path(inside)
