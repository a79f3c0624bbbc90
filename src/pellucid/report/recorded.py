# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""A page of a recorded training: what is known of it, what is wrong with it, and all of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pellucid.report.report import Edition, Finding, Language, Report, Section
from pellucid.report.sections import own_version
from pellucid.scenes import Scene
from pellucid.scenes.words import words
from pellucid.views.runs import run_views
from pellucid.views.runs.facts import facts, told_briefly

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run

# the sections of the page, and the pictures of each
SECTIONS: dict[str, tuple[str, ...]] = {
    "course": ("curves",),
    "layers": ("gradient_flow", "update_ratio", "weights", "gradients"),
    "units": ("activations", "activity"),
    "decisions": ("boundary", "attributions"),
}
_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Training of {model}",
        "intro": "What was recorded while the network was trained. Nothing here says whether what it learned is right.",
        "facts": "What is known of it",
        "faults": "What is wrong with it",
        "course": "Its course",
        "layers": "Weights and gradients of layers",
        "units": "Units",
        "decisions": "Decisions and their explanations",
        "more": "More pictures",
        "shown": "This file holds the numbers and pictures recorded of the training, with names of layers and folders; no parameters.",
        "pinned": "It holds pinned rows as they were given, where a picture shows them.",
    },
    "zh-CN": {
        "title": "{model} 的训练",
        "intro": "网络训练过程中记录下的内容。这里不说明它学到的东西是否正确。",
        "facts": "训练概况",
        "faults": "训练中的问题",
        "course": "训练过程",
        "layers": "各层的权重与梯度",
        "units": "单元",
        "decisions": "决策及其解释",
        "more": "更多图",
        "shown": "此文件含有训练时记录的数值和图，以及层和文件夹的名称，不含任何参数。",
        "pinned": "图中显示固定行之处，文件含有这些行的原始数据。",
    },
}


def recording_report(run: Run, *, title: str = "", languages: Sequence[Language] = ("en", "zh-CN")) -> Report:
    """A report of one training in every language: tables of facts first, then each picture for which there are frames."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(created, own_version(), tuple(_edition(run, title, language) for language in languages))


def _edition(run: Run, title: str, language: Language) -> Edition:
    own = _WORDS[language]
    scenes = {name: _plain(view(run, language=language)) for name, view in run_views(run).items()}
    told = facts(run, language=language)
    sections = [Section("facts", own["facts"], (Finding(told_briefly(run, language)),), (_plain(told),))]
    sections.append(Section("faults", own["faults"], tuple(Finding(text) for text in told_faults(run, language))))
    placed = {name for names in SECTIONS.values() for name in names}
    groups = {**SECTIONS, "more": tuple(name for name in scenes if name not in placed)}
    for id, names in groups.items():
        found = tuple(scenes[name] for name in names if name in scenes)
        if found:
            sections.append(Section(id, own[id], (), found))
    shown = (own["shown"], *((own["pinned"],) if run.facts.get("pinned") else ()))
    return Edition(language, title or own["title"].format(model=run.facts.get("model", "?")), (own["intro"],), tuple(sections), shown)


def told_faults(run: Run, language: Language) -> tuple[str, ...]:
    """The faults of a training in words, the gravest first; that none was found, where there is none."""
    found = tuple(fault.narrate(language) for fault in run.diagnose())
    return found or (words(language)["run.no_fault"],)


def _plain(scene: Scene) -> Scene:
    """A picture of the page, which says once how the training went."""
    return replace(scene, subtitle="", code="")
