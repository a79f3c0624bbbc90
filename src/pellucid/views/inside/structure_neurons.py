"""A chain of linear layers as columns of units, joined by their weights."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents import Structure
from pellucid.explanation.contents.structure import Neurons
from pellucid.scenes import Axis, Column, LegendEntry, Lines, Panel, Points, RowLabels, Sample, Scene, Table, Text
from pellucid.scenes.numbers import signed
from pellucid.scenes.sampling import MOST
from pellucid.scenes.words import Language, joined, letters, words
from pellucid.views.framing import code

NAMED = 32  # units of the input that are called by their names
FIRST = 1600  # weights of the whole picture; more lie upon one another
LISTED = 60  # weights in the table
WIDE = 0.022  # of the picture, a letter of a class name
ROWS = (16, 32)  # lines of the picture: as many as the longest column has units, at least and at most
ROLES = ("positive", "negative")


def neurons(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Every unit as a point, layer by layer, joined by its weights: warm ones positive, the larger the stronger; biases when pointed at."""
    seen, say = explanation.content, words(language)
    if not isinstance(seen, Structure) or seen.neurons is None:
        raise TypeError("This picture shows the units of a chain of layers, and there is none")
    chain = seen.neurons
    panel = _panel(chain, language)
    cut = [
        (name, len(own), size) for name, own, size in zip(_names(chain, language), chain.shown, chain.sizes, strict=True) if len(own) < size
    ]
    notes = tuple(say["neurons.cut"].format(name=name, shown=shown, count=f"{count:,}") for name, shown, count in cut)
    return Scene(
        say["neurons.title"].format(model=explanation.provenance.model),
        (panel,),
        panel.summary,
        subtitle=say["neurons.sizes"].format(sizes=" - ".join(f"{size:,}" for size in chain.sizes)),
        notes=(*notes, say["neurons.note"]),
        code=code(explanation),
        language=language,
    )


def _panel(chain: Neurons, language: Language) -> Panel:
    say = words(language)
    weight, start, end, layer = _edges(chain)
    rows = max(ROWS[0], min(ROWS[1], max(map(len, chain.shown))))
    heights = [_heights(len(own), rows) for own in chain.shown]
    ends = [_units(chain, column, language) for column in range(len(chain.shown))]
    texts = tuple(text for column in ends for text in column)
    offsets = np.cumsum([0, *map(len, ends)])
    numbers = np.stack([offsets[layer] + start, offsets[layer + 1] + end]) if len(weight) else np.zeros((2, 0), int)
    y = np.concatenate(heights)[numbers]
    largest = np.array([np.abs(one).max(initial=0) or 1 for one in chain.weights])
    columns = (
        Column(say["neurons.from"], numbers[0].astype(np.float32), texts),
        Column(say["neurons.to"], numbers[1].astype(np.float32), texts),
        Column(say["neurons.weight"], weight.astype(np.float32)),
    )
    labels = RowLabels("{label}", np.arange(1, len(weight) + 1, dtype=np.uint32), columns, "–", together=True)  # noqa: RUF001
    edges = Lines(
        say["neurons.weight"],
        np.stack([layer, layer + 1], 1).astype(np.float32),
        y.T.astype(np.float32),
        ROLES,
        (weight < 0).astype(np.uint8),
        labels,
        _sample(len(weight), language),
        (np.abs(weight) / largest[layer]).astype(np.float32) if len(weight) else np.zeros(0, np.float32),
    )
    points = tuple(
        Points(name, np.full(len(own), float(column)), heights[column], "ink", _radius(len(own)), ends[column])
        for column, (name, own) in enumerate(zip(_names(chain, language), chain.shown, strict=True))
    )
    at = max(range(len(chain.weights)), key=lambda column: float(np.abs(chain.weights[column]).max(initial=0)))
    finding = say["neurons.finding"].format(layer=_names(chain, language)[at + 1], **_largest(chain, at, language))
    right, texts_right = _classes(chain, heights[-1])
    depth = len(chain.layers)
    first = tuple(chain.features[unit] for unit in chain.shown[0]) if chain.features and len(chain.shown[0]) <= NAMED else ()
    ticks = tuple(float(h) for h in heights[0]) if first else ()
    return Panel(
        "neurons",
        finding,
        joined([finding, say["neurons.summary"].format(edges=f"{len(weight):,}", units=f"{sum(chain.sizes):,}")], language),
        _table(texts, numbers, weight, language),
        (edges, *points, *texts_right),
        x=Axis("", (-0.05 * depth, depth + right), tuple(map(float, range(depth + 1))), tuple(_names(chain, language)), "category"),
        y=Axis("", (-0.5, rows - 0.5), ticks, first, "category", reverse=True, hidden=not first),
        legend=tuple(
            LegendEntry(say[key], role, "line") for key, role in zip(("neurons.positive", "neurons.negative"), ROLES, strict=True)
        ),
    )


def _edges(chain: Neurons) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weight, place of the unit before, place of the unit after, and layer of every edge; the strongest of their layers first."""
    parts = []
    for layer, weight in enumerate(chain.weights):
        end, start = np.indices(weight.shape).reshape(2, -1)
        scaled = np.abs(weight).ravel() / (np.abs(weight).max(initial=0) or 1)
        parts.append(np.stack([weight.ravel().astype(float), start, end, np.full(weight.size, layer), scaled]))
    whole = np.nan_to_num(np.concatenate(parts, 1))
    whole = whole[:, whole[0] != 0]
    weight, start, end, layer, _ = whole[:, np.argsort(-whole[4], kind="stable")]
    return weight, start.astype(int), end.astype(int), layer.astype(int)


def _sample(count: int, language: Language) -> Sample | None:
    if count <= FIRST:
        return None
    say = words(language)
    told = say["neurons.strongest"].format(shown=f"{FIRST:,}", count=f"{count:,}")
    return Sample(FIRST, MOST, count, say["neurons.weights"], told)


def _heights(count: int, rows: int) -> np.ndarray:
    """Places from the top of so many lines, evenly, closer to the middle where there are few."""
    pitch = min(2.0, (rows - 1) / max(count - 1, 1))
    return (rows - 1) / 2 + (np.arange(count) - (count - 1) / 2) * pitch


def _radius(count: int) -> float:
    return 3.6 if count <= 24 else 2.4 if count <= 40 else 1.8


def _names(chain: Neurons, language: Language) -> list[str]:
    say = words(language)
    return [say["structure.input"], *(name or f"{k + 1}" for k, name in enumerate(chain.layers))]


def _called(chain: Neurons, column: int, unit: int, language: Language) -> str:
    say = words(language)
    if column == 0:
        return chain.features[unit] if chain.features else say["neurons.feature"].format(number=unit)
    if column == len(chain.sizes) - 1 and chain.classes:
        return chain.classes[unit]
    return say["neurons.unit"].format(layer=_names(chain, language)[column], number=unit)


def _units(chain: Neurons, column: int, language: Language) -> tuple[str, ...]:
    """The units that are held of a column by name, with their bias."""
    names = [_called(chain, column, int(unit), language) for unit in chain.shown[column]]
    if column == 0:
        return tuple(names)
    biased = words(language)["neurons.bias"]
    biases = map(float, chain.biases[column - 1])
    return tuple(biased.format(unit=n, bias=signed(bias)) if np.isfinite(bias) else n for n, bias in zip(names, biases, strict=True))


def _classes(chain: Neurons, heights: np.ndarray) -> tuple[float, tuple[Text, ...]]:
    """Names to the right of the last column, and the room that they take."""
    if not chain.classes or len(heights) > NAMED:
        return 0.08 * len(chain.layers), ()
    names = [chain.classes[unit] for unit in chain.shown[-1]]
    wide = max(map(letters, names))
    at = len(chain.layers) + 0.03 * len(chain.layers)
    return (0.05 + WIDE * wide) * len(chain.layers), tuple(Text(at, float(h), name) for h, name in zip(heights, names, strict=True))


def _largest(chain: Neurons, layer: int, language: Language) -> dict[str, str]:
    weight = chain.weights[layer]
    unit, source = np.unravel_index(int(np.abs(np.nan_to_num(weight)).argmax()), weight.shape)
    ends = (int(chain.shown[layer][source]), int(chain.shown[layer + 1][unit]))
    return {
        "first": _called(chain, layer, ends[0], language),
        "second": _called(chain, layer + 1, ends[1], language),
        "value": signed(float(weight[unit, source])),
    }


def _table(texts: tuple[str, ...], numbers: np.ndarray, weight: np.ndarray, language: Language) -> Table:
    say = words(language)
    rows = tuple((texts[numbers[0, k]], texts[numbers[1, k]], float(weight[k])) for k in range(min(LISTED, len(weight))))
    return Table((say["neurons.from"], say["neurons.to"], say["neurons.weight"]), rows)
