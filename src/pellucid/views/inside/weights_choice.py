"""Which weight a picture is about, and what is said of it in every picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pellucid.errors import InputError, UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents import Weights
from pellucid.explanation.contents.weights import LayerUnits, Weight
from pellucid.scenes import Axis, Panel, Scene
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code

MOST = 40  # layers that are drawn as rows of a picture
T = TypeVar("T", Weight, LayerUnits)


def content(explanation: Explanation) -> Weights:
    """What was seen."""
    if not isinstance(explanation.content, Weights):
        raise TypeError(f"This picture shows Weights, received {type(explanation.content).__name__}")
    return explanation.content


def matrices(seen: Weights) -> list[Weight]:
    """The weights that map something to something: neither biases nor gains."""
    return [one for one in seen.weights if one.kind not in ("bias", "gain")]


def chosen(seen: Sequence[T], layer: str | None, names: Callable[[T], tuple[str, ...]], size: Callable[[T], tuple[int, ...]]) -> T:
    """The one of that name, or the largest of those in the layer of that name; the largest of all where no layer is named.

    Raises:
        InputError: there is nothing to show.
        UnknownName: none of them has, or is in, that layer.
    """
    if not seen:
        raise InputError("There is nothing to show", received="no weight of that kind", remedy="choose another view")
    if layer is None:
        return max(seen, key=size)
    exact = [one for one in seen if layer in names(one)]
    inside = exact or [one for one in seen if any(name.startswith(f"{layer}.") for name in names(one))]
    if not inside:
        raise UnknownName("layer", layer, [names(one)[0] for one in seen])
    return max(inside, key=size)


def chosen_weight(seen: Sequence[Weight], layer: str | None) -> Weight:
    """The weight of a layer; the one with most parameters where none is named."""
    return chosen(seen, layer, lambda one: (one.name, one.parameter, *one.tied), lambda one: (one.size,))


def largest(seen: Sequence[Weight]) -> tuple[list[Weight], bool]:
    """At most :data:`MOST` weights in their order, those with most parameters; and whether some are left out."""
    kept = sorted(range(len(seen)), key=lambda at: -seen[at].size)[:MOST]
    return [seen[at] for at in sorted(kept)], len(seen) > MOST


def some(seen: Sequence[Weight], shown: Sequence[Weight], language: Language) -> str:
    """How many are shown of how many; nothing where all are."""
    if len(shown) == len(seen):
        return ""
    return words(language)["weights.some"].format(shown=len(shown), count=len(seen))


def told(names: Sequence[str], values: Sequence[str], language: Language) -> tuple[str, ...]:
    """What bars say when pointed at: each name with its value."""
    colon = "：" if language == "zh-CN" else ": "  # noqa: RUF001
    return tuple(f"{name}{colon}{value}" for name, value in zip(names, values, strict=True))


def remarks(weights: Sequence[Weight], language: Language) -> tuple[str, ...]:
    """What a reader must know of these weights: where else they are used, how they are made, what is left out."""
    say, found = words(language), []
    joiner = "、" if language == "zh-CN" else ", "
    for one in weights:
        if one.tied:
            found.append(say["weights.tied"].format(name=one.name, others=joiner.join(one.tied)))
        if one.made:
            found.append(say["weights.made"].format(name=one.name, made=one.made))
        if one.strange:
            found.append(say["weights.strange"].format(name=one.name, count=f"{one.strange:,}"))
    return tuple(found)


def scene(
    explanation: Explanation, title: str, panels: tuple[Panel, ...], language: Language, *, columns: int = 1, notes: tuple[str, ...] = ()
) -> Scene:
    """A scene about weights."""
    summary = joined([title, *(panel.summary for panel in panels)], language)
    return Scene(title, panels, summary, columns=columns, notes=notes, code=code(explanation), language=language)


def span(label: str, count: int, *, reverse: bool = False) -> Axis:
    """An axis of numbered units or inputs, each one wide, the first at 0."""
    return Axis(label, (-0.5, count - 0.5), reverse=reverse)
