"""watch() as a callback of Keras, on each of its backends."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from pellucid.errors import InputError, MissingExtra
from pellucid.training.recording.mirror import UNPINNED, Host, Mirror, MirrorControls, Standing
from pellucid.training.recording.steering import TrainingStopped
from pellucid.training.watch import begun

if TYPE_CHECKING:
    from pellucid.training.recording.recorder import Recorder
    from pellucid.training.runs.contents import Event

REACHED = ("checkpoint", "note", "learning_rate", "edit")
APART = 2  # so many of them on JAX, which keeps its state out of reach until the epoch ends


def KerasWatch(  # named like the class of which it makes one: that class exists only where Keras does
    folder: str | os.PathLike[str],
    *,
    data: Any = None,  # noqa: ANN401
    attribution: Any = "integrated_gradients",  # noqa: ANN401
    budget: float = 0.02,
    every: int | None = None,
) -> Any:  # noqa: ANN401
    """A callback that records a fit of Keras into a folder: ``model.fit(x, y, callbacks=[pl.KerasWatch("runs/first")])``.

    A step is told for each batch, with its own loss: Keras tells the mean over the epoch so far, of which the batch is worked out (all but
    the last of an epoch, whose size Keras does not tell). Metrics, and what is measured on validation rows, are told at the end of each
    epoch. Weights and updates are recorded on all backends, gradients on torch. What layers give is seen on the rows of ``data``, in eval
    mode (no dropout, kept statistics of batch normalizations), by the network read as torch operations; without ``data`` it is not seen. A
    stop asked for through the folder ends the fit after the batch.

    Args:
        folder, data, attribution, budget, every: as for :func:`pellucid.watch`.

    Returns:
        A ``keras.callbacks.Callback``.

    Raises:
        MissingExtra: Keras is not installed.

    What it does not show: losses inside a step of several batches (``steps_per_execution``).
    """
    return _made(folder, {"data": data, "attribution": attribution, "budget": budget, "every": every})


def _made(folder: str | os.PathLike[str], options: dict[str, Any]) -> Any:  # noqa: ANN401
    made = _callback_class()()
    made.folder, made.options = folder, options
    return made


class KerasControls(MirrorControls):
    """What can be asked of a fit of Keras."""

    place = "in a fit of Keras"
    assign: Callable[[str, np.ndarray], None]  # puts the weights of this name into the model

    def carry_out(self, what: str, details: Mapping[str, Any], step: int) -> Event:
        """One command; weights that are edited go back into the model."""
        event = super().carry_out(what, details, step)
        if what == "edit":
            name = str(details.get("parameter"))
            self.assign(name, self.net.get_parameter(name).detach().numpy())
        return event


def _variables(model: Any) -> dict[str, Any]:  # noqa: ANN401
    return {variable.path.replace("/", "."): variable for variable in model.trainable_variables}


class Hooks:
    """What is done when; Keras calls these."""

    folder: str | os.PathLike[str]
    options: dict[str, Any]
    model: Any
    params: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.recorder: Recorder | None = None
        self._mirror: Mirror | None = None
        self._standing: Standing | None = None
        self._before = (0, 0.0)  # batches of the epoch, and the mean of their losses

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        """The model is built and compiled."""
        import keras

        self._end("ended without close()")
        if not self.model.built:
            raise InputError(
                "The Keras model has no weights yet", received=self.model.name, remedy="give it a keras.Input, or call it once"
            )
        self._mirror = Mirror(self._values())
        self._standing = Standing(self._mirror, self._rate(), self._values)
        host = Host(self._as_it_is, self.model.name, type(self.model.optimizer).__name__)
        self.recorder = begun(self._mirror, [self._standing], self.folder, host=host, **self.options)
        controls = KerasControls(self._mirror, (self._standing,), self.recorder.folder)
        jax = keras.backend.backend() == "jax"
        controls.assign, controls.reached = self._assign, REACHED[:APART] if jax else REACHED
        controls.place = f"in a fit of Keras{' on JAX' if jax else ''}"
        self.recorder.steered_by(controls)
        if self.options.get("data") is None:
            self.recorder.leave_out("activations", UNPINNED)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        """Keras' means begin anew."""
        self._before = (0, 0.0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        """Weights before the step, if it is looked at."""
        if self.recorder is not None and self._mirror is not None and self.recorder.looking:
            self._fetch()
            self._mirror.sync(self._values())

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch is done."""
        recorder, standing = self.recorder, self._standing
        if recorder is None or standing is None:
            return
        if recorder.looking:
            self._fetch()
            if self._mirror is not None:
                self._mirror.differentiated(self._gradients())
            standing.step()
        group = standing.param_groups[0]
        group["lr"] = told = self._rate()
        try:
            recorder.step(**self._loss(batch, logs or {}))
        except TrainingStopped:
            self.model.stop_training = True
            self._end("stopped")
        if group["lr"] != told:
            self.model.optimizer.learning_rate = group["lr"]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Numbers of the epoch, those of validation rows among them."""
        if self.recorder is not None and logs:
            self.recorder.log(**{("epoch_loss" if name == "loss" else name): float(value) for name, value in logs.items()})

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        """The fit came to its end."""
        self._fetch()
        self._end("finished")

    def _loss(self, batch: int, logs: Mapping[str, Any]) -> dict[str, float]:
        """The loss of this batch, from the mean of all so far."""
        if "loss" not in logs:
            return {}
        count, mean = self._before
        now, done = float(logs["loss"]), batch + 1
        self._before = (done, now)
        last = self.params.get("steps") == done and done > 1  # of another size, perhaps
        return {} if last else {"loss": now + (now - mean) * count / (done - count) if done > count else now}

    def _rate(self) -> float:
        return float(np.asarray(_plain(self.model.optimizer.learning_rate)))

    def _assign(self, name: str, values: np.ndarray) -> None:
        if self._mirror is not None:
            _variables(self.model)[self._mirror.paths[name]].assign(values)

    def _values(self) -> dict[str, Any]:
        return {path: variable.value for path, variable in _variables(self.model).items()}

    def _gradients(self) -> dict[str, Any]:
        """On torch the gradients of the batch are still there."""
        return {path: value.grad for path, value in self._values().items() if isinstance(value, Tensor)}

    def _as_it_is(self) -> Any:  # noqa: ANN401
        self._fetch()
        return self.model

    def _fetch(self) -> None:
        """JAX trains on a state of its own, which the model is given only when it is asked for."""
        if hasattr(self.model, "jax_state_sync") and getattr(self.model, "_jax_state", None) is not None:
            self.model.jax_state_sync()

    def _end(self, how: str) -> None:
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close(how)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _made, (self.folder, self.options)


def _plain(value: Any) -> Any:  # noqa: ANN401
    return (
        value.detach().cpu()
        if isinstance(value, Tensor)
        else value.value
        if hasattr(value, "value") and not callable(value.value)
        else value
    )


@cache
def _callback_class() -> type[Any]:
    try:
        from keras.callbacks import Callback
    except ImportError as error:
        raise MissingExtra("keras", "keras") from error
    return type("KerasWatch", (Hooks, Callback), {"__doc__": KerasWatch.__doc__})
