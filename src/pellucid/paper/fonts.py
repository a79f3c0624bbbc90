"""Which installed fonts a picture is set in, Chinese included."""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties

LATIN = ("Inter", "Source Sans 3", "Helvetica Neue", "Arial", "Liberation Sans")
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
CODE = "DejaVu Sans Mono"  # ships with matplotlib too
SYMBOLS = "DejaVu Sans"  # ships with matplotlib and has the verdicts' symbols
# file names under which those families are found when matplotlib's font list is older than the font
FILES = re.compile(r"(notosans(cjk|sc)|sourcehansans|pingfang|hiragino|msyh|simhei|wqy|droidsansfallback)", re.IGNORECASE)
HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def families(texts: list[str]) -> tuple[str, ...]:
    """Font families for these texts, in the order in which a glyph is looked for.

    Warns, naming fonts to install, where Chinese text has no font.
    """
    chinese = chinese_family()
    if chinese is None and any(HAN.search(text) for text in texts):
        warnings.warn(
            "No font with Chinese characters is installed, so they are drawn as boxes. Install one of: "
            f"{', '.join(CHINESE[:3])} (Debian: fonts-noto-cjk or fonts-wqy-zenhei).",
            stacklevel=2,
        )
    latin = next((name for name in LATIN if name in _installed()), None)
    return tuple(name for name in (latin, SYMBOLS if latin is None else None, chinese, SYMBOLS) if name)


@cache
def chinese_family() -> str | None:
    """The first installed family with Chinese characters, or None."""
    found = next((name for name in CHINESE if name in _installed()), None)
    if found:
        return found
    for path in font_manager.findSystemFonts():
        if FILES.search(Path(path).name):
            font_manager.fontManager.addfont(path)
    names = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CHINESE if name in names), None)


@cache
def lacks_bold(family: str) -> bool:
    """Whether no bold face of this family is installed."""
    return not any(
        f.name == family and (f.weight == "bold" or (str(f.weight).isdigit() and int(f.weight) >= 600))
        for f in font_manager.fontManager.ttflist
    )


@cache
def font(names: tuple[str, ...], size: float, bold: bool) -> FontProperties:
    """The font of these families at this size in points."""
    chosen = FontProperties(family=list(names), size=size, weight="bold" if bold else "normal")
    log = logging.getLogger("matplotlib.font_manager")
    # matplotlib warns for every family without this weight, but only when it looks a font up for the first time: it does so here
    log.addFilter(_not_a_weight)
    try:
        for name in names:
            one = chosen.copy()
            one.set_family(name)
            font_manager.findfont(one, fallback_to_default=False)
    finally:
        log.removeFilter(_not_a_weight)
    return chosen


def _not_a_weight(record: logging.LogRecord) -> bool:
    return "font weight" not in record.getMessage()


@cache
def _installed() -> frozenset[str]:
    return frozenset(font.name for font in font_manager.fontManager.ttflist)
