"""Looks at a file from elsewhere in a process of its own, which may crash, hang or ask for too much without harm.

This file is also the program of that process: it is started as a script, sets its limits, and only then imports what is to be called.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 10
MEMORY = 1 << 30  # bytes of address space, beside what the data need
FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn", "socket.connect", "socket.bind",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "shutil.",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
PASSED, REFUSED = b"P", b"R"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_sandbox(function: str, data: bytes, *, seconds: int = SECONDS, memory: int = MEMORY) -> bytes:
    """What ``package.module:function`` makes of bytes, called in a process with limits, which may write and start nothing.

    Args:
        function: takes bytes and returns bytes; a ValueError that it raises says what is wrong with the data.
        data: a file from elsewhere.
        seconds: of processor, and of time.
        memory: in bytes, beside six times the size of the data.

    Raises:
        FileError: the function refused the data, or the process crashed, took too long or asked for too much memory.
    """
    from pellucid.errors import FileError

    command = [sys.executable, "-I", "-S", "-B", __file__]
    limits = {"seconds": seconds, "memory": memory + 6 * len(data), "function": function, "path": [one for one in sys.path if one]}
    header = json.dumps(limits).encode()
    environment = {
        **{name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "LANG") if name in os.environ},
        **dict.fromkeys(THREADS, "1"),
    }
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    largest = 2 * len(data) + (1 << 20)
    try:
        told, _ = process.communicate(struct.pack("<Q", len(header)) + header + data, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise FileError(
            "Looking at the file took too long", received=f"over {seconds} s", remedy="check where the file comes from"
        ) from error
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    if told[:1] == PASSED and len(told) <= largest:
        return told[1:]
    if told[:1] == REFUSED:
        problem, _, received = told[1:2000].decode("utf-8", "replace").partition("\n")
        raise FileError(problem, received=received, remedy="check where the file comes from, and export it anew")
    how = f"the process that looked at it ended with {process.returncode}"
    raise FileError("The file crashes what reads it, or asks for too much memory", received=how, remedy="check where the file comes from")


def _limit(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time is limited from outside
        return
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        top = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (top, top))


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Refuses what reading data never does."""
    writes = event == "open" and (any(letter in str(arguments[1] or "") for letter in "wax+") or int(str(arguments[2] or 0)) & WRITING)
    if writes or event.startswith(FORBIDDEN):
        raise PermissionError(f"a file from elsewhere caused {event}")


def _main() -> None:
    given, answer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print does not get between
    (size,) = struct.unpack("<Q", given.read(8))
    limits = json.loads(given.read(size))
    _limit(limits["seconds"], limits["memory"])
    sys.path[:] = limits["path"]
    module, _, name = limits["function"].partition(":")
    function: Callable[[bytes], bytes] = getattr(import_module(module), name)
    sys.addaudithook(_watch)
    try:
        found = PASSED + function(given.read())
    except ValueError as error:
        found = REFUSED + str(error).encode()
    except MemoryError:
        found = REFUSED + b"The file asks for too much memory\n"
    answer.write(found)
    answer.flush()
    os._exit(0)  # nothing is left to be tidied up


if __name__ == "__main__":
    _main()
