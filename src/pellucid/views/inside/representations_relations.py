"""How the features of a table go together with the outputs: bars of rank correlations, and a table with the mean gradients."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.representations import Relations
from pellucid.scenes import Axis, Bars, Line, Panel, Scene, Table
from pellucid.scenes.numbers import percent, signed
from pellucid.scenes.words import Language, words
from pellucid.views.inside.representations_reading import content, scene
from pellucid.views.signed_bars import category_axis, sign_legend, sign_role

BARS = 15  # features of an output that are drawn
DRAWN = 2  # outputs: those with the strongest relations
LISTED = 60  # lines of the table


def relations(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Rank correlation of features with outputs over the rows, strongest first, with intervals; and all of them with the mean gradient."""
    seen, say = content(explanation), words(language)
    found = seen.relations
    if found is None:
        raise TypeError("This picture shows relations, received none")
    strength = np.nan_to_num(np.abs(found.correlation), nan=-1.0).max(0)
    drawn = np.sort(np.argsort(-strength, kind="stable")[:DRAWN])
    panels = [_bars(found, int(output), language) for output in drawn]
    told = {"opposed": int(found.opposed.sum()), "count": found.correlation.size}
    title = say["rep.relations_table"].format(**told)
    panels.append(Panel("relations", title, title, _table(found, language)))
    notes = [say["rep.relations_note"]]
    if len(found.outputs) < found.count:
        notes.append(say["rep.relations_outputs"].format(shown=len(found.outputs), count=found.count))
    if found.correlation.size > LISTED:
        notes.append(say["rep.relations_some"].format(shown=LISTED, count=f"{found.correlation.size:,}"))
    return scene(explanation, "rep.relations_title", tuple(panels), language, tuple(notes), columns=len(drawn))


def _bars(found: Relations, output: int, language: Language) -> Panel:
    say, order = words(language), found.order(output)
    shown = order[np.isfinite(found.correlation[order, output])][:BARS]
    values, low, high = (part[shown, output] for part in (found.correlation, found.low, found.high))
    names = [found.features[k] for k in shown]
    told = {"output": found.outputs[output], "shown": len(shown), "count": len(found.features)}
    finding = say["rep.relations_none"].format(**told)
    if len(shown):
        finding = say["rep.relations"].format(feature=names[0], value=signed(float(values[0])), **told)
    labels = tuple(_label(found, int(k), output, language) for k in shown)
    colors = tuple(sign_role(v) for v in values)
    bars = Bars(say["rep.spearman"], np.arange(len(shown), dtype=float), np.zeros(len(shown)), values, colors, labels, low=low, high=high)
    rows = tuple((name, *map(signed, map(float, row))) for name, *row in zip(names, values, low, high, strict=True))
    return Panel(
        f"relations-{output}",
        finding,
        finding,
        Table((say["feature"], say["rep.spearman"], say["low"], say["high"]), rows),
        (bars, Line("", np.zeros(2), np.array([-0.5, max(len(shown), 1) - 0.5]), "muted")),
        x=Axis(say["rep.spearman"], (-1.0, 1.0)),
        y=category_axis(names or [""]),
        subtitle=say["rep.relations_shown"].format(**told) if len(shown) < len(found.features) else "",
        legend=sign_legend(values, ("rep.together", "rep.against"), language),
    )


def _label(found: Relations, feature: int, output: int, language: Language) -> str:
    low, high = found.low[feature, output], found.high[feature, output]
    return words(language)["rep.relation"].format(
        feature=found.features[feature],
        value=signed(float(found.correlation[feature, output])),
        low=signed(float(low)),
        high=signed(float(high)),
        gradient=_known(found.gradient[feature, output]),
    )


def _table(found: Relations, language: Language) -> Table:
    """All pairs of feature and output, the closest first."""
    say = words(language)
    sizes = np.nan_to_num(np.abs(found.correlation), nan=-1.0)
    pairs = [divmod(int(k), len(found.outputs)) for k in np.argsort(-sizes, axis=None, kind="stable")[:LISTED]]
    rows = tuple(
        (
            found.features[i],
            found.outputs[j],
            _known(found.correlation[i, j]),
            say["rep.range"].format(low=signed(float(found.low[i, j])), high=signed(float(found.high[i, j])))
            if np.isfinite(found.correlation[i, j])
            else "",
            _known(found.gradient[i, j]),
            _known(found.gradient[i, j] * found.deviation[i]),
            percent(float(found.rising[i, j]), language) if np.isfinite(found.rising[i, j]) else "",
        )
        for i, j in pairs
    )
    heads = ("feature", "rep.output", "rep.spearman", "rep.interval", "rep.gradient", "rep.gradient_deviation", "rep.rising")
    return Table(tuple(say[head] for head in heads), rows)


def _known(value: float) -> str:
    return signed(float(value)) if np.isfinite(value) else "–"  # noqa: RUF001 (a dash where there is none)
