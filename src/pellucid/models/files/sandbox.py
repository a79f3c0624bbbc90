"""Looks at a file from elsewhere in a process of its own, which may crash, hang or ask for too much without harm.

This file is also the program of that process: it is started as a script, imports what is to be called, sets its limits, and only then
reads the data.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import subprocess
import sys
import time
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS = 10
STARTING = 60  # seconds that importing may take on a busy machine
MEMORY = 1 << 30  # bytes of address space, beside what the data need
FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn", "socket.connect", "socket.bind",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "shutil.",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
WARMED = "warmed"  # a function of a module that is called before there are limits, where it has one
READY, PASSED, REFUSED = b"S", b"P", b"R"
THREADS = (  # one each: every thread of a machine with many cores would take address space
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "MALLOC_ARENA_MAX",
)  # fmt: skip


class Refused(ValueError):
    """What is wrong with the data, and what was received."""

    def __init__(self, problem: str, received: str = "") -> None:
        super().__init__(f"{problem}\n{received}")


def in_sandbox(
    function: str,
    data: bytes,
    *,
    seconds: int = SECONDS,
    memory: int = MEMORY,
    largest: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What ``package.module:function`` makes of bytes, called in a process with limits, which may write and start nothing.

    Args:
        function: takes bytes and returns bytes; a ValueError that it raises says what is wrong with the data.
        data: a file from elsewhere.
        seconds: of processor, and of time, beside what importing the function takes.
        memory: in bytes, beside six times the size of the data and what importing the function takes.
        largest: bytes of the answer; twice the size of the data and a megabyte if not given.
        environment: variables of the process, beside those that Python needs.

    Raises:
        FileError: the function refused the data, or the process crashed, took too long or asked for too much memory.
    """
    from pellucid.errors import FileError

    limits = {"seconds": seconds, "memory": memory + 6 * len(data), "function": function, "path": [one for one in sys.path if one]}
    header = json.dumps(limits).encode()
    largest = 2 * len(data) + (1 << 20) if largest is None else largest
    question = struct.pack("<Q", len(header)) + header + data
    told, code = _answer(question, largest, seconds, environment or {})
    if told is None:
        raise FileError("Looking at the file took too long", received=f"over {seconds} s", remedy="check where the file comes from")
    if told[:1] == PASSED and len(told) <= largest:
        return told[1:]
    if told[:1] == REFUSED:
        problem, _, received = told[1:2000].decode("utf-8", "replace").partition("\n")
        raise FileError(problem, received=received, remedy="check where the file comes from, and export it anew")
    how = f"the process that looked at it ended with {code}"
    raise FileError("The file crashes what reads it, or asks for too much memory", received=how, remedy="check where the file comes from")


def _answer(question: bytes, largest: int, seconds: float, environment: Mapping[str, str]) -> tuple[bytes | None, int]:
    """What a process says, of which not more than a byte too much is kept, and how it ended; None if it took too long."""
    surroundings = {
        **{name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "LANG") if name in os.environ},
        **dict.fromkeys(THREADS, "1"),
        **environment,
    }
    command = [sys.executable, "-I", "-S", "-B", __file__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings)
    given, answer = process.stdin, process.stdout
    if given is None or answer is None:  # they were asked for
        raise RuntimeError("a process without pipes")
    told: list[bytes] = []
    started = Event()

    def feed() -> None:
        with contextlib.suppress(OSError), given:  # it may end before it has read all
            given.write(question)

    def read() -> None:
        answer.read(len(READY))
        started.set()
        told.append(answer.read(largest + 1))

    reader = Thread(target=read, daemon=True)
    try:
        Thread(target=feed, daemon=True).start()
        reader.start()
        if started.wait(STARTING):
            reader.join(seconds)
        late = reader.is_alive()
        if not late and len(told[0]) <= largest:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
    finally:
        process.kill()
        code = process.wait()
    reader.join(1)
    if not reader.is_alive():
        answer.close()
    return None if late else told[0], code


def _taken() -> tuple[int, float]:
    """Bytes of address space and seconds of processor that this process has taken so far."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 (pathlib is not there before the path is set)
            space = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        space = 1 << 30
    return space, time.process_time()


def _limit(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time is limited from outside
        return
    space, spent = _taken()
    for kind, value in (
        (resource.RLIMIT_AS, space + memory),
        (resource.RLIMIT_CPU, math.ceil(spent) + seconds),
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
    sys.path[:] = limits["path"]
    module, _, name = limits["function"].partition(":")
    program = import_module(module)
    function: Callable[[bytes], bytes] = getattr(program, name)
    getattr(program, WARMED, int)()
    _limit(limits["seconds"], limits["memory"])
    sys.addaudithook(_watch)
    answer.write(READY)
    answer.flush()
    try:
        found = PASSED + function(given.read())
    except ValueError as error:
        found = REFUSED + str(error).encode("utf-8", "replace")
    except MemoryError:
        found = REFUSED + b"The file asks for too much memory\n"
    answer.write(found)
    answer.flush()
    os._exit(0)  # nothing is left to be tidied up


if __name__ == "__main__":
    _main()
