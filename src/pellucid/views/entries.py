# ruff: noqa: RUF001 (a dash stands for an unknown label)
"""Named values of one row: what bar charts and waterfalls are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explanation import Explanation, LabelledArray
from pellucid.scenes import Table
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.words import Language, words
from pellucid.views.reading import first_sample, reduced, shown_input

CONFIDENCE_95 = 1.96  # standard errors on either side of a normal 95 % interval


@dataclass(frozen=True)
class Entry:
    """One value with its label; ``error`` is half the width of its interval, not-a-number where none is known."""

    label: str
    value: float
    error: float = float("nan")


def feature_entries(explanation: Explanation, index: int, language: Language) -> tuple[list[Entry], tuple[str, ...]]:
    """Every feature of a table's row as ``name = cell``, and the axes that were summed over."""
    values, gone = reduced(explanation.arrays[index], ("feature",))
    names = values.coordinates.get("feature") or tuple(f"{words(language)['feature']} {i}" for i in range(len(values.values)))
    cells = _cells(explanation, index, names, language)
    labels = [f"{name} = {cells[name]}" if name in cells else name for name in names]
    errors = half_widths(explanation, index, ("feature",))
    return [Entry(label, float(v), float(e)) for label, v, e in zip(labels, values.values, errors, strict=True)], gone


def _cells(explanation: Explanation, index: int, names: tuple[str, ...], language: Language) -> dict[str, str]:
    """The row's entries as text, by feature name."""
    shown = shown_input(explanation, index)
    if shown is None or shown.kind != "tabular":
        return {}
    row = first_sample(shown.data)
    columns = row.coordinates.get("feature", names if row.values.shape == (len(names),) else ())
    if shown.cells and len(shown.cells[0]) == len(columns):
        return dict(zip(columns, shown.cells[0], strict=True))
    if len(columns) != row.values.size or row.values.dtype.kind not in "fiub":
        return {}
    missing = words(language)["missing"]
    return {c: number(v, 4) if np.isfinite(v) else missing for c, v in zip(columns, row.values.ravel().astype(float), strict=True)}


def half_widths(explanation: Explanation, index: int, keep: tuple[str, ...]) -> np.ndarray:
    """Half the interval of every value: 1.96 standard errors, or the bound; not-a-number where there is none.

    Errors of values that are summed are summed too, which is right for bounds and too wide, never too narrow, for sampling.
    """
    values, _ = reduced(explanation.arrays[index], keep)
    if index >= len(explanation.errors) or explanation.error_kind == "none":
        return np.full(values.values.shape, np.nan)
    errors, _ = reduced(explanation.errors[index], keep)
    return np.abs(errors.values) * (CONFIDENCE_95 if explanation.error_kind == "standard_error" else 1.0)


def element_entries(array: LabelledArray, most: int, language: Language) -> tuple[list[Entry], int]:
    """The ``most`` strongest elements of one sample, strongest first, the rest summed into a last entry; and how many there are in all."""
    array = first_sample(array)
    values, real = _real(array)
    sizes = np.where(np.isfinite(values[real]), np.abs(values[real]), -1.0)
    order = real[np.argsort(-sizes, kind="stable")]
    found = [Entry(_place(array, int(flat), language), float(values[flat])) for flat in order[:most]]
    if len(order) > most:
        found.append(Entry(words(language)["element.others"].format(count=len(order) - most), float(values[order[most:]].sum())))
    return found, len(order)


def extreme_entries(array: LabelledArray, language: Language) -> list[Entry]:
    """The smallest and the largest finite element of one sample."""
    array = first_sample(array)
    values, real = _real(array)
    known = real[np.isfinite(values[real])]
    ends = (known[np.argmin(values[known])], known[np.argmax(values[known])]) if len(known) else ()
    return [Entry(_place(array, int(flat), language), float(values[flat])) for flat in ends]


def _real(array: LabelledArray) -> tuple[np.ndarray, np.ndarray]:
    """The values in one row, and the places of those that are not padding."""
    values = np.asarray(array.values, float).ravel()
    return values, np.arange(values.size) if array.valid is None else np.flatnonzero(array.valid)


def _place(array: LabelledArray, flat: int, language: Language) -> str:
    """Where an element is: ``y 3, x 4``, with names along an axis where there are any."""
    say, parts = words(language), []
    for axis, at in zip(array.axes, np.unravel_index(flat, array.values.shape), strict=True):
        names = array.coordinates.get(axis)
        parts.append(names[at] if names else f"{say.get(axis, axis)} {at}")
    return ", ".join(parts) or array.name


def strongest(entries: list[Entry], top: int, others: str) -> list[Entry]:
    """The ``top`` entries by size, strongest first; what is left is summed under the label ``others`` (``{count}`` is filled in).

    The sum has no interval: it would need to know how the errors of its parts depend on one another.
    """
    ranked = sorted(entries, key=lambda e: (-abs(e.value) if np.isfinite(e.value) else -np.inf, e.label))
    if len(ranked) <= top + 1:
        return ranked
    rest = ranked[top:]
    return [*ranked[:top], Entry(others.format(count=len(rest)), sum(e.value for e in rest))]


def entry_table(entries: list[Entry], first_column: str, language: Language) -> Table:
    """All entries, none shortened, for the data-table twin."""
    say = words(language)
    if any(np.isfinite(e.error) for e in entries):
        return Table((first_column, say["attribution"], say["error"]), tuple((e.label, cell(e.value), cell(e.error)) for e in entries))
    return Table((first_column, say["attribution"]), tuple((e.label, cell(e.value)) for e in entries))


def cell(value: float) -> float | str:
    """A number for a table; text where it is not finite, since frames take such numbers inside arrays only."""
    return float(value) if np.isfinite(value) else number(value)


def entry_summary(entries: list[Entry], key: str, language: Language, count: int | None = None) -> str:
    """How many values there are (``count``, where ``entries`` are not all), the largest and the smallest, and where."""
    known = [e for e in entries if np.isfinite(e.value)] or [Entry("–", float("nan"))]
    high, low = max(known, key=lambda e: e.value), min(known, key=lambda e: e.value)
    return words(language)[key].format(
        count=len(entries) if count is None else count,
        high=signed(high.value),
        high_label=high.label,
        low=signed(low.value),
        low_label=low.label,
    )
