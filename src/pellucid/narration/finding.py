"""One sentence and the numbers it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fact", "supported", "weak", "refused", "unchecked", "limit"]
Topic = Literal["quality", "verdict", "decision", "reasons", "removal", "checks", "limits"]


@dataclass(frozen=True)
class Finding:
    """A sentence, what it is about, and what it rests on.

    Attributes:
        text: the sentence, in the language asked for.
        level: ``fact`` for what the network did; a verdict's level for what depends on the checks; ``limit`` for what is not shown.
        topic: where a page puts it.
        evidence: (name, value) of every number the sentence speaks of; a name is the check's, or that of the field of the explanation.
    """

    text: str
    level: Level
    topic: Topic
    evidence: tuple[tuple[str, float], ...] = ()
