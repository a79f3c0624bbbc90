"""What the network says of rows that stay the same through the training: predictions, attributions, the decision over a plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.explanation.spec import ModelSpec
from pellucid.harness.explain import explain
from pellucid.methods.registry import as_method
from pellucid.models.guess import guess_outputs
from pellucid.models.inputs import RowInputs, collect
from pellucid.models.protocol import Model
from pellucid.models.wrap import wrap
from pellucid.training.recording.activations import activation_frame
from pellucid.training.recording.twin_layers import given_by_layers
from pellucid.training.runs.contents import (
    ActivationFrame,
    AttributionFrame,
    BoundaryFrame,
    ParameterFrame,
    PinnedFrame,
    PredictionFrame,
)
from pellucid.training.scoring import probabilities

PREDICTED = 256  # rows whose predictions are recorded
EXPLAINED = 6  # rows whose attributions are recorded
GRID = 64  # points of the plane along each feature
LARGEST = 2_000_000  # elements of the parameters that are recorded whole


class Pinned:
    """Rows that are looked at again and again.

    Args:
        net: gives the network as it is now. ``data``: the rows, or rows and labels.
        method: that attributes, an id or an object.
        hosted: whether another framework trains, which calls its layers out of sight of torch: what they give is seen on these rows.

    Raises:
        InputError: rows that are no single array, or labels of another number.
    """

    def __init__(self, net: Callable[[], Any], data: Any, method: Any, *, hosted: bool = False) -> None:  # noqa: ANN401
        inputs, labels = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
        if isinstance(inputs, (dict, tuple)):
            received = f"{type(inputs).__name__} of {len(inputs)}"
            raise InputError("Pinned rows are one array", received=received, remedy="data=(inputs, labels), both with the row axis first")
        self.spec = ModelSpec()
        self.rows: RowInputs = collect(inputs[:PREDICTED], self.spec)
        self.labels = None if labels is None else _array(labels)[:PREDICTED]
        if self.labels is not None and len(_array(labels)) != len(inputs):
            received = f"{len(inputs)} rows, {len(_array(labels))} labels"
            raise InputError("One label per pinned row is needed", received=received, remedy="data=(inputs, labels) in the same order")
        self.net, self.hosted = net, hosted
        self.method = as_method(method) if method is not None else None
        self.shown = _spaced(self.labels if self.labels is not None else np.zeros(self.rows.rows), EXPLAINED)
        self.values = _array(inputs)[:PREDICTED]
        self.classes = self._classes()

    @property
    def model(self) -> Model:
        """The network as it is now: another framework may hold its weights in new arrays after each step."""
        return wrap(self.net(), self.spec)

    def frame(self) -> PinnedFrame:
        """The rows themselves."""
        return PinnedFrame(self.values, np.zeros(0) if self.labels is None else self.labels)

    def outputs(self) -> np.ndarray:
        """What the network gives for them, (row, ...)."""
        return self._run(self.rows)

    def predictions(self) -> PredictionFrame:
        """The frame of these outputs."""
        return PredictionFrame(self.outputs())

    def attributions(self) -> AttributionFrame:
        """Attributions of a few of them: of the true class where labels say it, else of the class predicted."""
        if self.method is None:
            raise InputError("There is no method", received="attribution=None", remedy="name one")
        rows = torch.as_tensor(self.values[self.shown])
        target = None if self.classes is None else [int(one) for one in self.classes[self.shown]]
        found = explain(self.model, rows, self.method, target=target, checks="none")
        decision = found.decision
        classes = np.asarray(target if target is not None else np.full(len(self.shown), -1), np.int64)
        return AttributionFrame(self.method.id, self.shown, classes, found.arrays[0].values.astype(np.float32), np.asarray(decision.scores))

    def activations(self) -> Callable[[], ActivationFrame]:
        """What the layers give for them, to be made a frame elsewhere."""
        given = given_by_layers(self.model, self.rows)
        return lambda: activation_frame(given, pinned=True)

    def boundary(self) -> BoundaryFrame:
        """The decision over the plane of two features, with a margin around the rows."""
        low, high = self.values.min(0), self.values.max(0)
        margin = 0.15 * np.where(high > low, high - low, 1.0)
        x, y = (np.linspace(low[i] - margin[i], high[i] + margin[i], GRID) for i in (0, 1))
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(self.values.dtype)
        outputs = self._run(collect(points, self.spec))
        kind, _ = guess_outputs(outputs, self.model.last_module())
        shares, _ = probabilities(outputs.astype(np.float64), "probabilities" if kind == "probabilities" else "logits")
        classes, confidence = shares.argmax(1).astype(np.int16), shares.max(1).astype(np.float32)
        return BoundaryFrame(x, y, classes.reshape(GRID, GRID), confidence.reshape(GRID, GRID))

    @property
    def flat(self) -> bool:
        """Whether they lie in a plane: two features."""
        return self.values.ndim == 2 and self.values.shape[1] == 2

    def _run(self, rows: RowInputs) -> np.ndarray:
        with self.model.open(rows, mode="eval") as bound:
            outputs = bound.outputs(bound.values, torch.arange(rows.rows))
            return outputs.detach().float().cpu().numpy()

    def _classes(self) -> np.ndarray | None:
        """The classes to be explained; None where labels are no classes of the outputs."""
        if self.labels is None or self.labels.dtype.kind not in "iub" or self.labels.ndim != 1:
            return None
        outputs = self.outputs()
        columns = outputs.shape[1] if outputs.ndim == 2 else 1
        return (
            self.labels.astype(np.int64) if self.labels.min() >= 0 and self.labels.max() < max(columns, 2) and outputs.ndim <= 2 else None
        )


def parameter_frame(net: nn.Module) -> Callable[[], ParameterFrame] | None:
    """Copies all parameters, to be made a frame elsewhere; None where there are too many to be recorded whole."""
    found = [(name, p.detach()) for name, p in net.named_parameters() if p.is_floating_point()]
    if not found or sum(p.numel() for _, p in found) > LARGEST:
        return None
    double = any(p.dtype == torch.float64 for _, p in found)
    values = torch.cat([p.reshape(-1).to(torch.float64 if double else torch.float32) for _, p in found]).cpu().numpy()
    names, shapes = tuple(name for name, _ in found), tuple(tuple(p.shape) for _, p in found)
    return lambda: ParameterFrame(names, shapes, values)


def _array(values: Any) -> np.ndarray:  # noqa: ANN401
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _spaced(labels: np.ndarray, count: int) -> np.ndarray:
    """Rows of as many classes as possible, the first of each, then the second."""
    rank = np.zeros(len(labels), int)
    seen: dict[Any, int] = {}
    for i, label in enumerate(labels.tolist() if labels.ndim == 1 else [0] * len(labels)):
        rank[i] = seen.get(label, 0)
        seen[label] = rank[i] + 1
    return np.sort(np.argsort(rank, kind="stable")[:count]).astype(np.int64)
