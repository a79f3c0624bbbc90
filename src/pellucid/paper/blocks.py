# ruff: noqa: RUF001 (signs and dashes of set text are meant)
"""Blocks of known height, measured first and drawn later: wrapped text, the verdict, legends, color bars, tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.paper.fonts import HAN
from pellucid.paper.sheet import Sheet
from pellucid.paper.style import LEADING, SMALL, SUBTITLE, Style
from pellucid.scenes import Badge, ColorScale, LegendEntry, Table
from pellucid.scenes.palette import colorize
from pellucid.scenes.ticks import tick_texts

SYMBOLS = {"supported": "✓", "weak": "~", "refused": "✕", "unchecked": "?"}
ROWS_SHOWN = 60


@dataclass(frozen=True)
class Block:
    """Something ``height`` points high; ``draw(sheet, left, top)`` puts it on a sheet."""

    height: float
    draw: Callable[[Sheet, float, float], None]


def stack(blocks: list[Block], gap: float = 0.0) -> Block:
    """Blocks under one another; those without height are left out."""
    kept = [block for block in blocks if block.height > 0]

    def draw(sheet: Sheet, left: float, top: float) -> None:
        for block in kept:
            block.draw(sheet, left, top)
            top += block.height + gap

    return Block(sum(b.height for b in kept) + gap * max(0, len(kept) - 1), draw)


def paragraph(text: str, style: Style, width: float, size: float, *, role: str = "ink", bold: bool = False, most: int = 99) -> Block:
    """Text in lines no wider than ``width``; no text, no height."""
    lines = style.wrapped(text, size, width, bold=bold, most=most) if text else []

    def draw(sheet: Sheet, left: float, top: float) -> None:
        for i, line in enumerate(lines):
            sheet.text(left, top + i * size * LEADING, line, size, role=role, bold=bold)

    return Block(len(lines) * size * LEADING, draw)


def verdict(badge: Badge | None, style: Style, width: float) -> Block:
    """The verdict's symbol and word in a pill, its reasons beside it or, where they are long, below."""
    if badge is None:
        return Block(0, lambda *_: None)
    label = f"{SYMBOLS[badge.level]} {badge.label}"
    pill = style.width(label, SUBTITLE, bold=True) + 18
    height = SUBTITLE * LEADING + 5
    reasons = ("；" if any(HAN.search(reason) for reason in badge.reasons) else "; ").join(badge.reasons)
    beside = bool(reasons) and pill + 10 + style.width(reasons, SMALL) <= width
    below = Block(0, lambda *_: None) if beside else stack([paragraph(reason, style, width, SMALL, role="ink") for reason in badge.reasons])

    def draw(sheet: Sheet, left: float, top: float) -> None:
        sheet.pill(left + 0.6, top, pill, height, role=badge.level)
        sheet.text(left + 0.6 + pill / 2, top + 2.2, label, SUBTITLE, role=badge.level, bold=True, align="center")
        if beside:
            sheet.text(left + pill + 10, top + 3.6, reasons, SMALL)
        below.draw(sheet, left, top + height + 5)

    return Block(height + (below.height + 5 if below.height else 0), draw)


def legend(entries: tuple[LegendEntry, ...], style: Style, width: float) -> Block:
    """Swatches with labels, in as many lines as they need."""
    places: list[tuple[float, float, LegendEntry, str]] = []
    x = y = 0.0
    for entry in entries:
        label = style.shortened(entry.label, SMALL, width - 22)
        wide = 20 + style.width(label, SMALL)
        if x and x + wide > width:
            x, y = 0.0, y + SMALL * LEADING + 2
        places.append((x, y, entry, label))
        x += wide + 14

    def draw(sheet: Sheet, left: float, top: float) -> None:
        for dx, dy, entry, label in places:
            _swatch(sheet, left + dx, top + dy, entry)
            sheet.text(left + dx + 19, top + dy, label, SMALL)

    return Block(y + SMALL * LEADING + 2 if entries else 0, draw)


def _swatch(sheet: Sheet, x: float, top: float, entry: LegendEntry) -> None:
    middle = top + 0.68 * SMALL
    if entry.shape == "square":
        sheet.square(x + 3, middle - 4.5, 9, role=entry.color, alpha=0.4 if entry.color == "random" else 1.0)
    elif entry.shape == "point":
        sheet.dot(x + 7.5, middle, 6.5, role=entry.color)
    else:
        sheet.line(x, middle, x + 15, middle, role=entry.color, width=1.8, dashed=entry.shape == "dashed")


def color_bar(scale: ColorScale | None, style: Style, width: float) -> Block:
    """The colors of a scale with its ends, its middle if it is signed, and what it means."""
    if scale is None:
        return Block(0, lambda *_: None)
    low, high = scale.domain
    ticks = (low, 0.0, high) if scale.kind == "diverging" else (low, high)
    texts = _end_texts(ticks)
    label = paragraph(scale.label, style, width, NOTE_SIZE, role="muted")

    def draw(sheet: Sheet, left: float, top: float) -> None:
        axes = sheet.axes(left, top, width, 8)
        axes.imshow(
            colorize(np.linspace(low, high, 256)[None], scale.kind, scale.domain, sheet.style.theme), aspect="auto", extent=(0, 1, 0, 1)
        )
        axes.set_axis_off()
        for tick, text in zip(ticks, texts, strict=True):
            part = (tick - low) / (high - low)
            align = "left" if part == 0 else "right" if part == 1 else "center"
            sheet.text(left + part * width, top + 9, text, SMALL, role="muted", align=align)
        label.draw(sheet, left, top + 9 + SMALL * LEADING + 1)

    return Block(9 + SMALL * LEADING + 1 + label.height, draw)


NOTE_SIZE = 8.5


def _end_texts(ticks: tuple[float, ...]) -> tuple[str, ...]:
    from pellucid.scenes.numbers import number, signed

    return tuple(signed(t) for t in ticks) if len(ticks) == 3 else tuple(number(t) for t in ticks)


def table(data: Table, style: Style, width: float) -> Block:
    """A set table: a line under the head, numbers to the right, columns no wider than they need or than there is room.

    What does not fit into a cell goes on in a line below.
    """
    _, rows, widths = set_in(data, style, width)
    right = [bool(rows) and all(_NUMERIC.fullmatch(row[i]) for row in rows) for i in range(len(widths))]
    across = sum(widths) + COLUMN_GAP * (len(widths) - 1)
    cells = [[_lines(cell, i, data, style, widths[i]) for i, cell in enumerate(row)] for row in ([list(data.columns), *rows])]
    heights = [SMALL * LEADING * max(1, *map(len, row)) + 6 for row in cells]

    def draw(sheet: Sheet, left: float, top: float) -> None:
        for y, (row, height) in enumerate(zip(cells, heights, strict=True)):
            x, role = left, "muted" if y == 0 else "ink"
            for i, (lines, wide, flush) in enumerate(zip(row, widths, right, strict=True)):
                place, code = x + (wide if flush else 0), y > 0 and i in data.code
                for down, text in enumerate(lines):
                    line_top = top + 2 + down * SMALL * LEADING
                    sheet.text(place, line_top, text, SMALL, role=role, align="right" if flush else "left", code=code)
                x += wide + COLUMN_GAP
            top += height
            sheet.line(left, top - 1, left + across, top - 1, role="muted" if y == 0 else "line", width=0.7)

    return Block(sum(heights), draw)


def _lines(cell: str, column: int, data: Table, style: Style, wide: float) -> list[str]:
    """A cell in as many lines as it needs; the indent of code is kept."""
    if column not in data.code:
        return style.wrapped(cell, SMALL, wide, most=LINES) if cell else [""]
    return _code_lines(cell, style.code, wide)


def _code_lines(line: str, style: Style, wide: float) -> list[str]:
    """A line of code, broken where its words and brackets allow it; what goes on is indented further."""
    found, rest, indent = list[str](), line, line[: len(line) - len(line.lstrip())] + "  "
    while style.width(rest, SMALL) > wide and len(found) < LINES and len(indent) < len(rest):
        fits = next(end for end in range(len(rest) - 1, 0, -1) if style.width(rest[:end], SMALL) <= wide or end == len(indent) + 1)
        place = max(rest.rfind(letter, len(indent), fits) for letter in _CODE_BREAKS) + 1 or fits
        found.append(rest[:place].rstrip())
        rest = indent + rest[place:].lstrip()
    return [*found, rest]


def set_in(data: Table, style: Style, width: float) -> tuple[tuple[str, ...], list[list[str]], list[float]]:
    """Columns, the cells of at most ``ROWS_SHOWN`` rows as text, and column widths that fit into ``width``."""
    rows = [[_cell(value) for value in row] for row in data.rows[:ROWS_SHOWN]]
    if len(data.rows) > ROWS_SHOWN:
        rows.append([f"… +{len(data.rows) - ROWS_SHOWN}", *[""] * (len(data.columns) - 1)])
    return data.columns, rows, _column_widths(data, rows, style, width)


COLUMN_GAP = 14.0
LINES = 18  # that a cell may take
_CODE_BREAKS = " (,.["  # after these a line of code may be broken
CODE_PART = 0.38  # of a table's room that code may take
_NUMERIC = re.compile(r"[−+-]?[\d,.]+(e[−-]?\d+)?( ?%)?|–|")


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else tick_texts((value,))[0]


def _column_widths(data: Table, rows: list[list[str]], style: Style, width: float) -> list[float]:
    """Natural widths; where they do not fit, the widest columns give way first, code to less than half of the room at once."""
    widths = [
        max(set_as.width(text, SMALL) for text in (column, *(row[i] for row in rows))) + 1
        for i, column in enumerate(data.columns)
        for set_as in (style.code if i in data.code else style,)
    ]
    room = width - COLUMN_GAP * (len(widths) - 1)
    if data.code and sum(widths) > room:
        kept = {i: min(widths[i], CODE_PART * room) for i in data.code}
        others = iter(_narrowed([w for i, w in enumerate(widths) if i not in kept], room - sum(kept.values())))
        return [kept[i] if i in kept else next(others) for i in range(len(widths))]
    return _narrowed(widths, room)


def _narrowed(widths: list[float], room: float) -> list[float]:
    while sum(widths) > room:
        widest = max(widths)
        second = max((w for w in widths if w < widest), default=0.0)
        count = widths.count(widest)
        cut = max(second, widest - (sum(widths) - room) / count)
        widths = [cut if w == widest else w for w in widths]
    return widths
