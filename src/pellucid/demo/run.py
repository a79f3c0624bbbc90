"""``pellucid demo``: the whole way on real data, from training to a measured report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from pellucid.demo.chapters import Chapter, digits_chapter, patient_chapter, photo_chapter
from pellucid.demo.words import WORDS, Language
from pellucid.errors import FileError
from pellucid.narration import narrate
from pellucid.paper import save_png
from pellucid.report import Edition, Report, write_report
from pellucid.report.sections import disclosures

LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")
CHAPTERS: dict[str, Callable[..., Chapter]] = {"digits": digits_chapter, "patient": patient_chapter, "photo": photo_chapter}
HEADINGS = {"digits": "digits", "patient": "patients", "photo": "photo"}


@dataclass(frozen=True)
class DemoOptions:
    """What the demo does: where it writes, in which language it talks, which chapters it runs."""

    folder: Path = Path("pellucid-demo")
    language: Language = "en"
    chapters: tuple[str, ...] = tuple(CHAPTERS)
    seed: int = 0
    progress: bool = True


def run_demo(options: DemoOptions, console: Console) -> Path:
    """Trains, explains, checks, narrates and writes; returns the path of the report."""
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            "The demo's folder can not be made", received=f"{options.folder} ({error.strerror})", remedy="choose another --folder"
        ) from error
    words = WORDS[options.language]
    chapters = []
    for name in options.chapters:
        console.print(Rule(words[HEADINGS[name]], align="left"))
        chapter = CHAPTERS[name](seed=options.seed, progress=options.progress)
        chapters.append(chapter)
        for line in chapter.lines(options.language):
            console.print(line, highlight=False)
        for explanation in chapter.explanations:
            console.print()
            console.print(narrate(explanation, language=options.language), highlight=False)
    path = write_report(_report(chapters), options.folder / "report.html")
    for chapter in chapters:
        _save_pictures(chapter, options)
    console.print(Rule())
    console.print(words["pictures"].format(path=options.folder / "*.png"), highlight=False, soft_wrap=True)
    console.print(words["written"].format(path=path), highlight=False, soft_wrap=True)
    return path


def _report(chapters: list[Chapter]) -> Report:
    from pellucid.report.sections import own_version

    editions = []
    for language in LANGUAGES:
        words = WORDS[language]
        sections = tuple(section for chapter in chapters for section in chapter.sections(language))
        told = disclosures([e for chapter in chapters for e in chapter.explanations], language)
        editions.append(Edition(language, words["title"], (words["intro"],), sections, (words["disclosure"], *told)))
    return Report(datetime.now(UTC).isoformat(timespec="seconds"), own_version(), tuple(editions))


def _save_pictures(chapter: Chapter, options: DemoOptions) -> None:
    for section in chapter.sections(options.language):
        for number, scene in enumerate(section.scenes[:3], 1):
            save_png(scene, options.folder / f"{section.id}-{number}.png")
