"""Recording a training whose loop belongs to a framework: begun, told and ended by its callbacks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pellucid.training.recording.recorder import Recorder
from pellucid.training.recording.steering import TrainingStopped
from pellucid.training.watch import watch

TAKEN = ("rows", "self")  # what Recorder.step takes by these names is no number


@dataclass
class Hosted:
    """A recording that is there from the first step of a fit to its end.

    Attributes:
        folder: of the run. ``options``: of :func:`pellucid.watch`.
        recorder: while the training goes on, in the process that records.
    """

    folder: str | os.PathLike[str]
    options: dict[str, Any] = field(default_factory=dict)
    recorder: Recorder | None = None

    def begin(self, net: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Begins an attempt; one that was never ended is ended first."""
        if self.recorder is not None:
            self.end("ended without close()")
        self.recorder = watch(net, list(optimizers) or None, self.folder, **self.options)

    def step(self, numbers: Mapping[str, Any]) -> bool:
        """Tells a step of the optimizer; whether a stop was asked for."""
        if self.recorder is None:
            return False
        try:
            self.recorder.step(**_named(numbers))
        except TrainingStopped:
            return True
        return False

    def log(self, numbers: Mapping[str, Any]) -> None:
        """Tells numbers at the present step."""
        if self.recorder is not None and numbers:
            self.recorder.log(**_named(numbers))

    def end(self, how: str = "") -> None:
        """Ends the recording, if it goes on."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close(how or ("stopped" if recorder.stopped else "finished"))

    def fail(self, error: BaseException) -> None:
        """Ends it with an error, or with Ctrl-C."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.__exit__(type(error), error, error.__traceback__)


def _named(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}_told" if name in TAKEN else name: value for name, value in numbers.items()}
