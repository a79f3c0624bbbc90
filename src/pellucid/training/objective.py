"""The loss of a batch, and the faults of labels that are caught before they train something wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.errors import InputError, ModelError

Loss: TypeAlias = Literal["cross_entropy", "mse"]


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss with its class weights; a network with one output under cross-entropy is read as the log-odds of class 1."""

    loss: Loss
    class_weights: Tensor | None = None

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The loss averaged over the batch (by class weight, where there are weights)."""
        if self.loss == "mse":
            return F.mse_loss(outputs, labels)
        logits = two_logits(outputs)
        weights = None if self.class_weights is None else self.class_weights.to(logits)
        return F.cross_entropy(logits, labels, weight=weights)

    def right(self, outputs: Tensor, labels: Tensor) -> float:
        """How many rows of the batch are classified rightly."""
        return float((two_logits(outputs).argmax(1) == labels).sum())


def two_logits(outputs: Tensor) -> Tensor:
    """(sample, class) logits; a single log-odds becomes the pair (0, log-odds), which has the same cross-entropy."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs
    odds = outputs.reshape(-1)
    return torch.stack([torch.zeros_like(odds), odds], dim=1)


def make_objective(loss: Loss, outputs: Tensor, labels: Tensor, class_weights: Literal["balanced"] | Sequence[float] | None) -> Objective:
    """Checks all labels against what the network puts out, and turns class weights into one number per class.

    Raises:
        InputError: labels or class weights that do not fit.
        ModelError: an output that this loss cannot use.
    """
    if loss == "mse":
        _check_values(outputs, labels)
        if class_weights is not None:
            raise InputError(
                "Class weights need classes", received='loss="mse"', remedy='leave class_weights out, or use loss="cross_entropy"'
            )
        return Objective(loss)
    classes = _count_classes(outputs)
    _check_classes(labels, classes)
    return Objective(loss, None if class_weights is None else _weights(class_weights, labels, classes))


def label_tensor(labels: Any, loss: Loss) -> Tensor:  # noqa: ANN401
    """Labels as int64 classes or float values, refused where they cannot be such.

    Raises:
        InputError: text, not-a-number, infinity, or floats for classes.
    """
    array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    received = f"dtype {array.dtype}, shape {array.shape}"
    if array.dtype.kind not in "iufb":
        raise InputError(
            "Labels must be numbers", received=received, remedy="np.unique(labels, return_inverse=True)[1] turns names into class indices"
        )
    if not np.isfinite(array).all():
        rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(1))
        remedy = "leave those rows out; a missing label cannot be learned"
        raise InputError(f"{len(rows)} labels are not finite", received=f"first in row {rows[0]}", remedy=remedy)
    if loss == "mse":
        return torch.tensor(array, dtype=torch.get_default_dtype() if array.dtype.kind != "f" else None)
    if array.ndim != 1:
        remedy = "labels.argmax(1) for one-hot rows, labels[:, 0] for a single column"
        raise InputError("Cross-entropy needs one class index per row", received=received, remedy=remedy)
    if array.dtype.kind == "f":
        remedy = 'labels.astype(int) if they are class indices; loss="mse" if they are values'
        raise InputError("Class indices must be integers", received=received, remedy=remedy)
    return torch.tensor(array.astype(np.int64))


def _count_classes(outputs: Any) -> int:  # noqa: ANN401
    if not isinstance(outputs, Tensor):
        raise ModelError(
            "The network's output is no tensor", received=type(outputs).__name__, remedy="return the logits (sample, class) alone"
        )
    if outputs.ndim > 2 or outputs.ndim == 0:
        raise ModelError(
            "Cross-entropy needs an output (sample, class)", received=f"shape {tuple(outputs.shape)}", remedy="flatten or pool it"
        )
    return max(outputs.shape[1], 2) if outputs.ndim == 2 else 2


def _check_classes(labels: Tensor, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        remedy = f"class indices run from 0 to {classes - 1}" + (
            " (subtract 1 if yours start at 1)" if low == 1 and high == classes else ""
        )
        raise InputError("Labels lie outside the network's classes", received=f"{low} to {high}, {classes} classes", remedy=remedy)


def _check_values(outputs: Any, labels: Tensor) -> None:  # noqa: ANN401
    if not isinstance(outputs, Tensor):
        raise ModelError("The network's output is no tensor", received=type(outputs).__name__, remedy="return the predicted values alone")
    if outputs.shape[1:] != labels.shape[1:]:
        remedy = "make both the same shape: labels[:, None], or output.squeeze(1) in the network"
        received = f"labels {tuple(labels.shape)} against outputs (rows{''.join(f', {n}' for n in outputs.shape[1:])})"
        raise InputError("Labels and outputs would be compared each with all, not row by row", received=received, remedy=remedy)


def _weights(class_weights: Literal["balanced"] | Sequence[float], labels: Tensor, classes: int) -> Tensor:
    if isinstance(class_weights, str):
        counts = torch.bincount(labels, minlength=classes)
        if class_weights != "balanced" or bool((counts == 0).any()):
            received = f"{class_weights!r}, rows per class {counts.tolist()}"
            raise InputError('"balanced" needs at least one row of each class', received=received, remedy="give one weight per class")
        return len(labels) / (classes * counts.double())
    weights = torch.tensor([float(weight) for weight in class_weights], dtype=torch.float64)
    if len(weights) != classes or not bool((torch.isfinite(weights) & (weights >= 0)).all()) or float(weights.sum()) <= 0:
        raise InputError(
            "One weight, zero or more, is needed per class", received=str(list(class_weights)), remedy=f"give {classes} of them"
        )
    return weights


def penalty(net: nn.Module, *, l1: float, l2: float) -> Tensor | float:
    """``l1 * sum |w| + l2 * sum w²`` over weights; biases and normalization gains (one-dimensional) are left out."""
    if not (l1 or l2):
        return 0.0
    weights = [weight for weight in net.parameters() if weight.ndim > 1 and weight.requires_grad]
    return torch.stack([l1 * weight.abs().sum() + l2 * weight.square().sum() for weight in weights]).sum() if weights else 0.0
