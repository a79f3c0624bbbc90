"""Scenes and explanations as matplotlib figures."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from pellucid.explanation.frame import write_whole
from pellucid.paper.blocks import Block, paragraph, stack, verdict
from pellucid.paper.fonts import families
from pellucid.paper.into_axes import draw_into
from pellucid.paper.panels import PanelPlan, plan
from pellucid.paper.sheet import Sheet
from pellucid.paper.style import GAP, MARGIN, NOTE, SUBTITLE, TITLE, Style
from pellucid.scenes import Badge, ColorScale, LegendEntry, Panel, Scene
from pellucid.scenes.palette import Theme

WIDTHS = {1: 7.4, 2: 9.6, 3: 9.6}  # inches by number of columns
SOURCE = 11.4  # inches where lines of code stand beside what is said of them
SQUARE = 6.6  # inches for a single square picture


class PaperFigure(Figure):
    """A figure that pyplot does not know, so that nothing is shown twice or leaks, and that notebooks show all the same."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Twice the screen's resolution, at its natural size."""
        width, height = self.get_size_inches()
        return png_bytes(self, dpi=192), {"width": round(96 * width), "height": round(96 * height)}


def draw(scene: Scene, *, theme: Theme = "light", ax: Axes | None = None, width: float | None = None) -> Figure | SubFigure:
    """The scene as a figure ``width`` inches wide; with ``ax`` only its main panel, into those axes, whose figure is returned.

    Nothing is shown, and neither pyplot nor rcParams are touched.
    """
    style = Style(theme, families(texts_of(scene)))
    if ax is not None:
        return draw_into(ax, scene, style)
    points = 72 * (width or _natural_width(scene))
    inner = points - 2 * MARGIN
    head = stack(
        [
            paragraph(scene.title, style, inner, TITLE, bold=True, most=3),
            paragraph(scene.subtitle, style, inner, SUBTITLE, role="muted", most=4),
            _spaced(verdict(scene.badge, style, inner)),
        ],
        2,
    )
    rows = _rows(scene, style, inner)
    notes = stack([paragraph(note, style, inner, NOTE, role="muted") for note in scene.notes], 1)
    height = (
        2 * MARGIN + head.height + 16 + sum(row.height for row in rows) + GAP * (len(rows) - 1) + (14 + notes.height if notes.height else 0)
    )
    sheet = _sheet(style, points, height)
    head.draw(sheet, MARGIN, MARGIN)
    top = MARGIN + head.height + 16
    for row in rows:
        row.draw(sheet, top)
        top += row.height + GAP
    notes.draw(sheet, MARGIN, top - GAP + 14)
    return sheet.figure


def _natural_width(scene: Scene) -> float:
    if scene.columns == 1 and all(panel.equal for panel in scene.panels):
        return SQUARE
    if any(panel.x is None and panel.table.code for panel in scene.panels):
        return SOURCE
    return WIDTHS.get(scene.columns, WIDTHS[3])


def _spaced(block: Block) -> Block:
    return Block(block.height + 5, lambda sheet, left, top: block.draw(sheet, left, top + 5)) if block.height else block


def _sheet(style: Style, width: float, height: float) -> Sheet:
    figure = PaperFigure(figsize=(width / 72, height / 72), dpi=100, facecolor=style.color("surface"), edgecolor="none")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("none")  # everything has its place; a user's "autolayout" would move it
    return Sheet(figure, style, width, height)


def _rows(scene: Scene, style: Style, inner: float) -> list[Row]:
    """The panels in rows; among pictures side by side, a chart has a row of its own, and one that is left for the last row all of it."""
    columns, mixed = max(1, scene.columns), any(panel.equal for panel in scene.panels)
    rows: list[list[Panel]] = []
    for panel in scene.panels:
        alone = mixed and not panel.equal
        if not rows or alone or len(rows[-1]) == columns or (mixed and not rows[-1][0].equal):
            rows.append([])
        rows[-1].append(panel)
    made: list[Row] = []
    for row in rows:
        last_is_alone = len(row) == 1 and row is rows[-1]  # as on screen
        count = 1 if not row[0].equal and (mixed or last_is_alone) else columns
        wide = (inner - GAP * (count - 1)) / count
        made.append(Row([plan(panel, style, wide) for panel in row], wide))
    if columns == 1 and not mixed:
        plans = _aligned([row.plans[0] for row in made], style, inner)
        made = [Row([planned], inner) for planned in plans]
    return made


@dataclass(frozen=True)
class Row:
    """Panels side by side, each ``wide`` points."""

    plans: list[PanelPlan]
    wide: float

    @property
    def height(self) -> float:
        """The tallest head and the tallest rest."""
        return max(p.head.height for p in self.plans) + max(p.total() for p in self.plans)

    def draw(self, sheet: Sheet, top: float) -> None:
        """Draws the panels, their plots at one height."""
        head = max(p.head.height for p in self.plans)
        for i, planned in enumerate(self.plans):
            planned.draw(sheet, MARGIN + i * (self.wide + GAP), top, head)


def _aligned(plans: list[PanelPlan], style: Style, wide: float) -> list[PanelPlan]:
    """Plots under one another on the same x axis begin at the same place."""
    lefts: dict[tuple[float, float], float] = {}
    for planned in plans:
        if planned.panel.x is not None:
            lefts[planned.panel.x.domain] = max(planned.left, lefts.get(planned.panel.x.domain, 0.0))
    return [
        p if p.panel.x is None or p.left == lefts[p.panel.x.domain] else plan(p.panel, style, wide, lefts[p.panel.x.domain]) for p in plans
    ]


def texts_of(value: object) -> list[str]:
    """Every text that a scene shows."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (Scene, Panel, Badge, ColorScale, LegendEntry)) or hasattr(value, "__dataclass_fields__"):
        return [t for name in value.__dataclass_fields__ for t in texts_of(getattr(value, name))]  # type: ignore[attr-defined]
    if isinstance(value, tuple):
        return [t for entry in value for t in texts_of(entry)]
    return []


def png_bytes(figure: Figure | SubFigure, *, dpi: float) -> bytes:
    """The figure as PNG, the same bytes every time."""
    buffer = io.BytesIO()
    # a user's "tight" would cut the margins that were planned; hinting rounds letters to whole pixels, which spaces small text unevenly
    with rc_context({"savefig.bbox": None, "text.hinting": "none"}):
        root = figure if isinstance(figure, Figure) else figure.figure
        root.savefig(buffer, format="png", dpi=dpi, facecolor=root.get_facecolor(), metadata={"Software": None})  # type: ignore[union-attr]
    return buffer.getvalue()


def save_png(picture: Scene | Figure, path: str | os.PathLike[str], *, dpi: float = 160, theme: Theme = "light") -> Path:
    """Writes a scene or a figure as a PNG file, whole or not at all.

    Raises:
        FileError: the path can not be written.
    """
    figure = draw(picture, theme=theme) if isinstance(picture, Scene) else picture
    return write_whole(path, png_bytes(figure, dpi=dpi))
