"""Which texts of a figure overlap one another, and which are cut off."""

from __future__ import annotations

from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

TOLERANCE = 1.0  # points; line boxes of neighboring lines may touch


def texts_of(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every visible text with its extent in points."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    found, hidden = [], _not_drawn(figure)
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden:
            box = text.get_window_extent(renderer)
            found.append((text.get_text(), box.transformed(figure.dpi_scale_trans.inverted()).transformed(_points())))
    return found


def _points():
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(72)


def _not_drawn(figure: Figure) -> set[int]:
    """Texts of axes that were switched off: matplotlib keeps their ticks and labels all the same."""
    axes_off = [axes for axes in figure.axes if not axes.axison]
    return {id(text) for axes in axes_off for axis in (axes.xaxis, axes.yaxis) for text in axis.findobj(Text)}


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose extents share more than a hair."""
    found = []
    for (a, one), (b, other) in combinations(texts_of(figure), 2):
        wide = min(one.x1, other.x1) - max(one.x0, other.x0)
        high = min(one.y1, other.y1) - max(one.y0, other.y0)
        if wide > TOLERANCE and high > TOLERANCE:
            found.append((a, b))
    return found


def cut_off(figure: Figure) -> list[str]:
    """Texts that reach over the edge of the figure."""
    width, height = (72 * size for size in figure.get_size_inches())
    return [text for text, box in texts_of(figure) if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
