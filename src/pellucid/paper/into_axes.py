"""The main panel of a scene drawn into axes that belong to the user."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from pellucid.paper.blocks import COLUMN_GAP, SYMBOLS, set_in
from pellucid.paper.marks import root_of
from pellucid.paper.panels import PanelPlan, axes_of, fill, horizontal_ticks, plan, roomy
from pellucid.paper.style import HEADING, LEADING, SMALL, Style
from pellucid.scenes import Image, Panel, Scene
from pellucid.scenes.sampling import said

LEAST = 290.0  # points for which labels are cut at least
SHRINKING = 0.7  # a layout engine will make axes narrower by about this much to make room for labels
SMALLEST = 6.5  # points, the smallest size of a table's text


def main_panel(scene: Scene) -> Panel:
    """The panel that stands for the scene: an overlay where there is one, else the first."""
    return next((panel for panel in scene.panels if panel.id.startswith("overlay")), scene.panels[0])


def draw_into(axes: Axes, scene: Scene, style: Style) -> Figure | SubFigure:
    """Draws the main panel with its title, verdict and legend into ``axes`` and returns their figure."""
    panel = main_panel(scene)
    box = axes.get_window_extent()
    root = root_of(axes)
    width = box.width * 72 / root.dpi
    tabular = panel.x is None or panel.y is None
    if root.get_layout_engine() is not None and not tabular:
        width *= SHRINKING
    axes.set_facecolor(style.color("surface"))
    if panel.x is None or panel.y is None:
        _table(axes, panel, style, width)
    else:
        planned = plan(panel, style, max(width * 1.4, LEAST))  # labels stand outside the axes here
        fill(axes, _fitted(planned, style, width), style)
        axes.set_xlabel(_under(panel, style, width), fontproperties=style.font(SMALL), color=style.color("muted"), parse_math=False)
        axes.set_ylabel(panel.y.label, fontproperties=style.font(SMALL), color=style.color("muted"), parse_math=False)
        if panel.equal:
            axes.set_aspect("equal")
        if any(entry.shape in ("line", "dashed") for entry in panel.legend):
            axes.legend(prop=style.font(SMALL), labelcolor=style.color("ink"), frameon=False)
    _title(axes, scene, panel, style, width)
    return axes.figure


def _fitted(planned: PanelPlan, style: Style, width: float) -> PanelPlan:
    """The plan with its x axis measured anew for the width there is."""
    panel = replace(planned.panel, x=roomy(planned.panel, style, width))
    ticks = horizontal_ticks(axes_of(panel)[0], style, width)
    return replace(planned, panel=panel, x=ticks)


def _under(panel: Panel, style: Style, width: float) -> str:
    """The x axis' label; under a map, what its colors mean; and how many of how many are drawn where not all are."""
    x, _ = axes_of(panel)
    scales = [mark.scale for mark in panel.marks if isinstance(mark, Image) and mark.scale is not None]
    label = x.label if not x.hidden else scales[0].label if scales else ""
    return "\n".join(line for text in (label, *said(panel)) for line in style.wrapped(text, SMALL, width))


def _title(axes: Axes, scene: Scene, panel: Panel, style: Style, width: float) -> None:
    """Title, and under it the verdict in its color."""
    lines = style.wrapped(scene.title if len(scene.panels) > 1 else panel.title, HEADING, width, bold=True, most=3)
    badge = scene.badge
    font = style.font(HEADING, bold=True)
    axes.set_title("\n".join(lines), fontproperties=font, color=style.color("ink"), loc="left", pad=20 if badge else 6, parse_math=False)
    if badge:
        text = f"{SYMBOLS[badge.level]} {badge.label}"
        small = style.font(SMALL, bold=True)
        axes.annotate(
            text,
            (0, 1),
            (0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            color=style.color(badge.level),
            fontproperties=small,
            parse_math=False,
        )


def _table(axes: Axes, panel: Panel, style: Style, width: float) -> None:
    """The panel's table in the width of the axes, set smaller and its cells shortened where they must be."""
    axes.set_axis_off()
    columns, rows, natural = set_in(panel.table, style, 1e6)
    whole = sum(natural) + COLUMN_GAP * (len(natural) - 1)
    size = float(np.clip(SMALL * width / whole, SMALLEST, SMALL))
    part = min(1.0, width / (whole * size / SMALL)) * size / SMALL  # what is left of every column's natural width
    height = max(axes.get_window_extent().height * 72 / root_of(axes).dpi, 1.0)
    pitch = min(size * LEADING + 6, height / (len(rows) + 1))
    x = 0.0
    for i, wide in enumerate(natural):
        for y, cell in enumerate([columns[i], *(row[i] for row in rows)]):
            text = style.shortened(cell, size, wide * part)
            color = style.color("muted" if y == 0 else "ink")
            place = (x / width, 1 - (y + 0.5) * pitch / height)
            axes.text(
                *place,
                text,
                transform=axes.transAxes,
                color=color,
                fontproperties=style.font(size),
                va="center",
                parse_math=False,
                usetex=False,
            )
        x += (wide + COLUMN_GAP) * part
    for y in range(1, len(rows) + 2):
        level = 1 - y * pitch / height
        axes.add_line(
            Line2D([0, 1], [level, level], color=style.color("muted" if y == 1 else "line"), linewidth=0.7, transform=axes.transAxes)
        )
