"""judge(): measure an explanation again."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pellucid.errors import InputError
from pellucid.harness.explain import explain
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.explanation import Explanation
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.explanation.spec import ModelSpec
    from pellucid.harness.result import Depth
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


def judge(
    explanation: Explanation,
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    *,
    values: np.ndarray | None = None,
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    checks: Depth = "fast",
    seed: int = 0,
) -> Explanation:
    """Measures an explanation again, on the values it holds now or on other ``values`` of the same shape.

    Only checks of the values themselves are made: whether removal in their order beats random order. ``target``, ``background``,
    ``spec``, ``preparation``, ``checks`` and ``seed`` are those of :func:`pellucid.explain`.

    Returns:
        The explanation with those values, new checks and new verdicts.

    Raises:
        InputError: values of another shape, or an explanation of several inputs.
    """
    array = explanation.arrays[0]
    given = array.values if values is None else np.asarray(values)
    if given.shape != array.values.shape or len(explanation.arrays) != 1:
        remedy = f"give {array.values.shape}, for one input"
        raise InputError("The values do not fit the explanation", received=f"{given.shape}", remedy=remedy)
    named = [shown.name for shown in explanation.inputs]
    own = array.axes[1:] if "produced" in array.axes else ()
    method = Given(given, explanation.layer, own, named.index(array.name) if own and array.name in named else 0)
    method.caution = explanation.provenance.caution
    made = explain(
        model, inputs, method, target=target, background=background, spec=spec, preparation=preparation, checks=checks, seed=seed
    )
    return replace(
        explanation,
        arrays=(replace(array, values=given),),
        errors=(),
        error_kind="none",
        spread=(),
        checks=made.checks,
        verdicts=made.verdicts,
    )


class Given:
    """Values that exist already, in the place of a method."""

    id = "given"
    needs: frozenset[Capability] = frozenset()
    sampled = False
    meaning: Meaning = "map"
    caution: Caution = ""

    def __init__(self, values: np.ndarray, layer: str, axes: tuple[str, ...] = (), on: int = 0) -> None:
        self.values, self.layer, self.axes, self.on = values, layer, axes, on

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The values in the shape of the model's input: a feature's value shared by its columns, a token's by its embedding."""
        values = torch.from_numpy(np.ascontiguousarray(self.values))
        fitted = values if self.layer or self.axes else as_input(values, evaluator, 0)
        return Attribution((fitted,), layer=self.layer, axes=self.axes, input=self.on)


def as_input(values: torch.Tensor, evaluator: Evaluator, place: int) -> torch.Tensor:
    """Values in the shape of the model's input at this place, as far as they can be shared out; else as they are."""
    shape, spec = evaluator.values[place].shape, evaluator.specs[place]
    if values.shape == shape:
        return values
    if spec.groups and values.ndim == 2 and values.shape[1] == max(spec.groups) + 1:
        groups = torch.tensor(spec.groups)
        return values[:, groups] / torch.bincount(groups)[groups]
    if evaluator.bound.embedded[place] and values.shape == shape[:-1]:
        return values[..., None].expand(shape) / shape[-1]
    if values.ndim == 3 and "y" in spec.axes and "x" in spec.axes:
        return _over_pixels(values, tuple(shape[1:]), (spec.axes.index("y"), spec.axes.index("x")))
    return values


def _over_pixels(maps: torch.Tensor, shape: tuple[int, ...], at: tuple[int, int]) -> torch.Tensor:
    """Maps (sample, y, x) of cells spread over the pixels of each cell and over the channels, so that their sums stay."""
    down, across = (torch.arange(shape[axis]) * maps.shape[1 + k] // shape[axis] for k, axis in enumerate(at))
    spread = maps[:, down][:, :, across]
    share = spread[0].numel() / maps[0].numel() * math.prod(shape) / (shape[at[0]] * shape[at[1]])
    form = [shape[axis] if axis in at else 1 for axis in range(len(shape))]
    return (spread / share).reshape(len(maps), *form).expand(len(maps), *shape)
