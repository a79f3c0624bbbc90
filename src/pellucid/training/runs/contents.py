"""What a run is made of: one frozen dataclass for each kind of frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
BINS = 48


@dataclass(frozen=True, eq=False)
class Scalars:
    """Numbers that were told step by step: entry i says that ``names[name[i]]`` was ``value[i]`` at ``step[i]`` and ``time[i]``.

    Attributes:
        name, step, time, value: (entry,); seconds since 1970, in the order in which they were told.
    """

    names: tuple[str, ...]
    name: np.ndarray
    step: np.ndarray
    time: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Event:
    """Something that happened at a step: a command that was carried out, a fault that was found, a note of the user.

    Attributes:
        what: such as ``pause``, ``learning_rate``, ``freeze``, ``checkpoint``, ``note``, ``finding``.
        details: texts and numbers by name.
    """

    what: str
    details: dict[str, str | bool | int | float | None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Spread:
    """How the values of several tensors are spread, each by a sample of its values.

    Attributes:
        names: of the tensors.
        size: values of each tensor, (tensor,); ``taken``: of them in the sample.
        norm: Euclidean norm, (tensor,); of all values, except where the frame says that it is estimated.
        mean, std: of the sample, (tensor,); not-a-number where no value is finite.
        quantiles: at :data:`QUANTILES`, (tensor, quantile).
        counts: of the sample in equal bins from the smallest to the largest value, (tensor, bin).
        broken: share of the sample that is not finite, (tensor,).
    """

    names: tuple[str, ...]
    size: np.ndarray
    taken: np.ndarray
    norm: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    quantiles: np.ndarray
    counts: np.ndarray
    broken: np.ndarray


@dataclass(frozen=True, eq=False)
class LayerFrame:
    """Weights, gradients and updates of one optimizer step.

    Attributes:
        weights: before the step. ``gradients``: as the optimizer saw them. ``updates``: weights after less before.
        ratio: norm of the update over that of the weights, (parameter of ``updates``); not-a-number where the weights are 0.
        estimated: whether the norm of an update comes from the sample, (parameter of ``updates``): tensors larger than the sample.
        learning_rate: of each parameter of ``weights``; not-a-number where the optimizer does not hold it.
    """

    weights: Spread
    gradients: Spread | None
    updates: Spread | None
    ratio: np.ndarray
    estimated: np.ndarray
    learning_rate: np.ndarray


@dataclass(frozen=True, eq=False)
class ActivationFrame:
    """What the modules gave on rows of the user's own batch, in the mode in which the network was trained; where another framework trains
    it, what its layers gave on the pinned rows, in eval mode.

    Attributes:
        layers: names of the modules, in the order in which they ran; ``types``: of their classes.
        spread: of their outputs; its norm is that of the sample.
        rows: that were looked at, (layer,). ``units``: channels or features, (layer,).
        zero: share of values that are exactly 0, (layer,).
        saturated: share of values where the slope of a sigmoid, tanh or their hard forms is under a twentieth of its largest, (layer,);
            not-a-number for other modules.
        dead: units that gave 0 at every place of every row looked at, (layer,); -1 where the module is no rectifier.
        response: standard deviation from row to row at the same place, root mean square over the places, (layer,): how far the layer
            tells rows apart, whatever its biases.
        pinned: whether the rows are the pinned ones, in eval mode: without dropout, with the kept statistics of normalizations.
    """

    layers: tuple[str, ...]
    types: tuple[str, ...]
    spread: Spread
    rows: np.ndarray
    units: np.ndarray
    zero: np.ndarray
    saturated: np.ndarray
    dead: np.ndarray
    response: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pinned: bool = False


@dataclass(frozen=True, eq=False)
class ParameterFrame:
    """All parameters at one step.

    Attributes:
        names, shapes: of the parameters.
        values: one after the other, (parameter element,) in float32, or float64 where the network is.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class PredictionFrame:
    """What the network gave for the pinned rows, in eval mode: ``outputs`` (row, ...)."""

    outputs: np.ndarray


@dataclass(frozen=True, eq=False)
class AttributionFrame:
    """Attributions of pinned rows.

    Attributes:
        method: its id. ``rows``: places in the pinned rows, (row,).
        classes: which class of each row is explained, (row,); -1 where the outputs are no classes.
        values: (row, ...) in the shape of the input. ``scores``: the explained output of each row, (row,).
    """

    method: str
    rows: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class BoundaryFrame:
    """The decision over a plane of two features, on a grid.

    Attributes:
        x, y: of the grid, (column,), (row,).
        classes: the predicted class, (row, column); for one output, whether it is above ``threshold``.
        confidence: probability of that class, (row, column).
    """

    x: np.ndarray
    y: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True, eq=False)
class OrderFrame:
    """Which rows of the data each step saw: ``rows[start[i]:start[i + 1]]`` were seen at ``steps[i]``."""

    steps: np.ndarray
    start: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class PinnedFrame:
    """The pinned rows themselves, once a run: ``inputs`` (row, ...) and ``labels`` (row,), empty where none were given."""

    inputs: np.ndarray
    labels: np.ndarray


CONTENTS: dict[str, type] = {
    "scalars": Scalars,
    "events": Event,
    "layers": LayerFrame,
    "activations": ActivationFrame,
    "parameters": ParameterFrame,
    "predictions": PredictionFrame,
    "attributions": AttributionFrame,
    "boundary": BoundaryFrame,
    "order": OrderFrame,
    "pinned": PinnedFrame,
}
