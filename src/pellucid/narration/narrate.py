"""From an explanation to sentences: one row in full, several rows in sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.narration import summary
from pellucid.narration.decision import decided, guessing
from pellucid.narration.judgement import checked, limits, verdict
from pellucid.narration.reasons import carried, removed
from pellucid.narration.responses import responded
from pellucid.narration.voice import Voice
from pellucid.views.reading import one_row

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.decision import Quality
    from pellucid.narration.finding import Finding
    from pellucid.scenes.words import Language


def findings(
    explanation: Explanation, row: int | None = None, language: Language = "en", *, quality: Quality | None = None
) -> tuple[Finding, ...]:
    """What can be said about one row, or about all rows together (``row=None`` and more than one row).

    Above all stands that a network is no better than guessing, then that an explanation is refused. A refused explanation names no reasons.
    Every finding but the limits rests on numbers of the explanation, which it carries as evidence.

    Args:
        explanation: what to speak of.
        row: the row, or None for all of them.
        language: ``en`` or ``zh-CN``.
        quality: how well the network does, such as an ``Evaluation``.

    Raises:
        UnknownName: there is no such language.
        InputError: there is no such row.
    """
    voice = Voice(language)
    opening = guessing(quality, voice)
    if row is None and len(explanation) > 1:
        return (*opening, *summary.summarized(explanation, voice), *limits(explanation, voice))
    one = one_row(explanation, row or 0)
    judged, decision = verdict(one, voice), decided(one, voice)
    rest = [*checked(one, voice), *limits(one, voice)]
    if judged.level == "refused":
        return (*opening, judged, *decision, *rest)
    control = one.provenance.method == "random"
    curved = one.kind in ("curve", "surface")
    named = [] if control else responded(one, voice) if curved else [*carried(one, voice), *removed(one, voice)]
    return (*opening, *decision, *named, judged, *rest)


def narrate(explanation: Explanation, *, row: int | None = None, language: Language = "en", quality: Quality | None = None) -> str:
    """The findings as text: one paragraph on the network and its reasons, one on the checks, one on what is not shown."""
    voice = Voice(language)
    paragraphs: dict[str, list[str]] = {}
    for finding in findings(explanation, row, language, quality=quality):
        part = finding.topic if finding.topic in ("quality", "checks", "limits") else "decision"
        paragraphs.setdefault(part, []).append(finding.text)
    return "\n\n".join(voice.paragraph(sentences) for sentences in paragraphs.values())
