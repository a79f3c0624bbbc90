"""The tokens of one row as bars in reading order."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.scenes import Panel, Scene
from pellucid.scenes.numbers import signed
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import Entry, entry_summary, entry_table, half_widths
from pellucid.views.framing import framed
from pellucid.views.reading import first_sample, is_refused, one_row, reduced, shown_input, sign_words, summed_note, value_label
from pellucid.views.signed_bars import Captions, signed_bars

MOST = 40


def token_bars(explanation: Explanation, *, row: int = 0, language: Language = "en", top: int = MOST) -> Scene:
    """Attributions (sample, token[, feature]) of one row, one bar per token from the first to the last; padding is left out."""
    one = one_row(explanation, row)
    return framed(one, (token_panel(one, 0, language, top=top),), language)


def token_panel(explanation: Explanation, index: int, language: Language, *, top: int = MOST) -> Panel:
    """The bars of array ``index`` of a one-row explanation; of a long text the ``top`` strongest, still in reading order."""
    say = words(language)
    values, gone = reduced(explanation.arrays[index], ("token",))
    errors = half_widths(explanation, index, ("token",))
    real = np.ones(len(values.values), bool) if values.valid is None else values.valid
    texts = _texts(explanation, index, len(values.values))
    entries = [Entry(texts[i], float(values.values[i]), float(errors[i])) for i in np.flatnonzero(real)]
    places = np.sort(np.argsort([-abs(np.nan_to_num(e.value)) for e in entries], kind="stable")[:top])
    kept = [entries[i] for i in places]
    strongest = max(kept, key=lambda e: abs(np.nan_to_num(e.value)), default=Entry("", 0.0))
    refused = is_refused(explanation)
    counted = say["tokens.all" if len(kept) == len(entries) else "tokens.some"].format(shown=len(kept), count=len(entries))
    captions = Captions(
        f"tokens{index}",
        say["tokens.title"] if refused else say["tokens.finding"].format(label=strongest.label, value=signed(strongest.value)),
        joined([counted, summed_note(gone, language)], language),
        value_label(explanation, language),
        entry_summary(entries, "bars.summary", language),
        signs=sign_words(explanation),
    )
    return signed_bars(kept, captions, entry_table(entries, say["token"], language), language, hatched=refused)


def _texts(explanation: Explanation, index: int, count: int) -> tuple[str, ...]:
    """The tokens as text: the input's cells, else names along the axis, else the token ids."""
    shown = shown_input(explanation, index)
    array = first_sample(explanation.arrays[index])
    if shown is not None and shown.cells and len(shown.cells[0]) >= count:
        return shown.cells[0][:count]
    names = array.coordinates.get("token")
    if names is None and shown is not None:
        data = first_sample(shown.data)
        names = data.coordinates.get("token") or tuple(str(v) for v in data.values.ravel())
    return names if names is not None and len(names) == count else tuple(str(i) for i in range(count))
