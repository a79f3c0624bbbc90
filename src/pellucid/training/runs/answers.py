"""What a run answers: its attempts, a number over its steps, the frames of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import FileError
from pellucid.explanation.frame import from_frame
from pellucid.training.runs.contents import CONTENTS, OrderFrame, Scalars

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run


@dataclass(frozen=True)
class Attempt:
    """One training recorded into a folder.

    Attributes:
        number: from 1. ``started``, ``ended``: seconds since 1970; None while it goes on and where the process was killed.
        how: ``recording``, ``finished``, ``stopped`` (asked for), ``failed: ...`` (the error), or ``killed``.
        facts: of the network, the optimizer, what was recorded and how.
    """

    number: int
    started: float
    ended: float | None
    how: str
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Series:
    """One number over a training: ``steps``, ``times`` (seconds since 1970) and ``values``, (entry,)."""

    name: str
    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Steps and values, so that ``steps, values = run.scalars("loss")`` works."""
        return iter((self.steps, self.values))

    def __repr__(self) -> str:
        last = f", last {self.values[-1]:.4g} at step {self.steps[-1]}" if len(self) else ""
        return f"Series({self.name}: {len(self)} values{last})"


class Frames:
    """The frames of one kind in order, each read when it is asked for."""

    def __init__(self, run: Run, kind: str, places: list[tuple[int, int, float]]) -> None:
        self._run, self.kind, self._places = run, kind, places
        self.steps = np.array([step for _, step, _ in places], np.int64)
        self.times = np.array([at for _, _, at in places])

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401
        place = self._places[index][0]
        with self._run.reading() as connection:
            row = connection.execute("SELECT frame FROM frames WHERE id = ?", (place,)).fetchone()
        if row is None:
            raise FileError("This frame has been left out since", received=f"frame {index} of {self.kind}", remedy="ask run.frames() anew")
        return from_frame(row[0], CONTENTS[self.kind])

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def read(self, places: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Frames with their places, one after the other, without those that a recorder that goes on has left out since."""
        for place in places:
            try:
                frame = self[place]
            except FileError:
                continue
            yield place, frame

    def __repr__(self) -> str:
        span = f", steps {self.steps[0]} to {self.steps[-1]}" if len(self) else ""
        return f"Frames({self.kind}: {len(self)}{span})"


def series_of(name: str, frames: list[Scalars]) -> Series:
    """One number out of frames of numbers, in their order."""
    steps, times, values = [], [], []
    for frame in frames:
        if name in frame.names:
            chosen = frame.name == frame.names.index(name)
            steps.append(frame.step[chosen])
            times.append(frame.time[chosen])
            values.append(frame.value[chosen])
    return Series(name, np.concatenate(steps), np.concatenate(times), np.concatenate(values))


def later(frame: Any, skip: int) -> Any:  # noqa: ANN401
    """A frame of numbers without its first entries."""
    if isinstance(frame, Scalars):
        return Scalars(frame.names, frame.name[skip:], frame.step[skip:], frame.time[skip:], frame.value[skip:])
    first = frame.start[skip]
    return OrderFrame(frame.steps[skip:], frame.start[skip:] - first, frame.rows[first:])
