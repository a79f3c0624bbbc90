# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""A page of what was seen inside a network: a section for each inspection, all of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.narration import narrate_inspection
from pellucid.report.report import Edition, Finding, Language, Report, Section
from pellucid.report.sections import own_version
from pellucid.scenes.words import method_name
from pellucid.views.inside import inside_views

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Inside {model}",
        "intro": "What the network is made of and what goes on inside it. Nothing here says whether it is right.",
        "shown": "This file holds what the pictures show of the network ({model}) and of the rows it ran on, and a hash of its parameters.",
    },
    "zh-CN": {
        "title": "{model} 的内部",
        "intro": "网络由什么组成，内部发生了什么。这里的内容不说明网络是否正确。",
        "shown": "此文件含有图中所示的网络（{model}）及其所用数据的内容，以及参数的散列值。",
    },
}


def inspection_report(inspections: Sequence[Explanation], *, title: str = "", languages: Sequence[Language] = ("en", "zh-CN")) -> Report:
    """A report with a section for each inspection, in every language; the first is what opens.

    Raises:
        InputError: nothing was inspected.
    """
    if not inspections:
        raise InputError("A report needs at least one inspection", received="none", remedy="give what pl.inspect returned")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(created, own_version(), tuple(_edition(inspections, title, language) for language in languages))


def _edition(inspections: Sequence[Explanation], title: str, language: Language) -> Edition:
    own, model = _WORDS[language], inspections[0].provenance.model
    sections = tuple(_section(one, f"i{number}", language) for number, one in enumerate(inspections, 1))
    return Edition(language, title or own["title"].format(model=model), (own["intro"],), sections, (own["shown"].format(model=model),))


def _section(one: Explanation, id: str, language: Language) -> Section:
    findings = tuple(Finding(text) for text in narrate_inspection(one, language=language).split("\n\n"))
    scenes = tuple(replace(view(one, language=language), badge=None) for view in inside_views(one).values())
    return Section(id, method_name(one.provenance.method, language), findings, scenes)
