"""Conductance: how much of the score flows through the units of a hidden layer, or from the input through one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from pellucid.errors import InputError, LayerError, UnknownName
from pellucid.methods.attribution.midpoint_path import midpoint
from pellucid.methods.attribution.path import Path
from pellucid.methods.layers import layer_shapes
from pellucid.methods.protocol import Attribution
from pellucid.methods.run import sum_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability, LayerGradient


@dataclass(frozen=True)
class Conductance:
    """The score's change along the path from a baseline to the input, by the hidden unit that it flows through (Dhamdhere et al. 2019).

    ``unit=None``: of every unit of ``layer``, the integral of dF/dy against its own change dy (eq. 2, by the trapezoid rule over ``steps``
    gradients, both ends included). Shapes: (sample, unit); a unit is a channel, summed over its places. Over a layer that everything passes
    through they sum to f(x) - f(baseline). ``unit=k``: of every input element, the part of its integrated gradient that flows through
    unit k (eq. 1, by the midpoint rule). Shapes: like the input; they sum to the conductance of that unit. Units: score.

    ``layer`` is found by itself: the last one before the outputs that does more than reshape or drop out. Errors are bounds for
    gradients and outputs that are monotone between steps. One baseline.

    What it does not show: what flows past the layer, as in a residual branch, and how units act together.

    Raises:
        InputError: fewer than two steps, or no such unit.
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the score does not depend on the layer, or no layer lies before the outputs.
    """

    layer: str | None = None
    unit: int | None = None
    steps: int = 50
    baseline: Baseline | None = None

    id: ClassVar[str] = "conductance"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The conductance of every row."""
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 2:
            raise InputError("Conductance needs at least two steps", received=repr(self.steps), remedy="use 50")
        _ = evaluator.selection
        evaluator.afford(self.steps)
        layer, axis, units = _units(evaluator, self.layer)
        path = Path.between(evaluator, evaluator.baseline(self.baseline))
        if self.unit is None:
            values, errors = _of_units(path, layer, axis, self.steps)
            return Attribution((values,), (errors,), "bound", path.start, layer=layer, units=True)
        if isinstance(self.unit, bool) or not isinstance(self.unit, int) or not 0 <= self.unit < units:
            raise InputError(
                f"{layer} has no such unit", received=repr(self.unit), remedy=f"choose a unit from 0 to {units - 1}, or None for all"
            )
        found = midpoint(path, self.steps, partial(_through, layer=layer, keep=partial(_only, axis=axis, unit=self.unit)))
        return Attribution(found.values, found.errors, "bound", path.start, through=f"{layer}, unit {self.unit}")


def _units(evaluator: Evaluator, chosen: str | None) -> tuple[str, int, int]:
    """The layer, the axis of its output (row, ...) that counts its units, and how many there are."""
    shapes = layer_shapes(evaluator)
    if chosen is None:
        outputs = tuple(evaluator.space.outputs.shape[1:])
        usable = (name for name in reversed(shapes) if shapes[name].sizes and shapes[name].sizes != outputs)
        chosen = next((name for name in usable if not _changes_nothing(evaluator, name)), None)
        if chosen is None:
            raise LayerError(
                "No layer of this network lies before its outputs",
                received=f"{len(shapes)} layers",
                remedy="name a layer, or use an input-level method",
            )
    if chosen not in shapes:
        raise UnknownName("layer", chosen, shapes)
    sizes = shapes[chosen].sizes
    if not sizes:
        raise LayerError("This layer has no units", received=f"{chosen}, one number per row", remedy="choose another layer")
    last = shapes[chosen].channels_last or len(sizes) == 1
    return chosen, len(sizes) if last else 1, sizes[-1] if last else sizes[0]


def _changes_nothing(evaluator: Evaluator, layer: str) -> bool:
    """Whether the layer only passes on or reshapes what the one before it said."""
    owner = evaluator.situation.owner
    kinds = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    return isinstance(owner, nn.Module) and isinstance(owner.get_submodule(layer), kinds)


def _of_units(path: Path, layer: str, axis: int, steps: int) -> tuple[Tensor, Tensor]:
    """Values and bounds (sample, unit): mean gradient times change of output over each step."""
    evaluator, kind = path.evaluator, f"layer {layer}"
    score, totals = evaluator.selection.score, _Totals(evaluator.rows, axis)

    def gradients(rows: Tensor, samples: Tensor) -> tuple[LayerGradient, ...]:
        return evaluator.bound.layer_gradients(path.points(rows, samples.double() / (steps - 1)), rows, score, layers=(layer,))

    for rows, samples in evaluator.pairs(steps, kind):
        found = evaluator.run(kind, gradients, rows, samples)[0]
        totals.add(rows, found.activations, found.gradients)
    return totals.values, totals.errors


class _Totals:
    """Collects the integral of gradient against output, unit by unit; a row's steps arrive in order, possibly split over batches."""

    values: Tensor
    errors: Tensor

    def __init__(self, rows: int, axis: int) -> None:
        self.rows, self.axis = rows, axis
        self.last: tuple[Tensor, Tensor, Tensor] | None = None

    def add(self, rows: Tensor, outputs: Tensor, gradients: Tensor) -> None:
        """Takes in one batch."""
        if self.last is None:
            self.values, self.errors = (outputs.new_zeros((self.rows, outputs.shape[self.axis])) for _ in range(2))
        else:
            rows, outputs, gradients = (torch.cat(pair) for pair in zip(self.last, (rows, outputs, gradients), strict=True))
        self.last = rows[-1:], outputs[-1:].clone(), gradients[-1:].clone()
        inside = (rows[1:] == rows[:-1]).nonzero()[:, 0]
        change = outputs[inside + 1] - outputs[inside]
        both, bend = gradients[inside + 1] + gradients[inside], gradients[inside + 1] - gradients[inside]
        places = [at for at in range(1, outputs.ndim) if at != self.axis]
        for total, part in ((self.values, both * change / 2), (self.errors, (bend * change).abs_() / 2)):
            sum_rows(total, rows[inside], part.sum(places) if places else part)


def _through(
    evaluator: Evaluator,
    points: Callable[[Tensor, Tensor], tuple[Tensor, ...]],
    steps: int,
    *,
    layer: str,
    keep: Callable[[Tensor], Tensor],
) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
    """Yields (rows, gradients of what passes through the layer) batch by batch."""
    kind, score = f"through {layer}", evaluator.selection.score
    for rows, samples in evaluator.pairs(steps, kind):
        yield (
            rows,
            evaluator.run(
                kind, lambda r, s: evaluator.bound.gradients_through(points(r, s), r, score, layer=layer, keep=keep), rows, samples
            ),
        )


def _only(gradient: Tensor, *, axis: int, unit: int) -> Tensor:
    """The gradient of one unit; zero for all others."""
    kept = torch.zeros_like(gradient)
    kept.select(axis, unit).copy_(gradient.select(axis, unit))
    return kept
