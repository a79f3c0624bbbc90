"""The tables of ``run.sqlite``, and how it is opened: write-ahead log on a local disk, rollback journal where that is not safe."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from pathlib import Path

from pellucid.errors import FileError

FILE = "run.sqlite"
VERSION = 1
APPLICATION = 0x50656C31  # "Pel1", told by `file`
NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gluster", "fuse.", "vboxsf", "prl_fs")

TABLES = """
CREATE TABLE attempts (id INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, how TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE frames (
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, kind TEXT NOT NULL, step INTEGER NOT NULL, time REAL NOT NULL,
    level INTEGER NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE INDEX frames_of_a_kind ON frames (attempt, kind, step, id, time, level, entries, bytes);
"""


def open_to_write(folder: Path) -> tuple[sqlite3.Connection, str]:
    """The run file of a folder, made if there is none, and why it has no write-ahead log ("" if it has one).

    Raises:
        FileError: no run file, damaged, made by a later version, or the folder can not be written.
    """
    path = folder / FILE
    reason = network_file_system(folder)
    reason = f"the folder is on {reason}" if reason else ""
    try:
        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise cannot_write(path, error) from error
    try:
        check_version(connection, path, new=True)
        if not reason:
            reason = _write_ahead(connection)
        if reason:
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=NORMAL")
        _make_tables(connection)
    except sqlite3.Error as error:
        connection.close()
        raise cannot_write(path, error) from error
    except FileError:
        connection.close()
        raise
    return connection, reason


@contextlib.contextmanager
def open_to_read(path: Path) -> Generator[sqlite3.Connection]:
    """The run file for one question; where its folder can not be written, without a lock, or from a copy if a log lies beside it.

    Raises:
        FileError: no run file, damaged, or of another version.
    """
    try:
        with _opened(path) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        damaged = "malformed" in str(error)
        remedy = "copy the folder again after the training has ended, or while it is paused" if damaged else "try again"
        raise FileError("The run can not be read", received=f"{path} ({error})", remedy=remedy) from error


def check_version(connection: sqlite3.Connection, path: Path, *, new: bool = False) -> None:
    """Refuses what is no run file, or of a version that is not known; an empty file passes where it may be ``new``."""
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise FileError(
            "This is no run file, or it is damaged", received=f"{path} ({error})", remedy="record into another folder, or copy it anew"
        ) from error
    if empty and new:
        return
    if application != APPLICATION:
        raise FileError("This is no run file", received=str(path), remedy="give a folder that pl.watch recorded into")
    if version != VERSION:
        raise FileError(
            "This run has an unknown version",
            received=f"version {version} of {path}",
            remedy=f"this Pellucid reads version {VERSION}; install the one that recorded it",
        )


def network_file_system(folder: Path) -> str:
    """The type of the file system where that is one between machines, else ""; known on Linux only."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    place, found = os.path.realpath(folder), ("", "")
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = before.split()[4].replace("\\040", " ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(found[0]):
            found = mount, after.split()[0]
    return found[1] if found[1].startswith(NETWORK) else ""


def cannot_write(path: Path, error: Exception) -> FileError:
    """The error of a run file that can not be written."""
    return FileError("The run can not be recorded", received=f"{path} ({error})", remedy="choose a folder that can be written")


def _write_ahead(connection: sqlite3.Connection) -> str:
    """Turns the write-ahead log on, and says why where that is not possible."""
    try:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("BEGIN IMMEDIATE")  # needs the shared memory that some file systems do not give
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        return f"the file system does not carry a write-ahead log ({error})"
    return "" if mode == "wal" else "the file system does not carry a write-ahead log"


def _make_tables(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION:
        return
    connection.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA application_id={APPLICATION};PRAGMA user_version={VERSION};COMMIT;")


@contextlib.contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    log = path.with_name(f"{path.name}-wal")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        with _connected(f"{path.resolve().as_uri()}?mode=rw", path) as connection:
            connection.execute("PRAGMA query_only=ON")
            yield connection
    elif log.exists() and log.stat().st_size:
        with tempfile.TemporaryDirectory() as copied:
            for file in (path, log):
                shutil.copy(file, copied)
            with _connected(f"{(Path(copied) / path.name).as_uri()}?mode=rw", path) as connection:
                yield connection
    else:
        with _connected(f"{path.resolve().as_uri()}?immutable=1", path) as connection:
            yield connection


@contextlib.contextmanager
def _connected(address: str, path: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)
    try:
        check_version(connection, path)
        yield connection
    finally:
        connection.close()
