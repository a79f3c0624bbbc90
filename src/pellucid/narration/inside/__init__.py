"""What was seen inside a network, told in plain words: one file for each thing that can be looked at."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.narration.voice import Voice

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.scenes.words import Language


def narrate_inspection(explanation: Explanation, *, language: Language = "en", quality: Any = None) -> str:  # noqa: ANN401, ARG001
    """What was seen, every sentence tied to a number, and what that does not show; two paragraphs."""
    voice, what = Voice(language), explanation.provenance.method
    told = import_module(f"pellucid.narration.inside.{what}").told(explanation, voice)
    return "\n\n".join((voice.paragraph(told), voice.say(f"inside.{what}.limit")))
