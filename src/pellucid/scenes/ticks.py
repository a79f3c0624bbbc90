"""Round numbers along an axis."""

from __future__ import annotations

import math
import re

import numpy as np

from pellucid.scenes.numbers import MINUS


def round_ticks(domain: tuple[float, float], count: int = 5) -> tuple[float, ...]:
    """About ``count`` multiples of 1, 2 or 5 times a power of ten inside the domain."""
    low, high = min(domain), max(domain)
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return (low,) if math.isfinite(low) else ()
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((power * m for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / rough)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))


def decade_ticks(domain: tuple[float, float], count: int = 5) -> tuple[float, ...]:
    """Powers of ten inside a positive domain, thinned to ``count``; the domain's ends where it holds none."""
    low, high = min(domain), max(domain)
    exponents = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if not exponents:
        return (low, high)
    stride = -(-len(exponents) // max(count, 1))
    return tuple(10.0**e for e in exponents[::stride])


def tick_texts(ticks: tuple[float, ...]) -> tuple[str, ...]:
    """Labels with as many decimals as are needed to tell the ticks apart."""
    if not ticks:
        return ()
    largest = max(abs(t) for t in ticks)
    steps = np.diff(ticks)
    step = float(np.min(np.abs(steps))) if len(steps) else largest or 1.0
    if largest >= 1e6 or (0 < largest < 1e-3):
        digits = max(1, math.floor(math.log10(largest)) - math.floor(math.log10(step)) + 1) if len(ticks) > 1 else 3
        texts = ["0" if t == 0 else re.sub(r"e\+?(-?)0*", r"e\1", f"{t:.{digits}g}") for t in ticks]
    else:
        decimals = next((d for d in range(12) if abs(round(step, d) - step) <= 1e-6 * step), 12)
        texts = [f"{t + 0.0:.{decimals}f}" for t in ticks]
    return tuple(text.replace("-", MINUS) for text in texts)


def padded(low: float, high: float, part: float = 0.05) -> tuple[float, float]:
    """The interval with ``part`` of its length added at both ends; a point becomes an interval around it."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return (0.0, 1.0)
    room = (high - low) * part or abs(high) * 0.1 or 1.0
    return (low - room, high + room)
