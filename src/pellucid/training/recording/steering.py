"""Steers a training from outside: what was asked is done between two steps, by the thread that trains."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from pellucid.errors import PellucidError
from pellucid.training.recording.controls import Controls
from pellucid.training.runs.contents import Event
from pellucid.training.runs.control import Command, Requests

WAKE = 0.2  # seconds after which a paused training looks around, so that Ctrl-C is heard


class TrainingStopped(BaseException):
    """Raised by ``run.step`` where a stop was asked for; the ``with`` block of the recorder ends quietly with it."""


class Steering:
    """Keeps what was asked until the next step, and carries it out.

    Args:
        controls: changes network and optimizer. ``requests``: what viewers ask. ``log``: takes what was done.

    Attributes:
        stopped: whether a stop was asked for. ``waiting``: whether there is something to do.
    """

    def __init__(self, controls: Controls, requests: Requests, log: Callable[[Event], None]) -> None:
        self.controls, self.requests, self.log = controls, requests, log
        self.stopped = False
        self.waiting = False
        self._commands: deque[Command] = deque()
        self._asked = threading.Event()
        self._paused = False
        self._allowed = 0

    def poll(self) -> set[str]:
        """In the writer's thread: fetches what viewers ask, and gives the kinds of frames that they look at."""
        new = self.requests.new()
        if new:
            self._commands.extend(new)
            self.waiting = True
            self._asked.set()
        return self.requests.subscribed()

    def later(self, command: Command) -> None:
        """Does it at the end of the next step."""
        self._commands.append(command)
        self.waiting = True

    def now(self, command: Command, step: int) -> Event:
        """Does it at once.

        Raises:
            PellucidError: it can not be done.
        """
        event = self._one(command, step)
        self.log(event)
        return event

    def obey(self, step: int) -> float:
        """Carries out what was asked, and waits while the training is paused; the seconds that it stood still.

        Raises:
            TrainingStopped: a stop was asked for.
        """
        began = time.perf_counter()
        while True:
            while self._commands:
                self._answer(self._commands.popleft(), step)
            if self.stopped:
                raise TrainingStopped
            if not self._paused or self._allowed > 0:
                break
            self._asked.wait(WAKE)
            self._asked.clear()
        self._allowed = max(0, self._allowed - 1)
        self.waiting = self._paused or bool(self._commands)
        return time.perf_counter() - began

    def _answer(self, command: Command, step: int) -> None:
        try:
            self.now(command, step)
        except PellucidError as error:  # whoever asked is elsewhere: the answer is in the log, and the training goes on
            self.log(Event("refused", {"command": command.what, "why": str(error)}))

    def _one(self, command: Command, step: int) -> Event:
        match command.what:
            case "pause":
                self._paused = True
            case "resume":
                self._paused, self._allowed = False, 0
            case "advance":
                steps = command.details.get("steps", 1)
                self._paused, self._allowed = True, max(1, int(steps) if isinstance(steps, (int, float)) else 1)
            case "stop":
                self.stopped = True
            case _:
                return self.controls.carry_out(command.what, command.details, step)
        told = {name: value for name, value in command.details.items() if not isinstance(value, list)}
        return Event(command.what, told)
