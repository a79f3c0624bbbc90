"""Findings in plain words: deterministic sentences from verified facts, in English and Simplified Chinese."""

from pellucid.narration.comparison import narrate_comparison
from pellucid.narration.finding import Finding, Level, Topic
from pellucid.narration.importance import narrate_importance
from pellucid.narration.inside import narrate_inspection
from pellucid.narration.narrate import findings, narrate
from pellucid.narration.training import narrate_finding

__all__ = [
    "Finding",
    "Level",
    "Topic",
    "findings",
    "narrate",
    "narrate_comparison",
    "narrate_finding",
    "narrate_importance",
    "narrate_inspection",
]
