"""Trains small networks, for demos and tests: one loop, the same seed giving the same weights."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError, ModelError, UnknownName
from pellucid.training.history import History
from pellucid.training.modes import modes_kept, seeded
from pellucid.training.objective import Loss, Objective, label_tensor, make_objective, penalty
from pellucid.training.progress import Bar, progress_bar
from pellucid.training.recording.recorder import Recorder
from pellucid.training.recording.steering import TrainingStopped
from pellucid.training.watch import watch

Optimizer: TypeAlias = Literal["adam", "sgd", "momentum"]
WeightInit: TypeAlias = Literal["xavier", "kaiming", "orthogonal", "normal", "zeros"]

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_OPTIMIZERS = {
    "adam": lambda weights, rate: torch.optim.Adam(weights, lr=rate),
    "sgd": lambda weights, rate: torch.optim.SGD(weights, lr=rate),
    "momentum": lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9),
}
_INITS = {
    "xavier": nn.init.xavier_uniform_,
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "orthogonal": nn.init.orthogonal_,
    "normal": lambda weight: nn.init.normal_(weight, std=0.01),
    "zeros": nn.init.zeros_,
}


@dataclass(frozen=True, eq=False)
class _Rows:
    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class _Step:
    """One update of the weights from one batch."""

    net: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    l1: float
    l2: float
    clip_gradient: float | None

    def __call__(self, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
        self.optimizer.zero_grad(set_to_none=True)
        outputs = self.net(inputs)
        loss = self.objective.value(outputs, labels)
        (loss + penalty(self.net, l1=self.l1, l2=self.l2)).backward()
        if self.clip_gradient is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.clip_gradient)
        self.optimizer.step()
        right = 0.0 if self.objective.loss == "mse" else self.objective.right(outputs.detach(), labels)
        return loss.item(), right


def fit(
    net: nn.Module,
    inputs: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    *,
    validation: tuple[Any, Any] | None = None,
    loss: Loss = "cross_entropy",
    optimizer: Optimizer = "adam",
    learning_rate: float = 1e-3,
    epochs: int = 20,
    batch_size: int = 64,
    weight_init: WeightInit | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_gradient: float | None = None,
    class_weights: Literal["balanced"] | Sequence[float] | None = None,
    early_stopping: int | None = None,
    seed: int = 0,
    progress: bool = False,
    device: str | torch.device | None = None,
    record: str | os.PathLike[str] | None = None,
) -> History:
    """Trains ``net`` in place by mini-batches and returns its curves.

    Args:
        net: any torch module with one tensor as its output; dropout is a layer of it. Frozen parameters stay as they are.
        inputs: (sample, ...), finite numbers; cast to the dtype of the network's parameters if they are floats.
        labels: class indices (sample), or for ``"mse"`` values of the output's shape.
        validation: inputs and labels that are only looked at.
        loss: ``"cross_entropy"`` (logits; one output is the log-odds of class 1) or ``"mse"``.
        optimizer: ``"momentum"`` is SGD with momentum 0.9.
        weight_init: draws the weights of linear and convolution layers anew and sets their biases to 0; ``None`` leaves them.
        l1, l2: ``l1 * sum |w| + l2 * sum w²`` is added to the loss; not over biases and normalization layers.
        clip_gradient: the largest norm of the whole gradient.
        class_weights: ``"balanced"`` weighs each class by the inverse of its share; or one number per class.
        early_stopping: stop after this many epochs without a lower validation loss, and keep the weights of the best epoch.
        seed: of shuffling, dropout and weight initialization; the global random state is left as it was.
        progress: a bar on stderr.
        device: moves the network there; ``None`` leaves it where it is.
        record: a run folder, see :func:`pellucid.watch`: every step is told and the curves after every epoch, with validation rows pinned
            (training rows if there are none). The history is bit by bit that without it. A stop that is asked for through the folder
            ends the training after the step, with the weights of the last whole epoch, or of the best one under early stopping.

    Returns:
        The history. The network is left with the best weights (early stopping) or the last, its train/eval flags as they were, no
        gradients.

    Raises:
        InputError, ModelError, UnknownName: before the first update. A loss that is not finite raises ModelError. After that error,
            Ctrl-C, or anything else that stops the training, the network has the weights of the last whole epoch, or of the best one under
            early stopping.
    """
    _check_names(optimizer, weight_init, loss)
    _check_numbers(learning_rate, epochs, batch_size)
    _check_patience(early_stopping, validation)
    if device is not None:
        net.to(device)
    place = _place(net)
    rows = _rows(inputs, labels, loss, place, "training")
    held = None if validation is None else _rows(*validation, loss, place, "validation")
    with ExitStack() as stack:
        for context in (torch.inference_mode(mode=False), torch.enable_grad(), modes_kept(net), seeded(seed, place.device)):
            stack.enter_context(context)
        outputs = _first_outputs(net, rows.inputs)
        every = rows.labels if held is None else torch.cat([rows.labels, held.labels])
        make_objective(loss, outputs, every, None)
        objective = make_objective(loss, outputs, rows.labels, class_weights)
        if weight_init is not None:
            initialize(net, weight_init)
        trained = [weight for weight in net.parameters() if weight.requires_grad]
        if not trained:
            raise ModelError(
                "The network has nothing to train", received="no parameter requires a gradient", remedy="net.requires_grad_(True)"
            )
        step = _Step(net, objective, _OPTIMIZERS[optimizer](trained, learning_rate), l1, l2, clip_gradient)
        bar = stack.enter_context(progress_bar(epochs, shown=progress))
        run = _Run(step, rows, held, batch_size=batch_size, patience=early_stopping, generator=torch.Generator().manual_seed(seed))
        if record is not None:
            pinned = rows if held is None else held
            run.recorder = stack.enter_context(watch(net, step.optimizer, record, data=(pinned.inputs, pinned.labels)))
        return run.run(epochs, bar, f"learning_rate {learning_rate:g}, optimizer {optimizer!r}")


class _Run:
    """The epochs of one call to :func:`fit`, and the weights to fall back to."""

    def __init__(
        self, step: _Step, rows: _Rows, held: _Rows | None, *, batch_size: int, patience: int | None, generator: torch.Generator
    ) -> None:
        self.step, self.rows, self.held = step, rows, held
        self.batch_size, self.patience, self.generator = batch_size, patience, generator
        self.curves: dict[str, list[float]] = {"train_loss": []}
        self.recorder: Recorder | None = None
        self.kept_epoch = 0
        self.kept = self._snapshot()

    def run(self, epochs: int, bar: Bar, recipe: str) -> History:
        start = time.perf_counter()
        try:
            for epoch in range(1, epochs + 1):
                self._train(epoch, recipe)
                self._validate()
                best = self._best()
                if self.patience is None or best == epoch:
                    self.kept, self.kept_epoch = self._snapshot(), epoch
                bar.advance({name: curve[-1] for name, curve in self.curves.items()})
                if self.patience is not None and epoch - best >= self.patience:
                    break
            self._close("finished")
        except TrainingStopped:
            self._close("stopped")
        finally:
            self.step.net.load_state_dict(self.kept)
            self.step.optimizer.zero_grad(set_to_none=True)
        done = len(self.curves["train_loss"])
        curves = {name: np.array(curve) for name, curve in self.curves.items()}
        stopped = self.patience is not None and done - self._best() >= self.patience
        return History(curves, self._best(), self.kept_epoch, stopped, time.perf_counter() - start)

    def _train(self, epoch: int, recipe: str) -> None:
        self.step.net.train()
        total = right = 0.0
        for index in _batches(len(self.rows), self.batch_size, self.generator):
            index = index.to(self.rows.labels.device)
            loss, hits = self.step(self.rows.inputs[index], self.rows.labels[index])
            if self.recorder is not None:
                self.recorder.step(loss=loss, **({} if self.step.objective.loss == "mse" else {"accuracy": hits / len(index)}))
            if not math.isfinite(loss):
                remedy = "a learning rate ten times smaller, clip_gradient=1.0, and inputs scaled to about -3..3"
                raise ModelError(f"The loss became {loss} in epoch {epoch}", received=recipe, remedy=remedy)
            total, right = total + loss * len(index), right + hits
        self._record("train_", total, right, len(self.rows))

    def _validate(self) -> None:
        if self.held is None:
            return
        self.step.net.eval()
        total = right = 0.0
        with torch.no_grad():
            for inputs, labels in zip(self.held.inputs.split(self.batch_size), self.held.labels.split(self.batch_size), strict=True):
                outputs = self.step.net(inputs)
                total += float(Objective(self.step.objective.loss).value(outputs, labels)) * len(labels)
                right += 0.0 if self.step.objective.loss == "mse" else self.step.objective.right(outputs, labels)
        self._record("valid_", total, right, len(self.held))

    def _record(self, part: str, total: float, right: float, rows: int) -> None:
        told = {f"{part}loss": total / rows}
        if self.step.objective.loss == "cross_entropy":
            told[f"{part}accuracy"] = right / rows
        for name, value in told.items():
            self.curves.setdefault(name, []).append(value)
        if self.recorder is not None:
            self.recorder.log(**told)

    def _close(self, how: str) -> None:
        """Ends the recording while the network has the weights that the last step gave it."""
        if self.recorder is not None:
            self.recorder.close(how)

    def _best(self) -> int:
        """The epoch (from 1) with the lowest finite validation loss; the last one without validation rows."""
        curve = self.curves.get("valid_loss")
        return len(self.curves["train_loss"]) if curve is None else int(np.argmin(np.nan_to_num(curve, nan=np.inf))) + 1

    def _snapshot(self) -> dict[str, Any]:
        return copy.deepcopy(self.step.net.state_dict())


def initialize(net: nn.Module, scheme: WeightInit) -> None:
    """Draws the weights of linear and convolution layers anew, from the global generator, and sets their biases to 0."""
    if scheme not in _INITS:
        raise UnknownName("weight initialization", scheme, _INITS)
    for layer in net.modules():
        if isinstance(layer, _LAYERS) and layer.weight.requires_grad:
            _INITS[scheme](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _batches(rows: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    parts = list(torch.randperm(rows, generator=generator).split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:  # batch normalization cannot learn from a single row
        parts[-2:] = [torch.cat(parts[-2:])]
    return iter(parts)


def _check_names(optimizer: str, weight_init: str | None, loss: str) -> None:
    if optimizer not in _OPTIMIZERS:
        raise UnknownName("optimizer", optimizer, _OPTIMIZERS)
    if weight_init is not None and weight_init not in _INITS:
        raise UnknownName("weight initialization", weight_init, _INITS)
    if loss not in ("cross_entropy", "mse"):
        raise UnknownName("loss", loss, ("cross_entropy", "mse"))


def _check_numbers(learning_rate: float, epochs: int, batch_size: int) -> None:
    if not (learning_rate > 0 and math.isfinite(learning_rate)) or epochs < 1 or batch_size < 1:
        received = f"learning_rate {learning_rate}, epochs {epochs}, batch_size {batch_size}"
        raise InputError("Learning rate, epochs and batch size must be above zero", received=received, remedy="1e-3, 20 and 64 are usual")


def _check_patience(early_stopping: int | None, validation: tuple[Any, Any] | None) -> None:
    if early_stopping is not None and (early_stopping < 1 or validation is None):
        received = f"early_stopping={early_stopping}, validation {'missing' if validation is None else 'given'}"
        raise InputError(
            "Early stopping needs validation rows and a patience of at least 1", received=received, remedy="validation=(inputs, labels)"
        )


def _first_outputs(net: nn.Module, inputs: Tensor) -> Any:  # noqa: ANN401
    """What the network says about two rows: enough to know its classes before anything is trained."""
    net.eval()
    try:
        with torch.no_grad():
            return net(inputs[:2])
    except (RuntimeError, ValueError, TypeError) as error:
        received = f"rows of shape {tuple(inputs.shape[1:])}, {inputs.dtype}; {str(error).splitlines()[0][:160]}"
        raise ModelError(
            "The network cannot take these inputs", received=received, remedy="compare with the shape of its first layer"
        ) from error


def _place(net: nn.Module) -> Tensor:
    """A tensor of the network's own dtype and device."""
    for weight in net.parameters():
        if weight.is_floating_point():
            return weight.detach()
    raise ModelError("The network has nothing to train", received="no parameters", remedy="give a torch module with parameters")


def _rows(inputs: Any, labels: Any, loss: Loss, place: Tensor, part: str) -> _Rows:  # noqa: ANN401
    values = inputs.detach() if isinstance(inputs, Tensor) else torch.tensor(np.asarray(inputs))
    values = values.clone() if values.is_inference() else values
    targets = label_tensor(labels, loss).to(place.device)
    if len(values) != len(targets) or len(values) == 0:
        received = f"{len(values)} inputs, {len(targets)} labels"
        raise InputError(f"The {part} rows need one label each", received=received, remedy="give as many labels as inputs, at least one")
    if values.is_floating_point():
        values = values.to(place)
        bad = ~torch.isfinite(values).reshape(len(values), -1).all(1)
        if bool(bad.any()):
            received = f"{int(bad.sum())} of {len(values)} rows, first row {int(bad.nonzero()[0])}"
            raise InputError(
                f"The {part} inputs hold values that are not finite", received=received, remedy="impute or leave out those rows"
            )
    return _Rows(values.to(place.device), targets.to(place.dtype) if loss == "mse" else targets)
