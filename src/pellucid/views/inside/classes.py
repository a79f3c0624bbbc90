"""Classes in pictures of what is inside a network: their colors, the same in every picture, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.scenes.words import Language, words

COLORS = ("series1", "positive", "series4", "series5", "series3", "series2", "series6", "negative")  # of the classes, in order


def colors_of(shown: Sequence[int]) -> dict[int, str]:
    """A color for each of at most as many classes as there are colors: that of its number, or by its place where numbers are higher."""
    numbered = max(shown, default=0) < len(COLORS)
    return {index: COLORS[index if numbered else at] for at, index in enumerate(shown)}


def class_phrase(name: str, language: Language) -> str:
    """A class inside a phrase: of one whose name is a number it is said that it is a class."""
    return words(language)["act.class"].format(number=name) if name.isdigit() else name
