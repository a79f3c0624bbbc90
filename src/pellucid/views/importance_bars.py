"""The mean size of each feature's attributions over many rows."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from pellucid.explanation import Explanation
from pellucid.scenes import Panel, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, words
from pellucid.views.entries import Entry, cell
from pellucid.views.many_rows import TOP, ManyRows, many_rows, summary_scene
from pellucid.views.signed_bars import Captions, signed_bars


def importance_bars(explanation: Explanation, *, language: Language = "en", top: int = TOP) -> Scene:
    """Mean |attribution| by feature over the rows that are not refused, with 95 % intervals of that mean.

    The intervals are Student's over the rows: they say how far the mean would move with other rows of the same kind, not how well a single
    value is known. A mean size can not tell which way a feature acts.

    Raises:
        InputError: images and other inputs whose places mean something else in every row.
    """
    found = many_rows(explanation, language)
    errors = half_intervals(np.abs(found.values))
    notes = [words(language)["importance.interval"]] if np.isfinite(errors).any() else []
    return summary_scene(found, _panel(found, errors, top, language), language, notes=notes)


def half_intervals(values: np.ndarray) -> np.ndarray:
    """Half of Student's 95 % interval of the mean of each column (row, column); not-a-number where there are fewer than two rows."""
    known = np.isfinite(values)
    count = known.sum(0)
    mean = np.where(known, values, 0.0).sum(0) / np.maximum(count, 1)
    squares = np.where(known, (values - mean) ** 2, 0.0).sum(0)
    freedom = np.maximum(count - 1, 1)
    error = np.sqrt(squares / freedom / np.maximum(count, 1))
    return np.where(count > 1, stdtrit(freedom, 0.975) * error, np.nan)


def _panel(found: ManyRows, errors: np.ndarray, top: int, language: Language) -> Panel:
    say = words(language)
    order = found.strongest(len(found.names))
    entries = [Entry(found.names[part], float(found.sizes[part]), float(errors[part])) for part in order]
    shown = entries[:top]
    rest = found.sizes[order[top:]].sum()
    first = {"label": shown[0].label, "value": number(shown[0].value), "count": len(found.rows)}
    counts = say["bars.all" if len(shown) == len(entries) else "importance.some"]
    captions = Captions(
        id="importance",
        title=say["importance.title" if found.hatched else "importance.finding"].format(**first),
        subtitle=counts.format(shown=len(shown), count=len(entries), rest=number(float(rest))),
        axis=say["importance.axis"],
        summary=say["importance.summary"].format(**first),
        signs=(),
    )
    rows = tuple((e.label, cell(e.value), cell(e.value - e.error), cell(e.value + e.error)) for e in entries)
    table = Table((say["feature"], say["many.size"], say["low"], say["high"]), rows)
    return signed_bars(shown, captions, table, language, hatched=found.hatched)
