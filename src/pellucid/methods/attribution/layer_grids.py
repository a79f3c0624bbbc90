"""Which layers have space, and where in their output it lies: planes with channels first or last, series, tokens that make a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pellucid.errors import InputError, LayerError, UnknownName
from pellucid.methods.layers import layer_shapes
from pellucid.models.protocol import LayerShape

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator

Layers = str | tuple[str, ...] | None
EXTRA = 8  # class, distillation and register tokens that may stand before the tokens of a grid


@dataclass(frozen=True)
class Grid:
    """The cells of one layer's output.

    Attributes:
        cells: their number along y and x, or along time.
        channel: the axis of the channels in the output (sample, ...), 1 or -1.
        tokens: whether the output is (sample, token, channel), the last tokens being the cells row by row.
        extra: how many tokens stand before them.
    """

    layer: str
    cells: tuple[int, ...]
    channel: int
    tokens: bool = False
    extra: int = 0

    def of(self, output: Tensor) -> Tensor:
        """A view (sample, channel, y, x) or (sample, channel, time) of the layer's output, or of its gradient."""
        if not self.tokens:
            return output.movedim(self.channel, 1)
        return output[:, self.extra :].movedim(-1, 1).unflatten(2, self.cells)

    @property
    def guess(self) -> str:
        """What was taken for granted, as a sentence; empty where nothing was."""
        if not self.tokens:
            return ""
        rest = f", the first {self.extra} left out" if self.extra else ""
        cells = " x ".join(map(str, self.cells)) + (" time steps" if len(self.cells) == 1 else "")
        return f"layer {self.layer}: its tokens are taken for a grid of {cells}{rest}"


def mapped_input(evaluator: Evaluator) -> int:
    """The input over which maps lie: the first that has space."""
    return next((i for i, spec in enumerate(evaluator.specs) if space_of(spec)), 0)


def space_of(spec: InputSpec) -> tuple[str, ...]:
    """The axes of an input over which a map can lie."""
    return tuple(axis for axis in ("y", "x", "time") if axis in spec.axes)


def find_grids(evaluator: Evaluator, chosen: Layers, on: int) -> tuple[Grid, ...]:
    """The grids of the chosen layers for a map of input ``on``; of the last usable layer if none is chosen.

    Of token grids only normalizations and blocks are taken by themselves, and only where the score depends on the cells: above the
    last attention of a network with a class token it does not.

    Raises:
        UnknownName: no layer of that name.
        LayerError: a layer without space, or no layer has any.
    """
    shapes, size = layer_shapes(evaluator), _size(evaluator, on)
    known = evaluator.remembered(("grids", on), lambda: _grids(shapes, size))
    if chosen is None:
        found = (_last(evaluator, shapes, known),)
    else:
        names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
        if not names:
            raise InputError("No layer is named", received=repr(chosen), remedy="name one or several layers, or leave layer out")
        found = tuple(_named(name, shapes, known) for name in dict.fromkeys(names))
    evaluator.guesses += tuple(grid.guess for grid in found if grid.guess)
    return found


def token_grid(evaluator: Evaluator, layer: str, count: int, on: int) -> Grid | None:
    """The cells that ``count`` tokens make of input ``on``: of its image, or of its time (steps or windows); None if none."""
    shapes, size = layer_shapes(evaluator), _size(evaluator, on)
    if len(size) == 2:
        return _token_grid(
            layer, LayerShape((count, 1), channels_last=True), (size[0], size[1]), _cells_seen(_planes(shapes, size), shapes, size)
        )
    extra = next((e for e in (count - size[0], 0, 1) if 0 <= e <= EXTRA and count > e + 1 and size[0] % (count - e) == 0), None)
    return None if extra is None else Grid(layer, (count - extra,), -1, tokens=True, extra=extra)


def find_grid(evaluator: Evaluator, layer: str, on: int) -> Grid | None:
    """The grid of one layer for a map of input ``on``; None if it has no space."""
    spec = evaluator.specs[on]
    size = tuple(evaluator.values[on].shape[1:][spec.axes.index(axis)] for axis in space_of(spec))
    return _grids(layer_shapes(evaluator), size).get(layer)


def _named(name: str, shapes: Mapping[str, LayerShape], known: Mapping[str, Grid]) -> Grid:
    if name in known:
        return known[name]
    if name not in shapes:
        raise UnknownName("layer", name, shapes)
    listed = ", ".join(list(known)[-6:]) or "none; use an input-level method such as 'integrated_gradients'"
    raise LayerError(
        "This layer has no space to make a map of",
        received=f"{name} with output shape {shapes[name].sizes}",
        remedy=f"usable: {listed}",
    )


def _last(evaluator: Evaluator, shapes: Mapping[str, LayerShape], known: Mapping[str, Grid]) -> Grid:
    for name in reversed(tuple(known)):
        grid = known[name]
        if not grid.tokens and not _is_attention(grid, shapes):
            return grid
        if grid.tokens and shapes[name].stage and evaluator.remembered(("matters", name), lambda grid=grid: _matters(evaluator, grid)):
            return grid
    raise LayerError(
        "No layer of this network has space", received=f"{len(shapes)} layers", remedy="use an input-level method such as 'occlusion'"
    )


def _is_attention(plane: Grid, shapes: Mapping[str, LayerShape]) -> bool:
    """Whether a plane is rather (head, token, token) or (head, token, channel): a side is as long as there are tokens elsewhere."""
    return len(plane.cells) == 2 and any(len(shape.sizes) == 2 and shape.sizes[0] in plane.cells for shape in shapes.values())


def _matters(evaluator: Evaluator, grid: Grid) -> bool:
    """Whether the output for the first row changes when the cells are blanked."""
    bound = evaluator.bound
    tail = bound.tail(grid.layer)
    first = tail.record(tuple(v[:1].clone() for v in bound.values), torch.zeros(1, dtype=torch.long, device=evaluator.device))
    edited = first.activations.clone()
    grid.of(edited).zero_()
    return not torch.equal(tail.outputs(first, edited, torch.zeros(1, dtype=torch.long, device=evaluator.device)), first.outputs)


def _grids(shapes: Mapping[str, LayerShape], size: tuple[int, ...]) -> dict[str, Grid]:
    """Every usable layer in order of execution."""
    planes = _planes(shapes, size)
    if len(size) != 2:
        return planes
    seen = _cells_seen(planes, shapes, size)
    tokens = {name: grid for name, shape in shapes.items() if (grid := _token_grid(name, shape, (size[0], size[1]), seen)) is not None}
    return {name: planes[name] if name in planes else tokens[name] for name in shapes if name in planes or name in tokens}


def _size(evaluator: Evaluator, on: int) -> tuple[int, ...]:
    spec = evaluator.specs[on]
    return tuple(evaluator.values[on].shape[1:][spec.axes.index(axis)] for axis in space_of(spec))


def _planes(shapes: Mapping[str, LayerShape], size: tuple[int, ...]) -> dict[str, Grid]:
    return {name: grid for name, shape in shapes.items() if (grid := _plane(name, shape, size)) is not None}


def _cells_seen(planes: Mapping[str, Grid], shapes: Mapping[str, LayerShape], size: tuple[int, ...]) -> set[tuple[int, ...]]:
    """The cells of the network's planes, and what is left of them where tokens are merged two by two."""
    seen = {grid.cells for grid in planes.values() if _fits(grid.cells, size) and not _is_attention(grid, shapes)}
    for cells in tuple(seen):
        while max(cells) > 2:
            cells = (-(-cells[0] // 2), -(-cells[1] // 2))
            seen.add(cells)
    return seen


def _plane(name: str, shape: LayerShape, size: tuple[int, ...]) -> Grid | None:
    """A layer whose output has one axis for each axis of space; None if its shape and its modules contradict one another."""
    sizes = shape.sizes
    if len(size) not in (1, 2) or len(sizes) != len(size) + 1:
        return None
    first, last = _fits(sizes[:-1], size), _fits(sizes[1:], size)  # where space would be with channels last, and first
    channels_last = first if len(size) == 2 and first != last else shape.channels_last
    if len(size) == 1 and first != last and first != channels_last:
        return None
    cells = sizes[:-1] if channels_last else sizes[1:]
    return Grid(name, cells, -1 if channels_last else 1) if max(cells) > 1 else None


def _token_grid(name: str, shape: LayerShape, size: tuple[int, int], seen: set[tuple[int, ...]]) -> Grid | None:
    """Tokens that make a grid of the image's aspect: one that a plane of the network has, if it has planes; the squarest, then the one
    with the fewest extra tokens."""
    if len(shape.sizes) != 2 or (not seen and shape.sizes[0] in size):  # rows of an image, one by one, are no grid
        return None
    count = shape.sizes[0]
    options = [
        (abs(rows * size[1] - columns * size[0]), extra, (rows, columns))
        for extra in range(min(EXTRA, count // 4) + 1)
        for rows in range(2, size[0] + 1)
        if (count - extra) % rows == 0 and 2 <= (columns := (count - extra) // rows) <= size[1]
        if _fits((rows, columns), size) and (size[0] != size[1] or rows == columns) and (not seen or (rows, columns) in seen)
    ]
    if not options:
        return None
    _, extra, cells = min(options)
    return Grid(name, cells, -1, tokens=True, extra=extra)


def _fits(cells: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """Whether these cells can lie on the input: the same length of time, or the same aspect of an image up to one cell."""
    if len(size) == 1:
        return cells == size
    return abs(cells[0] * size[1] - cells[1] * size[0]) <= max(size)
