"""What the pictures of activations read from an inspection: layers by name, classes by name, colors that fit values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

import numpy as np

from pellucid.errors import UnknownName
from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations, Distribution, LayerActivations, Zone
from pellucid.scenes import ColorScale
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, words
from pellucid.views.inside.classes import class_phrase

FUNCTIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "rrelu": "RReLU",
    "elu": "ELU",
    "selu": "SELU",
    "celu": "CELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "hardtanh": "Hardtanh",
    "logsigmoid": "LogSigmoid",
}
ZONES: dict[Zone, str] = {"zero": "muted", "saturated": "series2", "linear": "series1", "between": "series3"}
LONG = 22  # letters of a title that are too many for one of three columns


class Named(Protocol):
    """Something of a layer."""

    @property
    def layer(self) -> str:
        """The layer's name."""
        ...


T = TypeVar("T", bound=Named)


def activations(explanation: Explanation) -> Activations:
    """The content."""
    if not isinstance(explanation.content, Activations):
        raise TypeError(f"This picture shows Activations, received {type(explanation.content).__name__}")
    return explanation.content


def function_name(function: str) -> str:
    """An activation function as its paper writes it."""
    return FUNCTIONS.get(function, function)


def of_layer(found: Sequence[T], layer: str | None, *, default: Callable[[Sequence[T]], Sequence[T]]) -> Sequence[T]:
    """Those of a layer, or of all layers below a module; of no name what ``default`` chooses.

    Raises:
        UnknownName: no such layer.
    """
    if layer is None:
        return default(found)
    below = (f"{layer}.", f"{layer}/", f"{layer} #")
    kept = [one for one in found if one.layer == layer] or [one for one in found if one.layer.startswith(below)]
    if not kept:
        raise UnknownName("layer in this picture (pl.LookAtActivations(layer=...) keeps others)", layer, [one.layer for one in found])
    return kept


def one_layer(found: Sequence[LayerActivations], layer: str | None) -> LayerActivations:
    """The layer of that name among those with the detail that a picture needs; the last but the output if none is named.

    Raises:
        UnknownName: no such layer.
    """
    return of_layer(found, layer, default=lambda layers: layers[-2:-1] or layers)[-1]


def class_name(seen: Activations, index: int) -> str:
    """A class by name, or by number."""
    return seen.class_names[index] if 0 <= index < len(seen.class_names) else str(index)


def row_name(seen: Activations, row: int, language: Language) -> str:
    """A row by number, with its class where that is known."""
    say = words(language)
    if len(seen.labels) > row and seen.labels[row] >= 0:
        return say["act.row.class"].format(row=row + 1, label=class_phrase(class_name(seen, int(seen.labels[row])), language))
    return say["act.row"].format(row=row + 1)


def scale_of(values: np.ndarray, label: str) -> ColorScale:
    """Sequential from 0 where no value is negative, else diverging about 0."""
    kept = values[np.isfinite(values)]
    largest = float(np.abs(kept).max(initial=0.0)) or 1.0
    if kept.min(initial=0.0) >= 0:
        return ColorScale("sequential", (0.0, largest), label)
    return ColorScale("diverging", (-largest, largest), label)


def columns_of(titles: Sequence[str]) -> int:
    """In how many columns panels stand: in two where they are few, or where their titles are long."""
    return min(len(titles), 2 if len(titles) <= 4 or max(map(len, titles)) > LONG else 3)


def shown_of(shown: int, count: int, language: Language, *, which: Literal["vary", "related", "classes"] = "vary") -> str:
    """``12 of 32 units`` and which those are, where not all are shown; else the number of all."""
    say = words(language)
    return say[f"act.units.{which}" if shown < count else "act.units.all"].format(shown=f"{shown:,}", count=f"{count:,}")


def bars_of(spread: Distribution, low: float, high: float, bins: int, *, zeros: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """About ``bins`` bars between two values, 0 among their edges where it lies between: edges, and shares of all values.

    What lies beyond the ends is left out. Values that are exactly 0 are counted to the bar that ends there.
    """
    step = (high - low) / bins
    step = spread.width * max(1, round(step / spread.width))
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    counts = np.zeros(max(1, last - first))
    ratio = round(step / spread.width)
    places = (spread.first + np.arange(len(spread.counts))) // ratio - first
    inside = (places >= 0) & (places < len(counts))
    np.add.at(counts, places[inside], spread.counts[inside])
    if zeros and spread.zeros and 0 <= -first - 1 < len(counts):
        counts[-first - 1] += spread.zeros
    return (first + np.arange(len(counts) + 1)) * step, counts / max(1, spread.counted)


def span(edges: np.ndarray, at: int) -> str:
    """A bar's ends as text."""
    return f"{number(float(edges[at]))} … {number(float(edges[at + 1]))}"
