"""``pl.Run``: a recorded training, read lazily, while it goes on and afterwards."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pellucid.errors import FileError, InputError, UnknownName
from pellucid.explanation import renderers
from pellucid.explanation.frame import from_frame
from pellucid.training.runs import control
from pellucid.training.runs.answers import Attempt, Frames, Series, later, series_of
from pellucid.training.runs.contents import CONTENTS, Event, OrderFrame, PinnedFrame, Scalars
from pellucid.training.runs.lock import is_recorded
from pellucid.training.runs.schema import FILE, open_to_read

if TYPE_CHECKING:
    from pellucid.training.diagnoses.finding import Finding


Form: TypeAlias = Literal["csv", "parquet", "tensorboard"]  # what a run can be written as for other programs


class Run:
    """A recorded training.

    Args:
        folder: that :func:`pellucid.watch` recorded into, or a copy of its ``run.sqlite``.
        attempt: which of the trainings recorded there, from 1; the latest if not given.

    Nothing is kept open: each question reads the file anew, so that one sees what has come since.

    Raises:
        FileError: no run, or one that is damaged or of another version.
        InputError: no such attempt.
    """

    kind = "run"

    def __init__(self, folder: str | os.PathLike[str], *, attempt: int | None = None) -> None:
        given = Path(folder)
        self.folder = given if given.name != FILE else given.parent
        self.path = self.folder / FILE
        if not self.path.is_file():
            raise FileError(
                "There is no run here",
                received=str(given),
                remedy="give the folder that pl.watch records into; pellucid runs list finds runs",
            )
        with self.reading() as connection:
            known = [row[0] for row in connection.execute("SELECT id FROM attempts ORDER BY id")]
        if not known:
            raise FileError("No training was recorded here yet", received=str(given), remedy="wait until it has begun")
        if attempt is not None and attempt not in known:
            raise InputError("There is no such attempt", received=f"attempt={attempt}", remedy=f"legal: {', '.join(map(str, known))}")
        self.number = known[-1] if attempt is None else attempt

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All trainings recorded into this folder."""
        with self.reading() as connection:
            rows = connection.execute("SELECT id, started, ended, how, facts FROM attempts ORDER BY id").fetchall()
        live = is_recorded(self.folder)
        last = rows[-1][0]
        return tuple(
            Attempt(number, started, ended, "killed" if how == "recording" and not (live and number == last) else how, json.loads(facts))
            for number, started, ended, how, facts in rows
        )

    @property
    def attempt(self) -> Attempt:
        """The training that is looked at."""
        return next(one for one in self.attempts if one.number == self.number)

    @property
    def status(self) -> str:
        """``recording``, ``finished``, ``stopped``, ``failed: ...`` or ``killed``."""
        return self.attempt.how

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the network, the optimizer and the recording."""
        return self.attempt.facts

    @property
    def kinds(self) -> dict[str, int]:
        """Kinds of frames recorded, with how many there are."""
        with self.reading() as connection:
            return dict(
                connection.execute("SELECT kind, count(*) FROM frames WHERE attempt = ? GROUP BY kind ORDER BY kind", (self.number,))
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers that were told step by step."""
        return tuple(dict.fromkeys(name for frame in self._all("scalars", Scalars) for name in frame.names))

    @property
    def steps(self) -> int:
        """The latest step of which something is recorded."""
        last = [int(frame.step.max()) for frame in self._all("scalars", Scalars) if len(frame.step)]
        with self.reading() as connection:
            other = connection.execute("SELECT coalesce(max(step), 0) FROM frames WHERE attempt = ?", (self.number,)).fetchone()[0]
        return max([*last, int(other)])

    def scalars(self, name: str = "loss") -> Series:
        """All values of one number, such as ``loss``, in order.

        Raises:
            UnknownName: nothing of that name was told.
        """
        return self.all_scalars(name)[name]

    def all_scalars(self, *names: str) -> dict[str, Series]:
        """The series of these names, or of all."""
        frames = self._all("scalars", Scalars)
        known = tuple(dict.fromkeys(name for frame in frames for name in frame.names))
        for name in names:
            if name not in known:
                raise UnknownName("recorded number", name, known)
        return {name: series_of(name, frames) for name in names or known}

    def frames(self, kind: str) -> Frames:
        """The frames of one kind, such as ``layers``, each read when it is asked for.

        Raises:
            UnknownName: no such kind.
        """
        if kind not in CONTENTS or kind == "scalars":
            raise UnknownName("kind of frame", kind, [one for one in CONTENTS if one != "scalars"])
        with self.reading() as connection:
            places = connection.execute(
                "SELECT id, step, time FROM frames WHERE attempt = ? AND kind = ? ORDER BY step, id", (self.number, kind)
            ).fetchall()
        return Frames(self, kind, places)

    @property
    def events(self) -> list[tuple[int, Event]]:
        """What happened, with the step."""
        frames = self.frames("events")
        return [(int(step), event) for step, event in zip(frames.steps, frames, strict=True)]

    @property
    def order(self) -> list[tuple[int, np.ndarray]]:
        """Which rows of the data each step saw, where that was told."""
        found = self._all("order", OrderFrame)
        return [(int(step), f.rows[f.start[i] : f.start[i + 1]]) for f in found for i, step in enumerate(f.steps)]

    @property
    def pinned(self) -> PinnedFrame | None:
        """The rows whose predictions and attributions were recorded."""
        frames = self.frames("pinned")
        return frames[0] if len(frames) else None

    def trajectory(self) -> np.ndarray:
        """All recorded parameters (checkpoint, parameter), in the order of ``net.parameters()``.

        ``pl.LookAtLossLandscape(directions=...)`` and ``pl.LookAtGradientFlow(trajectories=...)`` take them.

        Raises:
            InputError: none were recorded.
        """
        frames = self.frames("parameters")
        if not len(frames):
            remedy = "they are recorded of networks of at most two million parameters"
            raise InputError("No parameters were recorded", received=str(self.folder), remedy=remedy)
        return np.stack([frame.values for frame in frames])

    def ask(self, what: str, **details: Any) -> None:  # noqa: ANN401
        """Asks something of the training that goes on: ``pause``, ``resume``, ``advance``, ``learning_rate``, ``freeze``, ``unfreeze``,
        ``edit``, ``checkpoint``, ``stop``; done between two steps, and logged with the step.

        Raises:
            FileError: it goes on no more.
        """
        if not is_recorded(self.folder):
            raise FileError(
                "This training goes on no more, so nothing can be asked", received=f"{self.folder}, {self.status}", remedy="start it anew"
            )
        control.ask(self.folder, control.Command(what, details))

    def subscribe(self, kind: str, *, seconds: float = 10.0) -> None:
        """Says that frames of this kind are looked at for a while: the recorder takes them first, in its budget."""
        if kind not in CONTENTS:
            raise UnknownName("kind of frame", kind, CONTENTS)
        control.subscribe(self.folder, kind, seconds)

    def follow(self, kind: str = "scalars", *, every: float = 0.5) -> Iterator[tuple[int, Any]]:
        """Frames of one kind with their steps as they come, from the first on, until the training ends."""
        take = self._entries_after if kind in ("scalars", "order") else self._frames_after
        last = 0
        while True:
            ended = self.status != "recording"
            found = take(kind, last)
            for last, step, frame in found:  # noqa: B007  (where to go on from)
                yield step, frame
            if ended:
                return
            time.sleep(every)

    def _frames_after(self, kind: str, last: int) -> list[tuple[int, int, Any]]:
        """(where to go on from, step, frame) of what came after ``last``."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT id, step, frame FROM frames WHERE attempt = ? AND kind = ? AND id > ? ORDER BY id", (self.number, kind, last)
            )
            return [(place, int(step), from_frame(blob, CONTENTS[kind])) for place, step, blob in rows]

    def _entries_after(self, kind: str, last: int) -> list[tuple[int, int, Any]]:
        """The same of frames of numbers: they are merged, so what is new is told by how many entries came before it."""
        found: list[tuple[int, int, Any]] = []
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT id, entries FROM frames WHERE attempt = ? AND kind = ? ORDER BY id", (self.number, kind)
            ).fetchall()
            past = 0
            for place, entries in rows:
                past += entries
                if past > last:
                    blob = connection.execute("SELECT frame FROM frames WHERE id = ?", (place,)).fetchone()[0]
                    frame = later(from_frame(blob, CONTENTS[kind]), max(0, last - (past - entries)))
                    found.append((past, int((frame.step if isinstance(frame, Scalars) else frame.steps)[0]), frame))
        return found

    def plot(self, view: str | None = None, **options: Any) -> Any:  # noqa: ANN401
        """A figure of this training; ``view`` names one of its pictures."""
        return renderers.find("plot", "run")(self, view=view, **options)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: Form | None = None,
        net: Any = None,  # noqa: ANN401
        inputs: Any = None,  # noqa: ANN401
    ) -> Path:
        """Writes this training for other programs.

        Args:
            path: a ``.csv`` or ``.parquet`` file with ``step, time, name, value`` of every number told (seconds since 1970), or a folder
                for TensorBoard: numbers, histograms, pictures of pinned rows, facts as hyper-parameters.
            format: where the name does not tell it.
            net, inputs: for TensorBoard, to have the graph of the network too.

        Raises:
            InputError: what to write is not clear.
            MissingExtra: pyarrow or tensorboard is needed and not installed.
            FileError: the path can not be written.
        """
        return renderers.find("export", "run")(self, path, format=format, net=net, inputs=inputs)

    def diagnose(self, *, until: int | None = None) -> tuple[Finding, ...]:
        """What is wrong with this training as far as it has gone, or had at the step ``until``; the gravest first.

        ``finding.narrate()`` tells one in words.

        What it does not show: a fault of which too little was recorded, and those that leave no trace (see ``docs/diagnoses.md``).
        """
        from pellucid.training.diagnoses.diagnose import diagnose
        from pellucid.training.diagnoses.evidence import read

        return diagnose(read(self, until))

    def __repr__(self) -> str:
        numbers = ", ".join(self.names) or "no numbers"
        return f"Run({str(self.folder)!r}, attempt {self.number}, {self.status}, {self.steps} steps: {numbers})"

    def _all(self, kind: str, cls: type) -> list[Any]:
        with self.reading() as connection:
            rows = connection.execute("SELECT frame FROM frames WHERE attempt = ? AND kind = ? ORDER BY id", (self.number, kind))
            return [from_frame(row[0], cls) for row in rows]

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for one question; errors of the file are told in words."""
        return open_to_read(self.path)
