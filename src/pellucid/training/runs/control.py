"""``control.sqlite``: what viewers ask of a recorder, beside the run file that only the recorder writes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import FileError

FILE = "control.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS commands (id INTEGER PRIMARY KEY, time REAL NOT NULL, what TEXT NOT NULL, details TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS subscriptions (kind TEXT PRIMARY KEY, until REAL NOT NULL);
"""


@dataclass(frozen=True)
class Command:
    """What is asked of a training: ``what``, such as ``pause`` or ``learning_rate``, and its arguments."""

    what: str
    details: Mapping[str, str | float | int | bool | list[int] | None]


class Requests:
    """The recorder's side: what was asked since the last look."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}-journal"):  # nothing that an earlier attempt was asked
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        self.connection = _connect(self.path)
        self._last = 0
        self._version = -1

    def new(self) -> list[Command]:
        """Commands that came since the last call, in their order."""
        if not self._changed():
            return []
        found = self.connection.execute("SELECT id, what, details FROM commands WHERE id > ? ORDER BY id", (self._last,)).fetchall()
        self._last = found[-1][0] if found else self._last
        return [Command(what, json.loads(details)) for _, what, details in found]

    def subscribed(self) -> set[str]:
        """Kinds of frames that somebody looks at now."""
        return {kind for kind, until in self.connection.execute("SELECT kind, until FROM subscriptions") if until > time.time()}

    def close(self) -> None:
        """Ends listening; the file goes, since nobody is there to be asked."""
        self.connection.close()
        for name in (FILE, f"{FILE}-journal"):
            with contextlib.suppress(OSError):
                (self.path.parent / name).unlink()

    def _changed(self) -> bool:
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return changed


def ask(folder: Path, command: Command) -> None:
    """Writes a command for the recorder of a folder.

    Raises:
        FileError: nobody listens there.
    """
    with _open(folder) as connection:
        connection.execute(
            "INSERT INTO commands (time, what, details) VALUES (?, ?, ?)",
            (time.time(), command.what, json.dumps(dict(command.details))),
        )


def subscribe(folder: Path, kind: str, seconds: float) -> None:
    """Says that frames of this kind are looked at for so many seconds from now: the recorder takes them first."""
    with _open(folder) as connection:
        connection.execute("INSERT OR REPLACE INTO subscriptions (kind, until) VALUES (?, ?)", (kind, time.time() + seconds))


@contextlib.contextmanager
def _open(folder: Path):  # noqa: ANN202
    path = folder / FILE
    if not path.exists():
        raise FileError(
            "Nobody records into this folder, so nothing can be asked", received=str(folder), remedy="start the training with pl.watch"
        )
    try:
        connection = _connect(path)
    except sqlite3.Error as error:
        raise FileError("The recorder can not be asked", received=f"{path} ({error})", remedy="try again") from error
    try:
        yield connection
    except sqlite3.Error as error:
        raise FileError("The recorder can not be asked", received=f"{path} ({error})", remedy="try again") from error
    finally:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=OFF")
    connection.executescript(TABLES)
    return connection
