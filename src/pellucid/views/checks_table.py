# ruff: noqa: RUF001 (Chinese punctuation and dashes are meant)
"""The checks of one row as a table: value, reference, interval and what follows."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Check, Explanation
from pellucid.scenes import Panel, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, check_name, words
from pellucid.views.faithfulness_curves import is_better
from pellucid.views.framing import framed
from pellucid.views.reading import one_row

PASSED = ("holds", "better", "fits", "stable", "sensitive")  # outcomes that leave a verdict as it is


def checks_table(explanation: Explanation, *, row: int = 0, language: Language = "en") -> Scene:
    """Every check of one row beside its reference, with its 95 % interval and outcome in words."""
    one = one_row(explanation, row)
    return framed(one, (checks_panel(one, language),), language)


def checks_panel(explanation: Explanation, language: Language) -> Panel:
    """The table of a one-row explanation's checks."""
    say = words(language)
    columns = tuple(say[key] for key in ("check", "value", "reference", "interval", "outcome"))
    rows = tuple(_row(check, language) for check in explanation.checks)
    listed = ("；" if language == "zh-CN" else "; ").join(f"{row[0]} {row[1]}, {row[-1]}" for row in rows)
    summary = say["checks.summary"].format(count=len(rows), list=listed) if rows else say["checks.none"]
    passed = sum(outcome_of(check) in PASSED for check in explanation.checks)
    title = say["checks.passed"].format(passed=passed, count=len(rows)) if rows else say["checks.none"]
    return Panel("checks", title, summary, Table(columns, rows))


def _row(check: Check, language: Language) -> tuple[str, ...]:
    say = words(language)
    low, high = float(check.low[0]), float(check.high[0])
    known = np.isfinite(low) and np.isfinite(high) and low < high  # an exact measurement has no interval
    interval = f"{number(low)} … {number(high)}" if known else "–"
    outcome = say[f"outcome.{outcome_of(check)}"]
    return (
        check_name(check.name, language),
        number(float(check.value[0])),
        number(float(check.reference[0])),
        interval,
        outcome,
    )


def outcome_of(check: Check) -> str:
    """What the first row's check found, as the key of its word; the verdict itself is decided in the harness, not here."""
    value, reference = float(check.value[0]), float(check.reference[0])
    if not (np.isfinite(value) and np.isfinite(reference)):
        return "unmeasured"
    if check.role == "identity":
        return "holds" if value <= reference else "broken"
    if check.role == "fit":
        return "fits" if value >= reference else "misfits"
    if check.role in ("stability", "resolution"):
        return "stable" if value >= reference else "unstable"
    if check.role == "sensitivity":
        return "sensitive" if value < reference else "insensitive"
    if not is_better(check):
        return "worse"
    return "unclear" if float(check.low[0]) <= reference <= float(check.high[0]) else "better"
