"""What a report says, in each of its languages, before a page is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pellucid.scenes import Badge, Scene

Language = Literal["en", "zh-CN"]


@dataclass(frozen=True, eq=False)
class Finding:
    """One narrated paragraph, with the verdict that stands behind it where there is one."""

    text: str
    badge: Badge | None = None


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, what was found, and the pictures. ``id`` is the same in every language: the address of the page holds it."""

    id: str
    heading: str
    findings: tuple[Finding, ...] = ()
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True, eq=False)
class Edition:
    """The report in one language. ``disclosures`` say what somebody who gets the file learns from it: each a sentence."""

    language: Language
    title: str
    intro: tuple[str, ...]
    sections: tuple[Section, ...]
    disclosures: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """A report in one or more languages; arrays that the editions share are stored once.

    ``created`` is the time of making, ISO 8601; ``version`` is Pellucid's. The first edition is what opens, unless the reader's browser
    asks for the language of another.
    """

    created: str
    version: str
    editions: tuple[Edition, ...]
