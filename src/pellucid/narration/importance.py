"""What permuting features costs, told in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.narration.facts import TOP
from pellucid.narration.voice import Voice

if TYPE_CHECKING:
    from pellucid.scenes.words import Language


def narrate_importance(importance: Any, *, language: Language = "en") -> str:  # noqa: ANN401 (the harness's Importance)
    """The features that cost most, how many of them clearly do, and what that does not show; two paragraphs."""
    voice = Voice(language)
    values, score = importance.values, voice.word(f"permuted.{importance.score}")
    rows = len(importance.row_falls)
    clear = np.flatnonzero(values - np.nan_to_num(importance.half_widths) > 0)
    said = {"rows": rows, "score": score, "reference": voice.number(importance.reference)}
    if len(clear):
        order = clear[np.argsort(-values[clear], kind="stable")][:TOP]
        items = voice.listing([voice.say("permuted.item", name=importance.names[k], value=voice.number(float(values[k]))) for k in order])
        found = [voice.say("permuted.found", items=items, **said), voice.say("permuted.clear", count=len(clear), total=len(values))]
    else:
        found = [voice.say("permuted.none", **said)]
    found.append(voice.say("permuted.error", repeats=len(importance.falls), error=voice.number(float(importance.errors.max()))))
    return "\n\n".join((voice.paragraph(found), voice.say("permuted.limit")))
