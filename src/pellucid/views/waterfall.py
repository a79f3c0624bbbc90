"""From the score at the baseline to the score, one feature at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.scenes import Axis, Bars, Line, Mark, Panel, Points, Scene, Table, Text
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.words import Language, words
from pellucid.views.entries import Entry, feature_entries, strongest
from pellucid.views.framing import framed
from pellucid.views.reading import is_complete, is_refused, one_row, scale_name
from pellucid.views.signed_bars import GAP, category_axis, sign_legend, sign_role

NOTICEABLE = 0.005  # a gap below this share of the whole way is not worth a bar; the table still has it


def waterfall(explanation: Explanation, *, row: int = 0, language: Language = "en", top: int = 10) -> Scene:
    """The running sum of attributions (sample, feature) from the baseline's score to the row's score.

    What the attributions leave unexplained has a bar of its own.

    Raises:
        InputError: the method has no baseline score, so its values are not parts of a whole.
    """
    one = one_row(explanation, row)
    if not (is_complete(one) and np.isfinite(one.decision.scores[0])):
        raise InputError(
            "A waterfall needs attributions that add up from a baseline's score",
            received=f"{one.provenance.method}, which has no finite baseline score and score",
            remedy="use integrated_gradients, or the view feature_bars",
        )
    return framed(one, (waterfall_panel(one, 0, language, top=top),), language)


def waterfall_panel(explanation: Explanation, index: int, language: Language, *, top: int = 10) -> Panel:
    """The waterfall of array ``index`` of a one-row explanation of a complete method."""
    say = words(language)
    baseline, score = float(explanation.decision.baseline_scores[0]), float(explanation.decision.scores[0])
    steps = _steps(explanation, index, language, top)
    levels = baseline + np.concatenate([[0.0], np.cumsum([s.value for s in steps])])
    ends = {"baseline": number(baseline), "score": number(score)}
    largest = max(steps, key=lambda s: abs(s.value))
    labels = [say["waterfall.baseline"], *(s.label for s in steps), say["waterfall.score"]]
    return Panel(
        f"waterfall{index}",
        say["waterfall.title" if is_refused(explanation) else "waterfall.finding"].format(**ends),
        say["waterfall.summary"].format(**ends, count=len(steps), label=largest.label, value=signed(largest.value)),
        _table(steps, levels, language),
        _marks(steps, levels, score),
        x=Axis(say["score_axis"].format(scale=scale_name(explanation, language)), _domain(levels)),
        y=category_axis(labels),
        subtitle=_counted(explanation, index, language, top),
        legend=sign_legend(np.array([s.value for s in steps]), ("raises", "lowers"), language),
        hatched=is_refused(explanation),
    )


def _steps(explanation: Explanation, index: int, language: Language, top: int) -> list[Entry]:
    say = words(language)
    entries, _ = feature_entries(explanation, index, language)
    entries = [e if np.isfinite(e.value) else Entry(e.label, 0.0) for e in entries]  # what is lost is left unaccounted for
    steps = strongest(entries, top, say["bars.others"])
    if len(explanation.arrays) > 1:
        others = sum(float(np.nansum(a.values)) for i, a in enumerate(explanation.arrays) if i != index)
        steps.append(Entry(say["waterfall.inputs"], others))
    whole = float(explanation.decision.scores[0] - explanation.decision.baseline_scores[0])
    gap = whole - sum(s.value for s in steps)
    if abs(gap) > NOTICEABLE * max(abs(whole), *(abs(s.value) for s in steps)):
        steps.append(Entry(say["waterfall.residual"], gap))
    return steps


def _counted(explanation: Explanation, index: int, language: Language, top: int) -> str:
    count = len(feature_entries(explanation, index, language)[0])
    return words(language)["bars.all" if count <= top + 1 else "bars.some"].format(shown=top, count=count)


def _domain(levels: np.ndarray) -> tuple[float, float]:
    span = float(np.ptp(levels)) or 1.0
    return (float(levels.min()) - 0.2 * span, float(levels.max()) + 0.2 * span)


def _marks(steps: list[Entry], levels: np.ndarray, score: float) -> tuple[Mark, ...]:
    span = float(np.ptp(levels)) or 1.0
    values = np.array([s.value for s in steps])
    places = np.arange(1, len(steps) + 1, dtype=float)
    colors = tuple(sign_role(v) for v in values)
    marks: list[Mark] = [
        Line("", np.array([level, level]), np.array([float(at), at + 1.0]), "line") for at, level in enumerate([*levels[:-1], score])
    ]
    marks.append(Bars("", places, levels[:-1], values, colors, tuple(s.label for s in steps), thickness=0.72))
    for at, (before, after) in enumerate(pairwise(levels), start=1):
        left = after < before
        marks.append(Text(float(after + (-GAP if left else GAP) * span), float(at), signed(after - before), "end" if left else "start"))
    for at, level in ((0, levels[0]), (len(steps) + 1, score)):
        marks.append(Points("", np.array([level]), np.array([float(at)]), "ink", 4.0))
        marks.append(Text(float(level + 2.2 * GAP * span), float(at), number(level)))
    return tuple(marks)


def _table(steps: list[Entry], levels: np.ndarray, language: Language) -> Table:
    say = words(language)
    rows = tuple((s.label, s.value, float(a), float(b)) for s, (a, b) in zip(steps, pairwise(levels), strict=True))
    return Table((say["feature"], say["attribution"], say["from"], say["to"]), rows)
