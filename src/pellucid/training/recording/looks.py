"""Which frames are made, when, and what each took."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.training.recording.activations import ActivationWatch
from pellucid.training.recording.broadcast import broadcast_rows
from pellucid.training.recording.layers import LayerWatch, Put
from pellucid.training.recording.pinned import Pinned, parameter_frame
from pellucid.training.recording.schedule import Schedule
from pellucid.training.runs.contents import Event
from pellucid.training.runs.writer import RunWriter

PATIENCE = 30  # steps of the loop after which what was to be looked at is given up
BEHIND = 8  # frames that wait to be made, above which no more are taken; those before the first step are five

Make = Callable[[], object]


@dataclass(frozen=True)
class Pace:
    """How often frames are made: for a ``share`` of the training time, or of all layers at ``every`` so many steps; and parameters at every
    ``snapshots`` steps beside."""

    share: float
    every: int | None = None
    snapshots: int | None = None

    @property
    def counted(self) -> bool:
        """Whether something goes by steps, not by time."""
        return self.every is not None or self.snapshots is not None


class Looks:
    """Looks at a network in training.

    Args:
        net, optimizers, pinned: what is looked at. ``writer``: takes the frames.

    Attributes:
        step: of the training, kept by the recorder. ``seconds``: that the looks took in the thread that trains.
        by_kind: of them, by kind of frame.
    """

    def __init__(
        self, net: nn.Module, optimizers: tuple[torch.optim.Optimizer, ...], pinned: Pinned | None, *, writer: RunWriter, pace: Pace
    ) -> None:
        self.writer, self.pace, self.optimizers = writer, pace, optimizers
        self.step = 0
        self.seconds = 0.0
        self.allowed_behind = BEHIND
        self.by_kind: dict[str, float] = {}
        # work in other threads is seen by the clock on the wall only
        self.clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
        self._layers = LayerWatch(net, optimizers, self._putting("layers"), self.clock)
        self._activations = ActivationWatch(net, self._putting("activations"), self.clock)
        self._now = _at_any_time(net, pinned)
        self.schedule = Schedule(pace.share, ("layers", "activations", *self._now), processor=self._layers.device.type == "cpu")
        self._armed = ""
        self._armed_at = 0
        if compiled(net):
            self.leave_out("activations", "the network is compiled, and hooks would have it compiled anew")
        self._broadcast = False

    @property
    def armed(self) -> bool:
        """Whether something is to be looked at in the step that comes."""
        return bool(self._armed)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of frames that are still made."""
        return tuple(self.schedule.taken)

    def __call__(self, spent: float) -> None:
        """After a step: books what was looked at in it, and takes what is due; ``spent`` seconds went into everything so far."""
        began = self.clock()
        self._collect()
        if self.pace.snapshots is not None and self.step % self.pace.snapshots == 0 and "parameters" in self.schedule.taken:
            self._take("parameters")
        if self.pace.every is not None:
            if self.step % self.pace.every == 0 and not self._armed and "layers" in self.schedule.taken:
                self._arm("layers")
        elif not self._armed and self.writer.behind < self.allowed_behind:
            kind = self.schedule.due(self._on_frames(), spent)
            if kind is not None:
                self._take(kind)
        self.seconds += self.clock() - began

    def told(self, loss: Tensor) -> None:
        """The loss of the step that was looked at: says once, as an event, that it compares every row with every row."""
        output = self._activations.output
        if self._broadcast or output is None:
            return
        began = self.clock()
        rows = self._safely("activations", lambda: broadcast_rows(loss, *output))
        if rows:
            self._broadcast = True
            event = Event("broadcast_loss", {"rows": rows})
            self.writer.put("events", self.step + 1, lambda: event)
        self._activations.output = None
        self.seconds += self.clock() - began

    def start(self) -> None:
        """Before the first step: once what can be seen at any time, so that the film begins at the beginning."""
        for kind in self._now:
            self._take(kind)
            self.schedule.seen(kind)
        self.by_kind.clear()

    def close(self, *, last: bool) -> None:
        """Ends looking; with ``last`` once more at what can be seen at any time."""
        self._layers.disarm()
        self._activations.disarm()
        if last and self.step:
            for kind in self._now:
                if kind in self.schedule.taken:
                    self._take(kind)

    def _collect(self) -> None:
        if not self._armed:
            return
        waited = self.step - self._armed_at
        if self._armed == "layers":
            watch = self._layers
            if not watch.done and (not self.optimizers or waited >= PATIENCE):  # another object takes the steps, or none
                self._safely("layers", watch.now)
        else:
            watch = self._activations
            watch.finish()
        if watch.failed is not None:
            self._refuse(self._armed, watch.failed)
        if watch.done or watch.failed is not None or waited >= PATIENCE:
            self.seconds += watch.spent
            self._book(self._armed, watch.spent)
            watch.disarm()
            self._activations.output = None
            self._armed = ""

    def _arm(self, kind: str) -> None:
        self._armed, self._armed_at = kind, self.step
        (self._layers if kind == "layers" else self._activations).arm()

    def _take(self, kind: str) -> None:
        if kind not in self._now:
            self._arm(kind)
            return
        began = self.clock()
        made = self._safely(kind, self._now[kind])
        if made is None:
            self.schedule.drop(kind)
        else:
            self.writer.put(kind, self.step, made)
        self._book(kind, self.clock() - began)

    def _safely(self, kind: str, look: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Looks; what can not be seen of this network is left out from then on, and that is said."""
        try:
            return look()
        except Exception as error:  # looking must not end a training
            self._refuse(kind, error)
            return None

    def _refuse(self, kind: str, error: Exception) -> None:
        self.leave_out(kind, f"{type(error).__name__}: {error}")
        warnings.warn(f"{kind} of this network can not be recorded and are left out: {error}", stacklevel=6)

    def leave_out(self, kind: str, why: str) -> None:
        """Makes no frames of a kind from now on, and says why."""
        self.schedule.drop(kind)
        event = Event("left_out", {"kind": kind, "why": why})
        self.writer.put("events", self.step, lambda: event)

    def _putting(self, kind: str) -> Put:
        return lambda make, ahead: self.writer.put(kind, self.step + ahead, make)

    def _book(self, kind: str, seconds: float) -> None:
        """Books a frame: what it took here, and what such a frame takes in the other thread on average."""
        self.by_kind[kind] = self.by_kind.get(kind, 0.0) + seconds
        there = self.writer.spent.get(kind, 0.0) / max(self.writer.made.get(kind, 0), 1)
        self.schedule.learn(kind, seconds + there)

    def _on_frames(self) -> float:
        return sum(self.by_kind.values()) + sum(self.writer.spent.get(kind, 0.0) for kind in self.by_kind)


def compiled(net: nn.Module) -> bool:
    """Whether the network, or a part of it, is compiled by ``torch.compile``."""
    return any(type(one).__name__ == "OptimizedModule" or getattr(one, "_compiled_call_impl", None) is not None for one in net.modules())


def _at_any_time(net: nn.Module, pinned: Pinned | None) -> dict[str, Callable[[], Make | None]]:
    """What can be seen between two steps, by kind of frame."""
    found: dict[str, Callable[[], Make | None]] = {"parameters": lambda: parameter_frame(net)}
    if pinned is None:
        return found
    found["predictions"] = lambda: _made(pinned.predictions())
    if pinned.method is not None:
        found["attributions"] = lambda: _made(pinned.attributions())
    if pinned.hosted:
        found["activations"] = pinned.activations
    if pinned.flat:
        found["boundary"] = lambda: _made(pinned.boundary())
    return found


def _made(frame: object) -> Make:
    return lambda: frame
