"""watch() as a callback of transformers' Trainer."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from pellucid.errors import MissingExtra
from pellucid.training.recording.hosted import Hosted

OWN = ("learning_rate",)  # logged by the Trainer, and told by the recorder already


def WatchTransformers(  # named like the class of which it makes one: that class exists only where transformers does
    folder: str | os.PathLike[str],
    *,
    data: Any = None,  # noqa: ANN401
    attribution: Any = "integrated_gradients",  # noqa: ANN401
    budget: float = 0.02,
    every: int | None = None,
) -> Any:  # noqa: ANN401
    """A callback that records a training of transformers: ``Trainer(..., callbacks=[pl.WatchTransformers("runs/first")])``.

    A step is told for each step of the optimizer; numbers are told when the Trainer logs them: with ``logging_steps=1`` the loss of every
    step. A stop asked for through the folder ends the training after the step. In ranks above 0 it does nothing.

    The Trainer does not tell its callbacks of errors. As a context, ``with pl.WatchTransformers("runs/first") as watching:`` around
    ``trainer.train()``, it ends the run with the error; otherwise such a run is ended when the next training begins, or the process ends.

    Args:
        folder, data, attribution, budget, every: as for :func:`pellucid.watch`.

    Returns:
        A ``transformers.TrainerCallback``.

    Raises:
        MissingExtra: transformers is not installed.
    """
    made = _callback_class()()
    made.hosted = Hosted(folder, {"data": data, "attribution": attribution, "budget": budget, "every": every})
    return made


class Hooks:
    """What is done when; the Trainer calls these."""

    hosted: Hosted

    def on_train_begin(self, args: Any, state: Any, control: Any, **about: Any) -> None:  # noqa: ANN401, ARG002
        """Network and optimizer are there, and where they are trained."""
        if state.is_world_process_zero:
            optimizer = about.get("optimizer")
            inner = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
            self.hosted.begin(about["model"], [] if inner is None else [inner])

    def on_step_end(self, args: Any, state: Any, control: Any, **about: Any) -> None:  # noqa: ANN401, ARG002
        """The optimizer made a step."""
        if self.hosted.step({}):
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **about: Any) -> None:  # noqa: ANN401, ARG002
        """Numbers are told."""
        self.hosted.log({name: value for name, value in (logs or {}).items() if isinstance(value, (int, float)) and name not in OWN})

    def on_train_end(self, args: Any, state: Any, control: Any, **about: Any) -> None:  # noqa: ANN401, ARG002
        """The training came to its end."""
        self.hosted.end()

    def __enter__(self) -> Any:  # noqa: ANN401
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.hosted.fail(error)
        else:
            self.hosted.end()


@cache
def _callback_class() -> type[Any]:
    try:
        base = import_module("transformers").TrainerCallback
    except ImportError as error:
        raise MissingExtra("transformers", "transformers") from error
    return type("WatchTransformers", (Hooks, base), {"__doc__": WatchTransformers.__doc__})
