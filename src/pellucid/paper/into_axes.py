"""The main panel of a scene drawn into axes that belong to the user."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from pellucid.paper.blocks import SYMBOLS
from pellucid.paper.panels import PanelPlan, Ticks, fill, plan
from pellucid.paper.style import HEADING, SMALL, Style
from pellucid.scenes import Image, Panel, Scene


def main_panel(scene: Scene) -> Panel:
    """The panel that stands for the scene: an overlay where there is one, else the first."""
    return next((panel for panel in scene.panels if panel.id.startswith("overlay")), scene.panels[0])


def draw_into(axes: Axes, scene: Scene, style: Style) -> Figure | SubFigure:
    """Draws the main panel with its title, verdict and legend into ``axes`` and returns their figure."""
    panel = main_panel(scene)
    box = axes.get_window_extent()
    width = box.width * 72 / axes.get_figure(root=True).dpi
    axes.set_facecolor(style.color("surface"))
    if panel.x is None or panel.y is None:
        _table(axes, panel, style)
    else:
        planned = plan(panel, style, width * 1.4)  # labels stand outside the axes here
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
    from dataclasses import replace

    from pellucid.paper.panels import horizontal_ticks, roomy

    panel = replace(planned.panel, x=roomy(planned.panel, style, width))
    assert panel.x is not None
    ticks: Ticks = horizontal_ticks(panel.x, style, width)
    return replace(planned, panel=panel, x=ticks)


def _under(panel: Panel, style: Style, width: float) -> str:
    """The x axis' label; under a map, what its colors mean."""
    assert panel.x is not None
    scales = [mark.scale for mark in panel.marks if isinstance(mark, Image) and mark.scale is not None]
    label = panel.x.label if not panel.x.hidden else scales[0].label if scales else ""
    return "\n".join(style.wrapped(label, SMALL, width))


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


def _table(axes: Axes, panel: Panel, style: Style) -> None:
    axes.set_axis_off()
    cells = [[str(value) for value in row] for row in panel.table.rows]
    if not cells:
        return
    drawn = axes.table(cellText=cells, colLabels=list(panel.table.columns), loc="center", cellLoc="left", edges="horizontal")
    drawn.auto_set_font_size(False)
    for cell in drawn.get_celld().values():
        cell.set_edgecolor(style.color("line"))
        cell.get_text().set_fontproperties(style.font(SMALL))
        cell.get_text().set_color(style.color("ink"))
    drawn.auto_set_column_width(list(range(len(panel.table.columns))))
