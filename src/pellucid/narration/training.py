"""What is wrong with a training, told in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.narration.voice import Voice

if TYPE_CHECKING:
    from pellucid.scenes.words import Language
    from pellucid.training.diagnoses.finding import Finding

NAMED = 3  # layers; of more, how many


def narrate_finding(finding: Finding, *, language: Language = "en") -> str:
    """What was found and where, its likely cause, and what to try."""
    voice = Voice(language)
    said = {name: _told(name, value, voice) for name, value in finding.numbers}
    key = f"diagnosis.{finding.id}"
    first, last = finding.steps
    when = voice.say("diagnosis.step" if first == last else "diagnosis.steps", first=f"{first:,}", last=f"{last:,}")
    where = [_where(finding.layers, voice)] if finding.layers else []
    return voice.paragraph([voice.say(f"{key}.found", **said), *where, when, voice.say(f"{key}.cause"), voice.say(f"{key}.try")])


def _told(name: str, value: float, voice: Voice) -> str:
    if name.endswith("share"):
        return voice.percent(value)
    return f"{int(value):,}" if value == value and abs(value) < 1e15 and value == int(value) else voice.number(value)


def _where(layers: tuple[str, ...], voice: Voice) -> str:
    named = voice.listing([voice.quote(layer) for layer in layers[:NAMED]])
    more = len(layers) - NAMED
    return voice.say("diagnosis.where.more", layers=named, more=more) if more > 0 else voice.say("diagnosis.where", layers=named)
