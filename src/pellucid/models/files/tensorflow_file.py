"""Loads the folder of a SavedModel whose operators all compute."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from pellucid.errors import FileError
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import MEMORY, Refused, in_sandbox
from pellucid.models.files.saved_model import computing

GRAPH, WEIGHTS = "saved_model.pb", "variables"
SERVED = "serving_default"
SECONDS = 60
REMEDY = "check where it comes from; or make the network in a function of your own: --model package.module:factory"
SURROUNDINGS = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def load_saved_model(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401
    """The signature ``serving_default`` of a SavedModel. Its operators were read before, and it was loaded once in a process with limits.

    Raises:
        FileError: no SavedModel of TensorFlow 2, damaged, one with an operator that does more than to compute, or one without that
            signature.
    """
    given = Path(path)
    try:
        graph = computing(read_file(given / GRAPH))
        with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
            copy = _copied(given, graph, Path(folder, "network"))
            size = sum(one.stat().st_size for one in (copy / WEIGHTS).iterdir())
            memory = 2 * MEMORY + 6 * size
            question = str(copy).encode()
            in_sandbox("pellucid.models.files.tensorflow_check:loaded", question, seconds=SECONDS, memory=memory, environment=SURROUNDINGS)
            return signature(str(copy))
    except (Refused, FileError) as error:
        problem, received = (error.problem, error.received) if isinstance(error, FileError) else str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy=REMEDY) from error


def signature(folder: str) -> Any:  # noqa: ANN401
    """What a SavedModel answers when it is served.

    Raises:
        Refused: TensorFlow does not take it, or it has no such signature.
    """
    try:
        whole: Any = tf.saved_model.load(folder)
        found = dict(whole.signatures)
    except Exception as error:  # it may be damaged in any way
        raise Refused("TensorFlow does not take this SavedModel", f"{type(error).__name__}: {str(error)[:160]}") from error
    if SERVED not in found:
        raise Refused(f"The SavedModel has no signature {SERVED!r}", ", ".join(map(str, found))[:160] or "no signatures")
    function = found[SERVED]
    function.pellucid_owner = whole  # its variables live as long as this object
    return function


def _copied(given: Path, graph: bytes, copy: Path) -> Path:
    (copy / WEIGHTS).mkdir(parents=True)
    (copy / GRAPH).write_bytes(graph)
    for file in sorted((given / WEIGHTS).glob("variables.*")):
        shutil.copyfile(file, copy / WEIGHTS / file.name)
    return copy
