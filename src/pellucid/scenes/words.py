# ruff: noqa: RUF001 (Chinese punctuation and the real minus sign are meant)
"""The words in pictures, in English and Simplified Chinese.

One flat dict per language, :mod:`pellucid.scenes.english` and :mod:`pellucid.scenes.chinese`, with the same keys (a test compares
them). Entries with ``{}`` fields are filled by
``str.format``. Numbers arrive as text, see :mod:`pellucid.scenes.numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args
from unicodedata import east_asian_width

from pellucid.errors import UnknownName
from pellucid.explanation.provenance import IMPORTED
from pellucid.scenes.chinese import CHINESE
from pellucid.scenes.english import ENGLISH

Language = Literal["en", "zh-CN"]

_MEETING = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9−+])|(?<=[A-Za-z0-9%])(?=[\u4e00-\u9fff])")

_LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "zh-CN": CHINESE}


def words(language: Language) -> Mapping[str, str]:
    """The words of one language by key.

    Raises:
        UnknownName: there is no such language.
    """
    if language not in _LANGUAGES:
        raise UnknownName("language", language, get_args(Language))
    return _LANGUAGES[language]


def spaced(text: str) -> str:
    """``text`` with a space wherever a Chinese character meets a Latin letter or a digit, as good typesetting has it."""
    return _MEETING.sub(" ", text)


def joined(parts: Sequence[str], language: Language) -> str:
    """The parts that are not empty, in one line."""
    return ("；" if language == "zh-CN" else " · ").join(part for part in parts if part)


def method_name(method: str, language: Language) -> str:
    """What people call the method with this id; an id without a translation is spelled out, what another tool computed is called that."""
    if method.endswith(IMPORTED):
        return words(language)["method.imported"].format(name=method.removesuffix(IMPORTED))
    return words(language).get(f"method.{method}", method.replace("_", " ").capitalize())


def check_name(check: str, language: Language) -> str:
    """What people call the check with this id; an id without a translation is spelled out."""
    return words(language).get(f"check.{check}", check.replace("_", " ").capitalize())


def compared_name(name: str, language: Language) -> str:
    """A compared method's name; its number stays where it is compared with other options of itself."""
    method, _, number = name.partition(" ")
    return f"{method_name(method, language)} {number}".strip()


def letters(text: str) -> int:
    """How many Latin letters are about as wide as a text: a Chinese one is two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
