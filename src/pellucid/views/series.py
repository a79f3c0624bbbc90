# ruff: noqa: RUF001 (an en dash between numbers is meant)
"""A signal along time with its attributions under it."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation, LabelledArray
from pellucid.scenes import Axis, Bars, Line, Panel, Scene, Table
from pellucid.scenes.numbers import signed
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import Entry, cell, entry_summary
from pellucid.views.framing import framed
from pellucid.views.reading import first_sample, is_refused, one_row, reduced, shown_input, sign_words, summed_note, value_label
from pellucid.views.signed_bars import sign_legend, sign_role

MOST_BARS = 160
MOST_CHANNELS = 3


def series(explanation: Explanation, *, row: int = 0, language: Language = "en") -> Scene:
    """The signal (sample, time[, feature]) of one row and, under it, its attributions; the strongest channels of several."""
    one = one_row(explanation, row)
    return framed(one, series_panels(one, 0, language), language)


def series_panels(explanation: Explanation, index: int, language: Language) -> tuple[Panel, ...]:
    """A signal panel and an attribution panel per channel shown."""
    found, gone = reduced(explanation.arrays[index], ("time", "feature"))
    values = found.values if found.values.ndim == 2 else found.values[:, None]
    names = found.coordinates.get("feature") or tuple("" if values.shape[1] == 1 else str(i) for i in range(values.shape[1]))
    order = np.argsort(-np.abs(np.nan_to_num(values)).sum(axis=0), kind="stable")[:MOST_CHANNELS]
    say = words(language)
    counted = say["series.channels"].format(shown=len(order), count=values.shape[1]) if values.shape[1] > len(order) else ""
    note = joined([counted, summed_note(gone, language)], language)
    signal = _signal(explanation, index, len(values))
    panels: list[Panel] = []
    for channel in order:
        tag = f"{index}_{channel}"
        if signal is not None and channel < signal.shape[1]:
            panels.append(_signal_panel(tag, signal[:, channel], names[channel], language))
        panels.append(_bar_panel(explanation, tag, (names[channel], values[:, channel]), note, language))
    return tuple(panels)


def _signal(explanation: Explanation, index: int, steps: int) -> np.ndarray | None:
    shown = shown_input(explanation, index)
    if shown is None or "time" not in shown.data.axes:
        return None
    array: LabelledArray = first_sample(shown.data)
    values = np.moveaxis(np.asarray(array.values, float), array.axes.index("time"), 0).reshape(
        array.values.shape[array.axes.index("time")], -1
    )
    return values if len(values) == steps else None


def _time_axis(steps: int, language: Language) -> Axis:
    return Axis(words(language)["time"], (-0.5, steps - 0.5))


def _signal_panel(tag: str, signal: np.ndarray, name: str, language: Language) -> Panel:
    say = words(language)
    entries = [Entry(f"{say['time']} {i}", float(v)) for i, v in enumerate(signal)]
    return Panel(
        f"signal{tag}",
        say["series.signal"].format(name=name).strip(),
        entry_summary(entries, "bars.summary", language),
        Table((say["time"], say["signal"]), tuple((float(i), cell(v)) for i, v in enumerate(signal))),
        (Line(name or say["signal"], np.arange(len(signal), dtype=float), signal),),
        x=Axis("", (-0.5, len(signal) - 0.5)),  # named once, under the attributions
        y=Axis("", padded(float(np.nanmin(signal)), float(np.nanmax(signal)), 0.08)),
    )


def _bar_panel(explanation: Explanation, tag: str, channel: tuple[str, np.ndarray], note: str, language: Language) -> Panel:
    say = words(language)
    name, values = channel
    width = -(-len(values) // MOST_BARS)
    starts = np.arange(0, len(values), width)
    sums = np.add.reduceat(np.nan_to_num(values), starts)
    stops = np.minimum(starts + width, len(values)) - 1
    labels = tuple(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(starts, stops, strict=True))
    best = int(np.argmax(np.abs(sums)))
    finding = say["series.finding"].format(start=starts[best], stop=stops[best], value=signed(float(sums[best])))
    refused = is_refused(explanation)
    title = say["series.attribution"] if refused or width == 1 else finding
    bars = Bars(
        value_label(explanation, language),
        (starts + stops) / 2,
        np.zeros(len(sums)),
        sums,
        tuple(sign_role(v) for v in sums),
        labels,
        horizontal=False,
        thickness=0.9 * width,
    )
    return Panel(
        f"series{tag}",
        f"{title} {name}".strip() if title == say["series.attribution"] else title,
        entry_summary([Entry(f"{say['time']} {label}", float(v)) for label, v in zip(labels, sums, strict=True)], "bars.summary", language),
        Table((say["time"], say["attribution"]), tuple((label, float(v)) for label, v in zip(labels, sums, strict=True))),
        (bars, Line("", np.array([-0.5, len(values) - 0.5]), np.zeros(2), "muted")),
        x=_time_axis(len(values), language),
        y=Axis(value_label(explanation, language), padded(min(0.0, float(sums.min())), max(0.0, float(sums.max())), 0.08)),
        subtitle=joined([say["series.binned"].format(width=width) if width > 1 else "", note], language),
        legend=sign_legend(sums, sign_words(explanation), language),
        hatched=refused,
    )
