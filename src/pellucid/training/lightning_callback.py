"""watch() as a callback of Lightning."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from pellucid.errors import MissingExtra
from pellucid.training.recording.hosted import Hosted


def WatchLightning(  # named like the class of which it makes one: that class exists only where Lightning does
    folder: str | os.PathLike[str],
    *,
    data: Any = None,  # noqa: ANN401
    attribution: Any = "integrated_gradients",  # noqa: ANN401
    budget: float = 0.02,
    every: int | None = None,
) -> Any:  # noqa: ANN401
    """A callback that records a fit of Lightning into a folder: ``Trainer(callbacks=[pl.WatchLightning("runs/first")])``.

    A step is told for each step of the optimizer, with the loss that ``training_step`` gave (of accumulated batches their mean) and what
    the module logged for it; numbers of an epoch are told at its end. A stop asked for through the folder ends the fit after the step.
    In ranks above 0 it does nothing.

    Args:
        folder, data, attribution, budget, every: as for :func:`pellucid.watch`.

    Returns:
        A ``lightning.pytorch.Callback``, or one of ``pytorch_lightning`` where only that is installed.

    Raises:
        MissingExtra: neither is installed.
    """
    return _made(Hosted(folder, {"data": data, "attribution": attribution, "budget": budget, "every": every}))


def _made(hosted: Hosted) -> Any:  # noqa: ANN401
    made = _callback_class()()
    made.hosted = hosted
    return made


class Hooks:
    """What is done when; Lightning calls these."""

    hosted: Hosted

    def __init__(self) -> None:
        self._steps = 0
        self._loss: Any = None
        self._seen: dict[str, Any] = {}
        self._times: dict[str, str] = {}

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        """Optimizers are there, and the network is where it is trained."""
        self._steps, self._loss, self._times = trainer.global_step, None, {}
        self._seen = dict(trainer.callback_metrics)
        if trainer.is_global_zero:
            self.hosted.begin(pl_module, trainer.optimizers)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ANN401, ARG002
        """A batch is done; whether the optimizer made a step is told by its count."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            self._loss = loss.detach() if self._loss is None else self._loss + loss.detach()
        if trainer.global_step == self._steps:
            return
        told = {} if self._loss is None else {"loss": self._loss}
        self._steps, self._loss = trainer.global_step, None
        if self.hosted.step({**told, **self._new(trainer, "step")}):
            trainer.should_stop = True

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Numbers of the validation rows are there."""
        self.hosted.log(self._new(trainer, "validation"))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Numbers of the epoch are there."""
        self.hosted.log(self._new(trainer, "epoch"))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """The fit came to its end."""
        self.hosted.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ANN401, ARG002
        """The fit did not."""
        self.hosted.fail(exception)

    def __reduce__(self) -> tuple[Callable[[Hosted], Any], tuple[Hosted]]:
        return _made, (Hosted(self.hosted.folder, self.hosted.options),)

    def _new(self, trainer: Any, when: str) -> dict[str, Any]:  # noqa: ANN401
        """What was logged since the last look, of the numbers that come at this time.

        Lightning keeps all numbers it was ever told, and makes some anew: each belongs to where it was seen first.
        """
        now = dict(trainer.callback_metrics)
        new = {name: value for name, value in now.items() if value is not self._seen.get(name)}
        self._seen = now
        return {name: value for name, value in new.items() if self._times.setdefault(name, when) == when}


@cache
def _callback_class() -> type[Any]:
    for place in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return type("WatchLightning", (Hooks, import_module(place).Callback), {"__doc__": WatchLightning.__doc__})
        except ImportError:
            continue
    raise MissingExtra("lightning", "lightning")
