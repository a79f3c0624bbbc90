"""What pairs of features bring about together, as a signed matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, ColorScale, Image, Panel, Scene, Table, Text
from pellucid.scenes.numbers import signed
from pellucid.scenes.words import Language, joined, spaced, words
from pellucid.views.entries import CONFIDENCE_95, cell
from pellucid.views.framing import baseline_name
from pellucid.views.many_rows import TOP

READABLE = 7  # features up to which the numbers stand in the cells


def interaction_matrix(found: Any, *, row: int | None = None, language: Language = "en", top: int = TOP) -> Scene:  # noqa: ANN401 (PairInteractions)
    """The interactions of one row, or their mean over rows, among the features that interact most; the diagonal is empty.

    Features are ordered by the summed size of their interactions, over rows. A mean over rows can be small because rows differ in sign:
    the table has the mean size beside it.

    Raises:
        InputError: there is no such row.
    """
    count = len(found.values)
    if row is not None and not 0 <= row < count:
        raise InputError("There is no such row", received=f"row {row} of {count}", remedy=f"choose a row from 0 to {count - 1}")
    say = words(language)
    whose = say["interaction.row"].format(row=row + 1) if row is not None else say["interaction.mean"].format(count=count)
    target = found.target[row or 0] if row is not None or len(set(found.target)) == 1 else ""
    title = say["interaction.title"].format(target=target) if target else say["interaction.titles"]
    panel = _panel(found, row, language, top)
    note = say["note.baseline_plain"].format(baseline=baseline_name(found.compared, language))
    return Scene(title, (panel,), joined([title, panel.summary], language), subtitle=whose, notes=(note,), language=language)


def _panel(found: Any, row: int | None, language: Language, top: int) -> Panel:  # noqa: ANN401
    say = words(language)
    values = found.values[row] if row is not None else found.values.mean(0)
    sizes = np.abs(found.values[row]) if row is not None else np.abs(found.values).mean(0)
    order = np.argsort(-sizes.sum(0), kind="stable")[:top]
    names = [found.names[k] for k in order]
    shown = np.where(np.eye(len(order), dtype=bool), np.nan, values[np.ix_(order, order)])
    limit = float(np.nanmax(np.abs(shown), initial=0.0)) or 1.0
    stretch = 2.0 if len(order) <= READABLE else 1.0  # the pale half, on which numbers are readable
    label = spaced(say["interaction.scale"].format(scale=say[f"scale.{found.scale}"]))
    scale = ColorScale("diverging", (-stretch * limit, stretch * limit), label)
    first, second = np.triu_indices(len(found.names), 1)
    strongest = int(np.argmax(np.abs(values[first, second])))
    a, b = first[strongest], second[strongest]
    said = {"a": found.names[a], "b": found.names[b], "value": signed(float(values[a, b])), "count": len(first)}
    places = tuple(float(k) for k in range(len(order)))
    ends = (-0.5, len(order) - 0.5)
    numbers = [
        Text(float(j), float(i), signed(float(shown[i, j]), 2), "middle")
        for i in range(len(order)) for j in range(len(order)) if i != j and len(order) <= READABLE
    ]  # fmt: skip
    counted = say["bars.all" if len(order) == len(found.names) else "bars.some"].format(shown=len(order), count=len(found.names))
    errors = found.errors[row] if row is not None else found.errors.mean(0)  # rows share their coalitions: their errors do not cancel
    sampled = say["interaction.error"].format(error=signed(CONFIDENCE_95 * float(errors.max())).lstrip("+")) if errors.any() else ""
    return Panel(
        "interactions",
        say["interaction.finding"].format(**said) if values[a, b] else say["interaction.none"],
        say["interaction.summary"].format(**said),
        _table(found, values, sizes, language),
        (Image(label, (*ends, *ends), values=shown.astype(np.float32), scale=scale), *numbers),
        x=Axis("", ends, places, tuple(str(k + 1) for k in range(len(order))), "category"),
        y=Axis("", ends, places, tuple(f"{k + 1} {name}" for k, name in enumerate(names)), "category", reverse=True),
        subtitle=joined([counted, sampled], language),
        scale=scale,
        equal=True,
    )


def _table(found: Any, values: np.ndarray, sizes: np.ndarray, language: Language) -> Table:  # noqa: ANN401
    """Every pair, the largest mean size first."""
    say = words(language)
    first, second = np.triu_indices(len(found.names), 1)
    order = np.argsort(-sizes[first, second], kind="stable")
    rows = tuple(
        (found.names[first[k]], found.names[second[k]], cell(float(values[first[k], second[k]])), cell(float(sizes[first[k], second[k]])))
        for k in order
    )
    return Table((say["feature"], say["feature"], say["interaction"], say["many.size"]), rows)
