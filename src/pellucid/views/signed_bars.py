"""Horizontal bars of signed values: the panel that features, tokens and elements share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.scenes import Axis, Bars, LegendEntry, Line, Mark, Panel, Table, Text
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.words import Language, words
from pellucid.views.entries import Entry

ROOM = 0.2  # of the values' span, kept free for the number at a bar's end
GAP = 0.012  # of the span, between a bar and its number


@dataclass(frozen=True)
class Captions:
    """The texts around a chart of bars; ``signs`` are the words for what a positive and a negative value mean, if a sign means anything."""

    id: str
    title: str
    subtitle: str
    axis: str
    summary: str
    signs: tuple[str, ...] = ("raises", "lowers")


def signed_bars(entries: list[Entry], captions: Captions, table: Table, language: Language, *, hatched: bool = False) -> Panel:
    """One bar per entry, first on top, with its number and sign at the end and whiskers where errors are known."""
    values = np.array([e.value for e in entries], float)
    values = np.where(np.isfinite(values), values, 0.0)  # no bar; the text beside it says what it is
    errors = np.array([e.error for e in entries], float)
    low, high = values - np.nan_to_num(errors), values + np.nan_to_num(errors)
    bottom, top = min(0.0, float(low.min(initial=0))), max(0.0, float(high.max(initial=0)))
    span = (top - bottom) or 1.0
    domain = (bottom - (ROOM if bottom < 0 else 0.02) * span, top + (ROOM if top > 0 else 0.02) * span)
    marks: list[Mark] = [_bars(entries, values, errors, captions.axis)]
    marks.append(Line("", np.zeros(2), np.array([-0.5, len(entries) - 0.5]), "muted"))
    for at, entry in enumerate(entries):
        left = values[at] < 0
        end = low[at] - GAP * span if left else high[at] + GAP * span
        said = signed(entry.value) if captions.signs else number(entry.value)
        marks.append(Text(float(end), float(at), said, "end" if left else "start"))
    return Panel(
        captions.id,
        captions.title,
        captions.summary,
        table,
        tuple(marks),
        x=Axis(captions.axis, domain),
        y=category_axis([e.label for e in entries]),
        subtitle=captions.subtitle,
        legend=sign_legend(values, captions.signs, language),
        hatched=hatched,
    )


def _bars(entries: list[Entry], values: np.ndarray, errors: np.ndarray, name: str) -> Bars:
    whiskers = bool(np.any(np.nan_to_num(errors) > 0))
    return Bars(
        name,
        np.arange(len(entries), dtype=float),
        np.zeros(len(entries)),
        values,
        tuple(sign_role(v) for v in values),
        tuple(e.label for e in entries),
        low=values - errors if whiskers else None,
        high=values + errors if whiskers else None,
        thickness=0.72,
    )


def sign_role(value: float) -> str:
    """The color role of a value's sign; warm is positive."""
    return "negative" if value < 0 else "positive"


def sign_legend(values: np.ndarray, signs: tuple[str, ...], language: Language) -> tuple[LegendEntry, ...]:
    """What the two colors mean in these words, for the signs that occur; nothing where a sign means nothing."""
    if not signs:
        return ()
    both = tuple(LegendEntry(words(language)[word], role) for word, role in zip(signs, ("positive", "negative"), strict=True))
    kept = tuple(e for e, there in zip(both, (np.any(values > 0), np.any(values < 0)), strict=True) if there)
    return kept or both


def category_axis(labels: list[str], label: str = "") -> Axis:
    """An axis of named places, the first at the top."""
    return Axis(label, (-0.5, len(labels) - 0.5), tuple(float(i) for i in range(len(labels))), tuple(labels), "category", reverse=True)
