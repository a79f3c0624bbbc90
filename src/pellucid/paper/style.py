# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""How a page looks: colors of a theme, fonts, sizes in points; and how wide text is in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from pellucid.paper.fonts import CODE, HAN, chinese_family, font, lacks_bold
from pellucid.scenes.palette import ROLES, Theme

MARGIN = 22.0
GAP = 22.0  # between panels
TITLE, SUBTITLE, HEADING, SMALL, NOTE = 15.0, 10.0, 11.0, 9.0, 8.5
LEADING = 1.36  # line height over font size
ELLIPSIS = "…"
HINTING = 1.06  # text is this much wider at worst (90 to 300 dots per inch) when matplotlib rounds glyphs to whole pixels
_OVERSAMPLED = 4  # text is measured this much larger, so that the rounding hardly matters


@dataclass(frozen=True)
class Style:
    """A theme and the font families in use."""

    theme: Theme
    families: tuple[str, ...]

    def color(self, role: str) -> str:
        """The color of a role in this theme."""
        return ROLES[role][self.theme]

    def font(self, size: float, *, bold: bool = False) -> FontProperties:
        """The font at this size in points."""
        return font(self.families, size, bold)

    @property
    def code(self) -> Style:
        """The same with letters of one width, for lines of code."""
        return replace(self, families=(CODE, *self.families))

    def smears(self, text: str) -> bool:
        """Whether bold has to be feigned by outlining: Chinese text, but no bold Chinese font. A line half bold looks worse."""
        chinese = chinese_family()
        return chinese is not None and lacks_bold(chinese) and HAN.search(text) is not None

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """How wide ``text`` is, in points."""
        return _width(text, size, bold, self.families)

    def shortened(self, text: str, size: float, width: float, *, bold: bool = False) -> str:
        """``text`` cut with an ellipsis to fit ``width``; what follows the last `` = `` is kept if it can be."""
        if self.width(text, size, bold=bold) <= width:
            return text
        head, separator, tail = text.rpartition(" = ")
        if separator and self.width(f"{ELLIPSIS}{separator}{tail}", size, bold=bold) < 0.75 * width:
            return self._cut(head, separator + tail, size, width, bold)
        return self._cut(text, "", size, width, bold)

    def _cut(self, head: str, tail: str, size: float, width: float, bold: bool) -> str:
        low, high = 0, len(head)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(head[:middle].rstrip() + ELLIPSIS + tail, size, bold=bold) <= width:
                low = middle
            else:
                high = middle - 1
        return head[:low].rstrip() + ELLIPSIS + tail

    def wrapped(self, text: str, size: float, width: float, *, bold: bool = False, most: int = 99) -> list[str]:
        """``text`` in lines no wider than ``width``, broken at spaces and between Chinese characters; beyond ``most`` lines, cut."""
        lines: list[str] = []
        line = ""
        for word in _words(text):
            if not line or self.width((line + word).rstrip(), size, bold=bold) <= width:
                line += word
            else:
                lines.append(line.rstrip())
                line = word
        lines.append(line.rstrip())
        if len(lines) > most:
            lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
        return [self.shortened(entry, size, width, bold=bold) for entry in lines if entry]


# a Chinese character or a word, with the punctuation that must not begin a line after it or end a line before it; a space that does not
# break is part of a word
_CHINESE, _OPENS, _CLOSES = r"\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff", "（《“", "，。；：！？、）》”％"
_LETTER, _WORD = rf"[{_CHINESE}](?:,\u00a0[^ \t\n]*)?", rf"[^ \t\n{_CHINESE}{_OPENS}{_CLOSES}]+"
_PIECES = re.compile(
    rf"[{_OPENS}(]*(?:{_LETTER}|{_WORD})[{_CLOSES}…]*[ \t\n]*|[{_OPENS}{_CLOSES}]+[ \t\n]*|[ \t\n]+",
)


def _words(text: str) -> list[str]:
    return _PIECES.findall(text)


@lru_cache(maxsize=1)
def _ruler() -> RendererAgg:
    return RendererAgg(8, 8, 72 * _OVERSAMPLED)


@lru_cache(maxsize=20_000)
def _width(text: str, size: float, bold: bool, families: tuple[str, ...]) -> float:
    return _ruler().get_text_width_height_descent(text, font(families, size, bold), ismath=False)[0] / _OVERSAMPLED * HINTING
