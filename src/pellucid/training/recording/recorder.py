"""The recorder: what :func:`pellucid.watch` returns."""

from __future__ import annotations

import atexit
import os
import time
import warnings
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.training.recording.controls import Controls
from pellucid.training.recording.looks import Looks, Pace
from pellucid.training.recording.pinned import Pinned
from pellucid.training.recording.steering import Steering, TrainingStopped
from pellucid.training.runs.contents import Event
from pellucid.training.runs.control import Command, Requests
from pellucid.training.runs.lock import FolderLock
from pellucid.training.runs.upkeep import Retention
from pellucid.training.runs.writer import RunWriter

GLANCE = 0.05  # seconds between two looks at what is due

_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _leave_alone() -> None:
    """In a forked process: what was inherited records nothing, and closes nothing."""
    for recorder in list(_recorders):
        recorder.recording = False
        atexit.unregister(recorder.close)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_alone)


@dataclass(frozen=True)
class Cost:
    """What the recording took: ``seconds`` of its own (its thread included) in ``elapsed`` seconds of training, and by kind of frame.

    What is done before the first step is no part of it.
    """

    seconds: float
    elapsed: float
    kinds: dict[str, float]

    @property
    def share(self) -> float:
        """Its part of the training time."""
        return self.seconds / self.elapsed if self.elapsed > 0 else 0.0

    def __repr__(self) -> str:
        return f"Cost({self.seconds:.3f} s of {self.elapsed:.1f} s, {100 * self.share:.2f} %)"


@dataclass(frozen=True)
class Plan:
    """How a training is recorded: at which pace, what stays, and what is known of it beforehand."""

    pace: Pace
    retention: Retention
    facts: dict[str, object]


class Recorder:
    """Records one training into a folder; made by :func:`pellucid.watch`.

    In a process that must not record (a rank above 0, a worker that was forked) it does nothing.

    Attributes:
        folder: of the run. ``steps``: how often :meth:`step` was called. ``recording``: whether this process records.
    """

    def __init__(
        self, net: nn.Module, optimizers: tuple[torch.optim.Optimizer, ...], folder: Path, *, pinned: Pinned | None, plan: Plan | None
    ) -> None:
        self.folder, self.optimizers = folder, optimizers
        self.steps = 0
        self.recording = plan is not None
        self._closed = False
        if plan is None:
            return
        with ExitStack() as undo:  # what was begun, where watching can not begin
            self._lock = FolderLock(folder)
            undo.callback(self._lock.release)
            requests = Requests(folder)
            undo.callback(requests.close)
            self._writer = RunWriter(folder, plan.facts, retention=plan.retention)
            undo.callback(self._writer.close, "failed: watching could not begin")
            self._open(net, pinned, plan, requests)
            undo.pop_all()
        _recorders.add(self)
        atexit.register(self.close, "ended without close()")

    def _open(self, net: nn.Module, pinned: Pinned | None, plan: Plan, requests: Requests) -> None:
        """Makes what looks and what steers, and lets the writer begin."""
        self._looks = Looks(net, self.optimizers, pinned, writer=self._writer, pace=plan.pace)
        self._steering = Steering(Controls(net, self.optimizers, self.folder), requests, self._event)
        self._told = self._writer.told
        self._always = plan.pace.counted
        self._in_steps = 0.0  # seconds of its own in the thread that trains, looks apart
        self._first: float | None = None
        self._rested = 0.0
        self._next = 0.0
        self._rates: list[float] = []
        self._told_trouble = False
        if self._writer.reason:
            warnings.warn(f"Recorded without a write-ahead log, since {self._writer.reason}: a reader may have to wait", stacklevel=5)
        if pinned is not None:
            self._writer.put("pinned", 0, pinned.frame)
        self._looks.start()
        self._writer.start(polled=self._poll)

    # ---- what the loop calls

    def step(self, loss: Tensor | float | None = None, *, rows: Any = None, **metrics: Tensor | float) -> None:  # noqa: ANN401
        """One step of the loop is done; call it after ``optimizer.step()``.

        Args:
            loss: of this step, one number. ``metrics``: other numbers by name, such as ``accuracy``.
            rows: which rows of the data this step saw, if that shall be recorded.

        Raises:
            InputError: a value that is no single number, or the recorder is closed.
            TrainingStopped: somebody asked for a stop.
        """
        if not self._here():
            return
        began = time.perf_counter()
        numbers = {} if loss is None else {"loss": _number("loss", loss)}
        for name, value in metrics.items():
            numbers[name] = _number(name, value)
        if self._looks.armed and isinstance(loss, Tensor):
            self._looks.told(loss)
        self.steps += 1
        self._told.append((self.steps, time.time(), numbers))
        if rows is not None:
            self._writer.rows(self.steps, np.array(rows.cpu() if isinstance(rows, Tensor) else rows, np.int64).reshape(-1))
        if began >= self._next or self._always or self._looks.armed:
            self._look_around(began)
        self._in_steps += time.perf_counter() - began
        if self._steering.waiting:
            self._obey()

    def log(self, **values: Tensor | float) -> None:
        """Numbers told at the present step, such as ``valid_loss`` after an epoch."""
        if self._here():
            self._told.append((self.steps, time.time(), {name: _number(name, value) for name, value in values.items()}))

    def note(self, text: str) -> None:
        """Writes a remark to the present step."""
        self._now("note", text=str(text))

    def pause(self) -> None:
        """The next :meth:`step` waits until ``pl.Run(folder).ask("resume")``, or Ctrl-C."""
        if self._here():
            self._steering.later(Command("pause", {}))

    def stop(self) -> None:
        """The next :meth:`step` raises TrainingStopped, which ends the ``with`` block quietly."""
        if self._here():
            self._steering.later(Command("stop", {}))

    def learning_rate(self, value: float, *, group: int | None = None) -> None:
        """Sets the learning rate of all groups of parameters, or of one."""
        self._now("learning_rate", value=value, group=group)

    def freeze(self, layer: str) -> None:
        """The parameters of a layer stay as they are from now on."""
        self._now("freeze", layer=layer)

    def unfreeze(self, layer: str) -> None:
        """They are trained again: those that :meth:`freeze` stopped, or all of the layer."""
        self._now("unfreeze", layer=layer)

    def edit(self, parameter: str, index: tuple[int, ...], value: float) -> None:
        """Sets one weight."""
        self._now("edit", parameter=parameter, index=list(index), value=value)

    def checkpoint(self) -> Path | None:
        """Writes parameters and buffers to ``checkpoints/step-N.safetensors`` in the run folder."""
        event = self._now("checkpoint")
        return None if event is None else self.folder / str(event.details["file"])

    @property
    def looking(self) -> bool:
        """Whether the next step is looked at, or may be: where a framework keeps the weights, it is the time to fetch them."""
        return self.recording and (self._always or self._looks.armed or time.perf_counter() >= self._next)

    def steered_by(self, controls: Controls) -> None:
        """Lets others carry out what is asked of the training."""
        if self.recording:
            self._steering.controls = controls

    def leave_out(self, kind: str, why: str) -> None:
        """A kind of frames that can not be made of this training."""
        if self.recording:
            self._looks.leave_out(kind, why)

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self.recording and self._steering.stopped

    @property
    def cost(self) -> Cost:
        """What the recording took so far."""
        if self._first is None:
            return Cost(0.0, 0.0, {})
        looked, thread = dict(self._looks.by_kind), dict(self._writer.spent)
        kinds = {kind: looked.get(kind, 0.0) + thread.get(kind, 0.0) for kind in (*looked, *thread)}
        kinds["steps"] = self._in_steps + self._looks.seconds - sum(looked.values())
        return Cost(self._spent(), self._elapsed(), kinds)

    def close(self, how: str = "finished") -> None:
        """Ends the recording: what waits is written, and ``run.sqlite`` stands alone."""
        if not self.recording:
            return
        try:
            self._looks.close(last=how == "finished")
            self._event(Event("end", {"seconds": self._spent(), "elapsed": self._elapsed(), "steps": self.steps}))
        finally:
            self.recording, self._closed = False, True
            atexit.unregister(self.close)
            self._writer.close(how)
            self._steering.requests.close()
            self._lock.release()
        if self._writer.trouble and not self._told_trouble:
            warnings.warn(f"The recording is not whole: {self._writer.trouble}", stacklevel=3)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if kind is None:
            self.close()
        elif issubclass(kind, TrainingStopped):
            self.close("stopped")
            return True
        elif issubclass(kind, KeyboardInterrupt):
            self.close("interrupted")
        else:
            self.close(f"failed: {kind.__name__}: {error}")
        return False

    # ---- what happens in a step

    def _here(self) -> bool:
        if self._closed:
            received, remedy = f"after {self.steps} steps", "call it inside its with block, or watch anew"
            raise InputError("This recorder is closed", received=received, remedy=remedy)
        return self.recording

    def _look_around(self, now: float) -> None:
        """What is not done at every step: frames, and what went wrong in the other thread. Looks keep their own account."""
        if self._first is None:
            self._first = now
        self._next = now + GLANCE
        self._tell_rates()
        self._looks.step = self.steps
        before = time.perf_counter()
        self._looks(self._spent())
        self._in_steps -= time.perf_counter() - before
        if self._writer.trouble and not self._told_trouble:
            self._told_trouble = True
            warnings.warn(f"The training goes on, but its recording is troubled: {self._writer.trouble}", stacklevel=3)

    def _tell_rates(self) -> None:
        """Tells the learning rates where they changed: one number where all groups of parameters have the same."""
        rates = [float(group["lr"]) for one in self.optimizers for group in one.param_groups if "lr" in group]
        if rates != self._rates:
            self._rates = rates
            told = rates if len(set(rates)) > 1 else rates[:1]
            numbers = {"learning_rate" if i == 0 else f"learning_rate.{i}": rate for i, rate in enumerate(told)}
            self._told.append((self.steps, time.time(), numbers))

    def _obey(self) -> None:
        rested = self._steering.obey(self.steps)
        self._rested += rested
        self._looks.schedule.rest(rested)

    def _poll(self) -> None:
        self._looks.schedule.preferred = frozenset(self._steering.poll())

    def _now(self, what: str, **details: Any) -> Event | None:  # noqa: ANN401
        return self._steering.now(Command(what, details), self.steps) if self._here() else None

    def _event(self, event: Event) -> None:
        self._writer.put("events", self.steps, lambda: event)

    def _spent(self) -> float:
        return self._in_steps + self._looks.seconds + sum(self._writer.spent.values())

    def _elapsed(self) -> float:
        return 0.0 if self._first is None else time.perf_counter() - self._first - self._rested


def _number(name: str, value: Tensor | float) -> Any:  # noqa: ANN401
    """A number, or a tensor on an accelerator that is read later, in the other thread: reading it here would wait for the device."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise InputError(f"{name} must be one number", received=f"shape {tuple(value.shape)}", remedy=f"{name}.mean()")
        return value.item() if value.device.type == "cpu" else value.detach().clone()
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} must be one number", received=repr(value)[:80], remedy="give a float or a tensor of one element"
        ) from error
