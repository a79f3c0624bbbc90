# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""Sections of a report made from explanations: the narrated findings and the pictures of each row, in each language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.narration import narrate
from pellucid.report.report import Edition, Finding, Language, Report, Section
from pellucid.scenes import Scene
from pellucid.scenes.words import method_name, words
from pellucid.views import attribution, beeswarm, checks_table, dependence, faithfulness_curves, gallery, importance_bars

if TYPE_CHECKING:
    from pellucid.narration.decision import Quality

ROWS = 12  # rows of one explanation that get a section of their own
MANY = 10  # rows of a table from which they are drawn together

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "What the network looked at, and whether that may be believed",
        "intro": "Every picture carries a verdict: whether removing what it marks hurts the network more than removing as much at random.",
        "rows": "{method}: {count} rows together",
        "row": "{title} (row {row})",
        "shown": "This file holds the {count} explained rows as they were given, with the network's outputs and the attributions.",
        "model": "It names the network ({model}) and holds a hash of its parameters, but no parameter.",
    },
    "zh-CN": {
        "title": "网络看的是什么，这些解释是否可信",
        "intro": "每幅图都带有结论：移除它所标出的部分，是否比随机移除同样多的部分对网络影响更大。",
        "rows": "{method}：{count} 行合在一起",
        "row": "{title}（第 {row} 行）",
        "shown": "此文件含有被解释的原始数据（共 {count} 行），以及网络的输出和归因值。",
        "model": "文件写有网络的名称（{model}）和参数的散列值，但不含任何参数。",
    },
}


def report_of(
    explanations: Sequence[Explanation],
    *,
    title: str = "",
    languages: Sequence[Language] = ("en", "zh-CN"),
    quality: Quality | None = None,
) -> Report:
    """A report with a section per explained row (the first twelve of each explanation), in every language.

    Args:
        explanations: what to show, in this order.
        title: of the page; a general one if empty.
        languages: the first is what opens, unless the reader's browser asks for another.
        quality: how well the network does; one that is no better than guessing is called that first.
    """
    if not explanations:
        raise InputError("A report needs at least one explanation", received="none", remedy="give what explain() returned")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    editions = tuple(_edition(explanations, title, language, quality) for language in languages)
    return Report(created, own_version(), editions)


def row_section(
    explanation: Explanation, row: int, *, id: str, language: Language, heading: str = "", quality: Quality | None = None
) -> Section:
    """One row: what was found, in words, and its pictures: the attribution, the faithfulness curves and the table of checks.

    What the explanation does not show is told where a row stands alone; of several rows it is told once, by :func:`rows_section`.
    """
    one = explanation[row]
    main = attribution(one, language=language)
    paragraphs = narrate(one, language=language, quality=quality).split("\n\n")
    told = paragraphs if len(explanation) == 1 else paragraphs[:-1]
    # the sentences give the reasons of the verdict, and so does the picture's own badge
    judged = None if main.badge is None else replace(main.badge, reasons=())
    findings = (Finding(told[0], judged), *(Finding(text) for text in told[1:]))
    return Section(id, heading or main.title, findings, (main, *_check_scenes(one, language)))


def rows_section(explanation: Explanation, *, id: str, language: Language, quality: Quality | None = None) -> Section:
    """All rows together: how many may be believed, what is named most often; a gallery of images, a summary of many rows of a table."""
    paragraphs = narrate(explanation, language=language, quality=quality).split("\n\n")
    method = method_name(explanation.provenance.method, language)
    heading = _WORDS[language]["rows"].format(method=method, count=len(explanation))
    images = len(explanation.inputs) == 1 and explanation.inputs[0].kind == "image" and {"y", "x"} <= set(explanation.arrays[0].axes)
    scenes = (gallery(explanation, language=language),) if images else _summaries(explanation, language)
    return Section(id, heading, tuple(Finding(text) for text in paragraphs), scenes)


def _summaries(explanation: Explanation, language: Language) -> tuple[Scene, ...]:
    """Many rows of a table in one picture each: every row, the means, and one feature against its value."""
    table = len(explanation.inputs) == 1 and explanation.inputs[0].kind == "tabular" and explanation.arrays[0].axes == ("sample", "feature")
    if not table or len(explanation) < MANY or all(verdict.level == "refused" for verdict in explanation.verdicts):
        return ()
    scenes = (view(explanation, language=language) for view in (beeswarm, importance_bars, dependence))
    return tuple(replace(scene, code="") for scene in scenes)


def disclosures(explanations: Sequence[Explanation], language: Language) -> tuple[str, ...]:
    """What somebody who gets the file learns from it."""
    own = _WORDS[language]
    models = dict.fromkeys(explanation.provenance.model for explanation in explanations)
    shown = own["shown"].format(count=sum(len(explanation) for explanation in explanations))
    return shown, *(own["model"].format(model=model) for model in models)


def _edition(explanations: Sequence[Explanation], title: str, language: Language, quality: Quality | None) -> Edition:
    own = _WORDS[language]
    sections = tuple(
        section for number, explanation in enumerate(explanations, 1) for section in _sections(explanation, number, language, quality)
    )
    return Edition(language, title or own["title"], (own["intro"],), sections, disclosures(explanations, language))


def _sections(explanation: Explanation, number: int, language: Language, quality: Quality | None) -> list[Section]:
    """The sections of one explanation: all rows together where there are several, then row by row."""
    if len(explanation) == 1:
        return [row_section(explanation, 0, id=f"e{number}", language=language, quality=quality)]
    found = [rows_section(explanation, id=f"e{number}", language=language, quality=quality)]
    for row in range(min(len(explanation), ROWS)):
        title = attribution(explanation, row=row, language=language).title
        heading = _WORDS[language]["row"].format(title=title, row=row + 1)
        found.append(row_section(explanation, row, id=f"e{number}-{row + 1}", language=language, heading=heading))
    return found


def _check_scenes(one: Explanation, language: Language) -> tuple[Scene, ...]:
    """The faithfulness curves and the table of checks, without the verdict and the notes that stand above them already."""
    if not one.checks:
        return ()
    table = replace(checks_table(one, language=language), title=words(language)["checks.title"], subtitle="", badge=None, notes=())
    if not any(check.curves and check.role == "faithfulness" for check in one.checks):
        return (table,)
    curves = faithfulness_curves(one, language=language)
    return replace(curves, title=words(language)["faith.title"], subtitle="", badge=None, notes=()), table


def own_version() -> str:
    """The version of Pellucid that is running."""
    try:
        return version("pellucid")
    except PackageNotFoundError:
        return "0+source"
