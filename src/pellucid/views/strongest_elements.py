"""The strongest elements of any array: what is drawn where no picture of its own fits."""

from __future__ import annotations

from pellucid.explanation import Explanation
from pellucid.scenes import Panel, Scene
from pellucid.scenes.numbers import signed
from pellucid.scenes.words import Language, words
from pellucid.views.entries import element_entries, entry_summary, entry_table, extreme_entries, strongest
from pellucid.views.framing import framed
from pellucid.views.reading import is_refused, one_row, value_label
from pellucid.views.signed_bars import Captions, signed_bars

TOP = 12
LISTED = 200


def strongest_elements(explanation: Explanation, *, row: int = 0, language: Language = "en", top: int = TOP) -> Scene:
    """Bars of the strongest elements of one row's array, called by their places along each axis."""
    one = one_row(explanation, row)
    return framed(one, (element_panel(one, 0, language, top=top),), language)


def element_panel(explanation: Explanation, index: int, language: Language, *, top: int = TOP) -> Panel:
    """The bars of array ``index`` of a one-row explanation; its table lists the 200 strongest."""
    say = words(language)
    listed, count = element_entries(explanation.arrays[index], LISTED, language)
    kept = (
        strongest(listed, top, say["element.others"]) if count <= LISTED else element_entries(explanation.arrays[index], top, language)[0]
    )
    refused = is_refused(explanation)
    captions = Captions(
        f"elements{index}",
        say["strongest.title"] if refused else say["bars.finding"].format(label=kept[0].label, value=signed(kept[0].value)),
        say["strongest.some"].format(shown=min(top, count), count=count),
        value_label(explanation, language),
        entry_summary(extreme_entries(explanation.arrays[index], language), "bars.summary", language, count),
    )
    return signed_bars(kept, captions, entry_table(listed, say["element"], language), language, hatched=refused)
