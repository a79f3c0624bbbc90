"""A figure with coordinates in points from its upper left corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.patheffects import withStroke

from pellucid.paper.style import Style

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, eq=False)
class Sheet:
    """Where blocks are drawn; ``width`` and ``height`` are in points."""

    figure: Figure
    style: Style
    width: float
    height: float

    def text(  # noqa: PLR0913
        self,
        x: float,
        top: float,
        text: str,
        size: float,
        *,
        role: str = "ink",
        bold: bool = False,
        align: Align = "left",
        code: bool = False,
    ) -> None:
        """One line of text whose line box begins at ``top``; ``code`` in letters of one width."""
        place = self._place(x, top + 1.02 * size)
        smeared = bold and self.style.smears(text)
        style = self.style.code if code else self.style
        color, font = style.color(role), style.font(size, bold=bold and not smeared)
        drawn = self.figure.text(*place, text, color=color, fontproperties=font, ha=align, va="baseline", parse_math=False, usetex=False)
        if smeared:
            drawn.set_path_effects([withStroke(linewidth=0.045 * size, foreground=color)])

    def line(self, x0: float, y0: float, x1: float, y1: float, *, role: str, width: float = 0.8, dashed: bool = False) -> None:
        """A straight line."""
        (a, b), (c, d) = self._place(x0, y0), self._place(x1, y1)
        style = (0, (4, 2.5)) if dashed else "-"
        self.figure.add_artist(
            Line2D([a, c], [b, d], color=self.style.color(role), linewidth=width, linestyle=style, transform=self.figure.transFigure)
        )

    def square(self, x: float, top: float, size: float, *, role: str, alpha: float = 1.0) -> None:
        """A filled square."""
        corner = self._place(x, top + size)
        self.figure.add_artist(
            Rectangle(
                corner,
                size / self.width,
                size / self.height,
                color=self.style.color(role),
                alpha=alpha,
                linewidth=0,
                transform=self.figure.transFigure,
            )
        )

    def dot(self, x: float, y: float, size: float, *, role: str) -> None:
        """A filled circle around a point."""
        (a, b), color = self._place(x, y), self.style.color(role)
        drawn = Line2D(
            [a], [b], marker="o", markersize=size, color=color, linestyle="", markeredgewidth=0, transform=self.figure.transFigure
        )
        self.figure.add_artist(drawn)

    def pill(self, x: float, top: float, width: float, height: float, *, role: str) -> None:
        """The outline of a rounded box."""
        # in points, since rounding by figure fractions would be elliptic
        scale = self.figure.dpi_scale_trans
        box = FancyBboxPatch(
            (x / 72, (self.height - top - height) / 72),
            width / 72,
            height / 72,
            boxstyle=f"round,pad=0,rounding_size={height / 2 / 72}",
            facecolor="none",
            edgecolor=self.style.color(role),
            linewidth=1.2,
            transform=scale,
        )
        self.figure.add_artist(box)

    def axes(self, x: float, top: float, width: float, height: float) -> Axes:
        """Axes that fill this box."""
        left, bottom = self._place(x, top + height)
        return self.figure.add_axes((left, bottom, width / self.width, height / self.height), facecolor="none")

    def _place(self, x: float, y: float) -> tuple[float, float]:
        return x / self.width, 1 - y / self.height
