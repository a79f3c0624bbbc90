"""The features of one row as bars, strongest first."""

from __future__ import annotations

from pellucid.explanation import Explanation
from pellucid.scenes import Panel, Scene
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import entry_summary, entry_table, feature_entries, strongest
from pellucid.views.framing import framed
from pellucid.views.reading import is_refused, one_row, sign_words, summed_note, value_label
from pellucid.views.signed_bars import Captions, signed_bars

TOP = 12


def feature_bars(explanation: Explanation, *, row: int = 0, language: Language = "en", top: int = TOP) -> Scene:
    """Attributions (sample, feature) of one row as horizontal bars with ``name = cell``, the weakest summed into one bar.

    A bar is what the method attributes to the feature; it does not show what would happen if the feature changed in the world.
    """
    one = one_row(explanation, row)
    return framed(one, (feature_panel(one, 0, language, top=top),), language)


def feature_panel(explanation: Explanation, index: int, language: Language, *, top: int = TOP) -> Panel:
    """The bars of array ``index`` of a one-row explanation."""
    say = words(language)
    entries, gone = feature_entries(explanation, index, language)
    kept = strongest(entries, top, say["bars.others"])
    shown = min(len(kept), top) if len(kept) < len(entries) else len(entries)
    counted = say["bars.all" if shown == len(entries) else "bars.some"].format(shown=shown, count=len(entries))
    refused = is_refused(explanation)
    signs = sign_words(explanation)
    largest = signed(kept[0].value) if signs else number(kept[0].value)
    finding = say["bars.finding"].format(label=kept[0].label.rpartition(" = ")[0] or kept[0].label, value=largest)
    captions = Captions(
        id=f"features{index}",
        title=say["bars.title"] if refused else finding,
        subtitle=joined([counted, summed_note(gone, language)], language),
        axis=value_label(explanation, language),
        summary=entry_summary(entries, "bars.summary", language),
        signs=signs,
    )
    return signed_bars(kept, captions, entry_table(entries, say["feature"], language), language, hatched=refused)
