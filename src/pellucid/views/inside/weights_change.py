"""What the training changed: how far every weight is from its initial value, how far it turned, which units moved most."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.weights import Weight
from pellucid.scenes import Axis, Bars, Panel, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, words
from pellucid.views.inside.weights_choice import chosen_weight, content, largest, matrices, remarks, scene, some, told
from pellucid.views.signed_bars import category_axis

MOVED = 20  # units drawn by number


def change(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The change of every weight relative to its initial norm, the angle it turned, and the units of one layer that moved most.

    Without a layer the units of the weight that changed most are shown.

    Raises:
        UnknownName: no such layer.
    """
    seen, say = content(explanation), words(language)
    everything = [one for one in matrices(seen) or list(seen.weights) if one.change is not None]
    shown, _ = largest(everything)
    relative = np.array([float(one.change.relative) for one in shown if one.change is not None])
    angles = np.array([float(one.change.angle) for one in shown if one.change is not None])
    table = _table([one for one in seen.weights if one.change is not None], language)
    most, least = (int(pick(np.nan_to_num(relative))) for pick in (np.argmax, np.argmin))
    turned = int(np.argmax(np.nan_to_num(angles)))
    smallest = {"low": _share(relative[least], language), "lowest": shown[least].name}
    summary = say["weights.change.summary"].format(**smallest, high=_share(relative[most], language), highest=shown[most].name)
    one = shown[most] if layer is None else chosen_weight(everything, layer)
    panels = (
        Panel(
            "relative",
            say["weights.change.relative"].format(name=shown[most].name, share=_share(relative[most], language)),
            summary,
            table,
            (_bars(shown, 100 * relative, [_share(value, language) for value in relative], "series1", language),),
            x=Axis(say["weights.change.relative_axis"], (0.0, _top(100 * relative))),
            y=category_axis([weight.name for weight in shown]),
            subtitle=some(everything, shown, language),
        ),
        Panel(
            "angle",
            say["weights.change.angle"].format(name=shown[turned].name, angle=number(angles[turned])),
            summary,
            table,
            (_bars(shown, angles, [f"{number(angle)}°" for angle in angles], "series2", language),),
            x=Axis(say["weights.change.angle_axis"], (0.0, _top(angles))),
            y=category_axis([weight.name for weight in shown]),
        ),
        _moved(one, language),
    )
    title = say["weights.change.title"].format(model=explanation.provenance.model)
    notes = (say["weights.change.note"], *remarks([one], language))
    return scene(explanation, title, panels, language, notes=notes)


def _moved(one: Weight, language: Language) -> Panel:
    """The units of one weight that moved most."""
    say = words(language)
    moved = np.nan_to_num(one.change.moved) if one.change is not None else np.zeros(one.units)
    order = np.argsort(-moved, kind="stable")
    top = order[:MOVED]
    names = [say["weights.change.unit"].format(unit=int(unit)) for unit in top]
    shares = [_share(float(moved[unit]), language) for unit in top]
    labels = told(names, shares, language)
    places = np.arange(len(top), dtype=float)
    finding = say["weights.change.units"].format(name=one.name, unit=int(top[0]), share=shares[0])
    return Panel(
        "moved",
        finding,
        finding,
        Table(
            (say["weights.kernels.unit"], say["weights.column.change"]),
            tuple((str(int(unit)), float(moved[unit])) for unit in order[:5000]),
        ),
        (Bars("", places, np.zeros(len(top)), 100 * moved[top], ("series1",) * len(top), labels, thickness=0.66),),
        x=Axis(say["weights.change.units_axis"], (0.0, _top(100 * moved))),
        y=category_axis(names),
        subtitle=say["weights.change.units_some"].format(shown=len(top), count=len(moved)) if len(top) < len(moved) else "",
    )


def _bars(shown: list[Weight], values: np.ndarray, texts: list[str], role: str, language: Language) -> Bars:
    labels = told([one.name for one in shown], texts, language)
    places = np.arange(len(shown), dtype=float)
    return Bars("", places, np.zeros(len(shown)), np.nan_to_num(values), (role,) * len(shown), labels, thickness=0.66)


def _top(values: np.ndarray) -> float:
    return 1.05 * float(np.nan_to_num(values).max(initial=0.0)) or 1.0


def _share(value: float, language: Language) -> str:
    return percent(float(value), language)


def _table(weights: list[Weight], language: Language) -> Table:
    say = words(language)
    heads = ("name", "change", "angle")
    rows = tuple(
        (one.name, _share(float(one.change.relative), language), number(float(one.change.angle)))
        for one in weights
        if one.change is not None
    )
    return Table(tuple(say[f"weights.column.{head}"] for head in heads), rows)
