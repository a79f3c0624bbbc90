"""How each row's score comes about, feature by feature, all rows in one picture."""

from __future__ import annotations

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.scenes import Axis, Column, LegendEntry, Line, Lines, Panel, RowLabels, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.sampling import by_importance, sample_of
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import cell
from pellucid.views.many_rows import TOP, ManyRows, many_rows, summary_scene
from pellucid.views.reading import scale_name
from pellucid.views.signed_bars import category_axis
from pellucid.views.waterfall import NOTICEABLE

LINES = 60  # of the whole picture; more can not be told apart


def decision_plot(explanation: Explanation, *, language: Language = "en", top: int = TOP) -> Scene:
    """A line a row from the baseline's score (bottom) to the row's score (top), one feature after the other, the strongest last.

    All rows share one order of features: the mean size of their attributions. What the attributions leave unexplained is a step of its own
    where it is noticeable. Of more than 60 rows some are drawn, the highest and lowest scores among them, and the picture says so; zooming
    on the screen brings the others back.

    Raises:
        InputError: a method without a baseline's score, whose values are not parts of a whole; or images.
    """
    found = many_rows(explanation, language)
    decision = explanation.decision
    whole = np.isfinite(decision.baseline_scores[found.rows]) & np.isfinite(decision.scores[found.rows])
    if not whole.any():
        raise InputError(
            "A decision plot needs attributions that add up from a baseline's score",
            received=f"{explanation.provenance.method}, which has no finite baseline score and score",
            remedy="use shap, deeplift or integrated_gradients, or view='beeswarm'",
        )
    return summary_scene(found, _panel(found, np.flatnonzero(whole), top, language), language)


def levels(found: ManyRows, rows: np.ndarray, top: int, language: Language) -> tuple[list[str], np.ndarray]:
    """The steps by name from the last to the first, and the running scores (row, step), the baseline's last.

    Rows are numbered among those that are not refused.
    """
    say, decision = words(language), found.explanation.decision
    which = found.rows[rows]
    baseline, score = decision.baseline_scores[which], decision.scores[which]
    parts = found.strongest(len(found.names))
    values = np.nan_to_num(found.values[rows])
    shown, rest = parts[: top if len(parts) > top + 1 else len(parts)], parts[top:] if len(parts) > top + 1 else parts[:0]
    steps = [values[:, part] for part in shown]
    names = [found.names[part] for part in shown]
    if len(rest):
        steps.append(values[:, rest].sum(1))
        names.append(say["bars.others"].format(count=len(rest)))
    gap = score - baseline - values.sum(1)
    if (np.abs(gap) > NOTICEABLE * np.maximum(np.abs(score - baseline), np.abs(values).max(1))).any():
        steps.insert(0, gap)
        names.insert(0, say["waterfall.residual"])
    climbing = np.cumsum(np.stack([baseline, *steps[::-1]], 1), 1)[:, ::-1]
    return [*names, say["waterfall.baseline"]], climbing


def _panel(found: ManyRows, whole: np.ndarray, top: int, language: Language) -> Panel:
    say = words(language)
    names, climbing = levels(found, whole, top, language)
    chosen = by_importance(climbing[:, [0, -1]], LINES)
    ends = {"low": number(float(climbing[:, 0].min())), "high": number(float(climbing[:, 0].max()))}
    up = climbing[:, 0] >= climbing[:, -1]
    places = np.arange(len(names), dtype=float)
    base = float(np.median(climbing[:, -1]))
    lines = Lines(
        "",
        climbing[chosen].astype(np.float32),
        places.astype(np.float32),
        ("positive", "negative"),
        (~up[chosen]).astype(np.uint8),
        RowLabels(
            say["many.point"],
            (found.rows[whole[chosen]] + 1).astype(np.uint32),
            (Column("", climbing[chosen, 0].astype(np.float32)),),
            say["missing"],
        ),
        sample_of(np.ones(len(chosen), bool), LINES, say["sample.rows"], language),
    )
    said = {"count": len(whole), "baseline": number(base), **ends}
    without = len(found.rows) - len(whole)
    subtitle = [
        say["bars.all" if len(found.names) < len(names) else "bars.some"].format(shown=min(top, len(found.names)), count=len(found.names)),
        say["decision.without"].format(count=without) if without else "",
    ]
    return Panel(
        "decision",
        say["decision.title" if found.hatched else "decision.finding"].format(**said),
        say["decision.summary"].format(**said, up=int(up.sum())),
        _table(names, climbing, language),
        (Line("", np.array([base, base]), np.array([-0.5, len(names) - 0.5]), "muted", dashed=True), lines),
        x=Axis(
            say["score_axis"].format(scale=scale_name(found.explanation, language)), padded(float(climbing.min()), float(climbing.max()))
        ),
        y=category_axis(names),
        subtitle=joined(subtitle, language),
        legend=(
            *((LegendEntry(say["decision.up"], "positive", "line"),) if up.any() else ()),
            *((LegendEntry(say["decision.down"], "negative", "line"),) if not up.all() else ()),
            LegendEntry(say["waterfall.baseline"], "muted", "dashed"),
        ),
        hatched=found.hatched,
    )


def _table(names: list[str], climbing: np.ndarray, language: Language) -> Table:
    """The running score by step: its lowest, median and highest over all rows."""
    say = words(language)
    rows = tuple((name, *(cell(float(v)) for v in np.percentile(climbing[:, at], [0, 50, 100]))) for at, name in enumerate(names))
    return Table((say["feature"], say["many.lowest"], say["many.median"], say["many.highest"]), rows)
