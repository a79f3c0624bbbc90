"""How much worse a network does with each feature permuted, as bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.scenes import Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, words
from pellucid.views.entries import Entry, cell
from pellucid.views.many_rows import TOP
from pellucid.views.signed_bars import Captions, signed_bars


def permutation_bars(importance: Any, *, language: Language = "en", top: int = TOP) -> Scene:  # noqa: ANN401 (the harness's Importance)
    """The mean fall by feature, largest first, with its 95 % interval over rows; the table adds the standard error over repeats.

    Below zero the network did better with the feature permuted, which is chance unless the interval stays below zero.
    """
    say = words(language)
    order = np.argsort(-importance.values, kind="stable")
    entries = [Entry(importance.names[k], float(importance.values[k]), float(importance.half_widths[k])) for k in order]
    score = say[f"permuted.{importance.score}"]
    rows, repeats = len(importance.row_falls), len(importance.falls)
    clear = [entry for entry in entries if entry.value - np.nan_to_num(entry.error) > 0]
    best = clear[0] if clear else entries[0]
    said = {
        "label": best.label, "value": number(best.value), "score": score, "reference": number(importance.reference), "rows": rows,
        "clear": len(clear), "count": len(entries), "largest": entries[0].label, "most": number(entries[0].value),
    }  # fmt: skip
    captions = Captions(
        id="permuted",
        title=say["permuted.finding" if clear else "permuted.none"].format(**said),
        subtitle=say["bars.all" if len(entries) <= top else "bars.some"].format(shown=min(top, len(entries)), count=len(entries)),
        axis=say["permuted.axis"].format(score=score),
        summary=say["permuted.summary"].format(**said),
        signs=(),
    )
    table = Table(
        (say["feature"], say["permuted.fall"], say["low"], say["high"], say["permuted.error"]),
        tuple(
            (e.label, cell(e.value), cell(e.value - e.error), cell(e.value + e.error), cell(float(importance.errors[k])))
            for e, k in zip(entries, order, strict=True)
        ),
    )
    title = say["permuted.title"].format(model=importance.model)
    panel = signed_bars(entries[:top], captions, table, language)
    notes = (say["permuted.interval"].format(repeats=repeats, error=number(float(importance.errors.max()))), say["permuted.limit"])
    return Scene(title, (panel,), panel.summary, subtitle=say["permuted.subtitle"].format(**said), notes=notes, language=language)
