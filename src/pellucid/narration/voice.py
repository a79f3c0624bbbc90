"""A language: its catalog of sentences, and how it quotes, lists and writes numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.errors import UnknownName
from pellucid.narration.chinese import CHINESE
from pellucid.narration.english import ENGLISH
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, check_name, method_name, words

CATALOGS: Mapping[Language, Mapping[str, str]] = {"en": ENGLISH, "zh-CN": CHINESE}


@dataclass(frozen=True)
class Voice:
    """Says the sentences of one language; method, check and scale names are those of the pictures."""

    language: Language

    def __post_init__(self) -> None:
        if self.language not in CATALOGS:
            raise UnknownName("language", self.language, CATALOGS)

    def say(self, key: str, **values: object) -> str:
        """The sentence of this key with its values filled in."""
        return CATALOGS[self.language][key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of this key."""
        return key in CATALOGS[self.language]

    def name(self, text: str) -> str:
        """A name that Pellucid made up (a baseline, "the output") in this language; any other is left as it is."""
        own = f"name.{text}"
        return self.say(own) if self.has(own) else words(self.language).get(own, text)

    def quote(self, text: str) -> str:
        """A name as this language quotes it."""
        own = f"name.{text}"
        return self.say(own) if self.has(own) else self.say("quote", name=text)

    def word(self, key: str) -> str:
        """A word of the pictures (scale, region), see :mod:`pellucid.scenes.words`."""
        return words(self.language)[key]

    def check(self, check: str) -> str:
        """A check's name as it stands inside a sentence."""
        name = check_name(check, self.language)
        return name.lower() if self.language == "en" else name

    def method(self, method: str) -> str:
        """A method's name as it stands inside a sentence; a name with capitals of its own (Grad-CAM) keeps them."""
        name = method_name(method, self.language)
        return name.lower() if name[1:] == name[1:].lower() else name

    def number(self, value: float) -> str:
        """Three significant digits."""
        return number(value)

    def percent(self, share: float) -> str:
        """A share in percent, without digits that nobody needs."""
        return percent(share, self.language, digits=2)

    def p_value(self, value: float) -> str:
        """A p-value after a comma; nothing where it is not a number."""
        if value != value:
            return ""
        return self.say("p", p="p < 0.001" if value < 0.001 else f"p = {value:.2g}")

    def listing(self, items: Sequence[str]) -> str:
        """Names in a row, with "and" before the last."""
        last = self.say("list.last")
        return self.say("list.separator").join(items[:-1]) + last + items[-1] if len(items) > 1 else "".join(items)

    def clauses(self, items: Sequence[str]) -> str:
        """Whole clauses in a row."""
        return self.say("list.clause").join(items)

    def paragraph(self, sentences: Sequence[str]) -> str:
        """Sentences after one another."""
        return self.say("list.sentence").join(sentences)
