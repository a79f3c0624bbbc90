"""What is known of a recorded training, as tables: facts, numbers, events, and what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pellucid.scenes import Panel, Scene, Table
from pellucid.scenes.numbers import number, percent, short
from pellucid.scenes.words import Language, joined, method_name, words
from pellucid.views.runs.reading import framed

if TYPE_CHECKING:
    from pellucid.training.runs.answers import Series
    from pellucid.training.runs.run import Run

EVENTS = 40  # that are listed; of more the latest
HIDDEN = ("end",)  # events whose content stands elsewhere


def facts(run: Run, *, language: Language = "en") -> Scene:
    """Tables of what was trained and how, of every number told, of events, and of what was recorded."""
    panels = (_training(run, language), _numbers(run, language), _events(run, language), _recorded(run, language))
    filled = tuple(panel for panel in panels if panel.table.rows)
    return framed(run, filled, language, title=words(language)["facts.title"])


def told_briefly(run: Run, language: Language) -> str:
    """One line: what was trained with what, how it ended, after how long."""
    say, known = words(language), run.facts
    return say["facts.summary"].format(
        model=known.get("model", "?"),
        parameters=short(known.get("parameters", 0)),
        optimizer=_optimizers(run, language),
        status=status_of(run, language),
        steps=f"{run.steps:,}",
        duration=_duration(_lasted(run), language),
    )


def status_of(run: Run, language: Language) -> str:
    """How a training ended, in words; of an error with its text."""
    kind, _, error = run.status.partition(": ")
    return joined([words(language).get(f"run.{kind}", kind), error], language)


def started(run: Run) -> str:
    """When it began, in the time of the world."""
    return datetime.fromtimestamp(run.attempt.started, UTC).strftime("%Y-%m-%d %H:%M UTC")


def value_text(value: float) -> str:
    """A number as text; what is none is called by its name, which matters more than its size."""
    return "NaN" if np.isnan(value) else number(value)


def _training(run: Run, language: Language) -> Panel:
    say, known, attempts = words(language), run.facts, len(run.attempts)
    counts = {name: f"{known.get(name, 0):,}" for name in ("trained", "parameters")}
    versions = ", ".join(f"{name} {one}" for name, one in {"python": known.get("python", "?"), **known.get("versions", {})}.items())
    lasted = say["facts.duration.steps"].format(steps=f"{run.steps:,}", duration=_duration(_lasted(run), language))
    explained = (
        say["facts.explained"].format(method=method_name(known.get("attribution", ""), language)) if known.get("attribution") else ""
    )
    rows = [
        ("folder", str(run.folder)),
        ("attempt", say["facts.attempt.of"].format(number=run.number, count=attempts) if attempts > 1 else ""),
        ("status", status_of(run, language)),
        ("model", str(known.get("model", "?"))),
        ("parameters", say["facts.trained"].format(**counts)),
        ("optimizer", _optimizers(run, language)),
        ("device", str(known.get("device", "?"))),
        ("started", started(run)),
        ("duration", lasted),
        ("pinned", joined([str(known["pinned"]), explained], language) if known.get("pinned") else ""),
        ("cost", _cost(run, language)),
        ("versions", versions),
    ]
    told = tuple((say[f"facts.{key}"], text) for key, text in rows if text)
    return Panel("training", say["facts.training"], told_briefly(run, language), Table((say["facts.what"], say["facts.is"]), told))


def _numbers(run: Run, language: Language) -> Panel:
    say = words(language)
    rows = tuple(_number_row(one) for one in run.all_scalars().values())
    columns = tuple(say[f"facts.{key}"] for key in ("name", "first", "last", "lowest", "highest", "count", "broken"))
    shown = len(columns) if any(row[-1] for row in rows) else -1
    table = Table(columns[:shown], tuple(row[:shown] for row in rows))
    return Panel("numbers", say["facts.numbers"], joined([f"{row[0]} {row[2]}" for row in rows], language), table)


def _number_row(one: Series) -> tuple[str, ...]:
    finite = one.values[np.isfinite(one.values)]
    ends = (one.values[0], one.values[-1], *((finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)))
    broken = len(one) - len(finite)
    return (
        one.name,
        *(number(float(value)) if np.isfinite(value) else "" for value in ends),
        f"{len(one):,}",
        f"{broken:,}" if broken else "",
    )


def _events(run: Run, language: Language) -> Panel:
    say = words(language)
    happened = [(step, event) for step, event in run.events if event.what not in HIDDEN]
    shown = happened[-EVENTS:]
    rows = tuple((f"{step:,}", say.get(f"run.event.{event.what}", event.what), _told(event.details)) for step, event in shown)
    some = say["facts.events.some"].format(shown=len(shown), count=len(happened)) if len(shown) < len(happened) else ""
    summary = joined([f"{row[0]} {row[1]}" for row in rows], language) or say["facts.none"]
    columns = (say["run.step"], say["facts.event"], say["facts.details"])
    return Panel("events", say["facts.events"], summary, Table(columns, rows), subtitle=some)


def _told(details: dict[str, str | bool | int | float | None]) -> str:
    """The details of an event on one line, those that are not set left out."""
    parts = [(name, value_text(value) if isinstance(value, float) else str(value)) for name, value in details.items() if value is not None]
    return ", ".join(text if len(parts) == 1 else f"{name} {text}" for name, text in parts)


def _recorded(run: Run, language: Language) -> Panel:
    say = words(language)
    rows = tuple((say.get(f"kind.{kind}", kind), f"{count:,}") for kind, count in run.kinds.items())
    summary = joined([f"{kind} {count}" for kind, count in rows], language)
    return Panel("recorded", say["facts.recorded"], summary, Table((say["facts.kind"], say["facts.frames"]), rows))


def _cost(run: Run, language: Language) -> str:
    """What recording took, once that is known, beside what it was allowed."""
    say, known = words(language), run.facts
    every = known.get("every")
    budget = say["facts.budget.every"].format(every=every) if every else percent(float(known.get("budget", 0.0)), language)
    ends = [event.details for _, event in run.events if event.what == "end"]
    if not ends:
        return say["facts.cost.later"].format(budget=budget)
    spent, elapsed = (float(ends[-1].get(key) or 0.0) for key in ("seconds", "elapsed"))
    share = percent(spent / elapsed if elapsed > 0 else 0.0, language)
    return say["facts.cost.told"].format(
        seconds=_duration(spent, language), elapsed=_duration(elapsed, language), share=share, budget=budget
    )


def _optimizers(run: Run, language: Language) -> str:
    return ", ".join(run.facts.get("optimizers", ())) or words(language)["facts.no_optimizer"]


def _lasted(run: Run) -> float:
    """Seconds from the start to the end, or to the last thing that is recorded."""
    attempt = run.attempt
    if attempt.ended is not None:
        return attempt.ended - attempt.started
    times = [float(one.times[-1]) for one in run.all_scalars().values()]
    return max([0.0, *(at - attempt.started for at in times)])


def _duration(seconds: float, language: Language) -> str:
    say = words(language)
    if seconds < 120:
        return say["facts.seconds"].format(value=number(seconds))
    if seconds < 7200:
        return say["facts.minutes"].format(value=number(seconds / 60))
    return say["facts.hours"].format(value=number(seconds / 3600))
