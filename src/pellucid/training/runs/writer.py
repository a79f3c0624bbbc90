"""The thread that writes frames: one transaction for all that came since the last one."""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.explanation.frame import to_frame
from pellucid.training.runs.contents import OrderFrame, Scalars
from pellucid.training.runs.schema import FILE, open_to_write
from pellucid.training.runs.upkeep import Retention, entries, merge, thin

PAUSE = 0.5  # seconds between transactions; what a killed process loses
RETRY = 5.0  # seconds after a transaction that failed
WAITING = 256  # frames that wait while nothing can be written; of more the oldest are given up
KEPT = ("scalars", "order", "events", "pinned")  # what waits for a disk that is full; other frames are given up


@dataclass(frozen=True)
class _Waiting:
    kind: str
    step: int
    time: float
    frame: bytes
    entries: int = 1


class RunWriter:
    """Writes one attempt of a run, in a thread of its own.

    Frames are inserted, merged or left out, never changed. What fails is told once, in ``trouble``; training goes on.

    Attributes:
        attempt: its number in the file. ``reason``: why there is no write-ahead log, "" where there is.
        told: numbers by name with their step and time; whoever tells appends here, and nothing is computed.
        spent: CPU seconds of the thread by kind of frame; ``made``: how many of each.
        trouble: what went wrong, "" as long as nothing did.
    """

    def __init__(self, folder: Path, facts: dict[str, object], *, retention: Retention) -> None:
        self.folder, self.retention = folder, retention
        self.connection, self.reason = open_to_write(folder)
        self.attempt = self._begin(facts)
        self.spent: dict[str, float] = {}
        self.made: dict[str, int] = {}
        self.trouble = ""
        self.written = 0
        self.told: deque[tuple[int, float, dict[str, Any]]] = deque()
        self._seen: deque[tuple[int, np.ndarray]] = deque()
        self._jobs: queue.SimpleQueue[tuple[str, int, float, Callable[[], object]] | None] = queue.SimpleQueue()
        self._waiting: deque[_Waiting] = deque(maxlen=WAITING)
        self._retry = 0.0
        self._files = folder / FILE
        self._inode = self._files.stat().st_ino
        self._how = "recording"
        self._thread: threading.Thread | None = None

    def start(self, *, polled: Callable[[], object]) -> None:
        """Starts the thread; ``polled`` is called in it between transactions."""
        self._thread = threading.Thread(target=self._work, args=(polled,), name="pellucid-recorder", daemon=True)
        self._thread.start()

    def rows(self, step: int, rows: np.ndarray) -> None:
        """Takes the rows of the data that a step saw."""
        self._seen.append((step, rows))

    def put(self, kind: str, step: int, make: Callable[[], object]) -> None:
        """Takes a frame; ``make`` makes it in the writer's thread."""
        self._jobs.put((kind, step, time.time(), make))

    @property
    def behind(self) -> int:
        """Frames that wait to be made."""
        return self._jobs.qsize()

    def close(self, how: str) -> None:
        """Writes what waits, folds the log into the file and ends the thread; ``how`` says how the attempt ended."""
        self._how = how
        self._jobs.put(None)
        if self._thread is None:
            self._end()
        else:
            self._thread.join()

    # ---- in the thread

    def _work(self, polled: Callable[[], object]) -> None:
        going = True
        while going:
            going = self._drain()
            self._commit(last=not going)
            if going:
                self._clocked("control", lambda: self._poll(polled))
        self._end()

    def _poll(self, polled: Callable[[], object]) -> None:
        try:
            polled()
        except sqlite3.Error as error:
            self._tell(f"it can not be asked anything ({error})")

    def _drain(self) -> bool:
        """Makes frames until it is time for a transaction; False when the end was asked for."""
        until = time.monotonic() + PAUSE
        while (left := until - time.monotonic()) > 0:
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                return True
            if job is None:
                return False
            self._clocked(job[0], partial(self._make, *job))
        return True

    def _make(self, kind: str, step: int, at: float, make: Callable[[], object]) -> None:
        try:
            made = make()
            if made is not None:
                self._waiting.append(_Waiting(kind, step, at, to_frame(made)))
                self.made[kind] = self.made.get(kind, 0) + 1
        except Exception as error:  # whatever goes wrong in looking must not end a training
            self._tell(f"a frame of {kind} could not be made ({type(error).__name__}: {error})")

    def _clocked(self, kind: str, work: Callable[[], object]) -> None:
        started = time.thread_time()
        work()
        self.spent[kind] = self.spent.get(kind, 0.0) + time.thread_time() - started

    def _commit(self, *, last: bool) -> None:
        self._clocked("scalars", self._collect)
        if not self._waiting or (time.monotonic() < self._retry and not last):
            return
        self._clocked("writing", self._write)

    def _collect(self) -> None:
        """Turns the numbers told so far into frames."""
        for kind, made in (("scalars", _scalars(self.told)), ("order", _order(self._seen))):
            if made is not None:
                step = int(made.step[0] if isinstance(made, Scalars) else made.steps[0])
                self._waiting.append(_Waiting(kind, step, time.time(), to_frame(made), entries(made)))

    def _write(self) -> None:
        try:
            self._transact()
        except (sqlite3.Error, OSError) as error:
            self._undo()
            self._tell(f"nothing can be written to {self._files} ({error}); it is tried again every {RETRY:.0f} s")
            self._keep_numbers()

    def _keep_numbers(self) -> None:
        """Gives up the large frames that wait, and tries with the rest: numbers may still find room."""
        self._waiting = deque((w for w in self._waiting if w.kind in KEPT), maxlen=WAITING)
        try:
            if self._waiting:
                self._transact()
        except (sqlite3.Error, OSError):
            self._undo()
            self._retry = time.monotonic() + RETRY

    def _transact(self) -> None:
        """One transaction with all that waits."""
        self._same_file()
        rows = [(self.attempt, w.kind, w.step, w.time, 0, w.entries, len(w.frame), w.frame) for w in self._waiting]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT INTO frames (attempt, kind, step, time, level, entries, bytes, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
        for kind in dict.fromkeys(w.kind for w in self._waiting):
            self._tidy(kind)
        self.connection.execute("COMMIT")
        self.written += len(rows)
        self._waiting.clear()

    def _same_file(self) -> None:
        if self._files.stat().st_ino != self._inode:
            raise OSError("another file has taken its place")

    def _undo(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the transaction is gone with the file

    def _tidy(self, kind: str) -> None:
        if kind in ("scalars", "order"):
            merge(self.connection, self.attempt, kind)
        elif kind not in ("events", "pinned"):
            thin(self.connection, self.attempt, kind, self.retention)

    def _tell(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble

    def _begin(self, facts: dict[str, object]) -> int:
        text = json.dumps({**facts, "journal": f"rollback, since {self.reason}" if self.reason else "write-ahead log"})
        cursor = self.connection.execute("INSERT INTO attempts (started, how, facts) VALUES (?, 'recording', ?)", (time.time(), text))
        return int(cursor.lastrowid or 0)

    def _end(self) -> None:
        """The last word of an attempt; then the file stands alone, without a log beside it."""
        try:
            self.connection.execute("UPDATE attempts SET ended = ?, how = ? WHERE id = ?", (time.time(), self._how, self.attempt))
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:  # a viewer holds the file, or it is gone: what is written stays readable
            self._tell(f"the log could not be folded into {self._files} ({error})")
        finally:
            self.connection.close()


def _scalars(told: deque[tuple[int, float, dict[str, Any]]]) -> Scalars | None:
    taken = [told.popleft() for _ in range(len(told))]
    entries = [(name, step, at, float(value)) for step, at, numbers in taken for name, value in numbers.items()]
    if not entries:
        return None
    name, step, at, value = zip(*entries, strict=True)
    names = tuple(dict.fromkeys(name))
    place = {one: i for i, one in enumerate(names)}
    return Scalars(names, np.array([place[n] for n in name], np.uint16), np.array(step, np.int64), np.array(at), np.array(value))


def _order(seen: deque[tuple[int, np.ndarray]]) -> OrderFrame | None:
    taken = [seen.popleft() for _ in range(len(seen))]
    if not taken:
        return None
    start = np.concatenate([[0], np.cumsum([len(rows) for _, rows in taken])]).astype(np.int64)
    return OrderFrame(np.array([step for step, _ in taken], np.int64), start, np.concatenate([rows for _, rows in taken]))
