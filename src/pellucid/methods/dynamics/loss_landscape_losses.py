"""The loss of outputs: summed in float64 for many points of a plane at once, and as something that can be differentiated.

What outputs are judged by (:data:`Judge`) has the ``name`` of the loss, whether it ``counts`` right answers, ``base``: the mean loss of
what always gives the same, and two functions of outputs and the numbers of their rows. ``each`` gives the losses (batch,) of outputs
(batch, ...) and may be differentiated; ``sums`` gives (2, point): the summed losses and the right answers of outputs (point, batch, ...),
which it may write over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import InputError, ModelError, PellucidError
from pellucid.methods.labels import classes

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator

Loss = Literal["auto", "cross_entropy", "mse"] | Callable[[Tensor, Tensor], Tensor]
Sums = np.ndarray  # (2, point)
LEAST = 1e-12  # of a probability, whose logarithm is taken
LABELS = "give labels=, one for each row: classes, or the values that the network should give"


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """Of classes ``truth`` (row,), from logits or probabilities of several classes or of the second of two."""

    truth: Tensor
    kind: str
    columns: int
    base: float
    name: str = "cross_entropy"
    counts: bool = True

    def each(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Minus the logarithm of the probability of the true class."""
        truth = self.truth[rows]
        if self.columns == 1:
            flat = outputs.reshape(len(outputs))
            if self.kind == "logits":
                return functional.binary_cross_entropy_with_logits(flat, truth.to(flat.dtype), reduction="none")
            return -torch.where(truth > 0, flat, 1 - flat).clamp_min(LEAST).log()
        if self.kind == "logits":
            return functional.cross_entropy(outputs, truth, reduction="none")
        return -outputs.gather(1, truth[:, None])[:, 0].clamp_min(LEAST).log()

    def sums(self, outputs: Tensor, rows: Tensor) -> Sums:
        """Summed for each point."""
        if self.columns > 1 and self.kind == "logits":
            return self._of_logits(outputs, self.truth[rows])
        points, batch = outputs.shape[:2]
        every = rows.repeat(points)
        flat = outputs.reshape(points * batch, -1)
        answers = flat.argmax(1) if self.columns > 1 else (flat[:, 0] > (0.0 if self.kind == "logits" else 0.5)).long()
        losses, right = self.each(flat, every), answers == self.truth[every]
        return _summed(losses.reshape(points, batch), right.reshape(points, batch))

    def _of_logits(self, logits: Tensor, truth: Tensor) -> Sums:
        """Summed for each point of (point, row, class), which is written over.

        Classes lie along the first axis here, which torch sums several times faster; of the sum of exponentials the largest, which is 1, is
        left out, so that the losses of sure rows keep their digits.
        """
        behind = (logits if logits.dtype.itemsize >= 4 else logits.float()).permute(2, 0, 1).contiguous()
        behind = behind.sub_(behind.amax(0))
        of_truth = behind.gather(0, truth.expand(1, *behind.shape[1:]))[0]
        shares = behind.exp()
        losses = shares.sum(0, dtype=torch.float64).sub_(1).log1p_().sub_(of_truth)
        right = of_truth == 0
        if float(shares.eq_(1).sum(0).amax()) > 1:  # a tie: the first of equal classes is the answer
            right = behind.argmax(0) == truth
        return _summed(losses, right)


@dataclass(frozen=True, eq=False)
class SquaredError:
    """The mean over a row's outputs of the squared distance from ``truth`` (row, ...)."""

    truth: Tensor
    base: float
    name: str = "mse"
    counts: bool = False

    def each(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Of each row."""
        return (outputs - self.truth[rows].to(outputs.dtype)).square().flatten(1).mean(1) if outputs.ndim > 1 else self._flat(outputs, rows)

    def _flat(self, outputs: Tensor, rows: Tensor) -> Tensor:
        return (outputs - self.truth[rows].to(outputs.dtype)).square()

    def sums(self, outputs: Tensor, rows: Tensor) -> Sums:
        """Summed for each point."""
        found = (
            (outputs.double() - self.truth[rows]).square().flatten(2).mean(2) if outputs.ndim > 2 else self._flat(outputs.double(), rows)
        )
        return _summed(found)


@dataclass(frozen=True, eq=False)
class OwnLoss:
    """A function of the user's: of outputs (batch, ...) and labels (batch, ...), the mean over them or one value for each."""

    call: Callable[[Tensor, Tensor], Tensor]
    truth: Tensor
    name: str
    base: float = float("nan")
    counts: bool = False

    def each(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Of each row; the mean for each where the function gives only that.

        Raises:
            ModelError: the function raised, or gives something else.
        """
        try:
            found = self.call(outputs, self.truth[rows])
        except PellucidError:
            raise
        except Exception as error:  # the user's own code may raise anything
            problem = f"The loss raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            received = f"outputs of shape {tuple(outputs.shape)}, labels of shape {tuple(self.truth[rows].shape)}"
            raise ModelError(problem, received=received, remedy="give loss=function(outputs, labels) of these") from error
        if not isinstance(found, Tensor) or (found.ndim and len(found) != len(rows)):
            received = f"shape {tuple(found.shape)} for {len(rows)} rows" if isinstance(found, Tensor) else type(found).__name__
            raise ModelError("The loss is no tensor of one value, or of one for each row", received=received, remedy="return such a tensor")
        return found.flatten(1).mean(1) if found.ndim > 1 else found.expand(len(rows))

    def sums(self, outputs: Tensor, rows: Tensor) -> Sums:
        """Summed for each point."""
        return _summed(torch.stack([self.each(one.contiguous(), rows) for one in outputs]))


Judge = CrossEntropy | SquaredError | OwnLoss


def _summed(losses: Tensor, right: Tensor | None = None) -> Sums:
    """Sums over the rows of (point, row), added up for each point in the same way, however many there are."""
    found = np.ascontiguousarray(losses.detach().double().cpu().numpy()).sum(1)
    return np.stack([found, np.zeros(len(found)) if right is None else right.sum(1).cpu().numpy()])


def judge(evaluator: Evaluator, labels: Sequence[Any] | np.ndarray | None, loss: Loss) -> tuple[Judge, np.ndarray]:
    """What outputs are judged by, and the rows that have a label.

    Raises:
        InputError: no labels, or labels that do not fit the outputs or the loss.
    """
    if labels is None:
        raise InputError("A loss compares outputs with what they should be, and there are no labels", received="labels=None", remedy=LABELS)
    if not (callable(loss) or loss in ("auto", "cross_entropy", "mse")):
        raise InputError("There is no loss of that name", received=repr(loss), remedy="give 'cross_entropy', 'mse' or a function")
    space = evaluator.space
    shape, names = space.outputs.shape[1:], space.class_names
    of_classes = len(shape) < 2 and space.kind in ("logits", "probabilities")
    if loss == "cross_entropy" or (loss == "auto" and of_classes):
        return _cross_entropy(evaluator, classes(labels, evaluator.rows, names), sure=loss == "cross_entropy")
    values = _values(labels, evaluator.rows)
    known = np.flatnonzero(np.isfinite(values).reshape(len(values), -1).all(1))
    if not len(known):
        raise InputError("No row has a label", received=f"{len(values)} rows", remedy=LABELS)
    kept = torch.from_numpy(values).to(evaluator.device)
    if callable(loss):
        return OwnLoss(loss, kept, getattr(loss, "__name__", type(loss).__name__)), known
    if values.size != len(values) * int(np.prod(shape)):
        received = f"labels of shape {values.shape[1:]} for outputs of shape {shape}"
        raise InputError("The labels have another shape than the outputs", received=received, remedy="give one value for each output")
    truth = kept.double().reshape(len(values), *shape)
    base = float((truth[known] - truth[known].mean(0)).square().mean())
    return SquaredError(truth, base), known


def _cross_entropy(evaluator: Evaluator, truth: np.ndarray, *, sure: bool) -> tuple[Judge, np.ndarray]:
    """``sure``: outputs that were not recognized as probabilities are logits."""
    space = evaluator.space
    shape = space.outputs.shape[1:]
    columns = int(np.prod(shape))
    if len(shape) > 1:
        remedy = "give loss=function(outputs, labels)"
        raise InputError("Cross-entropy needs one score for each class", received=f"outputs of shape {shape}", remedy=remedy)
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise InputError("No row has a label", received=f"{len(truth)} rows", remedy=LABELS)
    if truth.max() >= max(columns, 2):
        received = f"class {truth.max()} of {max(columns, 2)}"
        raise InputError("A label is no class of the network", received=received, remedy="give labels from 0 on, or loss='mse' for values")
    kind = space.kind if space.kind == "probabilities" or not sure else "logits"
    shares = np.bincount(truth[known]) / len(known)
    base = -float((shares[shares > 0] * np.log(shares[shares > 0])).sum())
    return CrossEntropy(torch.from_numpy(truth.astype(np.int64)).to(evaluator.device), kind, columns, base), known


def _values(labels: Sequence[Any] | np.ndarray, rows: int) -> np.ndarray:
    """Labels as numbers (row, ...)."""
    try:
        found = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
        found = found if found.dtype.kind in "iu" else found.astype(float)
    except (TypeError, ValueError) as error:
        raise InputError(
            "The labels are no numbers", received=str(error)[:80], remedy="give one number, or a row of them, for each row"
        ) from error
    if not found.ndim or len(found) != rows:
        received = f"{len(found) if found.ndim else 1} labels for {rows} rows"
        raise InputError("One label per row is needed", received=received, remedy="give labels in the order of the rows")
    return found
