# ruff: noqa: RUF001, RUF002 (the real minus sign is meant)
"""Numbers as text, the same in every picture: few digits, a real minus sign, no rounding to zero."""

from __future__ import annotations

import math

MINUS = "−"


def number(value: float, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits (whole digits are never cut): ``0.0123``, ``17.9``, ``2019``, ``1.2e−5``."""
    value = float(value)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{max(0, digits - 1 - _exponent(value, digits))}f}"
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """As :func:`number`, with a plus sign before positive values."""
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def short(value: float) -> str:
    """Three digits with the SI prefix: ``770 M``, ``1.28 M``, ``48``."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{number(value / size)}\u00a0{prefix}"
    return number(value)


def percent(share: float, language: str = "en", digits: int = 3) -> str:
    """A share as percent: ``99.8 %`` (``99.8%`` in Chinese); what is not quite 0 or 1 is not rounded to it."""
    if not math.isfinite(share):
        return "–"
    exact = 100 * share
    decimals = 0 if share in (0, 1) else max(0, min(2, digits - 1 - _exponent(exact, digits)))
    while exact < 100 and decimals < 2 and float(f"{exact:.{decimals}f}") >= 100:
        decimals += 1
    text = f"{exact:.{decimals}f}"
    if share < 1 and float(text) >= 100:
        text = ">99.99"
    if share > 0 and float(text.lstrip(">")) == 0:
        text = "<0.01"
    return f"{text}%" if language == "zh-CN" else f"{text}\u00a0%"


def _exponent(value: float, digits: int) -> int:
    """The power of ten of ``value`` once it is rounded to ``digits`` (0.9996 counts as 1.00)."""
    return int(f"{value:.{digits - 1}e}".split("e")[1])
