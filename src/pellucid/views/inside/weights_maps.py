"""Weights as maps: the matrix of one layer, and the kernels of a convolution."""

from __future__ import annotations

import math

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.weights import Weight
from pellucid.scenes import Axis, ColorScale, Image, Panel, Scene, Table
from pellucid.scenes.numbers import number, signed
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.weights_choice import chosen_weight, content, remarks, scene, span
from pellucid.views.rasters import limit_of

SQUARE = 3.0  # up to this ratio of the sides cells are drawn square
TIMES = " × "  # noqa: RUF001 (a multiplication sign is meant)
LISTED = 200  # rows of a data table: the largest
SHARED = 3  # times as many units as inputs, from which on several units share a row of kernels
FINE = 1 << 16  # cells of kernels up to which each is drawn as four
SHARP = 8  # pixels of a colored cell's side: pictures are drawn smoothly, which would blur single ones


def matrix(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """One weight as a heat map, units from top to bottom and inputs from left to right; very large ones as means of blocks.

    Raises:
        UnknownName: no layer of that name has a matrix.
    """
    say = words(language)
    one = chosen_weight([one for one in content(explanation).weights if one.map.size], layer)
    scale, cut = _scale(one.map, "weights.weight" if one.block == (1, 1) else "weights.mean_weight", language)
    row, column = np.unravel_index(int(np.nanargmax(np.abs(one.map))), one.map.shape) if np.isfinite(one.map).any() else (0, 0)
    value = signed(float(one.map[row, column]))
    if one.block == (1, 1):
        told = {"units": one.units, "inputs": one.inputs, "value": value, "unit": row, "input": column}
        finding = say["weights.matrix.finding"].format(**told)
    else:
        told = {"shown": f"{one.map.size:,}", "count": f"{one.size:,}", "high": one.block[0], "wide": one.block[1], "value": value}
        finding = say["weights.matrix.blocks"].format(**told)
    across = {"convolution": "channel", "embedding": "column"}.get(one.kind, "input")
    panel = Panel(
        "matrix",
        finding,
        joined([say["weights.matrix.title"].format(name=one.name), finding], language),
        _largest(one, language),
        (Image(scale.label, _extent(one), values=one.map, scale=scale),),
        x=span(say[f"weights.matrix.{across}"], one.inputs),
        y=span(say["weights.matrix.row" if one.kind == "embedding" else "weights.matrix.unit"], one.units, reverse=True),
        subtitle=cut,
        scale=scale,
        equal=max(one.units, one.inputs) <= SQUARE * min(one.units, one.inputs),
    )
    return scene(explanation, say["weights.matrix.title"].format(name=one.name), (panel,), language, notes=remarks([one], language))


def kernels(explanation: Explanation, *, language: Language = "en", layer: str | None = None) -> Scene:
    """The kernels of a convolution side by side, a unit in each row and an input channel in each column; the first one unless named.

    Where units have few inputs, several units share a row.

    Raises:
        UnknownName: no convolution of that name has kernels of more than one cell.
    """
    say = words(language)
    known = [one for one in content(explanation).weights if one.kernels.size]
    one = chosen_weight(known, layer) if layer is not None or not known else known[0]
    rows, columns = one.kernels.shape[:2]
    scale, cut = _scale(one.kernels, "weights.weight", language)
    norms = np.sqrt(np.nan_to_num(one.kernels.astype(float) ** 2).sum((1, 2, 3)))
    strongest = int(norms.argmax())
    counted = say["weights.kernels.all"].format(units=one.units, inputs=one.shape[1], size=TIMES.join(map(str, one.shape[2:])))
    count = one.size // math.prod(one.kernels.shape[2:])
    shown = say["weights.kernels.some"].format(shown=f"{rows * columns:,}", count=f"{count:,}") if rows * columns < count else ""
    finding = say["weights.kernels.norm"].format(unit=int(one.kernel_units[strongest]), value=number(float(norms[strongest])))
    per_row = math.ceil(math.sqrt(rows / columns)) if rows > SHARED * columns else 1
    tiles, x, y = _arranged(one, per_row, language)
    sharing = "" if per_row == 1 else say[f"weights.kernels.{'single' if columns == 1 else 'grid'}"].format(inputs=columns)
    high, wide = len(tiles), tiles.shape[1]
    panels = [
        Panel(
            "kernels",
            joined([counted, finding], language),
            joined([say["weights.kernels.title"].format(name=one.name), counted, finding, shown], language),
            Table(
                (say["weights.kernels.unit"], say["weights.column.norm"]),
                tuple((str(int(unit)), float(norm)) for unit, norm in zip(one.kernel_units, norms, strict=True)),
            ),
            (_tiled(tiles, scale),),
            x=x,
            y=y,
            subtitle=joined([shown, sharing, cut], language),
            scale=scale,
            equal=max(high, wide) <= 8 * min(high, wide),
        )
    ]
    if one.shape[1] == 3 and one.kernels.shape[1] == 3:
        panels.append(_colors(one, scale, language))
    title = say["weights.kernels.title"].format(name=one.name)
    return scene(explanation, title, tuple(panels), language, notes=remarks([one], language))


def _arranged(one: Weight, per_row: int, language: Language) -> tuple[np.ndarray, Axis, Axis]:
    """The kernels in their places (row, column, y, x), not-a-number where there is none, and the axes that name them."""
    say, (units, inputs) = words(language), one.kernels.shape[:2]
    names = [str(int(unit)) for unit in one.kernel_units]
    if per_row == 1:
        across = say["weights.kernels.slice" if len(one.shape) == 5 else "weights.kernels.input"]
        return (
            one.kernels,
            _named(across, [str(int(at)) for at in one.kernel_inputs]),
            _named(say["weights.kernels.unit"], names, reverse=True),
        )
    high, wide = -(-units // per_row), inputs + (inputs > 1)  # an empty place between units of several inputs
    places = np.full((high * per_row, wide, *one.kernels.shape[2:]), np.nan, np.float32)
    places[:units, :inputs] = one.kernels
    tiles = places.reshape(high, per_row * wide, *one.kernels.shape[2:])[:, : per_row * wide - (inputs > 1)]
    middles = tuple(at * wide + (inputs - 1) / 2 for at in range(per_row))
    x = Axis("", (-0.5, tiles.shape[1] - 0.5), middles, tuple(f"+{at}" for at in range(per_row)))
    return tiles, x, _named(say["weights.kernels.unit"], names[::per_row], reverse=True)


def _colors(one: Weight, scale: ColorScale, language: Language) -> Panel:
    """The three input channels of kernels as red, green and blue."""
    say, title = words(language), words(language)["weights.kernels.colors"]
    per_row = math.ceil(math.sqrt(2 * len(one.kernels)))
    high = -(-len(one.kernels) // per_row)
    places = np.zeros((high * per_row, *one.kernels.shape[1:]))
    places[: len(one.kernels)] = np.clip(np.nan_to_num(one.kernels) / scale.domain[1], -1, 1)
    channels = [_canvas(places[:, at].reshape(high, per_row, *one.kernels.shape[2:]), SHARP) for at in range(3)]
    pixels = np.round(127.5 + 127.5 * np.nan_to_num(np.stack(channels, -1))).astype(np.uint8)
    names = [str(int(unit)) for unit in one.kernel_units]
    return Panel(
        "colors",
        title,
        title,
        Table((say["weights.kernels.unit"],), tuple((name,) for name in names)),
        (Image("", _around(high, per_row, one.kernels.shape[2:], SHARP), pixels=pixels),),
        x=_named("", [f"+{at}" for at in range(per_row)]),
        y=_named(say["weights.kernels.unit"], names[::per_row], reverse=True),
        equal=True,
    )


def _tiled(tiles: np.ndarray, scale: ColorScale) -> Image:
    """Tiles (row, column, y, x) as one map."""
    fine = 2 if tiles.size <= FINE else 1
    return Image(scale.label, _around(tiles.shape[0], tiles.shape[1], tiles.shape[2:], fine), values=_canvas(tiles, fine), scale=scale)


def _canvas(tiles: np.ndarray, fine: int) -> np.ndarray:
    """Tiles (row, column, y, x) as one map of ``fine`` x ``fine`` for each cell, lines of not-a-number between the tiles."""
    line = _line(fine)
    tiles = tiles.repeat(fine, 2).repeat(fine, 3)
    high, wide, tall, broad = tiles.shape
    canvas = np.full((high, wide, tall + line, broad + line), np.nan, np.float32)
    canvas[:, :, :-line, :-line] = tiles
    return canvas.swapaxes(1, 2).reshape(high * (tall + line), wide * (broad + line))[:-line, :-line]


def _line(fine: int) -> int:
    """How wide the line between tiles is: a third of a cell, or the least there is."""
    return max(1, round(fine / 3))


def _around(high: int, wide: int, size: tuple[int, ...], fine: int) -> tuple[float, float, float, float]:
    """Where the map of so many tiles lies, each around its number; half a line is left free at the edges."""
    line = _line(fine)
    down, across = (0.5 * line / (fine * cells + line) for cells in size)
    return (-0.5 + across, wide - 0.5 - across, -0.5 + down, high - 0.5 - down)


def _named(label: str, names: list[str], *, reverse: bool = False) -> Axis:
    """An axis of tiles by name."""
    places = tuple(float(at) for at in range(len(names)))
    return Axis(label, (-0.5, len(names) - 0.5), places, tuple(names), "category", reverse=reverse)


def _extent(one: Weight) -> tuple[float, float, float, float]:
    """Where the map lies; the last block may reach over the edge."""
    high, wide = (side * block for side, block in zip(one.map.shape, one.block, strict=True))
    return (-0.5, wide - 0.5, -0.5, high - 0.5)


def _scale(values: np.ndarray, key: str, language: Language) -> tuple[ColorScale, str]:
    """The colors of signed weights, and what is said where single ones are beyond their end."""
    say, limit = words(language), limit_of(values)
    cut = say["weights.cut"].format(value=number(limit.value), largest=number(limit.largest)) if limit.cut else ""
    return ColorScale("diverging", (-limit.value, limit.value), say[key]), cut


def _largest(one: Weight, language: Language) -> Table:
    """The cells with the largest values."""
    say = words(language)
    sizes = np.nan_to_num(np.abs(one.map)).ravel()
    order = np.argsort(-sizes, kind="stable")[:LISTED]
    rows, columns = np.unravel_index(order, one.map.shape)
    cells = tuple(
        (str(int(row) * one.block[0]), str(int(column) * one.block[1]), float(np.nan_to_num(one.map[row, column])))
        for row, column in zip(rows, columns, strict=True)
    )
    return Table((say["weights.matrix.unit"], say["weights.matrix.input"], say["weights.weight"]), cells)
