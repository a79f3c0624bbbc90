"""A process in which everything is imported, and which reads each file in a child with the limits of the sandbox.

Starting Python anew for each of thousands of files would take hours. What the children ask of the system is watched: an event that reading
data never causes is told, and ends the child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

SECONDS, MEMORY = 6, 1 << 30
LATE = 20  # seconds after which a child is ended
HARM = ("pickle.find_class", "code.__new__", "ctypes.dlopen", "ctypes.dlsym", "socket.", "urllib.")
CRASHED = "crashed: "


def read_weights(path: Path) -> None:
    import_module("pellucid.models.files.loading").read_weights(path)


def read_rows(path: Path) -> None:
    import_module("pellucid.cli.loaded").rows_of(path)


def read_archive(path: Path) -> None:
    import_module("pellucid").load(path)


def read_onnx(path: Path) -> None:
    import_module("pellucid.models.files.onnx_check").checked(path.read_bytes())


def read_keras(path: Path) -> None:
    files, check = import_module("pellucid.models.files.keras_file"), import_module("pellucid.models.files.keras_check")
    config, weights = files.parts(path.read_bytes())
    _apart(lambda: check.checked(check.question(config, weights)))


def read_hdf5(path: Path) -> None:
    check = import_module("pellucid.models.files.keras_check")
    found = _apart(lambda: check.checked(check.question("", path.read_bytes())))
    tree = import_module("pellucid.models.files.hdf5")
    check.whole(tree.Tree.unpacked(found))


def loaded_apart(path: Path) -> bytes:
    """The bytes of a skops file, which a child loads first where it has trees."""
    check = import_module("pellucid.models.files.sklearn_check")
    data = import_module("pellucid.models.files.loading").read_file(path)
    import_module("pellucid.models.files.archive").unpacked(data, "skops file")
    if check.has_trees(data):
        pid = os.fork()
        if pid == 0:
            _limit()
            try:
                check.loaded(data)
            except ValueError:
                os._exit(1)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if ended:
            raise import_module("pellucid.models.files.sandbox").Refused("It is refused, or crashes what loads it in a process of its own")
    return data


def read_skops(data: bytes) -> None:
    """And asked for an answer, which has trees followed: it may be an error, not a crash."""
    import numpy as np

    found = import_module("pellucid.models.files.sklearn_check").estimator(data)
    with suppress(Exception):
        found.predict_proba(np.zeros((2, 4)))


def copied(path: Path) -> Path:
    """What a SavedModel is copied to before TensorFlow sees it."""
    file, check = import_module("pellucid.models.files.tensorflow_file"), import_module("pellucid.models.files.saved_model")
    graph = check.computing(import_module("pellucid.models.files.loading").read_file(path / file.GRAPH))
    return file._copied(path, graph, path / "copy")


def read_saved_model(path: Path) -> None:
    check = import_module("pellucid.models.files.tensorflow_check")
    _apart(lambda: check.loaded(str(path).encode()))


def read_pickle(path: Path) -> None:
    """What no loader does, for the test of the watch."""
    import numpy as np

    _ = np.load(path, allow_pickle=True)["x"]


class Apart(Exception):
    """What goes on in the process of its own may end in any way."""


def _apart(call: Callable[[], Any]) -> Any:
    from pellucid.models.files.sandbox import Refused

    try:
        return call()
    except Refused:
        raise
    except Exception as error:
        raise Apart(f"{type(error).__name__}: {error}") from error


READ = {
    "safetensors": read_weights, "npz": read_rows, "archive": read_archive, "onnx": read_onnx, "keras": read_keras, "h5": read_hdf5,
    "skops": read_skops, "saved_model": read_saved_model, "pickle": read_pickle,
}  # fmt: skip
BEFORE: dict[str, Callable[[Path], Any]] = {
    "saved_model": copied,
    "skops": loaded_apart,
}  # what is done before the process of its own begins
LIMITS = {"saved_model": (SECONDS, 2 * MEMORY)}
APART = ("onnx", "keras", "h5", "saved_model")  # which are looked at in a process of their own, and may crash it


def _told(kind: str, path: Path, begin: Callable[[], None] = lambda: None) -> str:
    """How a file ends: loaded, refused with what problem, or otherwise; ``begin`` is called before what reads it."""
    from pellucid.errors import PellucidError
    from pellucid.models.files.sandbox import Refused

    try:
        given = BEFORE[kind](path) if kind in BEFORE else path
        begin()
        READ[kind](given)
    except PellucidError as error:
        return f"refused: {error.problem}"
    except Apart as error:
        return f"{CRASHED}{error}"
    except Refused as error:
        return f"refused: {str(error).partition(chr(10))[0]}"
    except ValueError as error:
        if kind in APART and "\n" in str(error):
            return f"refused: {str(error).partition(chr(10))[0]}"
        return f"{CRASHED}{type(error).__name__}: {error}"
    except BaseException as error:  # what is read may raise anything, SystemExit too: that is what the caller wants to know
        return f"{CRASHED}{type(error).__name__}: {error}"
    return "loaded"


def _limit(kind: str = "") -> None:
    import_module("pellucid.models.files.sandbox")._limit(*LIMITS.get(kind, (SECONDS, MEMORY)))


def _child(kind: str, path: Path, into: int) -> None:
    from pellucid.models.files import sandbox

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        unpickles = event == "marshal.loads" and "importlib" not in sys._getframe(1).f_code.co_filename
        if unpickles or event.startswith(HARM):
            os.write(into, f"HARM {event} {arguments!r}"[:500].encode())
            os._exit(3)
        try:
            sandbox._watch(event, arguments)
        except PermissionError:
            os.write(into, f"HARM {event} {arguments!r}"[:500].encode())
            os._exit(3)

    def begin() -> None:
        _limit(kind)
        sys.addaudithook(watch)

    os.write(into, _told(kind, path, begin)[:2000].encode("utf-8", "replace"))
    os._exit(0)


def _one(kind: str, path: Path) -> str:
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        _child(kind, path, into)
    os.close(into)
    clock = threading.Timer(LATE, os.kill, (pid, 9))
    clock.start()
    with os.fdopen(out, "rb") as pipe:
        told = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    clock.cancel()
    return told or f"{CRASHED}ended with {os.waitstatus_to_exitcode(status)}"


def _main() -> None:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        path, started = Path(job["path"]), time.monotonic()
        if job["warm"] and job["kind"] == "saved_model":  # once TensorFlow is at work, no child can be made
            import_module("pellucid.models.files.tensorflow_check")
            told = "loaded"
        else:
            told = _told(job["kind"], path) if job["warm"] else _one(job["kind"], path)
        answer.write(json.dumps({"told": told, "seconds": time.monotonic() - started}) + "\n")
        answer.flush()


class Warm:
    """The process, from outside."""

    def __init__(self) -> None:
        around = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        command = [sys.executable, "-m", "frameworks.warm"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=around
        )

    def read(self, kind: str, path: Path, *, warm: bool = False) -> tuple[str, float]:
        """How a file ends, and after how many seconds; ``warm`` reads it in the process itself."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"kind": kind, "path": str(path), "warm": warm}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the process that reads files ended on {path}"
        found = json.loads(line)
        return found["told"], found["seconds"]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    _main()
