"""Who records into a folder: an operating-system lock, which dies with the process that holds it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
import weakref
from pathlib import Path

from pellucid.errors import FileError

NAME = "recorder.lock"
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTSUP}

_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


class FolderLock:
    """Holds a folder for one recorder.

    A forked process would inherit the lock and could outlive the recorder, so it closes its copy at once. Where the file system has no
    locks, the file itself is the sign, with the process that made it.

    Attributes:
        supported: whether the file system has locks.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.supported = True
        self._file = self._acquire()
        _held.add(self)

    def release(self) -> None:
        """Gives the folder free; the file goes with it."""
        if self._file < 0:
            return
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._file)
        self._file = -1
        _held.discard(self)

    def forget(self) -> None:
        """Closes this process's copy without giving the folder free: what a forked process does."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _acquire(self) -> int:
        for _ in range(20):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                got = _lock(file)
                self.supported = True
            except OSError as error:
                if error.errno not in UNSUPPORTED:
                    os.close(file)
                    raise
                self.supported = False
                got = not _owner_lives(_told(file))
            if not got:
                owner = _told(file)
                os.close(file)
                raise _taken(self.path.parent, owner)
            if _same(file, self.path):  # else the one before has just removed it: what was locked is no longer in the folder
                mark = json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": time.time()}).encode()
                os.ftruncate(file, 0)
                os.pwrite(file, mark, 0) if hasattr(os, "pwrite") else os.write(file, mark)
                return file
            os.close(file)
        raise _taken(self.path.parent, {})


def is_recorded(folder: Path) -> bool:
    """Whether a recorder holds this folder now."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(file, shared=True)
    except OSError as error:
        return error.errno in UNSUPPORTED and _owner_lives(_told(file))
    finally:
        os.close(file)


def _forget_all() -> None:
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


if sys.platform == "win32":

    def _lock(file: int, *, shared: bool = False) -> bool:
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        if shared:  # only asked whether it is free
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
        return True

else:

    def _lock(file: int, *, shared: bool = False) -> bool:
        import fcntl

        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _told(file: int) -> dict[str, object]:
    os.lseek(file, 0, os.SEEK_SET)
    try:
        told = json.loads(os.read(file, 4096) or b"{}")
    except (ValueError, OSError):
        return {}
    return told if isinstance(told, dict) else {}


def _owner_lives(owner: dict[str, object]) -> bool:
    """Whether the process that is told in a lock file runs; of another machine that is not known, and taken for granted."""
    process = owner.get("process")
    if not isinstance(process, int):
        return False
    if owner.get("host") != socket.gethostname():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _taken(folder: Path, owner: dict[str, object]) -> FileError:
    who = f"process {owner['process']} on {owner.get('host', 'this machine')}" if "process" in owner else "another recorder"
    return FileError(
        "This folder is being recorded into already",
        received=f"{folder}, held by {who}",
        remedy="choose another folder, or close that recorder first; pl.Run(folder) reads while it records",
    )
