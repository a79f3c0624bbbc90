"""One panel, planned to the point: head, plot with its gutters, foot."""

from __future__ import annotations

from dataclasses import dataclass, replace

from matplotlib.axes import Axes

from pellucid.errors import InputError
from pellucid.paper.blocks import Block, color_bar, legend, paragraph, stack, table
from pellucid.paper.marks import draw_mark, hatch
from pellucid.paper.sheet import Sheet
from pellucid.paper.style import HEADING, LEADING, SMALL, Style
from pellucid.scenes import Axis, Bars, Panel, Text
from pellucid.scenes.sampling import said
from pellucid.scenes.ticks import decade_ticks, round_ticks, tick_texts

LABEL_PART = 0.42  # of a panel's width, the most that labels at its left may take
TICK = 5.0  # points between labels and plot
ROW = 20.0  # points per bar
TALLEST = 400.0


@dataclass(frozen=True)
class Ticks:
    """Places and labels along an axis; ``upright`` labels stand on end."""

    places: tuple[float, ...]
    labels: tuple[str, ...]
    upright: bool = False


@dataclass(frozen=True)
class PanelPlan:
    """A panel's parts with their measures in points; ``left`` and ``right`` are gutters."""

    panel: Panel
    head: Block
    foot: Block
    left: float
    width: float
    height: float
    x: Ticks
    y: Ticks

    def draw(self, sheet: Sheet, left: float, top: float, head: float) -> None:
        """Draws the panel; ``head`` is the height that the row's heads have in common."""
        self.head.draw(sheet, left, top)
        if self.panel.x is None or self.panel.y is None:
            self.foot.draw(sheet, left, top + head + 4)
            return
        axes = sheet.axes(left + self.left, top + head + 4, self.width, self.height)
        fill(axes, self, sheet.style)
        self.foot.draw(sheet, left + self.left, top + head + 4 + self.height + self._under())

    def _under(self) -> float:
        """How much the tick labels under the plot take."""
        if not self.x.labels:
            return 6.0
        return TICK - 1 + SMALL * LEADING

    def total(self) -> float:
        """Height under the head."""
        if self.panel.x is None:
            return 4 + self.foot.height
        return 4 + self.height + self._under() + self.foot.height


def plan(panel: Panel, style: Style, width: float, least_left: float = 0.0) -> PanelPlan:
    """Measures a panel that may be ``width`` points wide, its left gutter at least ``least_left``."""
    head = [
        paragraph(panel.title, style, width, HEADING, bold=True, most=3),
        paragraph(panel.subtitle, style, width, SMALL, role="muted", most=4),
        *(paragraph(text, style, width, SMALL, role="muted", most=2) for text in said(panel)),
        _spaced(legend(panel.legend, style, width)),
    ]
    if panel.x is None or panel.y is None:
        return PanelPlan(panel, stack(head, 1), table(panel.table, style, width), 0, width, 0, Ticks((), ()), Ticks((), ()))
    if panel.y.label and not panel.y.hidden:
        head.append(_spaced(paragraph(panel.y.label, style, width, SMALL, role="muted", most=1)))
    y = _vertical_ticks(panel.y, style, width * LABEL_PART, _plot_height(panel, width))
    left = max((style.width(text, SMALL) for text in y.labels), default=0.0)
    left = max(least_left, left + TICK + 2) if y.labels else 0.0
    inner = width - left - _overhang(panel.x, style)
    inner, height = _fit(panel, inner)
    panel = replace(panel, x=roomy(panel, style, inner))
    across, _ = axes_of(panel)
    x = horizontal_ticks(across, style, inner)
    upright = max((style.width(text, SMALL) for text in x.labels), default=0.0) - SMALL if x.upright else 0.0
    foot = [
        Block(max(upright, 0.0), lambda *_: None),
        _centered(across.label if not across.hidden else "", style, inner),
        _spaced(color_bar(panel.scale, style, inner)),
    ]
    return PanelPlan(panel, stack(head, 1), stack(foot, 1), left, inner, height, x, y)


def _spaced(block: Block, space: float = 4.0) -> Block:
    """A block with some space above it, if it is there at all."""
    return Block(block.height + space, lambda sheet, left, top: block.draw(sheet, left, top + space)) if block.height else block


def _centered(text: str, style: Style, width: float) -> Block:
    lines = style.wrapped(text, SMALL, width, most=2) if text else []

    def draw(sheet: Sheet, left: float, top: float) -> None:
        for i, line in enumerate(lines):
            sheet.text(left + width / 2, top + i * SMALL * LEADING, line, SMALL, role="muted", align="center")

    return Block(len(lines) * SMALL * LEADING, draw)


def axes_of(panel: Panel) -> tuple[Axis, Axis]:
    """The x and y axis of a chart.

    Raises:
        InputError: a panel with only one of them.
    """
    if panel.x is None or panel.y is None:
        raise InputError("A chart needs two axes", received=f"panel {panel.id!r}", remedy="give both x and y, or neither for a table")
    return panel.x, panel.y


def _plot_height(panel: Panel, width: float) -> float:
    _, y = axes_of(panel)
    if y.kind == "category" and not panel.equal:
        return ROW * abs(y.domain[1] - y.domain[0])
    if any(isinstance(m, Bars) and not m.horizontal for m in panel.marks):
        return min(max(0.3 * width, 110.0), 170.0)
    return min(max(0.45 * width, 130.0), 230.0)


def _fit(panel: Panel, width: float) -> tuple[float, float]:
    """Width and height of the plot; square pixels where the panel asks for them."""
    x, y = axes_of(panel)
    if not panel.equal:
        return width, _plot_height(panel, width)
    ratio = abs(y.domain[1] - y.domain[0]) / (abs(x.domain[1] - x.domain[0]) or 1.0)
    height = min(width * ratio, TALLEST)
    return height / ratio, height


def _overhang(axis: Axis, style: Style) -> float:
    """Room at the right for half of the last tick's label."""
    if axis.hidden or axis.kind == "category":
        return 1.0
    texts = axis.tick_labels or tick_texts(_places(axis, 5))
    return max((style.width(t, SMALL) for t in texts), default=0.0) / 2 + 2


def _places(axis: Axis, count: int) -> tuple[float, ...]:
    if axis.ticks:
        low, high = min(axis.domain), max(axis.domain)
        return tuple(t for t in axis.ticks if low <= t <= high)
    return decade_ticks(axis.domain, count) if axis.kind == "log" else round_ticks(axis.domain, count)


def _labels(axis: Axis, places: tuple[float, ...]) -> tuple[str, ...]:
    if axis.ticks and len(axis.tick_labels) == len(axis.ticks):
        named = dict(zip(axis.ticks, axis.tick_labels, strict=True))
        return tuple(named[p] for p in places)
    return tick_texts(places)


def _vertical_ticks(axis: Axis, style: Style, widest: float, height: float) -> Ticks:
    if axis.hidden:
        return Ticks((), ())
    places = _places(axis, max(2, round(height / 42)))
    if axis.kind == "category":  # of very many names only as many as there are lines
        places = places[:: -(-len(places) * 11 // max(int(height), 1))]
    return Ticks(places, tuple(style.shortened(text, SMALL, widest) for text in _labels(axis, places)))


def horizontal_ticks(axis: Axis, style: Style, width: float) -> Ticks:
    """Ticks whose labels have room beside one another; names too wide for their place stand upright."""
    if axis.hidden:
        return Ticks((), ())
    span = abs(axis.domain[1] - axis.domain[0]) or 1.0
    if axis.kind == "category":
        labels = _labels(axis, axis.ticks)
        room = width / span - 4
        if any(style.width(text, SMALL) > room for text in labels):
            stride = -(-len(labels) * 11 // max(int(width), 1))
            kept = tuple(style.shortened(text, SMALL, 90) for text in labels[::stride])
            return Ticks(axis.ticks[::stride], kept, upright=True)
        return Ticks(axis.ticks, labels)
    places, labels = _places(axis, 1)[:1], _labels(axis, _places(axis, 1)[:1])
    for count in range(max(2, round(width / 62)), 0, -1):
        places = _places(axis, count)
        labels = _labels(axis, places)
        if axis.ticks:
            stride = -(-len(places) // max(count, 1)) if not _fits(places, labels, style, width / span) else 1
            places, labels = places[::stride], labels[::stride]
        if axis.kind == "log" or _fits(places, labels, style, width / span):
            return Ticks(places, labels)
    return Ticks(places[:1], labels[:1])


def _fits(places: tuple[float, ...], labels: tuple[str, ...], style: Style, scale: float) -> bool:
    wide = [style.width(text, SMALL) for text in labels]
    return all((b - a) * scale >= (u + v) / 2 + 8 for a, b, u, v in zip(places, places[1:], wide, wide[1:], strict=False))


def roomy(panel: Panel, style: Style, width: float) -> Axis:
    """The panel's x axis, widened until the texts of its marks fit into ``width`` points."""
    axis, _ = axes_of(panel)
    texts = [mark for mark in panel.marks if isinstance(mark, Text)]
    if axis.kind != "linear" or axis.hidden or panel.equal:
        return axis
    low, high = axis.domain
    for _ in range(4):  # widening moves the texts a little, so that it is done again
        scale = width / (high - low)
        under = over = 0.0
        for mark in texts:
            wide = style.width(mark.text, SMALL) + 3
            before = {"start": 0.0, "middle": wide / 2, "end": wide}[mark.anchor]
            under = max(under, before - (mark.x - low) * scale)
            over = max(over, (mark.x - high) * scale + wide - before)
        low, high = low - under / scale, high + over / scale
    return replace(axis, domain=(low, high))


def fill(axes: Axes, planned: PanelPlan, style: Style) -> None:
    """Marks, axes, grid and, where the picture was refused, the hatching."""
    panel = planned.panel
    x, y = axes_of(panel)
    for mark in panel.marks:
        draw_mark(axes, mark, style)
    for axis, ticks, native, lim in ((x, planned.x, axes.xaxis, axes.set_xlim), (y, planned.y, axes.yaxis, axes.set_ylim)):
        if axis.kind == "log":
            (axes.set_xscale if native is axes.xaxis else axes.set_yscale)("log")
        lim(*(axis.domain[::-1] if axis.reverse else axis.domain))
        native.set_ticks(list(ticks.places), labels=list(ticks.labels))
        native.set_ticks([], minor=True)
    _dress(axes, panel, planned, style)
    if panel.hatched:
        hatch(axes, panel.marks, style)


def _dress(axes: Axes, panel: Panel, planned: PanelPlan, style: Style) -> None:
    """Quiet axes: no frame, faint grid lines across the values only, no tick marks."""
    x, y = axes_of(panel)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, pad=TICK - 2, labelrotation=0, top=False, right=False, labeltop=False, labelright=False)
    for axis, native in ((x, axes.xaxis), (y, axes.yaxis)):
        lines = axis.kind != "category" and not axis.hidden
        native.grid(visible=False)
        if lines:
            native.grid(visible=True, color=style.color("line"), linewidth=0.7, linestyle="-", alpha=1.0)
        for text in native.get_ticklabels():
            text.set_fontproperties(style.font(SMALL))
            text.set_color(style.color("ink" if axis.kind == "category" else "muted"))
            text.set_parse_math(False)
    if planned.x.upright:
        for text in axes.xaxis.get_ticklabels():
            text.set_rotation(90)
