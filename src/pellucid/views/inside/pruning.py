"""What can be removed: how much each unit matters, the network before and after, and which criterion tells."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.pruning import CHEAP, PrunedLayer, Pruning
from pellucid.scenes import Axis, Bars, LegendEntry, Line, Panel, Scene, Table, Text
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.pruning_curves import sensitivity
from pellucid.views.inside.pruning_reading import TICKS, chosen, content, scaled, scene, score, score_axis
from pellucid.views.signed_bars import category_axis

UNITS = 6  # layers whose units are drawn
DRAWN = 128  # units of a layer
LISTED = 16  # layers in a chart of bars
NAMED = 4  # layers left out for one reason


def units(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The importance of every unit by rank, those suggested for removal in another color.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    shown = chosen(seen, layer, UNITS)
    some = say["prune.units.some"].format(shown=len(shown), count=len(seen.layers)) if len(shown) < len(seen.layers) else ""
    title = say["prune.units.title"].format(model=explanation.provenance.model)
    panels = tuple(_units(seen, one, at, language) for at, one in enumerate(shown))
    note = say[f"prune.units.note.{seen.criterion}"]
    return scene(explanation, title, panels, language, columns=min(len(panels), 2), notes=(note,), subtitle=some)


def before_after(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The score before and after the suggested removal, what it saves, and from which layers it takes."""
    seen, say = content(explanation), words(language)
    title = say["prune.after.title"].format(model=explanation.provenance.model, removed=f"{seen.suggested:,}", units=f"{seen.units:,}")
    notes = [say["prune.after.note"]]
    if seen.left_out:
        reasons: dict[str, list[str]] = {}
        for one in seen.left_out:
            reasons.setdefault(say[f"prune.why.{one.why}"], []).append(one.layer or explanation.provenance.model)
        joiner, pattern = ("、", "{names}（{why}）") if language == "zh-CN" else (", ", "{names} ({why})")  # noqa: RUF001
        items = [
            pattern.format(names=joiner.join(names[:NAMED]) + ("…" if len(names) > NAMED else ""), why=why)
            for why, names in reasons.items()
        ]
        notes.append(say["prune.after.left"].format(items=joiner.join(items)))
    panels = (_scores(seen, language), _savings(seen, language), _removed(seen, language))
    return scene(explanation, title, panels, language, notes=tuple(notes))


def criteria(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How well each cheap criterion ranks units as the measured cost does, with intervals."""
    seen, say = content(explanation), words(language)
    names = [say[f"prune.{name}"] for name in CHEAP]
    values, low, high = seen.agreement.T
    known = bool(np.isfinite(values).all())
    best = int(np.nanargmax(values)) if known else 0
    finding = say["prune.criteria.finding"].format(name=names[best], value=number(values[best])) if known else say["prune.criteria.none"]
    heads = (say["layer"], say["prune.criterion"], say["prune.criteria.axis"], say["low"], say["high"])
    rows = [(say["prune.together"], name, *(number(float(v)) for v in row)) for name, row in zip(names, seen.agreement, strict=True)]
    rows += [
        (one.layer, name, *(number(float(v)) for v in row))
        for one in seen.layers
        for name, row in zip(names, one.agreement, strict=True)
        if np.isfinite(row).all()
    ]
    table = Table(heads, tuple(rows))
    labels = tuple(f"{name}: {number(float(value))}" for name, value in zip(names, values, strict=True))
    places = np.arange(len(names), dtype=float)
    bars = Bars(
        "", places, np.zeros(len(names)), np.nan_to_num(values), ("series1",) * len(names), labels, thickness=0.6, low=low, high=high
    )
    zero = Line("", np.zeros(2), np.array([-0.5, len(names) - 0.5]), "muted")
    bottom = min(0.0, np.floor(5 * float(low.min())) / 5) if known else 0.0
    chart = Panel(
        "criteria", finding, finding, table, (bars, zero), x=Axis(say["prune.criteria.axis"], (bottom, 1.02)), y=category_axis(names)
    )
    panel = chart if known else Panel("criteria", finding, finding, table)
    title = say["prune.criteria.title"].format(model=explanation.provenance.model)
    ablated = say["prune.criteria.ablated"].format(ablated=f"{seen.ablated:,}", units=f"{seen.units:,}")
    return scene(explanation, title, (panel,), language, notes=(say["prune.criteria.note"],), subtitle=ablated)


# ---- units ------------------------------------------------------------------------------------------------------------------


def _importance(seen: Pruning, one: PrunedLayer) -> np.ndarray:
    return {"measured": one.cost[:, 2], "taylor": one.taylor, "l1": one.l1, "l2": one.l2}[seen.criterion]


def _units(seen: Pruning, one: PrunedLayer, at: int, language: Language) -> Panel:
    say = words(language)
    values = _importance(seen, one)
    places = np.unique(np.linspace(0, one.units - 1, min(one.units, DRAWN)).round().astype(int))
    drawn = one.order[places]
    heights = values[drawn]
    gone = one.suggested[drawn]
    labels = tuple(say["prune.units.unit"].format(unit=int(unit), value=number(float(values[unit]))) for unit in drawn)
    step = one.units / len(places)
    bars = Bars(
        "",
        places + 1.0,
        np.zeros(len(drawn)),
        heights,
        tuple("series2" if g else "series1" for g in gone),
        labels,
        horizontal=False,
        thickness=0.8 * step,
    )
    told = {"layer": one.layer, "removed": f"{int(one.suggested.sum()):,}", "units": f"{one.units:,}", "dead": int(one.unchanged.sum())}
    legend = [LegendEntry(say["prune.units.stays"], "series1")] if not gone.all() else []
    legend += [LegendEntry(say["prune.units.goes"], "series2")] if gone.any() else []
    heads = (say["unit"], say["prune.goes"], *(say[f"prune.{name}"] for name in ("l1", "l2", "taylor", "measured")))
    rows = tuple(
        (
            str(int(unit)),
            "x" if one.suggested[unit] else "",
            *(number(float(v[unit])) for v in (one.l1, one.l2, one.taylor, one.cost[:, 2])),
            *(number(float(v)) for v in one.cost[unit, :2]),
        )
        for unit in one.order[:2000]
    )
    top = float(np.nan_to_num(heights).max(initial=0.0)) or 1.0
    return Panel(
        f"layer{at}",
        say["prune.units.layer"].format(**told),
        say["prune.units.summary"].format(**told),
        Table((*heads, say["prune.loss_change"], say["prune.score_change"]), rows),
        (bars,),
        x=Axis(say["prune.units.rank"], (0.3, one.units + 0.7)),
        y=Axis(say[f"prune.{seen.criterion}"], (0.0, 1.05 * top)),
        subtitle=say["prune.units.drawn"].format(shown=len(places), count=f"{one.units:,}") if len(places) < one.units else "",
        legend=tuple(legend),
    )


# ---- before and after -------------------------------------------------------------------------------------------------------


def _scores(seen: Pruning, language: Language) -> Panel:
    say = words(language)
    both = np.stack([seen.before, seen.after])
    names = [say["prune.after.before"], say["prune.after.after"]]
    measure = say[f"prune.{seen.measure}"]
    texts = [score(seen, float(value), language) for value in both[:, 0]]
    finding = say["prune.after.finding"].format(measure=measure[0].upper() + measure[1:], before=texts[0], after=texts[1])
    if seen.measure == "r2":
        low, high = (number(float(value)) for value in seen.difference[1:])
        changed = say["prune.after.r2"].format(value=number(float(seen.difference[0])), low=low, high=high)
    else:
        changed = say["prune.after.rows"].format(lost=seen.lost, won=seen.won, p=number(float(seen.p[0]), 2))
    drawn = [scaled(seen, both[:, at]) for at in range(3)]
    bars = Bars(
        measure,
        np.arange(2.0),
        np.zeros(2),
        drawn[0],
        ("series1", "series2"),
        tuple(f"{name}: {text}" for name, text in zip(names, texts, strict=True)),
        thickness=0.6,
        low=drawn[1],
        high=drawn[2],
    )
    base = float(scaled(seen, seen.base)[0])
    rule = Line(say["prune.after.base"], np.full(2, base), np.array([-0.5, 1.5]), "random", dashed=True)
    key = "prune.after.mean" if seen.measure == "r2" else "prune.after.base"
    heads = ("", measure, say["low"], say["high"], say["prune.loss"])
    rows = tuple((name, *(number(float(v)) for v in row)) for name, row in zip(names, both, strict=True))
    return Panel(
        "scores",
        finding,
        joined([finding, changed], language),
        Table(heads, rows),
        (bars, rule) if seen.measure != "agreement" else (bars,),
        x=score_axis(seen, language, both[:, :3].ravel()),
        y=category_axis(names),
        subtitle=changed,
        legend=(LegendEntry(say[key], "random", "dashed"),) if seen.measure != "agreement" else (),
    )


def _savings(seen: Pruning, language: Language) -> Panel:
    say = words(language)
    amounts = ((seen.zeroed, seen.parameters), (seen.cut, seen.parameters), (seen.saved, seen.flops))
    names = [say[f"prune.after.{key}"] for key in ("zeroed", "cut", "saved")]
    shares = np.array([100 * part / whole if whole else 0.0 for part, whole in amounts])
    texts = [percent(float(share) / 100, language) for share in shares]
    finding = say["prune.after.size"].format(zeroed=f"{seen.zeroed:,}", parameters=f"{seen.parameters:,}")
    labels = tuple(f"{name}: {part:,} / {whole:,}" for name, (part, whole) in zip(names, amounts, strict=True))
    places = np.arange(3.0)
    bars = Bars("", places, np.zeros(3), shares, ("series3", "series4", "series4"), labels, thickness=0.6)
    ends = tuple(Text(float(share) + 1.0, float(at), text) for at, (share, text) in enumerate(zip(shares, texts, strict=True)))
    heads = ("", say["prune.goes"], say["prune.after.gone"])
    rows = tuple((name, f"{part:,} / {whole:,}", text) for name, (part, whole), text in zip(names, amounts, texts, strict=True))
    return Panel(
        "savings",
        finding,
        joined([finding, *labels], language),
        Table(heads, rows),
        (bars, *ends),
        x=Axis(say["prune.after.gone"], (0.0, 115.0), *TICKS),
        y=category_axis(names),
    )


def _removed(seen: Pruning, language: Language) -> Panel:
    say = words(language)
    shown = chosen(seen, None, LISTED)
    shares = np.array([100 * float(one.suggested.mean()) for one in shown])
    most = int(shares.argmax())
    texts = [say["prune.after.removed"].format(removed=f"{int(one.suggested.sum()):,}", units=f"{one.units:,}") for one in shown]
    key = "prune.after.layers" if shares[most] else "prune.after.nothing"
    finding = say[key].format(layer=shown[most].layer, share=percent(float(shares[most]) / 100, language, digits=2))
    places = np.arange(len(shown), dtype=float)
    labels = tuple(f"{one.layer}: {text}" for one, text in zip(shown, texts, strict=True))
    bars = Bars("", places, np.zeros(len(shown)), shares, ("series2",) * len(shown), labels, thickness=0.66)
    ends = tuple(Text(float(share) + 1.0, float(at), text) for at, (share, text) in enumerate(zip(shares, texts, strict=True)))
    heads = (say["layer"], say["prune.goes"], say["prune.units"])
    rows = tuple((one.layer, str(int(one.suggested.sum())), str(one.units)) for one in seen.layers)
    return Panel(
        "removed",
        finding,
        finding,
        Table(heads, rows),
        (bars, *ends),
        x=Axis(say["prune.share"], (0.0, 130.0), *TICKS),
        y=category_axis([one.layer for one in shown]),
        subtitle=say["prune.some"].format(shown=len(shown), count=len(seen.layers)) if len(shown) < len(seen.layers) else "",
    )


VIEWS = {"sensitivity": sensitivity, "units": units, "before_after": before_after, "criteria": criteria}
