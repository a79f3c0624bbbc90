"""Lines of code with notes, in the terminal: side by side where it is wide enough, else the notes under their line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from pellucid.scenes import Panel

BESIDE = 130  # columns from which notes stand beside their line
STYLE = "ansi_dark"  # the terminal's own colors
NOTE = "cyan"


def listing(panel: Panel, width: int) -> RenderableType:
    """A panel whose table holds code: ``line, code, note, ...``."""
    code = panel.table.code[0]
    made = _beside(panel, code) if width >= BESIDE else Group(*_under(panel, code))
    return Group(Text(panel.title, style="bold"), Text(panel.subtitle, style="dim"), made, Text(""))


def _beside(panel: Panel, code: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(panel.table.columns):
        table.add_column(name, justify="right" if place < code else "left", no_wrap=place <= code, overflow="fold")
    for row in panel.table.rows:
        cells = [str(cell) for cell in row]
        table.add_row(*(_cell(text, place, code) for place, text in enumerate(cells)))
    return table


def _cell(text: str, place: int, code: int) -> Text:
    return highlighted(text) if place == code else Text(text, style="dim" if place < code else NOTE)


def _under(panel: Panel, code: int) -> Iterator[RenderableType]:
    indent = 0
    for row in panel.table.rows:
        cells = [str(cell) for cell in row]
        if cells[0]:
            yield Text.assemble((f"{cells[0]:>5} ", "dim"), highlighted(cells[code]))
            indent = 10 + len(cells[code]) - len(cells[code].lstrip())
        for text in cells[code + 1 :]:
            if text:
                yield Padding(Text(text, style=NOTE), (0, 0, 0, indent))


def highlighted(text: str) -> Text:
    """One line of Python in colors."""
    found = Syntax("", "python", theme=STYLE, background_color="default").highlight(text)
    found.rstrip()
    return found
