"""Keeps a run small and quick to read: frames of numbers are merged, others thinned; none is changed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from pellucid.explanation.frame import from_frame, to_frame
from pellucid.training.runs.contents import OrderFrame, Scalars

MERGE = 32  # frames of numbers of one level that become one of the next
LARGEST = 4 << 20  # bytes beyond which frames of numbers are not merged any more


@dataclass(frozen=True)
class Retention:
    """How many frames of a kind stay: when there are ``frames`` or ``bytes``, every second of the older half is left out."""

    frames: int = 1000
    bytes: int = 256 << 20


def merge(connection: sqlite3.Connection, attempt: int, kind: str) -> None:
    """Makes one frame of the next level out of ``MERGE`` frames of numbers, as often as there are so many."""
    level = 0
    while True:
        found = connection.execute(
            "SELECT id, bytes FROM frames WHERE attempt = ? AND kind = ? AND level = ? AND bytes < ? ORDER BY id",
            (attempt, kind, level, LARGEST),
        ).fetchall()
        if len(found) < MERGE:
            return
        ids = [row[0] for row in found]
        marks = ",".join("?" * len(ids))
        cls = Scalars if kind == "scalars" else OrderFrame
        blobs = connection.execute(f"SELECT step, time, frame FROM frames WHERE id IN ({marks}) ORDER BY id", ids).fetchall()
        one = joined([from_frame(blob, cls) for _, _, blob in blobs])
        frame = to_frame(one)
        connection.execute(f"DELETE FROM frames WHERE id IN ({marks})", ids)
        connection.execute(
            "INSERT INTO frames (id, attempt, kind, step, time, level, entries, bytes, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (ids[0], attempt, kind, blobs[0][0], blobs[-1][1], level + 1, entries(one), len(frame), frame),
        )
        level += 1


def thin(connection: sqlite3.Connection, attempt: int, kind: str, retention: Retention) -> None:
    """Leaves every second frame of the older half out where there are too many; the first and the latest stay."""
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM frames WHERE attempt = ? AND kind = ?", (attempt, kind)
    ).fetchone()
    if count < 4 or (count <= retention.frames and size <= retention.bytes):
        return
    ids = [row[0] for row in connection.execute("SELECT id FROM frames WHERE attempt = ? AND kind = ? ORDER BY id", (attempt, kind))]
    gone = ids[1 : max(len(ids) // 2, 2) : 2]
    connection.executemany("DELETE FROM frames WHERE id = ?", [(one,) for one in gone])


def joined(frames: list[Scalars] | list[OrderFrame] | list[Scalars | OrderFrame]) -> Scalars | OrderFrame:
    """Several frames of numbers as one, in their order."""
    if isinstance(frames[0], OrderFrame):
        orders = [frame for frame in frames if isinstance(frame, OrderFrame)]
        lengths = np.concatenate([np.diff(frame.start) for frame in orders])
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return OrderFrame(np.concatenate([f.steps for f in orders]), start, np.concatenate([f.rows for f in orders]))
    scalars = [frame for frame in frames if isinstance(frame, Scalars)]
    names = tuple(dict.fromkeys(name for frame in scalars for name in frame.names))
    places = [np.array([names.index(name) for name in frame.names], np.uint16) for frame in scalars]
    name = np.concatenate([place[frame.name] for place, frame in zip(places, scalars, strict=True)])
    step, at, value = (np.concatenate([getattr(frame, field) for frame in scalars]) for field in ("step", "time", "value"))
    return Scalars(names, name, step, at, value)


def entries(frame: Scalars | OrderFrame) -> int:
    """How many numbers, or steps, a frame of them holds."""
    return len(frame.value) if isinstance(frame, Scalars) else len(frame.steps)
